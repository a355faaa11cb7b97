package e2e_test

import (
	"sync"
	"testing"
	"time"
)

// A stallMeter notices when the machine stands still: it wants to run every
// few milliseconds, as a client would that has something to do. Limits that the
// tests set do not count such time, since many tests share few cores.
type stallMeter struct {
	mu     sync.Mutex
	stalls []stall
}

type stall struct{ from, to time.Time }

const (
	meterEvery = 10 * time.Millisecond
	// meterNoise is a delay that is no stall.
	meterNoise = 20 * time.Millisecond
)

var meter stallMeter

// run measures until the process ends.
func (m *stallMeter) run() {
	for due := time.Now(); ; {
		due = due.Add(meterEvery)
		time.Sleep(time.Until(due))
		now := time.Now()
		if now.Sub(due) > meterNoise {
			m.mu.Lock()
			m.stalls = append(m.stalls, stall{due, now})
			m.mu.Unlock()
		}
		due = now
	}
}

// between is how long the machine stood still in that time.
func (m *stallMeter) between(from, to time.Time) (d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.stalls {
		begin, end := s.from, s.to
		if begin.Before(from) {
			begin = from
		}
		if end.After(to) {
			end = to
		}
		d += max(0, end.Sub(begin))
	}
	return d
}

// soon fails the test if it took more than limit from one time to another.
func soon(t *testing.T, what string, from, to time.Time, limit time.Duration) {
	t.Helper()
	took := to.Sub(from)
	if still := meter.between(from, to); took < 0 || took > limit+still {
		t.Errorf("%s took %v, want at most %v (and %v in which the machine stood still)", what, took, limit, still)
	}
}
