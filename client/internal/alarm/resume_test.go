package alarm

import (
	"slices"
	"testing"
	"time"
)

// A step of the wall clock wakes the watch, and is no suspend.
func TestResumeWatch(t *testing.T) {
	asleep, slept := 5*time.Second, []time.Duration(nil)
	w, err := newResumeWatch(func() time.Duration { return asleep }, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for _, more := range []time.Duration{0, 600 * time.Millisecond, 600 * time.Millisecond, 24 * time.Hour, 0} {
		asleep += more
		w.woken(func(d time.Duration) { slept = append(slept, d) })
	}
	if want := []time.Duration{1200 * time.Millisecond, 24 * time.Hour}; !slices.Equal(slept, want) {
		t.Errorf("told of %v, want %v", slept, want)
	}
	before := timeAsleep()
	if after := timeAsleep(); after < before-time.Millisecond || after > before+time.Second {
		t.Errorf("asleep for %v, then for %v", before, after)
	}
}
