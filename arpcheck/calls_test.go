package arpcheck

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A callback may call every method.
func TestCallbackCallsDetector(t *testing.T) {
	for name, call := range map[string]func(d *Detector, again answers){
		"Probe":       func(d *Detector, again answers) { d.Probe(theirs, again.done) },
		"Defend":      func(d *Detector, again answers) { d.Defend(theirs, again.lost) },
		"CheckRouter": func(d *Detector, again answers) { d.CheckRouter(ours, theirs, nil, again.lost) },
		"Stop":        func(d *Detector, _ answers) { d.Stop() },
		"Close":       func(d *Detector, _ answers) { _ = d.Close() },
		"Follow":      func(d *Detector, _ answers) { _ = d.Follow(4, self.addr()) },
		"Stats":       func(d *Detector, _ answers) { d.Stats() },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				got, again := collect(), collect()
				d.Probe(ours, func(by net.HardwareAddr, err error) {
					call(d, again)
					got.done(by, err)
				})
				l.receive(t, replyOf(other, ours, zero))
				got.one(t)
				// What it started goes on.
				l.receive(t, arpFrame{op: 2, dst: self, sha: other, spa: theirs, tpa: ours}.bytes())
				l.receive(t, announcedBy(other, theirs))
				if name == "Probe" || name == "Defend" || name == "CheckRouter" {
					again.one(t)
				}
			})
		})
	}
}

// Two callbacks that end each other do not wait for each other.
func TestCallbacksEndEachOther(t *testing.T) {
	virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
		var called atomic.Int32
		stop := func(net.HardwareAddr) { called.Add(1); d.Stop() }
		d.Probe(ours, func(by net.HardwareAddr, _ error) { stop(by) })
		d.CheckRouter(ours, ours, nil, stop)
		l.receive(t, replyOf(other, ours, ours)) // answers both
		if n := called.Load(); n != 1 {
			t.Errorf("%d callbacks, want only that which stopped the other", n)
		}
	})
}

// Who ends something from elsewhere waits for its callback.
func TestEndWaitsForCallback(t *testing.T) {
	for name, end := range map[string]func(d *Detector){
		"Stop":   (*Detector).Stop,
		"Close":  func(d *Detector) { _ = d.Close() },
		"Probe":  func(d *Detector) { d.Probe(theirs, func(net.HardwareAddr, error) {}) },
		"Defend": func(d *Detector) { d.Defend(theirs, func(net.HardwareAddr) {}) },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				inside, release := make(chan struct{}), make(chan struct{})
				d.Probe(ours, func(net.HardwareAddr, error) { close(inside); <-release })
				l.receive(t, replyOf(other, ours, zero))
				<-inside
				var ended atomic.Bool
				go func() { end(d); ended.Store(true) }()
				synctest.Wait()
				if ended.Load() {
					t.Error("returned while the callback ran")
				}
				// What is of another kind need not wait.
				if name == "Probe" || name == "Defend" {
					d.CheckRouter(ours, gateway, nil, func(net.HardwareAddr) {})
				}
				close(release)
				synctest.Wait()
				if !ended.Load() {
					t.Error("did not return when the callback had")
				}
			})
		})
	}
}

// A callback that is due but has not begun does not come when it is superseded.
func TestDueCallbackIsForgotten(t *testing.T) {
	for name, end := range map[string]func(d *Detector){
		"Stop":   (*Detector).Stop,
		"Probe":  func(d *Detector) { d.Probe(theirs, func(net.HardwareAddr, error) {}) },
		"Defend": func(d *Detector) { d.Defend(theirs, func(net.HardwareAddr) {}) },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
				got, release := collect(), make(chan struct{})
				d.CheckRouter(ours, gateway, nil, func(net.HardwareAddr) { <-release })
				l.receive(t, replyOf(other, gateway, ours))
				d.Probe(ours, got.done)
				l.receive(t, replyOf(other, ours, zero)) // its callback waits in line
				go end(d)
				synctest.Wait()
				close(release)
				time.Sleep(time.Minute)
				got.none(t)
			})
		})
	}
}

// Nothing comes from what was superseded or stopped, whenever that was.
func TestEndedIsSilent(t *testing.T) {
	for _, when := range []time.Duration{0, 30 * ms, 100 * ms, 199 * ms} {
		virtual(t, Config{}, func(t *testing.T, d *Detector, l *fakeLink) {
			old, current, found := collect(), collect(), collect()
			d.Probe(ours, old.done)
			d.CheckRouter(ours, gateway, nil, found.lost)
			time.Sleep(when)
			d.Probe(theirs, current.done)
			d.Stop()
			before := len(l.times())
			if l.hearing() != (wanted{}) {
				t.Errorf("hears %+v after Stop", l.hearing())
			}
			time.Sleep(time.Minute)
			old.none(t)
			current.none(t)
			found.none(t)
			if n := len(l.times()); n != before {
				t.Errorf("%d packets after Stop", n-before)
			}
			d.Probe(ours, current.done)
			time.Sleep(time.Minute)
			current.one(t)
		})
	}
}

// Many goroutines, real time: no callback after the call that ends it has
// returned, and none twice.
func TestEndRace(t *testing.T) {
	d, err := newDetector(3, self.addr(), Config{Duration: 200 * time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	l := &fakeLink{d: d, start: time.Now()}
	d.link, d.shut = l, func() error { return nil }
	deadline := time.Now().Add(500 * ms)
	frame := replyOf(other, ours, zero)
	var wg sync.WaitGroup
	wg.Go(func() { // the link
		for time.Now().Before(deadline) {
			l.locked(func() { d.handle(frame) })
		}
	})
	for range 3 {
		wg.Go(func() {
			for time.Now().Before(deadline) {
				d.Defend(netip.MustParseAddr("10.99.0.77"), func(net.HardwareAddr) {})
			}
		})
	}
	for i := 0; time.Now().Before(deadline); i++ {
		var over atomic.Bool
		var times atomic.Int32
		d.Probe(ours, func(net.HardwareAddr, error) {
			if over.Load() || times.Add(1) > 1 {
				t.Errorf("round %d: called late or twice", i)
			}
		})
		time.Sleep(time.Duration(i%5) * 60 * time.Microsecond)
		d.Stop()
		over.Store(true)
	}
	wg.Wait()
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}
