package client

import (
	"testing"
	"time"
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
