package client

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// What a process has, which must not grow.
type footprint struct {
	memory          uint64
	goroutines, fds int
}

func measure(t *testing.T) footprint {
	t.Helper()
	runtime.GC()
	runtime.GC() // the first one only finds what finalizers keep
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return footprint{m.HeapAlloc + m.StackInuse, runtime.NumGoroutine(), len(fds)}
}

// LIF-13: six years of leases, which are a hundred thousand renewals, and nothing
// grows.
func TestYearsOfLeases(t *testing.T) {
	const growth = 1 << 20
	renewals := 100_000
	if raceEnabled {
		renewals /= 10 // each takes ten times as long
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		var count atomic.Int64
		renewed := func() int { return int(count.Load()) }
		r.cfg.OnEvent = func(ev Event) {
			switch ev.(type) {
			case Renewed:
				count.Add(1)
			case Expired, Lost, Refused:
				t.Errorf("%T after %d renewals", ev, renewed())
			}
		}
		c := r.run()
		// until lets time pass; what the rig itself remembers is forgotten.
		until := func(n int) {
			for passes := 0; renewed() < n; passes++ {
				if passes > n {
					t.Fatalf("only %d renewals in %v", renewed(), time.Since(r.start))
				}
				r.pass(2 * time.Hour)
				r.mu.Lock()
				r.sent, r.journal, r.applied, r.filters = nil, nil, r.applied[len(r.applied)-1:], nil
				r.mu.Unlock()
			}
		}
		until(1000)
		before := measure(t)
		until(renewals)
		after := measure(t)
		t.Logf("%d renewals in %v: %+v, then %+v", renewed(), time.Since(r.start), before, after)
		if after.memory > before.memory+growth {
			t.Errorf("memory grew by %d octets", after.memory-before.memory)
		}
		if after.goroutines > before.goroutines || after.fds > before.fds {
			t.Errorf("now %+v, before %+v", after, before)
		}
		if c.Lease() == nil {
			t.Error("no lease after all those years")
		}
		r.stop()
	})
}
