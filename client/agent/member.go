package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A Phase is what the agent does with a link.
type Phase uint8

const (
	// Idle is a link that is left alone.
	Idle Phase = iota
	// Queued waits for its turn to be opened.
	Queued
	// Preparing is being put together.
	Preparing
	// Running has a client.
	Running
	// Ending has a client that ends.
	Ending
	// Resting has failed, and is tried again.
	Resting
	// Left was handed over to another process, and is left to that.
	Left
)

var phaseNames = [...]string{"idle", "queued", "preparing", "running", "ending", "resting", "left"}

// String is the name in lower case.
func (p Phase) String() string {
	if int(p) < len(phaseNames) {
		return phaseNames[p]
	}
	return fmt.Sprintf("Phase(%d)", uint8(p))
}

const (
	// minRest is the first wait after a failure. It doubles up to maxRest, which
	// is also how long a client has to live for its next failure to be a first
	// one.
	minRest = time.Second
	maxRest = time.Minute
)

// A member is a link of a namespace. Agent.mu is held for all of it.
type member struct {
	a     *Agent
	space *space
	link  Link
	// plan is how it is to be served, nil for not at all; asked says that Serve
	// has said so, and gone that there is no such link any more.
	plan  Plan
	asked bool
	gone  bool

	phase Phase
	// by is the plan by which it is served.
	by     Plan
	served *Served
	// named is Renamed of the last Served, and telling is held, without mu, while it
	// is called.
	named   func(Link)
	telling sync.Mutex
	begun   time.Time
	// turn is the place among those who start; nil for none. asks is when it began
	// to ask for its first lease, until it has that.
	turn   *turn
	asks   time.Time
	queued bool
	// opens says that it has a place among those who are put together.
	opens bool

	// failures in a row, and of them all the restarts and panics; err was the
	// last, and retry is when the next try is, by timer.
	failures         int
	restarts, panics uint64
	err              error
	retry            time.Time
	timer            *time.Timer

	// waits are the members that have to end before: before is one of them. after
	// wait for this one.
	waits  int
	before *member
	after  []*member
	// changed is closed when the phase changes; nil while nobody waits for that.
	changed chan struct{}
}

// isBusy says that something of it is in the way of another.
func (m *member) isBusy() bool {
	return m.phase == Preparing || m.phase == Running || m.phase == Ending
}

func (m *member) isWanted() bool { return m.plan != nil && !m.gone && m.a.phase == begun }

// enter changes the phase.
func (m *member) enter(p Phase) {
	m.phase = p
	if m.isBusy() {
		m.a.busy[m] = true
	} else {
		delete(m.a.busy, m)
		m.a.checkIdle()
	}
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// change is closed when the phase changes.
func (m *member) change() <-chan struct{} {
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}

// settle does what there is to do for it to become as it is wanted.
func (m *member) settle() {
	switch m.phase {
	case Idle:
		if m.isWanted() && m.waits == 0 {
			m.enter(Queued)
			m.a.enqueue(m)
		}
	case Queued:
		if !m.isWanted() {
			m.enter(Idle)
		}
	case Running:
		if !m.isWanted() || !same(m.by, m.plan) {
			m.enter(Ending)
			m.served.Client.Stop()
		} else {
			m.by = m.plan
		}
	case Resting, Left:
		if m.isWanted() && same(m.by, m.plan) {
			return
		}
		if m.timer != nil {
			m.timer.Stop()
		}
		m.failures, m.retry = 0, time.Time{}
		m.enter(Idle)
		m.settle()
	case Preparing, Ending:
		// What comes of it settles the rest.
	}
}

// same says that nothing has to be done for b in the place of a.
func same(a, b Plan) bool { return a != nil && b != nil && a.Same(b) }

// renamed returns what tells who serves the link, or has served it last, that it has
// another name, without mu.
func (m *member) renamed(was Link) func() {
	if was.Name == m.link.Name || m.named == nil {
		return func() {}
	}
	named := m.named
	return func() {
		m.telling.Lock() // the last to tell knows the last name
		defer m.telling.Unlock()
		m.a.mu.Lock()
		link := m.link
		m.a.mu.Unlock()
		if err := contain(link.Name, func() error { named(link); return nil }); err != nil {
			m.a.log.Error("the new name of the link is not known", "if", link.Name, "netns", link.Netns, "err", err)
		}
	}
}

// start puts the link together and starts its client. mu is not held.
func (m *member) start(plan Plan, o *Opening) {
	var served *Served
	err := contain(o.Link.Name, func() error {
		return m.space.ns.do(func() (err error) {
			served, err = plan.Open(o)
			return err
		})
	})
	a := m.a
	a.mu.Lock()
	m.opened()
	if err != nil {
		m.failed(err)
		a.proceed()
		a.mu.Unlock()
		return
	}
	m.served, m.named, m.begun = served, served.Renamed, time.Now()
	m.enter(Running)
	tell := m.renamed(o.Link)
	m.settle()
	wanted := m.phase == Running
	a.proceed()
	a.mu.Unlock()
	tell()
	if wanted {
		err = contain(o.Link.Name, func() error {
			return served.Client.Start(context.Background(), func(err error) { a.later(func() { m.ended(served, err) }) })
		})
	}
	if err != nil || !wanted {
		a.later(func() {
			_ = contain(o.Link.Name, served.Client.Close)
			m.ended(served, err)
		})
	}
}

// ended takes apart what has ended. mu is not held.
func (m *member) ended(served *Served, why error) {
	var fault error
	if served.Close != nil {
		fault = contain("", func() error { served.Close(); return nil })
	}
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	if fault != nil {
		m.a.log.Error("the link was not taken apart", "if", m.link.Name, "netns", m.link.Netns, "err", fault)
	}
	if m.served != served {
		return // a client that ends twice
	}
	meant := m.phase == Ending
	m.served = nil
	m.yield()
	switch {
	case meant:
		if why != nil {
			m.a.log.Warn("the client has not ended well", "if", m.link.Name, "netns", m.link.Netns, "err", why)
		}
		m.failures = 0
		m.rest(Idle)
	case why == nil:
		m.named = nil // it is another's affair
		m.rest(Left)
	default:
		m.failed(why)
	}
	m.a.proceed()
}

// failed has the link be tried again later.
func (m *member) failed(why error) {
	m.yield()
	if !m.begun.IsZero() && time.Since(m.begun) >= maxRest {
		m.failures = 0
	}
	m.begun = time.Time{}
	m.restarts++
	m.a.restarts++
	var panicked *client.PanicError
	if errors.As(why, &panicked) {
		m.panics++
		m.a.panics++
	}
	wait := restFor(m.failures)
	m.failures++
	if m.isWanted() {
		m.tellFailure(why, panicked, wait)
	}
	m.err, m.retry = why, time.Now().Add(wait)
	m.timer = time.AfterFunc(wait, func() { m.again() })
	m.rest(Resting)
}

// tellFailure logs a fault: one that is repeated once.
func (m *member) tellFailure(why error, panicked *client.PanicError, wait time.Duration) {
	// The error of a client begins with its link, as the line does.
	text := strings.TrimPrefix(why.Error(), m.link.Name+": ")
	args := []any{"if", m.link.Name, "netns", m.link.Netns, "err", text, "wait", wait}
	switch {
	case panicked != nil:
		m.a.log.Error("the client has a fault, and is started again", append(args, "stack", string(panicked.Stack))...)
	case m.failures == 1 || m.err == nil || m.err.Error() != why.Error():
		m.a.log.Warn("the link is not served, and tried again", args...)
	default:
		m.a.log.Info("the link is not served, and tried again", args...)
	}
}

// restFor is how long to wait after so many failures before this one, spread by a
// quarter: what has failed together is not to be tried together.
func restFor(before int) time.Duration {
	d := maxRest
	if before < 6 {
		d = min(minRest<<before, maxRest)
	}
	return d*3/4 + rand.N(d/2)
}

// again is the end of a rest. mu is not held.
func (m *member) again() {
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	if m.phase == Resting && !time.Now().Before(m.retry) {
		m.retry = time.Time{}
		m.enter(Idle)
		m.settle()
	}
}

// rest enters a phase in which nothing runs, and lets those go on that have
// waited for that.
func (m *member) rest(p Phase) {
	m.enter(p)
	if m.gone {
		m.space.left(m)
	}
	for _, other := range m.after {
		other.waits--
		other.before = nil
		other.settle()
	}
	m.after = nil
	m.settle()
}

// event is called by the client for each of its events. Probed and put on the link
// it is in nobody's way, and without carrier or a server it may be so for ever.
func (m *member) event(ev client.Event) {
	got := false
	switch ev := ev.(type) {
	case client.Refused, client.NoServer:
	case client.Transition:
		switch ev.To.String() {
		case "CHECKING", "APPLYING":
			got = true
		case "INIT":
		default:
			return
		}
	default:
		return
	}
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	if got {
		m.acknowledged()
	} else {
		m.asks = time.Time{}
	}
	if m.turn != nil {
		m.yield()
		m.a.proceed()
	}
}

// contain calls f and returns what it does: a panic is a *client.PanicError.
func contain(name string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &client.PanicError{Interface: name, Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}

// opening is what the plan is to open.
func (m *member) opening() *Opening {
	o := &Opening{Link: m.link, Restarts: m.restarts, OnEvent: m.event, member: m}
	o.Namespace, _ = m.space.kernel.(*netcfg.Namespace)
	o.Config.Fixed, o.Config.Index = true, m.link.Index
	return o
}
