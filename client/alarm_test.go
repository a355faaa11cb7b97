package client

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The real alarm: it fires at its time, not before, again when set again, and
// not when unset or closed.
func TestBootAlarm(t *testing.T) {
	fired := make(chan time.Time, 8)
	a, err := newBootAlarm(func() { fired <- time.Now() }, func(slept time.Duration) { t.Errorf("slept %v", slept) })
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, after := range []time.Duration{30 * time.Millisecond, -time.Second, 0} {
		began = time.Now()
		if err := a.set(began, began.Add(after)); err != nil {
			t.Fatal(err)
		}
		select {
		case at := <-fired:
			if at.Sub(began) < after {
				t.Errorf("set for %v, fired after %v", after, at.Sub(began))
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("set for %v, never fired", after)
		}
	}
	for name, unset := range map[string]func() error{
		"unset": func() error { return a.set(began, time.Time{}) },
		"moved": func() error { return a.set(began, began.Add(time.Hour)) },
	} {
		now := time.Now()
		if err := a.set(now, now.Add(20*time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if err := unset(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-fired:
			t.Errorf("%s, and it fired", name)
		case <-time.After(60 * time.Millisecond):
		}
	}
	a.close()
}

// The kernel is asked to count the time since boot, suspends and all, so that
// steps of the wall clock move no deadline (LIF-07): with lease.Now, which
// counts the same, there is no other clock.
func TestAlarmClock_LIF_07(t *testing.T) {
	a, err := newBootAlarm(func() {}, func(time.Duration) {})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close()
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", a.(*bootAlarm).fd))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("clockid: %d\n", unix.CLOCK_BOOTTIME); !strings.Contains(string(info), want) {
		t.Errorf("the timer is of another clock:\n%s", info)
	}
}
