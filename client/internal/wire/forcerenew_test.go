package wire

import (
	"bytes"
	"slices"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/internal/hmacmd5"
)

var testNonce = fsm.Nonce{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

// auth is option 90 of RFC 6704, with what is behind its type.
func auth(typ byte, replay byte, value [16]byte) []byte {
	return opt(90, append([]byte{3, 1, 0, 0, 0, 0, 0, 0, 0, 0, replay, typ}, value[:]...)...)
}

// forced is a FORCERENEW with the digest by a nonce.
func forced(nonce fsm.Nonce, replay byte, more ...[]byte) []byte {
	b := message(9, append([][]byte{without(51), without(1), {0}, auth(2, replay, [16]byte{})}, more...)...)
	digest := hmacmd5.Sum(nonce[:], b)
	return bytes.Replace(b, auth(2, replay, [16]byte{}), auth(2, replay, digest), 1)
}

// The nonce of an ACK is for the machine, and no part of the lease (RFC 6704
// 3.1.2). What is none, or nobody has asked for, is none.
func TestNonce_RFC6704_3_1(t *testing.T) {
	id := testIdentity()
	id.ForceRenew = true
	for _, tt := range []struct {
		name string
		b    []byte
		want fsm.Nonce
	}{
		{"nonce", ack(auth(1, 7, testNonce)), testNonce},
		{"digest", ack(auth(2, 7, testNonce)), fsm.Nonce{}},
		{"another protocol", ack(opt(90, append([]byte{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1}, testNonce[:]...)...)), fsm.Nonce{}},
		{"another algorithm", ack(opt(90, append([]byte{3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1}, testNonce[:]...)...)), fsm.Nonce{}},
		{"another replay detection", ack(opt(90, append([]byte{3, 1, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1}, testNonce[:]...)...)), fsm.Nonce{}},
		{"cut short", ack(opt(90, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 7, 1, 1, 2)), fsm.Nonce{}},
		{"empty", ack(opt(90)), fsm.Nonce{}},
		{"in two", ack(auth(1, 7, testNonce)[:16], opt(90, testNonce[2:]...)), fsm.Nonce{}},
		{"none", ack(), fsm.Nonce{}},
	} {
		if tt.name == "in two" {
			whole := auth(1, 7, testNonce)[2:]
			tt.b = ack(opt(90, whole[:14]...), opt(90, whole[14:]...))
		}
		ev, err := Parse(tt.b, id)
		a, ok := ev.(fsm.Ack)
		if !ok || a.Nonce != tt.want || a.Replay != map[bool]uint64{true: 7}[tt.want == testNonce] {
			t.Errorf("%s: %+v, %v", tt.name, ev, err)
			continue
		}
		if _, ok := a.Lease.Options[90]; ok {
			t.Errorf("%s: the lease has option 90", tt.name)
		}
	}
	ev, err := Parse(ack(auth(1, 7, testNonce)), testIdentity())
	if a, ok := ev.(fsm.Ack); !ok || a.Nonce != (fsm.Nonce{}) || len(a.Lease.Options[90]) != 28 {
		t.Errorf("not asked for: %+v, %v", ev, err)
	}
}

// Only a FORCERENEW that is made with the nonce is one; and that is all that a
// bound client hears (RFC 6704 3.1.3; conformance FR-01, FR-02).
func TestForceRenew_RFC6704_3_1_3(t *testing.T) {
	id, awaited := testIdentity(), &Awaited{Nonce: testNonce}
	good := forced(testNonce, 9)
	padded := forced(testNonce, 9)
	for name, b := range map[string][]byte{"good": good, "with more options": forced(testNonce, 9, optAddrs(6, "10.99.0.3"))} {
		if ev, err := ParseAwaited(b, id, awaited); err != nil || ev != (fsm.ForceRenew{Replay: 9}) {
			t.Errorf("%s: %v, %v", name, ev, err)
		}
	}
	other := slices.Clone(good)
	other[28] ^= 2 // chaddr
	for name, bad := range map[string]struct {
		b    []byte
		want Reason
	}{
		"another nonce":       {forced(fsm.Nonce{7}, 9), ForceRenew},
		"changed":             {at(good, 200, 1), ForceRenew},
		"cut short":           {padded[:len(padded)-1], ForceRenew},
		"a digest of zeros":   {message(9, without(51), without(1), auth(2, 9, [16]byte{})), ForceRenew},
		"the nonce in it":     {message(9, without(51), without(1), auth(1, 9, testNonce)), ForceRenew},
		"no authentication":   {message(9, without(51), without(1)), ForceRenew},
		"authenticated twice": {message(9, without(51), without(1), auth(2, 9, testNonce), auth(2, 9, testNonce)), ForceRenew},
		"overloaded":          {message(9, without(51), without(1), opt(52, 1), auth(2, 9, testNonce)), ForceRenew},
		"an ACK":              {ack(), NotAwaited},
		"an OFFER":            {offer(), NotAwaited},
		"of another client":   {other, OtherClient},
		"broken options":      {append(header(), 53, 9), BadOptions},
		"no type":             {append(header(), 255), NotAwaited},
	} {
		ev, err := ParseAwaited(bad.b, id, awaited)
		if r, ok := err.(*Reject); !ok || r.Reason != bad.want {
			t.Errorf("%s: %v, %v, want %v", name, ev, err, bad.want)
		}
	}
	if _, err := ParseAwaited(good, id, nil); err == nil {
		t.Error("without a nonce it counts")
	}
	if _, err := ParseAwaited(good, id, &Awaited{XID: testXID}); err == nil {
		t.Error("where an ACK is awaited it counts")
	}
}

func FuzzParseForced(f *testing.F) {
	f.Add(forced(testNonce, 9))
	f.Add(ack(auth(1, 7, testNonce)))
	f.Add(append(header(), 0, 90, 0, 255))
	f.Fuzz(func(t *testing.T, b []byte) {
		id := testIdentity()
		ev, err := ParseAwaited(b, id, &Awaited{Nonce: testNonce})
		if err == nil {
			if _, ok := ev.(fsm.ForceRenew); !ok {
				t.Errorf("%T", ev)
			}
		}
		id.ForceRenew = true
		if ev, err := Parse(b, id); err == nil {
			if a, ok := ev.(fsm.Ack); ok && a.Lease.Options[90] != nil {
				t.Error("option 90 is in the lease")
			}
		}
	})
}
