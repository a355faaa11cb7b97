package alarm

import (
	"sync/atomic"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

var simulated atomic.Bool

// Simulate has Now and all Alarms that are made from here on go by Go's own clock,
// which package testing/synctest can drive, until the function that it returns is
// called. It is for tests of what is made of many clients.
func Simulate() (end func()) {
	simulated.Store(true)
	return func() { simulated.Store(false) }
}

// Now is lease.Now, the clock of Alarms.
func Now() time.Time {
	if simulated.Load() {
		return time.Now().Round(0)
	}
	return lease.Now()
}

// simulate sets the timer of a simulated Alarm, with no wait for never.
func (a *Alarm) simulate(wait time.Duration, set bool) error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
	a.timer = nil
	if set {
		a.timer = time.AfterFunc(wait, a.fire)
	}
	return nil
}
