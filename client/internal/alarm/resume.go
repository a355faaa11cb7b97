package alarm

import (
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// leastSleep is how long a suspend must be to matter: the kernel's lifetimes of
// addresses, which a suspend stops, are in seconds.
const leastSleep = time.Second

// A resumeWatch notices that the machine was suspended. A timer of the wall
// clock that is told of its steps wakes its reader after each resume, too, and
// otherwise never (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
type resumeWatch struct {
	fd  int
	reg *poll.Registration
	// asleep is how long the machine has slept since it was booted; was is
	// what of it is known.
	asleep func() time.Duration
	was    time.Duration
}

func newResumeWatch(asleep func() time.Duration, resumed func(slept time.Duration)) (*resumeWatch, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	w := &resumeWatch{fd: fd, asleep: asleep, was: asleep()}
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt32}} // and if in 2038, once
	err = unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil)
	if err == nil {
		w.reg, err = poll.Register(fd, func() { w.woken(resumed) })
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("watch the clock: %w", err)
	}
	return w, nil
}

// woken is called after a step of the wall clock, which a resume is as well.
func (w *resumeWatch) woken(resumed func(slept time.Duration)) {
	var expirations [8]byte
	_, _ = unix.Read(w.fd, expirations[:]) // ECANCELED: that is the news
	if slept := w.asleep() - w.was; slept >= leastSleep {
		w.was += slept
		resumed(slept)
	}
}

func (w *resumeWatch) close() {
	w.reg.Close()
	_ = unix.Close(w.fd)
}

// timeAsleep is how long the machine was suspended since it was booted: one
// clock counts it and the other does not (clock_gettime(2)).
func timeAsleep() time.Duration {
	var ts unix.Timespec
	// It cannot fail: the clock exists and ts is ours.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return lease.SinceBoot() - time.Duration(ts.Nano())
}
