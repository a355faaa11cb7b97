package arpcheck

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

const ms = time.Millisecond

// in says whether d is from low to high, in milliseconds.
func in(d time.Duration, low, high time.Duration) bool { return d >= low*ms && d <= high*ms }

// The default profile: the first probe at once, three in all, the answer after
// 200 ms (conformance ACD-01, ACD-03).
func TestProbeDefaultSchedule_RFC5227_2_1_1(t *testing.T) {
	seconds := map[time.Duration]bool{}
	for range 50 {
		virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
			got := collect()
			d.Probe(ours, got.done)
			if n := len(l.times()); n != 1 {
				t.Fatalf("%d probes sent when Probe returned, want 1", n)
			}
			time.Sleep(DefaultDuration - 1)
			got.none(t)
			time.Sleep(time.Nanosecond)
			if a := got.one(t); a.by != nil || a.err != nil {
				t.Errorf("answered %v, %v", a.by, a.err)
			}
			at := l.times()
			if len(at) != 3 || at[0] != 0 || !in(at[1], 60, 70) || !in(at[2], 120, 140) {
				t.Errorf("probes at %v", at)
			}
			seconds[at[1]] = true
			for _, s := range l.frames() {
				if want := (arpFrame{op: 1, sha: self, spa: zero, tpa: ours}).bytes(); !bytes.Equal(s.frame, want) {
					t.Errorf("sent\n% x, want\n% x", s.frame, want)
				}
			}
			if l.hearing() != (wanted{}) {
				t.Errorf("still hears %+v", l.hearing())
			}
			if s := d.Stats(); s.Probes != 3 || s.SendErrors != 0 || s.Conflicts != 0 {
				t.Errorf("stats %+v", s)
			}
			time.Sleep(time.Hour) // ACD-09: no re-probing
			if n := len(l.times()); n != 3 {
				t.Errorf("%d probes after an hour", n)
			}
		})
	}
	if len(seconds) < 10 {
		t.Errorf("only %d different times of the second probe in 50 runs", len(seconds))
	}
}

// The scaled profile keeps to its total, whatever that is (ACD-03).
func TestProbeScales(t *testing.T) {
	for _, total := range []time.Duration{1, 2, 10 * time.Microsecond, ms, time.Second, 9 * time.Second, time.Hour} {
		virtual(t, Config{Duration: total}, func(t *testing.T, d *Detector, l *fakeLink) {
			got, start := collect(), time.Now()
			d.Probe(ours, got.done)
			time.Sleep(total)
			if a := got.one(t); a.at.Sub(start) != total || len(l.times()) != 3 {
				t.Errorf("%v: answered after %v and %d probes", total, a.at.Sub(start), len(l.times()))
			}
		})
	}
}

// An address that the host has given itself is probed with the times of RFC 3927 9,
// whatever the profile (2.2.1; LL-04).
func TestProbeLinkLocal_RFC3927_2_2_1(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		got := collect()
		d.Probe(netip.MustParseAddr("169.254.7.9"), got.done)
		time.Sleep(3999 * ms)
		got.none(t)
		time.Sleep(3001 * ms)
		if a, at := got.one(t), l.times(); a.by != nil || len(at) != 3 || !in(at[1]-at[0], 1000, 2000) || !in(at[2]-at[1], 1000, 2000) {
			t.Errorf("probes at %v, answered %v", at, a.by)
		}
	})
}

// All constants of 1.1 that a probe has, in 50 runs (ACD-02).
func TestProbeRFC5227Schedule_1_1(t *testing.T) {
	var waits []time.Duration
	for range 50 {
		virtual(t, Config{Duration: RFC5227}, func(t *testing.T, d *Detector, l *fakeLink) {
			got, start := collect(), time.Now()
			d.Probe(ours, got.done)
			if l.hearing().claim != ours || !l.hearing().probes {
				t.Errorf("hears %+v during PROBE_WAIT (2.1.1: from the beginning)", l.hearing())
			}
			time.Sleep(7 * time.Second)
			a, at := got.one(t), l.times()
			if len(at) != 3 {
				t.Fatalf("probes at %v, want PROBE_NUM = 3", at)
			}
			waits = append(waits, at[0])
			if at[0] > time.Second {
				t.Errorf("PROBE_WAIT was %v, at most 1 s", at[0])
			}
			for i := range 2 {
				if gap := at[i+1] - at[i]; !in(gap, 1000, 2000) {
					t.Errorf("gap %v, not PROBE_MIN to PROBE_MAX", gap)
				}
			}
			if wait := a.at.Sub(start) - at[2]; wait != 2*time.Second {
				t.Errorf("ANNOUNCE_WAIT was %v, not 2 s", wait)
			}
		})
	}
	if low, high := bounds(waits); low > 200*ms || high < 800*ms {
		t.Errorf("PROBE_WAIT from %v to %v in 50 runs", low, high)
	}
}

func bounds(ds []time.Duration) (low, high time.Duration) {
	low = ds[0]
	for _, d := range ds {
		low, high = min(low, d), max(high, d)
	}
	return low, high
}

// What is a conflict during a probe, and what is not (ACD-04).
func TestProbeConflicts_RFC5227_2_1_1(t *testing.T) {
	second := mac{2, 0, 0, 0, 0, 9}
	for _, c := range []struct {
		name  string
		frame []byte
		by    mac    // zero for no conflict
		why   Reason // accepted: a conflict, or stopped by the filter
	}{
		{"reply", replyOf(other, ours, zero), other, accepted},
		{"broadcast reply", arpFrame{op: 2, sha: other, spa: ours, tpa: ours}.bytes(), other, accepted},
		{"request", arpFrame{op: 1, sha: other, spa: ours, tpa: gateway}.bytes(), other, accepted},
		{"unicast request", arpFrame{op: 1, dst: self, sha: other, spa: ours, tpa: gateway}.bytes(), other, accepted},
		{"announcement", announcedBy(other, ours), other, accepted},
		{"foreign probe", probeOf(other, ours), other, accepted},
		{"reply through a repeater", arpFrame{op: 2, src: third, dst: self, sha: other, spa: ours, tpa: zero}.bytes(), other, accepted},
		{"reply of a cluster with a group address", arpFrame{op: 2, src: third, dst: self, sha: mac{3, 0xbf, 1}, spa: ours, tpa: zero}.bytes(), mac{3, 0xbf, 1}, accepted},
		{"own probe reflected", probeOf(self, ours), mac{}, Own},
		{"own address proxied", arpFrame{op: 2, src: other, dst: self, sha: self, spa: ours, tpa: zero}.bytes(), mac{}, Own},
		{"another link of this host", announcedBy(second, ours), mac{}, Own},
		{"device tracking: unicast poll", arpFrame{op: 1, dst: self, sha: other, spa: zero, tpa: ours}.bytes(), mac{}, Poll},
		{"device tracking: other frame source", arpFrame{op: 1, src: third, sha: other, spa: zero, tpa: ours}.bytes(), mac{}, Poll},
		{"reply from 0.0.0.0", arpFrame{op: 2, dst: self, sha: other, spa: zero, tpa: ours}.bytes(), mac{}, Unrelated},
		{"sender of zeros", arpFrame{op: 2, src: other, spa: ours, tpa: zero}.bytes(), mac{}, Sender},
		{"sender of ones", arpFrame{op: 2, src: other, sha: broadcast, spa: ours, tpa: zero}.bytes(), mac{}, Sender},
		{"RARP", arpFrame{op: 3, sha: other, spa: ours, tpa: ours}.bytes(), mac{}, Operation},
		{"request for it from a host that has another", arpFrame{op: 1, sha: other, spa: theirs, tpa: ours}.bytes(), mac{}, accepted},
		{"probe for another", probeOf(other, theirs), mac{}, accepted},
		{"reply about another", replyOf(other, theirs, zero), mac{}, accepted},
		{"runt", replyOf(other, ours, zero)[:41], mac{}, Truncated},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				l.own = []mac{second}
				got, start := collect(), time.Now()
				d.Probe(ours, got.done)
				time.Sleep(10 * ms)
				l.receive(t, c.frame)
				l.receive(t, c.frame)
				if c.by != (mac{}) {
					if a := got.one(t); !a.is(c.by) || a.err != nil || a.at.Sub(start) != 10*ms {
						t.Errorf("answered %v, %v after %v", a.by, a.err, a.at.Sub(start))
					}
					if l.hearing() != (wanted{}) || d.Stats().Conflicts != 1 {
						t.Errorf("hears %+v, stats %+v", l.hearing(), d.Stats())
					}
				}
				time.Sleep(time.Second)
				if c.by == (mac{}) {
					if a := got.one(t); a.by != nil || a.err != nil {
						t.Errorf("answered %v, %v", a.by, a.err)
					}
				}
				got.none(t)
				switch n := d.Stats().Dropped; {
				case c.why == accepted && len(n) != 0, c.why != accepted && n[c.why] != 2:
					t.Errorf("dropped %v, want 2 of %v", n, c.why)
				}
			})
		})
	}
}

// A packet that cannot be sent counts as tried; only if none can is that the
// answer.
func TestProbeSendErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		fail func(try int) error
		want error
		sent uint64
	}{
		{"link down for a moment", func(try int) error {
			if try == 2 {
				return unix.ENETDOWN
			}
			return nil
		}, nil, 2},
		{"the first and second", func(try int) error {
			if try < 3 {
				return unix.ENOBUFS
			}
			return nil
		}, nil, 1},
		{"all", func(int) error { return unix.ENETDOWN }, unix.ENETDOWN, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				l.sendIt = c.fail
				got := collect()
				d.Probe(ours, got.done)
				time.Sleep(DefaultDuration)
				if a := got.one(t); a.by != nil || !errors.Is(a.err, c.want) {
					t.Errorf("answered %v, %v", a.by, a.err)
				}
				if s := d.Stats(); s.Probes != c.sent || s.SendErrors != 3-c.sent || l.tried() != 3 {
					t.Errorf("%d tries, stats %+v", l.tried(), s)
				}
			})
		})
	}
}

// Who would not hear the answer does not ask, and does not say that there was
// none.
func TestProbeDeaf(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		l.hearIt = unix.ENOMEM
		got := collect()
		d.Probe(ours, got.done)
		time.Sleep(DefaultDuration)
		if a := got.one(t); !errors.Is(a.err, unix.ENOMEM) || len(l.times()) != 0 {
			t.Errorf("answered %v, %v after %d packets", a.by, a.err, len(l.times()))
		}
		// It recovers with the kernel.
		d.Probe(ours, got.done)
		l.locked(func() { l.hearIt = nil })
		time.Sleep(DefaultDuration)
		if a := got.one(t); a.err != nil || len(l.times()) != 2 {
			t.Errorf("answered %v, %v after %d packets", a.by, a.err, len(l.times()))
		}
	})
}

// What has arrived and was not read yet counts, but only so much of it.
func TestProbeReadsBeforeItAnswers(t *testing.T) {
	poll := arpFrame{op: 1, dst: self, sha: other, spa: zero, tpa: ours}.bytes()
	for _, c := range []struct {
		polls int
		found bool
	}{{0, true}, {backlog - 1, true}, {backlog, false}} {
		virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
			got := collect()
			d.Probe(ours, got.done)
			l.locked(func() {
				l.unread = append(slices.Repeat([][]byte{poll}, c.polls), replyOf(other, ours, zero))
			})
			time.Sleep(DefaultDuration)
			if a := got.one(t); a.is(other) != c.found {
				t.Errorf("%d polls: answered %v, %v", c.polls, a.by, a.err)
			}
			if n := d.Stats().Dropped[Poll]; n != uint64(c.polls) {
				t.Errorf("%d of %d polls read", n, c.polls)
			}
		})
	}
}

func TestProbeRefusesAddresses(t *testing.T) {
	for _, a := range []string{"0.0.0.0", "224.0.0.1", "255.255.255.255", "fe80::1", ""} {
		virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
			addr, _ := netip.ParseAddr(a)
			got := collect()
			d.Defend(theirs, got.lost)
			d.Probe(addr, got.done)
			if a := got.one(t); a.by != nil || !errors.Is(a.err, errNoHost) {
				t.Errorf("%v: answered %v, %v", addr, a.by, a.err)
			}
			if len(l.times()) != 1 || l.hearing() != (wanted{}) {
				t.Errorf("%v: %d packets sent, hears %+v", addr, len(l.times()), l.hearing())
			}
			d.Defend(addr, got.lost)
			d.CheckRouter(ours, addr, nil, got.lost)
			time.Sleep(time.Minute)
			got.none(t)
			if len(l.times()) != 1 {
				t.Errorf("%v: %d packets sent", addr, len(l.times()))
			}
		})
	}
}

// An address that came through an IPv6 API is the same address.
func TestProbeUnmaps(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		got := collect()
		d.Probe(netip.AddrFrom16(ours.As16()), got.done)
		l.receive(t, replyOf(other, ours, zero))
		if a := got.one(t); !a.is(other) {
			t.Errorf("answered %v, %v", a.by, a.err)
		}
	})
}

// After MAX_CONFLICTS = 10 conflicts, a new address is tried once in
// RATE_LIMIT_INTERVAL = 60 s (2.1.1).
func TestProbeRateLimit_RFC5227_2_1_1(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		got := collect()
		conflict := func() {
			l.receive(t, replyOf(other, ours, zero))
			got.one(t)
		}
		for range 10 {
			d.Probe(ours, got.done)
			conflict()
		}
		if at := l.times(); len(at) != 10 || at[9] != 0 {
			t.Fatalf("the first ten at %v", at)
		}
		time.Sleep(10 * time.Second)
		d.Probe(ours, got.done)
		d.Stop() // what never began does not count
		for i := 1; i < 4; i++ {
			before := len(l.times())
			d.Probe(ours, got.done)
			time.Sleep(time.Until(l.start.Add(time.Duration(i)*time.Minute)) - 1)
			synctest.Wait()
			if n := len(l.times()) - before; n != 0 {
				t.Fatalf("%d probes before a minute was over since the last began", n)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if n := len(l.times()) - before; n != 1 {
				t.Fatalf("%d probes at minute %d", n, i)
			}
			time.Sleep(150 * ms)
			conflict()
		}
		// Another link has had none.
		if err := d.Follow(4, self.addr()); err != nil {
			t.Fatal(err)
		}
		before := len(l.times())
		d.Probe(ours, got.done)
		if n := len(l.times()) - before; n != 1 {
			t.Errorf("%d probes, want one at once on the new link", n)
		}
	})
}

func TestProbeAfterClose(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		got := collect()
		d.Probe(ours, got.done)
		if a := got.one(t); !errors.Is(a.err, net.ErrClosed) {
			t.Errorf("answered %v, %v", a.by, a.err)
		}
		d.Defend(ours, got.lost)
		d.CheckRouter(ours, gateway, nil, got.lost)
		d.Stop()
		time.Sleep(time.Minute)
		got.none(t)
		if l.tried() != 0 {
			t.Errorf("%d packets sent", l.tried())
		}
		if err := d.Follow(3, self.addr()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Follow: %v", err)
		}
	})
}
