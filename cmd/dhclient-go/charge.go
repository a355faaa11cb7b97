package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/daemon"
	"github.com/dhclient-go/dhclient-go/internal/helper"
)

// A charge is the program that init runs, with what it was told about it. It is
// nil for a command that runs none, and its methods do nothing then.
type charge struct {
	// told is the last signal to stop that the program was sent; 0 for none.
	told atomic.Int32
	// argv is the program and its arguments as they were given, program what is
	// executed for that.
	argv    []string
	program helper.Program
	// beforeLease has it run at once, and runAnyway without a lease. fallback is
	// a lease to use where there is no other; nil for none.
	beforeLease, runAnyway bool
	fallback               *lease.Lease

	signals *signals
	// onTerminal says that what a terminal sends, it sends to the program too.
	onTerminal bool
	// unbury ends the burying of orphans.
	unbury func()

	mu      sync.Mutex
	running *helper.Process
	// adopted is closed when the program has ended as a child of this process:
	// the helper has died before it.
	adopted chan struct{}
	last    syscall.WaitStatus
	// ended is closed when the program has ended, or could not be started.
	ended  chan struct{}
	status syscall.WaitStatus
	// failed is why there was no program, or none any more, and refused the
	// signal that came before there was one.
	failed error
	// hopeless is why there is no lease, if the program must not run without.
	hopeless error
	refused  syscall.Signal
}

// stopGrace is how long the program may take to end when there is no lease for
// it; then it is killed.
const stopGrace = 10 * time.Second

// fallbackProbe is the most that a fallback takes: others are asked whether they
// have it. fallbackPause is how long servers are left in peace after that.
const (
	fallbackProbe = 15 * time.Second
	fallbackPause = 30 * time.Second
)

// schedule has the client turn to the fallback when the time for a lease is over.
func (c *charge) schedule(o *options) {
	if c.fallback == nil || o.timeout == forever {
		return
	}
	o.client.Fallback = c.fallback
	o.client.Schedule.Timeout, o.client.Schedule.Pause = o.timeout, fallbackPause
	o.serverOrFail = true
	o.grace = o.timeout + fallbackProbe // its time begins with the link
}

// prepare looks for the program while that can still be said to a person.
func (c *charge) prepare() (err error) {
	if c == nil {
		return nil
	}
	c.ended, c.adopted = make(chan struct{}), make(chan struct{})
	c.onTerminal = inForegroundOfTerminal()
	c.program = helper.Program{Args: c.argv, Env: programEnviron()}
	if c.program.Path, err = findProgram(c.argv[0]); err != nil {
		return err
	}
	c.unbury, err = daemon.BuryOrphans(c.buried)
	return err
}

// close ends what prepare began.
func (c *charge) close() {
	if c != nil && c.unbury != nil {
		c.unbury()
	}
}

// serve hands signals to the program or, where there is none, to f.
func (c *charge) serve(s *signals, f *fleet) {
	if c == nil {
		s.serve(f)
		return
	}
	s.deliver(c.deliver)
}

// stopOf is what ends the command when its last client was stopped by another
// command; nil for nothing, since the program goes on without a client.
func (c *charge) stopOf(s *signals) func() {
	if c == nil {
		return s.cancel
	}
	return nil
}

// anyway says that the program is run whatever becomes of the links.
func (c *charge) anyway() bool { return c != nil && c.runAnyway }

// lo brings the loopback link up, which programs rely on.
func (c *charge) lo(f *fleet) {
	if c == nil {
		return
	}
	if err := f.ns.LoopbackUp(); err != nil {
		f.log.Warn(err.Error())
	}
}

// begin starts the program if it does not wait for a lease.
func (c *charge) begin(f *fleet) {
	if c != nil && c.beforeLease {
		c.run(f)
	}
}

// decided is told whether there are the leases that are wanted, and says whether
// that is the end: with nil the command goes on until the program has ended.
func (c *charge) decided(f *fleet, err error) error {
	switch {
	case c == nil || c.signals.ctx.Err() != nil:
		return err
	case err != nil && !c.runAnyway:
		c.mu.Lock()
		c.hopeless = err
		c.mu.Unlock()
		c.end()
		return err
	case err != nil:
		f.log.Error(oneLine(err.Error()))
		without := "the program is run without it"
		if c.beforeLease {
			without = "the program goes on without it"
		}
		if !f.none {
			without += "; it is still asked for"
		}
		f.log.Warn(without)
	}
	if !c.beforeLease {
		c.run(f)
	}
	return nil
}

// run starts the program. When it ends, so does the command.
func (c *charge) run(f *fleet) {
	f.attend() // they are its own from now on
	f.executeHelper()
	told := c.program
	told.Env = append(slices.Clone(told.Env), f.leaseVariables()...)
	p, err := f.helper.Run(told)
	if err != nil {
		c.over(0, &startError{126, err})
		return
	}
	c.mu.Lock()
	c.running = p
	late := c.refused
	c.mu.Unlock()
	if late != 0 { // it came just before
		c.signal(p, late)
	}
	go func() { c.over(c.wait(p)) }()
}

// wait waits for the end of p. Where the helper died before it, the kernel has
// given p to this process, which learns of its end with those of orphans.
func (c *charge) wait(p *helper.Process) (syscall.WaitStatus, error) {
	status, err := p.Wait(context.Background())
	if errors.Is(err, helper.ErrLost) {
		c.tellAgain(p)
		<-c.adopted
		return c.last, nil
	}
	return syscall.WaitStatus(status), err
}

// buried is called for each child that has ended.
func (c *charge) buried(pid int, status syscall.WaitStatus) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil || c.running.PID() != pid {
		return
	}
	select {
	case <-c.adopted: // the number is another's by now
	default:
		c.last = status
		close(c.adopted)
	}
}

// over is called when the program has ended.
func (c *charge) over(status syscall.WaitStatus, err error) {
	c.mu.Lock()
	c.status, c.failed = status, err
	close(c.ended)
	c.mu.Unlock()
	c.signals.cancel()
}

// deliver hands a signal to the program. Before there is one, those that are meant
// to stop it stop the command.
func (c *charge) deliver(sig syscall.Signal) {
	c.mu.Lock()
	p := c.running
	if p == nil && isStop(sig) && c.refused == 0 {
		c.refused = sig
		defer c.signals.cancel()
	}
	c.mu.Unlock()
	if p != nil && !(c.onTerminal && isOfTerminal(sig)) {
		c.signal(p, sig)
	}
}

// isOfTerminal says that sig is one that a terminal sends to all processes in its
// foreground: the program has it already, and twice is not what was meant.
func isOfTerminal(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGWINCH:
		return true
	}
	return false
}

// inForegroundOfTerminal says that this process, and so the program, is in the
// foreground of the terminal that standard input is.
func inForegroundOfTerminal() bool {
	group, err := unix.IoctlGetInt(0, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// signal sends p a signal. Where the helper has died it may be that this process
// must not: it ends then, if that is what is wanted, and says that p does not.
func (c *charge) signal(p *helper.Process, sig syscall.Signal) {
	if isStop(sig) {
		c.told.Store(int32(sig))
	}
	err := p.Signal(sig)
	if errors.Is(err, helper.ErrLost) {
		err = syscall.Kill(p.PID(), sig)
	}
	if err != nil && !errors.Is(err, syscall.ESRCH) && isStop(sig) {
		c.mu.Lock()
		if !c.isOver() {
			c.failed = &startError{128 + int(sig), fmt.Errorf("process %d goes on: it cannot be sent a signal: %w", p.PID(), err)}
		}
		c.mu.Unlock()
		c.signals.cancel()
	}
}

// tellAgain signals p once more to stop: a helper that has died may have had the
// word, and not have passed it on.
func (c *charge) tellAgain(p *helper.Process) {
	if sig := syscall.Signal(c.told.Load()); sig != 0 {
		c.signal(p, sig)
	}
}

// isStop says that sig asks a process to end.
func isStop(sig syscall.Signal) bool {
	switch sig {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP:
		return true
	}
	return false
}

// end ends the program, where it runs.
func (c *charge) end() {
	c.mu.Lock()
	p := c.running
	c.mu.Unlock()
	if p == nil {
		return
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		c.signal(p, sig)
		select {
		case <-c.ended:
			return
		case <-time.After(stopGrace):
		}
	}
}

// exitCode is the program's, as a shell has it, unless err says that it did not
// come to that.
func (c *charge) exitCode(err error) int {
	var start *startError
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case errors.As(err, &start):
		return start.code
	case err != nil:
		return exitCode(err)
	case c.refused != 0 && !c.isOver():
		return 128 + int(c.refused)
	case c.status.Signaled():
		return 128 + int(c.status.Signal())
	}
	return c.status.ExitStatus()
}

// isOver says that it is known how the program has ended.
func (c *charge) isOver() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// failure is why the program must not run, did not, or it is not known how it
// ended.
func (c *charge) failure() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.hopeless, c.failed)
}
