package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

var (
	gateway = netip.MustParseAddr("192.0.2.1")
	station = net.HardwareAddr{2, 0, 0, 0, 0, 9}
)

func aLease(last byte) *lease.Lease {
	return &lease.Lease{
		Address: netip.AddrFrom4([4]byte{192, 0, 2, last}), Bits: 24, Server: gateway,
		Start: lease.Now(), Valid: 12 * time.Hour, T1: 6 * time.Hour, T2: 10 * time.Hour,
		Routes: []lease.Route{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: gateway}},
		DNS:    []netip.Addr{gateway, netip.MustParseAddr("192.0.2.2")},
	}
}

// says returns what a reporter writes about events, on both outputs.
func says(t *testing.T, flags string, events ...client.Event) (stdout, stderr string) {
	t.Helper()
	o, err := parse(append(strings.Fields(flags), "eth0"))
	if err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	r := &reporter{name: "eth0", out: &out, log: newLogger(o, &log), o: o}
	for _, ev := range events {
		r.event(ev)
	}
	return out.String(), log.String()
}

func TestReport_OneLineForWhatMatters(t *testing.T) {
	a, b := aLease(5), aLease(9)
	otherDNS := a.Clone()
	otherDNS.DNS = otherDNS.DNS[:1]
	portal := a.Clone()
	portal.CaptivePortal = "https://portal.example/api"
	bare := &lease.Lease{Address: a.Address, Valid: lease.Infinite}
	const lineA = "eth0: 192.0.2.5/24 from 192.0.2.1, lease 12h, router 192.0.2.1, DNS 192.0.2.1 192.0.2.2"
	end := a.ExpireAt().Local().Format("15:04:05")
	for _, tt := range []struct {
		name, flags string
		events      []client.Event
		want        string
	}{
		{"bound", "", []client.Event{client.Bound{Lease: a}}, lineA + "\n"},
		{"a captive portal (RFC 8910)", "", []client.Event{client.Bound{Lease: portal}}, lineA + ", captive portal https://portal.example/api\n"},
		{"a bare lease", "", []client.Event{client.Bound{Lease: bare}}, "eth0: 192.0.2.5, lease without end\n"},
		{"another address", "", []client.Event{client.Bound{Lease: b}, client.Bound{Lease: a, Old: b}},
			strings.Replace(lineA, "2.5/", "2.9/", 1) + "\n" + lineA + ", instead of 192.0.2.9/24\n"},
		{"renewed", "", []client.Event{client.Renewed{Lease: a, Old: a}}, ""},
		{"renewed, verbose", "-v", []client.Event{client.Renewed{Lease: a, Old: a}}, lineA + ", renewed\n"},
		{"renewed with a change", "", []client.Event{client.Renewed{Lease: otherDNS, Old: a}},
			strings.TrimSuffix(lineA, " 192.0.2.2") + ", renewed\n"},
		{"the router is another station", "", []client.Event{client.Changed{Lease: a, What: client.ChangedStation, Was: "02:00:00:00:00:09", Is: "02:00:00:00:00:08"}},
			"eth0: the router's station was 02:00:00:00:00:09, and is 02:00:00:00:00:08\n"},
		{"the name servers are others", "", []client.Event{client.Changed{Lease: a, What: client.ChangedDNS, Was: "192.0.2.1", Is: "none"}}, ""},
		{"released", "", []client.Event{client.Released{Lease: a}}, "eth0: 192.0.2.5/24 released\n"},
		{"stopped", "", []client.Event{client.Stopped{Lease: a}}, "eth0: stopped; 192.0.2.5/24 stays until " + end + "\n"},
		{"stopped for ever", "", []client.Event{client.Stopped{Lease: bare}}, "eth0: stopped; 192.0.2.5 stays for ever\n"},
		{"stopped and removed", "", []client.Event{client.Bound{Lease: a}, client.Stopped{}}, lineA + "\neth0: stopped; 192.0.2.5/24 removed\n"},
		{"stopped after a release", "", []client.Event{client.Bound{Lease: a}, client.Released{Lease: a}, client.Stopped{}},
			lineA + "\neth0: 192.0.2.5/24 released\n"},
		{"stopped without a lease", "", []client.Event{client.Stopped{}}, ""},
		{"oneshot ends with the lease", "-1", []client.Event{client.Bound{Lease: a}, client.Stopped{Lease: a}}, lineA + "\n"},
		{"quiet", "-q", []client.Event{client.Bound{Lease: a}}, ""},
		{"a dry run prints JSON, elsewhere", "--dry-run", []client.Event{client.Bound{Lease: a}}, ""},
		{"what is in the log", "", []client.Event{client.Transition{}, client.Ignored{Reason: "x"}, client.Expired{Lease: a}}, ""},
	} {
		if got, _ := says(t, tt.flags, tt.events...); got != tt.want {
			t.Errorf("%s:\n%swant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestReport_EndOfALongLease(t *testing.T) {
	l := aLease(5)
	l.Valid = 30 * 24 * time.Hour
	if got, want := until(l), "until "+l.ExpireAt().Local().Format("2006-01-02 15:04"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Equipment that answers every ARP request is called by name, once.
func TestReport_HintsAtStationsThatAnswerAll(t *testing.T) {
	declined := func(by net.HardwareAddr) client.Event { return client.Declined{Lease: aLease(5), By: by} }
	same, other := declined(station), declined(net.HardwareAddr{2, 0, 0, 0, 0, 8})
	for _, tt := range []struct {
		name   string
		events []client.Event
		want   int
	}{
		{"three of one", []client.Event{same, same, same}, 1},
		{"four of one", []client.Event{same, same, same, same}, 1},
		{"two of one", []client.Event{same, same}, 0},
		{"three of two", []client.Event{same, other, same}, 0},
		{"a lease between", []client.Event{same, same, client.Bound{Lease: aLease(7)}, same}, 0},
	} {
		_, log := says(t, "", tt.events...)
		if got := strings.Count(log, "eth0: warning: 02:00:00:00:00:09 has every address that is offered"); got != tt.want {
			t.Errorf("%s: %d hints in %q, want %d", tt.name, got, log, tt.want)
		}
		if tt.want > 0 && !strings.Contains(log, "--acd=off") {
			t.Errorf("%s: no flag in %q", tt.name, log)
		}
	}
}

func TestReport_EventsAsJSONLines(t *testing.T) {
	a, broken := aLease(5), errors.New("it broke")
	for _, tt := range []struct {
		ev   client.Event
		want map[string]any // without time, interface and leases
	}{
		{client.Transition{From: client.State(0), To: client.State(1)}, map[string]any{"event": "transition", "from": "OFF", "to": "INIT"}},
		{client.Bound{Lease: a}, map[string]any{"event": "bound"}},
		{client.Renewed{Lease: a, Old: a}, map[string]any{"event": "renewed"}},
		{client.Expired{Lease: a}, map[string]any{"event": "expired"}},
		{client.Refused{Server: gateway, Message: "no\n", Wait: 2 * time.Second},
			map[string]any{"event": "refused", "server": "192.0.2.1", "reason": "no\n", "wait_seconds": 2.0}},
		{client.Declined{Lease: a, By: station, Wait: 10 * time.Second},
			map[string]any{"event": "declined", "station": "02:00:00:00:00:09", "wait_seconds": 10.0}},
		{client.Lost{Lease: a, Reason: "gone"}, map[string]any{"event": "lost", "reason": "gone"}},
		{client.Released{Lease: a}, map[string]any{"event": "released"}},
		{client.Unanswered{}, map[string]any{"event": "unanswered"}},
		{client.UsingStored{Lease: a}, map[string]any{"event": "using_stored"}},
		{client.Changed{Lease: a, What: client.ChangedDNS, Was: "192.0.2.1", Is: "none"}, map[string]any{"event": "changed", "what": "DNS", "was": "192.0.2.1", "is": "none"}},
		{client.OtherServer{Server: netip.MustParseAddr("192.0.2.2"), First: gateway}, map[string]any{"event": "other_server", "server": "192.0.2.2", "was": "192.0.2.1"}},
		{client.Verified{Lease: a, By: station}, map[string]any{"event": "verified", "station": "02:00:00:00:00:09"}},
		{client.Verified{Lease: a, Server: gateway}, map[string]any{"event": "verified", "server": "192.0.2.1"}},
		{client.RouterChanged{Router: gateway, By: station},
			map[string]any{"event": "router_changed", "router": "192.0.2.1", "station": "02:00:00:00:00:09"}},
		{client.NoServer{Wait: 5 * time.Minute}, map[string]any{"event": "no_server", "wait_seconds": 300.0}},
		{client.Transition{From: client.State(8), To: client.State(9), Why: "T1"}, map[string]any{"event": "transition", "from": "BOUND", "to": "RENEWING", "reason": "T1"}},
		{client.IPv6Only{Server: gateway, Wait: 5 * time.Minute},
			map[string]any{"event": "ipv6_only", "server": "192.0.2.1", "wait_seconds": 300.0}},
		{client.ApplyFailed{Lease: a, Err: broken}, map[string]any{"event": "apply_failed", "reason": "it broke"}},
		{client.ProbeFailed{Addr: gateway, Err: broken},
			map[string]any{"event": "probe_failed", "address": "192.0.2.1", "reason": "it broke"}},
		{client.Stopped{}, map[string]any{"event": "stopped"}},
	} {
		out, _ := says(t, "--json", tt.ev)
		var got map[string]any
		if err := json.Unmarshal([]byte(out), &got); err != nil || strings.Count(out, "\n") != 1 {
			t.Errorf("%T: %q is not one line of JSON: %v", tt.ev, out, err)
			continue
		}
		if at, err := time.Parse(time.RFC3339Nano, got["time"].(string)); err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("%T: time %v: %v", tt.ev, got["time"], err)
		}
		if got["interface"] != "eth0" {
			t.Errorf("%T: interface %v", tt.ev, got["interface"])
		}
		if l, ok := got["lease"].(map[string]any); ok && l["address"] != "192.0.2.5/24" {
			t.Errorf("%T: lease %v", tt.ev, l)
		}
		for _, key := range []string{"time", "interface", "lease", "old_lease"} {
			delete(got, key)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%T: %v, want %v", tt.ev, got, tt.want)
		}
	}
}

// Whoever can send packets must not be able to fill a disk.
func TestReport_IgnoredMessagesOnlyWhenVerbose(t *testing.T) {
	if out, _ := says(t, "--json", client.Ignored{Reason: "x"}); out != "" {
		t.Errorf("%q", out)
	}
	if out, _ := says(t, "--json -v", client.Ignored{Reason: "x"}); !strings.Contains(out, `"event":"ignored","reason":"x"`) {
		t.Errorf("%q", out)
	}
}

func TestWriteLease_NamesTheInterfaceFirst(t *testing.T) {
	var b bytes.Buffer
	if err := writeLease(&b, "eth0", aLease(5)); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.String(), "{\n  \"interface\": \"eth0\",\n  \"address\": \"192.0.2.5/24\",\n") || !strings.HasSuffix(b.String(), "\n}\n") {
		t.Errorf("%s", b.String())
	}
	var l lease.Lease
	if err := json.Unmarshal(b.Bytes(), &l); err != nil || l.Prefix() != aLease(5).Prefix() {
		t.Errorf("it cannot be read back: %v, %v", l, err)
	}
}
