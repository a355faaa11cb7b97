package lease

import (
	"testing"
	"time"
)

// A process goes on the line of another, whatever the wall clock says to it.
func TestFollow(t *testing.T) {
	before := origin
	defer func() { origin = before }()
	Follow(t0, SinceBoot()-time.Hour)
	if got := Now().Sub(t0.Add(time.Hour)); got < 0 || got > time.Minute {
		t.Errorf("it is %v later than there", got)
	}
	if wall, boot := Origin(); !wall.Add(SinceBoot() - boot - time.Hour).Truncate(time.Hour).Equal(t0.Truncate(time.Hour)) {
		t.Errorf("the origin is %v at %v", wall, boot)
	}
}

// The wall clock is set back a year and on ten years while a lease is held: its
// T1, T2 and end are when CLOCK_BOOTTIME says, and a suspend counts (RFC 2131
// 3.3).
func TestTimelineIgnoresTheWallClock_LIF_07(t *testing.T) {
	wall, boot := t0, 500*time.Second
	line := newTimeline(func() time.Time { return wall }, func() time.Duration { return boot })
	l := full()
	l.Start = line.at(boot)
	for _, s := range []struct {
		name      string
		boot      time.Duration
		wall      time.Time
		remaining time.Duration
	}{
		{"at first", 0, t0, time.Hour},
		{"after a minute", time.Minute, t0.Add(time.Minute), 59 * time.Minute},
		{"set back a year", 2 * time.Minute, t0.AddDate(-1, 0, 0), 58 * time.Minute},
		{"set on ten years", 30 * time.Minute, t0.AddDate(10, 0, 0), 30 * time.Minute},
		{"set to 1970", time.Hour - 1, time.Unix(0, 0), 1},
		{"at the end", time.Hour, t0, 0},
		{"after a day of suspend", 25 * time.Hour, t0.Add(25 * time.Hour), 0},
	} {
		wall, boot = s.wall, 500*time.Second+s.boot
		now := line.at(boot)
		if got := l.Remaining(now); got != s.remaining {
			t.Errorf("%s: %v are left, want %v", s.name, got, s.remaining)
		}
		if !now.Equal(t0.Add(s.boot)) {
			t.Errorf("%s: it is %v", s.name, now)
		}
	}
}
