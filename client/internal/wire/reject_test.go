package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestReasons_AreDenseAndNamed(t *testing.T) {
	all := Reasons()
	var counters [NumReasons]uint64
	seen := map[string]Reason{}
	for i, r := range all {
		counters[r]++
		name := r.String()
		if int(r) != i || name == "" {
			t.Errorf("reason %d is %d, %q", i, r, name)
		}
		if other, ok := seen[name]; ok {
			t.Errorf("reasons %d and %d are both %q", other, r, name)
		}
		seen[name] = r
	}
	for i, n := range counters {
		if n != 1 {
			t.Errorf("reason %d stands %d times in Reasons", i, n)
		}
	}
	if got := Reason(NumReasons).String(); got != fmt.Sprint("reason ", NumReasons) {
		t.Errorf("a reason that does not exist is %q", got)
	}
}

func TestReject_ErrorSaysWhatWasFound(t *testing.T) {
	for _, tt := range []struct {
		b    []byte
		want string
	}{
		{yiaddr(offer(), "127.0.0.5"), "message rejected: bad address: 127.0.0.5/24"},
		{at(offer(), 0, 1), "message rejected: not a reply"},
		{offer(optAddrs(1, "255.0.255.0")), "message rejected: bad subnet mask: 255.0.255.0"},
	} {
		_, err := Parse(tt.b, testIdentity())
		if err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	// SEC-01: what the network wrote is not in it.
	_, err := Parse(offer(opts(61, "evil\n\x1b[2J")), testIdentity())
	var r *Reject
	if !errors.As(err, &r) || strings.Contains(err.Error(), "evil") {
		t.Errorf("got %v", err)
	}
}

// What makes a flood is rejected without a look at the rest, and takes no memory
// (SEC-05).
func TestReject_CostsNoMemory(t *testing.T) {
	id := testIdentity()
	for name, row := range map[string]struct {
		b    []byte
		want Reason
	}{
		"a request":               {at(offer(), 0, 1), NotReply},
		"another kind of link":    {at(offer(), 2, 7), OtherLink},
		"another client":          {at(offer(), 33, 9), OtherClient},
		"no cookie":               {at(offer(), 236, 0), NoCookie},
		"runt":                    {offer()[:100], BadLength},
		"option past the end":     {append(offer()[:240], 12, 200, 'a'), BadOptions},
		"no type":                 {append(offer()[:240], 255), NoType},
		"two types":               {append(offer()[:240], 53, 1, 2, 53, 1, 5, 255), BadType},
		"type of no octets":       {append(offer()[:240], 53, 0, 255), BadType},
		"type of no server":       {append(offer()[:240], 53, 1, 3, 255), BadType},
		"FORCERENEW":              {append(offer()[:240], 53, 1, 9, 255), ForceRenew},
		"FORCERENEW, signed (90)": {append(offer()[:240], 53, 1, 9, 90, 3, 1, 1, 0, 255), ForceRenew},
	} {
		if got := rejected(t, row.b); got != row.want {
			t.Errorf("%s: rejected for %v, want %v", name, got, row.want)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = Parse(row.b, id) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// What is not awaited is rejected with as little (RFC 2131 4.4.1, figure 5); what
// is, is read.
func TestParseAwaited_RFC2131_4_4_1(t *testing.T) {
	id, xid := testIdentity(), binary.BigEndian.Uint32(offer()[4:])
	for _, row := range []struct {
		name string
		b    []byte
		xid  uint32
		want Reason // NumReasons: none
		in   bool   // an OFFER is awaited
		also bool   // or an ACK that commits
	}{
		{"an OFFER", offer(), xid, NumReasons, true, false},
		{"an OFFER, too late", offer(), xid, NotAwaited, false, false},
		{"an OFFER of another exchange", offer(), xid ^ 1, OtherExchange, true, false},
		{"an ACK", ack(), xid, NumReasons, false, false},
		{"an ACK, too early", ack(), xid, NotAwaited, true, false},
		{"an ACK of another exchange", ack(), xid ^ 1<<31, OtherExchange, false, false},
		{"an ACK that commits", ack(opt(80)), xid, NumReasons, true, true},
		{"an ACK that commits, unasked", ack(opt(80)), xid, NotAwaited, true, false},
		{"an ACK that does not, asked for one", ack(), xid, NotAwaited, true, true},
		{"an OFFER, asked for one that commits", offer(opt(80)), xid, NumReasons, true, true},
		{"an ACK to a REQUEST that commits", ack(opt(80)), xid, NumReasons, false, false},
		{"a NAK", nak(), xid, NumReasons, false, false},
		{"a NAK, too early", nak(), xid, NotAwaited, true, false},
		{"a NAK of another exchange", nak(), xid ^ 1, OtherExchange, false, false},
	} {
		awaited := &Awaited{XID: row.xid, Offer: row.in, Commit: row.also}
		_, err := ParseAwaited(row.b, id, awaited)
		if row.want == NumReasons {
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		if r, ok := err.(*Reject); !ok || r.Reason != row.want {
			t.Errorf("%s: %v, want %v", row.name, err, row.want)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = ParseAwaited(row.b, id, awaited) }); n != 0 {
			t.Errorf("%s: %v allocations", row.name, n)
		}
	}
}
