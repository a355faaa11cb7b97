package client

import (
	"time"

	shared "github.com/dhclient-go/dhclient-go/client/internal/alarm"
)

// An alarm wakes the loop at a time, zero for never, and after a suspend.
type alarm interface {
	set(now, at time.Time) error
	close()
}

// bootAlarm is one of CLOCK_BOOTTIME, as the times of leases are.
type bootAlarm struct {
	*shared.Alarm
	at time.Time
}

func newBootAlarm(fire func(), resumed func(slept time.Duration)) (alarm, error) {
	a, err := shared.New(fire, resumed)
	if err != nil {
		return nil, err
	}
	return &bootAlarm{Alarm: a}, nil
}

func (a *bootAlarm) set(now, at time.Time) error {
	switch {
	case at.Equal(a.at) && (at.After(now) || at.IsZero()):
		return nil
	case at.IsZero():
		a.at = at
		return a.Unset()
	}
	a.at = at
	return a.Set(at.Sub(now))
}

func (a *bootAlarm) close() { a.Close() }
