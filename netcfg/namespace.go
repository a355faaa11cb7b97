package netcfg

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// requestTimeout bounds each request to the kernel, which answers in
// microseconds unless somebody holds the RTNL lock.
const requestTimeout = 5 * time.Second

// A Namespace is a handle on a network namespace. Its methods may be called
// from any goroutine and any OS thread, also from one in another namespace.
type Namespace struct {
	log *slog.Logger
	mon *monitor

	// mu is held for reading during requests, so that Close cannot free a
	// descriptor number that one of them is about to use.
	mu     sync.RWMutex
	closed bool
	done   chan struct{}
	query  *questioner

	// listed is how many links there were in the last list of all; 0 for none yet.
	listed   atomic.Int64
	stations stations
}

// Open returns a handle on the network namespace of the calling OS thread. All
// sockets are opened here; what is done later needs CAP_NET_ADMIN in that
// namespace and nothing else. A nil logger logs nothing.
func Open(log *slog.Logger) (*Namespace, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	// All sockets in one namespace, even if the threads differ in theirs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	query, err := openQuestioner()
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	mon, err := newMonitor(log)
	if err != nil {
		query.close()
		return nil, err
	}
	ns := &Namespace{log: log, mon: mon, done: make(chan struct{}), query: query}
	mon.lookAt = ns.lookAt
	return ns, nil
}

// Close ends what runs on the handle with ErrClosed, and subscriptions without a
// word. What is on the links stays. It must not be called by a subscriber.
func (ns *Namespace) Close() error {
	if !ns.release() {
		return nil
	}
	// Without the lock: whom it waits for may want it.
	return ns.mon.close()
}

// release ends all requests; false is that it was done before.
func (ns *Namespace) release() bool {
	ns.mu.Lock()
	defer ns.mu.Unlock()
	if ns.closed {
		return false
	}
	ns.closed = true
	close(ns.done)
	ns.query.close()
	return true
}

// do runs one request, unless the handle is closed.
func (ns *Namespace) do(request func() error) error {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	if ns.closed {
		return ErrClosed
	}
	return request()
}

// WaitLink returns when a link with that name exists, which may be at once.
// It fails when ctx is done first.
func (ns *Namespace) WaitLink(ctx context.Context, name string) error {
	err := ns.waitUntil(ctx, topic{name: name}, func() (found bool, err error) {
		_, found, err = ns.linkByName(name)
		return found, err
	})
	if err != nil {
		return fmt.Errorf("wait for link %q: %w", name, err)
	}
	return nil
}

// WaitUntil calls look, and again after each change of a link, until it returns
// true. It fails when look does, and when ctx is done first.
func (ns *Namespace) WaitUntil(ctx context.Context, look func() (done bool, err error)) error {
	return ns.waitUntil(ctx, topic{}, look)
}

func (ns *Namespace) waitUntil(ctx context.Context, t topic, look func() (done bool, err error)) error {
	woken := newBell()
	w := &watcher{who: woken}
	if err := ns.mon.add(w, t); err != nil {
		return err
	}
	defer ns.mon.remove(w)
	for {
		if done, err := look(); done || err != nil {
			return err
		}
		if err := ns.wait(ctx, woken); err != nil {
			return err
		}
	}
}

// wait returns nil when woken was.
func (ns *Namespace) wait(ctx context.Context, woken bell) error {
	select {
	case <-woken:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-ns.done:
		return ErrClosed
	}
}
