// Package alarm wakes any number of clients at their times, and after a suspend
// of the machine, on two descriptors.
//
// Go's own timers stand still while the machine is suspended, and a lease does
// not: the clock is CLOCK_BOOTTIME (time_namespaces(7), timerfd_create(2)).
package alarm

import (
	"container/heap"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// An Alarm calls a function at one time. Its methods may be called from any
// goroutine.
type Alarm struct {
	fire    func()
	resumed func(slept time.Duration)
	// at is the time since boot, and place that in the queue, -1 for not there.
	// Both are guarded by the clock's lock.
	at    time.Duration
	place int
	// simulated has it go by timer.
	simulated bool
	timer     *time.Timer
}

// New returns an Alarm that is not set. fire is called at the time that Set says,
// resumed when the machine has slept for a second or more: both by the goroutine
// of package poll, so they must not block, and must not call the Alarm. They may
// still be called while Close runs, and not after it has returned.
func New(fire func(), resumed func(slept time.Duration)) (*Alarm, error) {
	a := &Alarm{fire: fire, resumed: resumed, place: -1, simulated: simulated.Load()}
	if a.simulated {
		return a, nil
	}
	if err := shared.join(a); err != nil {
		return nil, err
	}
	return a, nil
}

// Set has the Alarm fire once, wait from now, and not at the time before; Unset
// has it not fire.
func (a *Alarm) Set(wait time.Duration) error {
	if a.simulated {
		return a.simulate(wait, true)
	}
	return shared.set(a, lease.SinceBoot()+wait)
}

// Unset forgets the time.
func (a *Alarm) Unset() error {
	if a.simulated {
		return a.simulate(0, false)
	}
	return shared.set(a, 0)
}

// Close ends the Alarm. Closing twice is harmless.
func (a *Alarm) Close() {
	if a.simulated {
		_ = a.simulate(0, false)
		return
	}
	shared.leave(a)
}

// A clock is what all Alarms of a process share. It has its descriptors while
// there are Alarms, so that a library user's process is left without ours.
type clock struct {
	// joining is held while descriptors are opened and closed, mu for the rest;
	// the former is taken first, since closing waits for the poller.
	joining sync.Mutex
	timer   *timer
	resume  *resumeWatch

	mu   sync.Mutex
	all  map[*Alarm]bool
	next queue
	// armed is what the timer is set to, 0 for nothing.
	armed time.Duration
	due   []func() // of ring, kept for the next time
}

var shared = &clock{all: map[*Alarm]bool{}}

func (c *clock) join(a *Alarm) (err error) {
	c.joining.Lock()
	defer c.joining.Unlock()
	if c.timer == nil {
		if c.timer, err = newTimer(c.ring); err != nil {
			return err
		}
		if c.resume, err = newResumeWatch(timeAsleep, c.resumed); err != nil {
			c.timer.close()
			c.timer = nil
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all[a] = true
	return nil
}

func (c *clock) leave(a *Alarm) {
	c.joining.Lock()
	defer c.joining.Unlock()
	c.mu.Lock()
	last := c.all[a] && len(c.all) == 1
	if a.place >= 0 {
		heap.Remove(&c.next, a.place)
	}
	delete(c.all, a)
	c.mu.Unlock()
	if last {
		c.timer.close()
		c.resume.close()
		c.timer, c.resume, c.armed = nil, nil, 0
	}
}

// set sets a to at, 0 for never.
func (c *clock) set(a *Alarm, at time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.all[a] {
		return nil // it is closed
	}
	a.at = at
	switch {
	case at == 0 && a.place >= 0:
		heap.Remove(&c.next, a.place)
	case at == 0:
	case a.place >= 0:
		heap.Fix(&c.next, a.place)
	default:
		heap.Push(&c.next, a)
	}
	return c.arm()
}

// arm sets the timer for the first of the queue; mu is held.
func (c *clock) arm() error {
	var at time.Duration
	if len(c.next) > 0 {
		at = c.next[0].at
	}
	if at == c.armed {
		return nil
	}
	if err := c.timer.set(at); err != nil {
		return err
	}
	c.armed = at
	return nil
}

// ring calls those whose time has come.
func (c *clock) ring() {
	c.mu.Lock()
	c.armed = 0
	due := c.due[:0]
	for now := lease.SinceBoot(); len(c.next) > 0 && c.next[0].at <= now; {
		due = append(due, heap.Pop(&c.next).(*Alarm).fire)
	}
	_ = c.arm() // it was set before, so it can be
	c.mu.Unlock()
	for _, fire := range due {
		fire()
	}
	clear(due)
	c.due = due
}

// resumed tells all.
func (c *clock) resumed(slept time.Duration) {
	c.mu.Lock()
	var all []func(time.Duration)
	for a := range c.all {
		all = append(all, a.resumed)
	}
	c.mu.Unlock()
	for _, f := range all {
		f(slept)
	}
}

// A queue has the Alarms that are set, the first one first.
type queue []*Alarm

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push and Pop are for container/heap.
func (q *queue) Push(x any) {
	a := x.(*Alarm)
	a.place = len(*q)
	*q = append(*q, a)
}

func (q *queue) Pop() any {
	old := *q
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	a.place = -1
	return a
}

// A timer is a timerfd of CLOCK_BOOTTIME.
type timer struct {
	fd  int
	reg *poll.Registration
}

func newTimer(ring func()) (*timer, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a timer: %w", err)
	}
	t := &timer{fd: fd}
	t.reg, err = poll.Register(fd, func() {
		var expirations [8]byte
		if n, _ := unix.Read(fd, expirations[:]); n == 8 {
			ring()
		}
	})
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return t, nil
}

// set sets the timer to a time since boot, which may be past; 0 is never.
func (t *timer) set(at time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(at))}
	if err := unix.TimerfdSettime(t.fd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return fmt.Errorf("set the timer: %w", err)
	}
	return nil
}

func (t *timer) close() {
	t.reg.Close()
	_ = unix.Close(t.fd)
}
