package fsm

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// full is a held lease that has everything.
func full(start time.Time) *lease.Lease {
	return &lease.Lease{
		Address: addrA, Bits: 24, Broadcast: addr("10.0.0.255"), Server: server1,
		Start: start, Valid: time.Hour, T1: 10 * time.Minute, T2: 20 * time.Minute,
		Routes: []lease.Route{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: gateway}},
		DNS:    []netip.Addr{addr("10.0.0.3")}, Domain: "example.org", Search: []string{"example.org"},
		Hostname: "h", MTU: 1400, NTP: []netip.Addr{addr("10.0.0.4")}, CaptivePortal: "https://p.example/",
		NextServer: addr("10.0.0.5"), ServerName: "boot", BootFile: "image",
		HardwareAddr: station("a"), ClientID: []byte{1, 2}, RouterMAC: station("r"),
		Options: map[uint8][]byte{3: {10, 0, 0, 254}, 67: carried},
	}
}

// carried is an option that a lease carries for others.
var carried = []byte("image")

// TestRenewal_REN_18_19: an option that an ACK has replaces what was held; one
// that it has not leaves it; and what belongs together goes together.
func TestRenewal_REN_18_19(t *testing.T) {
	sent := time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)
	held := full(sent.Add(-time.Hour / 2))
	minimal := func() *lease.Lease {
		return &lease.Lease{Address: addrA, HardwareAddr: station("a"), ClientID: []byte{1, 2}}
	}
	all := func() *lease.Lease {
		return &lease.Lease{
			Address: addrA, Bits: 20, Broadcast: addr("10.0.15.255"), Server: server2, Valid: 2 * time.Hour,
			Routes: []lease.Route{{Dst: netip.MustParsePrefix("10.9.0.0/16"), Gateway: server2}},
			DNS:    []netip.Addr{addr("10.0.0.9")}, Domain: "example.net", Search: []string{"example.net"},
			Hostname: "other", MTU: 1300, NTP: []netip.Addr{addr("10.0.0.8")}, CaptivePortal: "https://q.example/",
			NextServer: addr("10.0.0.6"), ServerName: "other", BootFile: "other.img",
			Options: map[uint8][]byte{121: {1}},
		}
	}
	for _, test := range []struct {
		name string
		ack  *lease.Lease
		want func(l *lease.Lease)
	}{
		{"nothing", minimal(), func(l *lease.Lease) {
			l.Options, l.RouterMAC = map[uint8][]byte{67: carried}, lease.HardwareAddr{}
		}},
		{"everything", all(), func(l *lease.Lease) {
			*l = *all()
			l.Options[67] = carried
		}},
		{"another value of what is carried", &lease.Lease{Address: addrA, Options: map[uint8][]byte{67: []byte("other")}},
			func(l *lease.Lease) {
				l.Options = map[uint8][]byte{67: []byte("other")}
				l.HardwareAddr, l.ClientID, l.RouterMAC = lease.HardwareAddr{}, nil, lease.HardwareAddr{}
			}},
		{"no portal any more (RFC 8910 2)", &lease.Lease{Address: addrA, Options: map[uint8][]byte{114: []byte("urn:ietf:params:capport:unrestricted")}},
			func(l *lease.Lease) {
				l.CaptivePortal, l.Options = "", map[uint8][]byte{67: carried, 114: []byte("urn:ietf:params:capport:unrestricted")}
				l.HardwareAddr, l.ClientID, l.RouterMAC = lease.HardwareAddr{}, nil, lease.HardwareAddr{}
			}},
		{"empty lists", &lease.Lease{Address: addrA, DNS: []netip.Addr{}, Search: []string{}, NTP: []netip.Addr{}},
			func(l *lease.Lease) {
				*l = *full(sent)
				l.DNS, l.Search, l.NTP, l.Options = []netip.Addr{}, []string{}, []netip.Addr{}, map[uint8][]byte{67: carried}
				l.HardwareAddr, l.ClientID, l.RouterMAC = lease.HardwareAddr{}, nil, lease.HardwareAddr{}
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := New(Config{}, [2]uint64{1, 6})
			got, problem := m.terms(sent, test.ack, held, sent)
			if problem != "" {
				t.Fatal(problem)
			}
			want := full(sent)
			test.want(want)
			want.Start, want.T1, want.T2 = sent, got.T1, got.T2
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if !reflect.DeepEqual(held, full(held.Start)) {
				t.Error("the held lease was changed")
			}
		})
	}
}

// TestRoutes_Design_4: the routes of an ACK replace those held, all of them; an
// option with nothing usable in it is as if absent (VAL-26), and nothing is lost.
func TestRoutes_Design_4(t *testing.T) {
	held := full(time.Time{})
	l := lease.Lease{Address: addrA, Options: map[uint8][]byte{121: {0}}}
	inherit(&l, held)
	if !reflect.DeepEqual(l.Routes, held.Routes) {
		t.Errorf("an unusable option took the held routes: %v", l.Routes)
	}
	other := []lease.Route{{Dst: netip.MustParsePrefix("192.168.0.0/16"), Gateway: addrA}}
	l = lease.Lease{Address: addrA, Routes: other}
	inherit(&l, held)
	if !reflect.DeepEqual(l.Routes, other) {
		t.Errorf("the held routes are mixed with new ones: %v", l.Routes)
	}
}

// TestBroadcastAddress: one that belongs to another mask is not kept.
func TestBroadcastAddress(t *testing.T) {
	for bits, stays := range map[int]bool{0: true, 24: true, 23: false} {
		l := lease.Lease{Address: addrA, Bits: bits}
		if inherit(&l, full(time.Time{})); l.Broadcast.IsValid() != stays {
			t.Errorf("mask %d: %v", bits, l.Broadcast)
		}
	}
}

func TestMask_VAL_16(t *testing.T) {
	for a, want := range map[string]int{
		"10.0.0.5": 8, "127.255.0.1": 8, "128.0.0.1": 16, "191.255.0.1": 16, "192.0.0.1": 24, "223.1.1.1": 24,
	} {
		m := New(Config{}, [2]uint64{})
		l, _ := m.terms(time.Time{}, &lease.Lease{Address: addr(a), Valid: time.Hour}, &lease.Lease{}, time.Time{})
		if l.Bits != want {
			t.Errorf("%s/%d, want %d", a, l.Bits, want)
		}
	}
}

// TestGrant_REQ_16_VAL_13: no lease without a time, or after it.
func TestGrant_REQ_16_VAL_13(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m := New(Config{}, [2]uint64{})
	for _, test := range []struct {
		acked, offered, ago time.Duration
		want                time.Duration // 0 for none
	}{
		{time.Minute, time.Hour, 0, time.Minute},
		{0, time.Hour, 0, time.Hour},
		{0, 0, 0, 0},
		{time.Minute, 0, 59 * time.Second, time.Minute},
		{time.Minute, 0, 60 * time.Second, 0},
		{lease.Infinite, 0, 10000 * time.Hour, lease.Infinite},
	} {
		got, problem := m.terms(now, &lease.Lease{Address: addrA, Valid: test.acked}, &lease.Lease{Valid: test.offered}, now.Add(-test.ago))
		switch {
		case test.want == 0 && (got != nil || problem == ""):
			t.Errorf("%+v: %v", test, got)
		case test.want != 0 && (got == nil || got.Valid != test.want):
			t.Errorf("%+v: %v, %s", test, got, problem)
		}
	}
}
