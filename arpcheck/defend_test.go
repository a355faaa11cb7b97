package arpcheck

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ANNOUNCE_NUM = 2 announcements, ANNOUNCE_INTERVAL = 2 s apart, and silence
// (ACD-05).
func TestDefendAnnounces_RFC5227_2_3(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		got := collect()
		d.Defend(ours, got.lost)
		time.Sleep(24 * time.Hour)
		got.none(t)
		if at := l.times(); !slices.Equal(at, []time.Duration{0, 2 * time.Second}) {
			t.Errorf("announcements at %v", at)
		}
		for _, s := range l.frames() {
			if want := announcedBy(self, ours); !bytes.Equal(s.frame, want) {
				t.Errorf("sent\n% x, want\n% x", s.frame, want)
			}
		}
		if l.hearing() != (wanted{claim: ours}) {
			t.Errorf("hears %+v", l.hearing())
		}
		if s := d.Stats(); s.Announcements != 2 || s.Defences != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// One defence in DEFEND_INTERVAL = 10 s, then the address is lost (ACD-06).
func TestDefendOnce_RFC5227_2_4_b(t *testing.T) {
	const s = time.Second
	for _, c := range []struct {
		name      string
		conflicts []time.Duration // since Defend
		sent      []time.Duration
		lost      time.Duration // 0 for not
	}{
		{"one", []time.Duration{10 * s}, []time.Duration{0, 2 * s, 10 * s}, 0},
		{"one at once", []time.Duration{0}, []time.Duration{0, 0, 2 * s}, 0},
		{"second after 1.5 s", []time.Duration{10 * s, 11500 * ms}, []time.Duration{0, 2 * s, 10 * s}, 11500 * ms},
		{"second after 10 s", []time.Duration{10 * s, 20 * s}, []time.Duration{0, 2 * s, 10 * s}, 20 * s},
		{"second after more than 10 s", []time.Duration{10 * s, 20*s + 1}, []time.Duration{0, 2 * s, 10 * s, 20*s + 1}, 0},
		{"every 12 s", []time.Duration{12 * s, 24 * s, 36 * s}, []time.Duration{0, 2 * s, 12 * s, 24 * s, 36 * s}, 0},
		{"lost before the second announcement", []time.Duration{500 * ms, 600 * ms}, []time.Duration{0, 500 * ms}, 600 * ms},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				got := collect()
				d.Defend(ours, got.lost)
				for _, at := range c.conflicts {
					time.Sleep(time.Until(l.start.Add(at)))
					l.receive(t, announcedBy(other, ours))
				}
				time.Sleep(time.Hour)
				if at := l.times(); !slices.Equal(at, c.sent) {
					t.Errorf("sent at %v, want %v", at, c.sent)
				}
				if c.lost == 0 {
					got.none(t)
				} else if a := got.one(t); a.at.Sub(l.start) != c.lost || !a.is(other) {
					t.Errorf("lost to %v after %v", a.by, a.at.Sub(l.start))
				}
			})
		})
	}
}

// A hundred conflicts in 5 s are answered once (ACD-07).
func TestDefendUnderAttack_RFC5227_2_4(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		got := collect()
		d.Defend(ours, got.lost)
		time.Sleep(time.Minute)
		for range 100 {
			l.receive(t, announcedBy(other, ours))
			time.Sleep(50 * ms)
		}
		got.one(t)
		if s := d.Stats(); len(l.times()) != 3 || s.Defences != 1 || s.Conflicts != 2 {
			t.Errorf("sent at %v, stats %+v", l.times(), s)
		}
		// Beginning anew does not buy another one.
		d.Defend(ours, got.lost)
		l.receive(t, announcedBy(other, ours))
		got.one(t)
		if s := d.Stats(); s.Defences != 1 {
			t.Errorf("%d defences", s.Defences)
		}
		// Nor does another address, which a server may have given for that.
		d.Defend(theirs, got.lost)
		l.receive(t, announcedBy(other, theirs))
		got.one(t)
		if s := d.Stats(); s.Defences != 1 {
			t.Errorf("%d defences", s.Defences)
		}
		time.Sleep(defendInterval)
		d.Defend(theirs, got.lost)
		l.receive(t, announcedBy(other, theirs))
		got.none(t)
		if s := d.Stats(); s.Defences != 2 {
			t.Errorf("%d defences", s.Defences)
		}
	})
}

// What others may do while we have the address.
func TestDefendIgnores_RFC5227_2_4(t *testing.T) {
	for name, frame := range map[string][]byte{
		"foreign probe: the kernel answers": probeOf(other, ours),
		"request for it":                    arpFrame{op: 1, sha: other, spa: theirs, tpa: ours}.bytes(),
		"own announcement reflected":        announcedBy(self, ours),
		"request of our other link":         arpFrame{op: 1, sha: third, spa: ours, tpa: gateway}.bytes(),
		"others among themselves":           arpFrame{op: 2, sha: other, spa: theirs, tpa: gateway}.bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				l.own = []mac{third}
				got := collect()
				d.Defend(ours, got.lost)
				time.Sleep(time.Minute)
				for range 20 {
					l.receive(t, frame)
				}
				// Also what the filter let pass before it was replaced.
				l.locked(func() { d.handle(frame) })
				got.none(t)
				if s := d.Stats(); s.Conflicts != 0 || s.Announcements != 2 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// Announcements that cannot be sent are tried, and the defence goes on.
func TestDefendSendErrors(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		l.sendIt = func(try int) error {
			if try == 1 {
				return unix.ENOBUFS
			}
			return nil
		}
		got := collect()
		d.Defend(ours, got.lost)
		time.Sleep(time.Minute)
		l.receive(t, announcedBy(other, ours))
		got.none(t)
		if s := d.Stats(); s.Announcements != 2 || s.Defences != 1 || s.SendErrors != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// What is sent, and what answers, is in the log at debug level.
func TestLogsPackets(t *testing.T) {
	var log strings.Builder
	cfg := Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	virtual(t, cfg, func(t *testing.T, d *Detector, l *fakeLink) {
		d.Probe(ours, collect().done)
		l.receive(t, probeOf(third, ours))
		d.Defend(ours, collect().lost)
		l.receive(t, announcedBy(other, ours))
		d.CheckRouter(ours, gateway, third.addr(), collect().lost)
		time.Sleep(routerMax)
		l.receive(t, replyOf(third, gateway, ours))
		d.Stop()
		time.Sleep(time.Minute)
	})
	const sent, received = `msg="ARP sent" as=`, `msg="ARP received" as=`
	want := []string{
		sent + "probe address=10.99.0.50 to=ff:ff:ff:ff:ff:ff",
		received + "probe address=10.99.0.50 from=02:00:00:00:00:03",
		sent + "announcement address=10.99.0.50 to=ff:ff:ff:ff:ff:ff",
		received + "user address=10.99.0.50 from=02:00:00:00:00:02",
		sent + "announcement address=10.99.0.50 to=ff:ff:ff:ff:ff:ff",
		sent + `"router check" address=10.99.0.1 to=02:00:00:00:00:03`,
		sent + `"router check" address=10.99.0.1 to=02:00:00:00:00:03`,
		sent + `"router check" address=10.99.0.1 to=ff:ff:ff:ff:ff:ff`,
		received + "router address=10.99.0.1 from=02:00:00:00:00:03",
	}
	var got []string
	for line := range strings.Lines(log.String()) {
		if _, text, ok := strings.Cut(line, "level=DEBUG "); ok {
			got = append(got, strings.TrimSpace(text))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// No callback tells of a defence, so the log does.
func TestDefendLogs(t *testing.T) {
	var log strings.Builder
	cfg := Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	virtual(t, cfg, func(t *testing.T, d *Detector, l *fakeLink) {
		d.Defend(ours, collect().lost)
		l.receive(t, announcedBy(other, ours))
		l.locked(func() { l.hearIt = unix.ENOMEM })
		d.Stop()
	})
	for _, want := range []string{"address=10.99.0.50 station=02:00:00:00:00:02", "cannot set the ARP filter"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log:\n%s", want, log.String())
		}
	}
}
