package client

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/roomy"
)

// applyLimit is how long one Configurator may take that does not say itself.
const applyLimit = 5 * time.Second

// hurriedLimit is the same while the client stops.
const hurriedLimit = 100 * time.Millisecond

// A worker does what may block: it writes the lease file and configures the
// link, one thing at a time, the newest lease only. Its goroutine lives only
// while there is something to do.
type worker struct {
	configurator Configurator
	after        []Configurator
	store        LeaseStore
	log          *slog.Logger
	// applied is called with the outcome of each Apply; settled when nothing
	// is left to do.
	applied func(seq uint64, err error)
	settled func()
	// panicked is told of a panic of what it calls, after which nothing is done
	// any more.
	panicked func(value any, stack []byte)

	mu      sync.Mutex
	idle    sync.Cond
	running bool
	broken  bool // by a panic
	// hurried says that the client stops. cancel ends what runs, which is one
	// of after if hooked.
	hurried bool
	hooked  bool
	cancel  context.CancelFunc
	save    *saveJob
	apply   *applyJob
	// prev are the leases that may have left something on the link. Only the
	// goroutine touches it, and adopt before the first one.
	prev []*lease.Lease
	// removed are those that were taken off for a successor, which what
	// follows the Apply has to hear of.
	removed []*lease.Lease
	// storeFailed says that the last Save failed, afterFailed the same of one
	// of after: one warning is enough.
	storeFailed, afterFailed bool
	redo                     redo
}

type saveJob struct{ lease *lease.Lease }

type applyJob struct {
	seq   uint64
	lease *lease.Lease
	why   Reason
	// afresh says that what is on the link has to go first, because of gone: a
	// removal waited that this job has replaced.
	afresh bool
	gone   Reason
}

func newWorker(cfg *Config, log *slog.Logger, applied func(uint64, error), settled func(), panicked func(any, []byte)) *worker {
	w := &worker{configurator: cfg.Configurator, after: cfg.AfterApply, store: cfg.LeaseStore,
		log: log, applied: applied, settled: settled, panicked: panicked, cancel: func() {}}
	w.idle.L = &w.mu
	return w
}

// adopt says that l may be on the link from a process before this one.
func (w *worker) adopt(l *lease.Lease) { w.prev = []*lease.Lease{l} }

func (w *worker) queueSave(l *lease.Lease) {
	if w.store == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.save = &saveJob{l}
	w.start()
}

func (w *worker) queueApply(seq uint64, l *lease.Lease, why Reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.apply
	w.apply = &applyJob{seq: seq, lease: l, why: why}
	switch {
	case l == nil || before == nil:
	case before.lease == nil:
		w.apply.afresh, w.apply.gone = true, before.why
	default:
		w.apply.afresh, w.apply.gone = before.afresh, before.gone
	}
	if l == nil && w.hooked {
		w.cancel() // an address that must go does not wait for a program
	}
	w.start()
}

// start starts the goroutine unless it runs; mu is held.
func (w *worker) start() {
	if !w.running && !w.broken {
		w.running = true
		go w.run()
	}
}

func (w *worker) run() {
	roomy.Grow()
	defer w.contain()
	for {
		w.mu.Lock()
		save, apply, again := w.save, w.apply, w.redo.due
		w.save, w.apply, w.redo.due = nil, nil, false
		if save == nil && apply == nil && !again {
			w.arm()
			w.running = false
			w.cancel = func() {} // else what it ends is kept until the next one
			w.idle.Broadcast()
			w.mu.Unlock()
			w.settled()
			return
		}
		w.mu.Unlock()
		w.redo.supersede(save, apply)
		// A lease is stored before it is used, so that a process that is
		// killed finds what it left; for the same reason, and because an
		// address that must go does not wait for a disk, the old one is off
		// the link before that.
		removes := apply != nil && apply.lease == nil
		if apply != nil && apply.afresh {
			w.takeOff(apply.gone)
		}
		if save != nil && !removes {
			w.doSave(save)
		}
		if apply != nil {
			w.doApply(apply)
		}
		if save != nil && removes {
			w.doSave(save)
		}
		if again && save == nil && apply == nil {
			w.again() // else arm has it later: what is new has just been tried
		}
	}
}

// contain ends the worker after a panic: who waits for it waits no longer.
func (w *worker) contain() {
	v := recover()
	if v == nil {
		return
	}
	w.mu.Lock()
	w.broken, w.running = true, false
	w.idle.Broadcast()
	w.mu.Unlock()
	w.panicked(v, debug.Stack())
}

// A limiter makes the context of one thing to do, which has that long.
type limiter func(time.Duration) (context.Context, context.CancelFunc)

// limited is the context of one thing to do, which a client that stops cuts
// short.
func (w *worker) limited(limit time.Duration) (context.Context, context.CancelFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hurried {
		limit = hurriedLimit
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	w.cancel = cancel
	return ctx, cancel
}

// hook is limited for one of after, which a removal cuts short as well.
func (w *worker) hook(limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := w.limited(limit)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hooked = true
	if w.apply != nil && w.apply.lease == nil {
		cancel()
	}
	return ctx, func() {
		cancel()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.hooked = false
	}
}

func unhurried(limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), limit)
}

func (w *worker) doSave(j *saveJob) {
	ctx, cancel := w.limited(applyLimit)
	defer cancel()
	err := w.store.Save(ctx, j.lease)
	if err != nil {
		if !w.storeFailed {
			// A lease is not worth less for not being remembered.
			w.log.Warn("the lease cannot be stored", "err", err)
		}
		w.redo.save = j
	}
	w.storeFailed = err != nil
}

func (w *worker) doApply(j *applyJob) {
	prev := w.prev
	if l := j.lease; l != nil && !slices.ContainsFunc(prev, func(p *lease.Lease) bool { return p.Prefix() == l.Prefix() }) {
		w.prev = append(slices.Clip(prev), l)
	}
	limit := w.limited
	if j.lease == nil {
		limit = unhurried // the address must go, also when the client stops
	}
	err := configure(limit, w.configurator, change{j.why, j.lease, prev})
	if err == nil {
		w.prev = nil
		if j.lease != nil {
			w.prev = []*lease.Lease{j.lease}
		}
	}
	w.applied(j.seq, err)
	if err != nil {
		if j.lease == nil {
			w.notRemoved(err)
		}
		return
	}
	w.redo.after = nil
	w.runAfter(w.after, change{j.why, j.lease, append(w.removed, prev...)})
	w.removed = nil
}

// runAfter runs what is to follow an Apply, and remembers what has failed.
func (w *worker) runAfter(after []Configurator, ch change) {
	for _, c := range after {
		if w.superseded() {
			return
		}
		err := configure(w.hook, c, ch)
		if err == nil {
			continue
		}
		if errors.Is(err, context.Canceled) && w.superseded() {
			w.log.Debug("what follows a lease is cut short: another comes, or none", "err", err)
			return
		}
		if !w.afterFailed {
			w.log.Warn("after the lease was applied", "err", err)
		}
		w.redo.change = ch
		w.redo.after = append(w.redo.after, c)
	}
	w.afterFailed = len(w.redo.after) > 0
}

// takeOff removes what earlier leases have left on the link, before another is
// stored.
func (w *worker) takeOff(why Reason) {
	if err := configure(unhurried, w.configurator, change{why, nil, w.prev}); err != nil {
		w.notRemoved(err)
		return
	}
	w.prev, w.removed = nil, w.prev
}

// notRemoved tells a person; the machine has no use for it.
func (w *worker) notRemoved(err error) {
	w.log.Error("cannot take the lease off the link; the kernel does when it ends", "err", err)
}

// A change is what a Configurator is to do, and why.
type change struct {
	why  Reason
	next *lease.Lease
	prev []*lease.Lease
}

func configure(limit limiter, c Configurator, ch change) error {
	if c == nil {
		return nil
	}
	most := applyLimit
	reasoned, ok := c.(ReasonConfigurator)
	if ok {
		most = reasoned.Limit()
	}
	ctx, cancel := limit(most)
	defer cancel()
	if ok {
		return reasoned.ApplyFor(ctx, ch.why, ch.next, ch.prev)
	}
	return c.Apply(ctx, ch.next, ch.prev)
}

// superseded says that a newer lease waits to be applied.
func (w *worker) superseded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.apply != nil
}

// busy says that something is being done.
func (w *worker) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.running
}

// finish waits until all is done. What runs for longer than grace is told to
// stop, and waited for; what waits behind it is done all the same, in a hurry:
// it may be an address that has to go.
func (w *worker) finish(grace time.Duration) {
	t := time.AfterFunc(grace, w.hurry)
	defer t.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disarm()
	for w.running {
		w.idle.Wait()
	}
}

func (w *worker) hurry() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hurried = true
	w.cancel()
}
