package client

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// applyLimit is how long one Configurator may take.
const applyLimit = 5 * time.Second

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

	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	idle    sync.Cond
	running bool
	save    *saveJob
	apply   *applyJob
	// prev are the leases that may have left something on the link. Only the
	// goroutine touches it, and adopt before the first one.
	prev []*lease.Lease
	// storeFailed says that the last Save failed: one warning is enough.
	storeFailed bool
}

type saveJob struct{ lease *lease.Lease }

type applyJob struct {
	seq   uint64
	lease *lease.Lease
}

func newWorker(cfg *Config, log *slog.Logger, applied func(uint64, error), settled func()) *worker {
	w := &worker{configurator: cfg.Configurator, after: cfg.AfterApply, store: cfg.LeaseStore,
		log: log, applied: applied, settled: settled}
	w.idle.L = &w.mu
	w.ctx, w.cancel = context.WithCancel(context.Background())
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

func (w *worker) queueApply(seq uint64, l *lease.Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.apply = &applyJob{seq, l}
	w.start()
}

// start starts the goroutine unless it runs; mu is held.
func (w *worker) start() {
	if !w.running {
		w.running = true
		go w.run()
	}
}

func (w *worker) run() {
	for {
		w.mu.Lock()
		save, apply := w.save, w.apply
		w.save, w.apply = nil, nil
		if save == nil && apply == nil {
			w.running = false
			w.idle.Broadcast()
			w.mu.Unlock()
			w.settled()
			return
		}
		w.mu.Unlock()
		if save != nil {
			w.doSave(save)
		}
		if apply != nil {
			w.doApply(apply)
		}
	}
}

func (w *worker) doSave(j *saveJob) {
	ctx, cancel := context.WithTimeout(w.ctx, applyLimit)
	defer cancel()
	err := w.store.Save(ctx, j.lease)
	if err != nil && !w.storeFailed {
		// A lease is not worth less for not being remembered.
		w.log.Warn("the lease cannot be stored", "err", err)
	}
	w.storeFailed = err != nil
}

func (w *worker) doApply(j *applyJob) {
	prev := w.prev
	if l := j.lease; l != nil && !slices.ContainsFunc(prev, func(p *lease.Lease) bool { return p.Prefix() == l.Prefix() }) {
		w.prev = append(slices.Clip(prev), l)
	}
	err := w.configure(w.configurator, j.lease, prev)
	if err == nil {
		w.prev = nil
		if j.lease != nil {
			w.prev = []*lease.Lease{j.lease}
		}
	}
	w.applied(j.seq, err)
	if err != nil {
		return
	}
	for _, c := range w.after {
		if w.superseded() {
			return
		}
		if err := w.configure(c, j.lease, prev); err != nil {
			w.log.Warn("after the lease was applied", "err", err)
		}
	}
}

func (w *worker) configure(c Configurator, next *lease.Lease, prev []*lease.Lease) error {
	if c == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(w.ctx, applyLimit)
	defer cancel()
	return c.Apply(ctx, next, prev)
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

// finish waits until all is done, for grace at most; what takes longer is told
// to stop, and waited for.
func (w *worker) finish(grace time.Duration) {
	t := time.AfterFunc(grace, w.cancel)
	defer t.Stop()
	w.mu.Lock()
	for w.running {
		w.idle.Wait()
	}
	w.mu.Unlock()
	w.cancel()
}
