package arpcheck

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"
)

// Three requests, 50 to 100 ms apart, to the station that is asked; after the
// first, all others are asked as well, in a way that nobody remembers.
func TestCheckRouterAsks_RFC4436_2_1(t *testing.T) {
	for name, c := range map[string]struct {
		to   net.HardwareAddr
		dest mac
	}{"a station": {third.addr(), third}, "all": {nil, broadcast}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				got := collect()
				d.CheckRouter(ours, gateway, c.to, got.lost)
				time.Sleep(time.Second)
				at := l.times()
				if c.to != nil && len(at) == 5 && at[1] == at[2] && at[3] == at[4] {
					at = []time.Duration{at[0], at[1], at[3]}
				}
				if len(at) != 3 || at[0] != 0 || !in(at[1], 50, 100) || !in(at[2]-at[1], 50, 100) {
					t.Fatalf("sent at %v", at)
				}
				asks := arpFrame{op: 1, dst: c.dest, sha: self, spa: ours, tpa: gateway}.bytes()
				probes := arpFrame{op: 1, dst: broadcast, sha: self, spa: zero, tpa: gateway}.bytes()
				for i, s := range l.frames() {
					want := asks
					if c.to != nil && (i == 2 || i == 4) {
						want = probes
					}
					if !bytes.Equal(s.frame, want) {
						t.Errorf("sent\n% x, want\n% x", s.frame, want)
					}
				}
				sent := uint64(len(l.frames()))
				if l.hearing() != (wanted{router: gateway}) {
					t.Errorf("hears %+v", l.hearing())
				}
				time.Sleep(time.Second)
				got.none(t)
				if n := uint64(len(l.frames())); l.hearing() != (wanted{}) || n != sent || d.Stats().RouterRequests != n {
					t.Errorf("in the end hears %+v, stats %+v", l.hearing(), d.Stats())
				}
			})
		})
	}
}

// The first reply to us about the router is the answer, and the only one.
func TestCheckRouterAnswers_RFC4436_2_1(t *testing.T) {
	for _, c := range []struct {
		name  string
		frame []byte
		found bool
	}{
		{"reply", replyOf(other, gateway, ours), true},
		{"reply of a virtual router", arpFrame{op: 2, src: third, dst: self, sha: other, spa: gateway, tpa: ours}.bytes(), true},
		{"reply to a probe", replyOf(other, gateway, zero), true},
		{"request of the router", arpFrame{op: 1, sha: other, spa: gateway, tpa: ours}.bytes(), false},
		{"reply to another", replyOf(other, gateway, theirs), false},
		{"reply about another", replyOf(other, theirs, ours), false},
		{"reply of ourselves", replyOf(self, gateway, ours), false},
		{"sender of zeros", replyOf(mac{}, gateway, ours), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				got := collect()
				d.CheckRouter(ours, gateway, third.addr(), got.lost)
				time.Sleep(70 * ms)
				l.receive(t, c.frame)
				if !c.found {
					time.Sleep(time.Minute)
					got.none(t)
					return
				}
				if a := got.one(t); !a.is(other) || a.at.Sub(l.start) != 70*ms {
					t.Errorf("found %v after %v", a.by, a.at.Sub(l.start))
				}
				before := len(l.times())
				l.receive(t, replyOf(third, gateway, ours))
				time.Sleep(time.Minute)
				got.none(t)
				if n := len(l.times()); n != before || l.hearing() != (wanted{}) {
					t.Errorf("%d packets after the answer, hears %+v", n-before, l.hearing())
				}
			})
		})
	}
}

// It runs beside a probe or a defence; neither ends the other.
func TestCheckRouterBeside(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		probed, found := collect(), collect()
		d.Probe(ours, probed.done)
		d.CheckRouter(ours, gateway, nil, found.lost)
		if l.hearing() != (wanted{claim: ours, probes: true, router: gateway}) {
			t.Errorf("hears %+v", l.hearing())
		}
		time.Sleep(10 * ms)
		l.receive(t, replyOf(other, gateway, ours))
		found.one(t)
		probed.none(t)
		if l.hearing() != (wanted{claim: ours, probes: true}) {
			t.Errorf("hears %+v", l.hearing())
		}
		time.Sleep(DefaultDuration)
		if a := probed.one(t); a.by != nil || a.err != nil {
			t.Errorf("probed %v, %v", a.by, a.err)
		}
		d.Defend(ours, probed.lost)
		d.CheckRouter(ours, gateway, nil, found.lost)
		l.receive(t, announcedBy(other, ours))
		l.receive(t, announcedBy(other, ours))
		probed.one(t)
		l.receive(t, replyOf(third, gateway, ours))
		found.one(t)
	})
}

// A router that has our address is found, and is a conflict.
func TestCheckRouterIsTheConflict(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		probed, found := collect(), collect()
		d.Probe(ours, probed.done)
		d.CheckRouter(ours, ours, nil, found.lost)
		l.receive(t, replyOf(other, ours, ours))
		if a, b := probed.one(t), found.one(t); !a.is(other) || !b.is(other) {
			t.Errorf("probed %v, found %v", a.by, b.by)
		}
	})
}

func TestCheckRouterReplaces(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		first, second := collect(), collect()
		d.CheckRouter(ours, gateway, nil, first.lost)
		d.CheckRouter(ours, theirs, nil, second.lost)
		l.receive(t, replyOf(other, gateway, ours))
		l.receive(t, replyOf(third, theirs, ours))
		time.Sleep(time.Minute)
		first.none(t)
		second.one(t)
		d.CheckRouter(ours, gateway, make(net.HardwareAddr, 8), first.lost)
		d.CheckRouter(netip.Addr{}, gateway, nil, first.lost)
		d.CheckRouter(ours, netip.Addr{}, nil, first.lost)
		if n := len(l.times()); n != 1+3-2 {
			t.Errorf("%d packets sent", n)
		}
	})
}
