package alarm

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const patience = 10 * time.Second

// wait waits for the next of what comes.
func wait[T any](t *testing.T, what string, from <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(patience):
		t.Fatalf("no %s", what)
	}
	return got
}

func make1(t *testing.T, fire func()) *Alarm {
	t.Helper()
	a, err := New(fire, func(time.Duration) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func set(t *testing.T, a *Alarm, wait time.Duration) {
	t.Helper()
	if err := a.Set(wait); err != nil {
		t.Fatal(err)
	}
}

// Alarms fire in the order of their times, however they were set, and those that
// were set anew, unset or closed do not fire at the time before.
func TestAlarms_FireInOrder(t *testing.T) {
	fired := make(chan int, 100)
	var alarms []*Alarm
	for i := range 8 {
		alarms = append(alarms, make1(t, func() { fired <- i }))
	}
	const step = 20 * time.Millisecond
	began := time.Now()
	for _, i := range []int{5, 0, 3, 7, 1, 6, 2, 4} {
		set(t, alarms[i], step*time.Duration(i+1))
	}
	set(t, alarms[1], 20*step) // later
	set(t, alarms[6], 0)       // at once
	if err := alarms[3].Unset(); err != nil {
		t.Fatal(err)
	}
	alarms[4].Close()
	alarms[4].Close()
	set(t, alarms[4], 0) // it is closed
	var got []int
	for range 6 {
		got = append(got, wait(t, "alarm", fired))
	}
	if want := []int{6, 0, 2, 5, 7, 1}; !slices.Equal(got, want) {
		t.Errorf("fired %v, want %v", got, want)
	}
	if d := time.Since(began); d < 20*step {
		t.Errorf("the last one came after %v", d)
	}
	select {
	case i := <-fired:
		t.Errorf("%d fired too", i)
	case <-time.After(3 * step):
	}
}

// One that fires can be set again, also from what it has set going.
func TestAlarm_IsSetAgain(t *testing.T) {
	fired := make(chan bool)
	a := make1(t, func() { fired <- true })
	for range 3 {
		set(t, a, -time.Hour) // past: at once
		wait(t, "alarm", fired)
	}
}

// Any number of alarms have two descriptors, of the clock that counts suspends
// (LIF-07), and the last one takes them along.
func TestAlarms_ShareDescriptors_LIF_07(t *testing.T) {
	timers := func() (clocks []string) {
		list, err := os.ReadDir("/proc/self/fdinfo")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			b, _ := os.ReadFile("/proc/self/fdinfo/" + e.Name()) // it may be the folder's own
			if _, rest, ok := strings.Cut(string(b), "clockid: "); ok {
				clocks = append(clocks, strings.Fields(rest)[0])
			}
		}
		slices.Sort(clocks)
		return clocks
	}
	var alarms []*Alarm
	for range 100 {
		alarms = append(alarms, make1(t, func() {}))
	}
	set(t, alarms[50], time.Hour)
	want := []string{fmt.Sprint(unix.CLOCK_REALTIME), fmt.Sprint(unix.CLOCK_BOOTTIME)}
	if got := timers(); !slices.Equal(got, want) {
		t.Errorf("timers of the clocks %v, want %v", got, want)
	}
	for _, a := range alarms {
		a.Close()
	}
	if got := timers(); len(got) != 0 {
		t.Errorf("left over: timers of the clocks %v", got)
	}
}

// After a suspend all are told, set or not.
func TestResumed_TellsAll(t *testing.T) {
	told := make(chan int, 10)
	for i := range 3 {
		a, err := New(func() {}, func(slept time.Duration) {
			if slept == time.Minute {
				told <- i
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
	}
	shared.resumed(time.Minute)
	all := []int{wait(t, "word", told), wait(t, "word", told), wait(t, "word", told)}
	slices.Sort(all)
	if want := []int{0, 1, 2}; !slices.Equal(all, want) {
		t.Errorf("told %v", all)
	}
}
