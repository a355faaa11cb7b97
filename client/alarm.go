package client

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// An alarm wakes the loop at a time, zero for never, and after a suspend.
type alarm interface {
	set(now, at time.Time) error
	close()
}

// bootAlarm is a CLOCK_BOOTTIME timerfd on the shared poller. Go's own timers
// stand still while the machine is suspended, and a lease does not.
type bootAlarm struct {
	fd  int
	reg *poll.Registration
	at  time.Time

	resume *resumeWatch
}

func newBootAlarm(fire func(), resumed func(slept time.Duration)) (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	a := &bootAlarm{fd: fd}
	if a.resume, err = newResumeWatch(timeAsleep, resumed); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	a.reg, err = poll.Register(fd, func() {
		var expirations [8]byte
		if n, _ := unix.Read(fd, expirations[:]); n == 8 {
			fire()
		}
	})
	if err != nil {
		a.resume.close()
		_ = unix.Close(fd)
		return nil, err
	}
	return a, nil
}

func (a *bootAlarm) set(now, at time.Time) error {
	if at.Equal(a.at) && at.After(now) {
		return nil
	}
	a.at = at
	var spec unix.ItimerSpec
	if !at.IsZero() {
		spec.Value = unix.NsecToTimespec(int64(max(at.Sub(now), 1)))
	}
	if err := unix.TimerfdSettime(a.fd, 0, &spec, nil); err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	return nil
}

func (a *bootAlarm) close() {
	a.resume.close()
	a.reg.Close()
	_ = unix.Close(a.fd)
}
