package arpcheck

import (
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A probe on another link, or from another address, begins anew.
func TestFollowProbe(t *testing.T) {
	for name, c := range map[string]struct {
		index int
		mac   mac
	}{"another link": {4, self}, "another hardware address": {3, third}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				got := collect()
				d.Probe(ours, got.done)
				time.Sleep(150 * ms)
				if err := d.Follow(c.index, c.mac.addr()); err != nil {
					t.Fatal(err)
				}
				if l.hearing() != (wanted{claim: ours, probes: true}) {
					t.Errorf("hears %+v", l.hearing())
				}
				time.Sleep(199 * ms)
				got.none(t)
				time.Sleep(ms)
				if a := got.one(t); a.by != nil || a.err != nil {
					t.Errorf("answered %v, %v", a.by, a.err)
				}
				frames := l.frames()
				if len(frames) != 6 || frames[3].at != 150*ms {
					t.Fatalf("probes at %v", l.times())
				}
				if src := mac(frames[3].frame[6:12]); src != c.mac {
					t.Errorf("probes from %v, not %v", src, c.mac)
				}
			})
		})
	}
}

// What is the same link goes on: only its socket is bound again.
func TestFollowSame(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		probed, found := collect(), collect()
		d.Probe(ours, probed.done)
		d.CheckRouter(ours, gateway, nil, found.lost)
		time.Sleep(100 * ms)
		before := l.hearing()
		if err := d.Follow(3, self.addr()); err != nil || l.hearing() != before {
			t.Errorf("%v, hears %+v", err, l.hearing())
		}
		time.Sleep(100 * ms)
		probed.one(t)
		l.receive(t, replyOf(other, gateway, ours))
		found.one(t)
	})
}

// The new link may be that of another network: it is told nothing until the
// caller says so, but our address is defended where it is.
func TestFollowDefence(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		lost, found := collect(), collect()
		d.Defend(ours, lost.lost)
		d.CheckRouter(ours, gateway, nil, found.lost)
		if err := d.Follow(4, third.addr()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := len(l.times()); n != 2 || l.hearing() != (wanted{claim: ours}) {
			t.Errorf("%d packets, hears %+v", n, l.hearing())
		}
		l.receive(t, replyOf(other, gateway, ours))
		found.none(t)
		l.receive(t, announcedBy(third, ours)) // our own now
		if d.Stats().Conflicts != 0 {
			t.Error("our new address is a conflict")
		}
		l.receive(t, announcedBy(self, ours)) // not ours any more
		l.receive(t, announcedBy(self, ours))
		lost.one(t)
	})
}

// Without a link nothing can be sent; with one again, the same Detector works.
func TestFollowNothing(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		if err := d.Follow(0, nil); err != nil {
			t.Fatal(err)
		}
		got := collect()
		d.Probe(ours, got.done)
		d.CheckRouter(ours, gateway, nil, got.lost)
		time.Sleep(200 * ms)
		if a := got.one(t); !errors.Is(a.err, unix.ENODEV) || l.tried() != 0 {
			t.Errorf("answered %v, %v after %d packets", a.by, a.err, l.tried())
		}
		d.Probe(ours, got.done)
		if err := d.Follow(5, self.addr()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(200 * ms)
		if a := got.one(t); a.by != nil || a.err != nil || l.tried() != 3 {
			t.Errorf("answered %v, %v after %d packets", a.by, a.err, l.tried())
		}
	})
}

func TestFollowErrors(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		if err := d.Follow(4, make(net.HardwareAddr, 20)); err == nil || l.index != 3 {
			t.Errorf("an InfiniBand address: %v", err)
		}
		got := collect()
		d.Probe(ours, got.done)
		l.bindIt = unix.ENODEV
		if err := d.Follow(4, self.addr()); !errors.Is(err, unix.ENODEV) {
			t.Errorf("a link that is gone again: %v", err)
		}
		time.Sleep(200 * ms)
		// What left on the old link says nothing about the new one.
		if a := got.one(t); !errors.Is(a.err, unix.ENODEV) || l.tried() != 1 {
			t.Errorf("answered %v, %v after %d packets", a.by, a.err, l.tried())
		}
	})
}

// On another link the count of defences begins anew: what was said on the last
// one is no reason to give up an address on this.
func TestFollowForgetsDefence_RFC5227_2_4(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		got := collect()
		d.Defend(ours, got.lost)
		l.receive(t, announcedBy(other, ours))
		if err := d.Follow(4, self.addr()); err != nil {
			t.Fatal(err)
		}
		l.receive(t, announcedBy(other, ours))
		got.none(t)
		if s := d.Stats(); s.Defences != 2 {
			t.Errorf("%d defences, want one on each link", s.Defences)
		}
	})
}
