package arpcheck

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"
)

// A kind is a set of what a Detector can have under way.
type kind uint8

const (
	kindJob   kind = 1 << iota // a probe or a defence
	kindQuery                  // a CheckRouter
	kindAll   = kindJob | kindQuery
)

// calls are the callbacks that are due. One goroutine makes them, one after
// the other and without a lock, and lives only while there are some: so a
// callback that takes long delays no other Detector and no timer, and two that
// stop each other cannot wait for each other. The Detector's lock guards it.
type calls struct {
	queue  []call
	active bool // the goroutine lives
	// running is what the callback that runs is of, 0 for none; by is the
	// goroutine.
	running kind
	by      uint64
	changed sync.Cond // of the Detector's lock: one of these has become less
}

type call struct {
	of kind
	f  func()
}

// later has f called without the lock, unless what it is of is halted before.
// The lock is held.
func (d *Detector) later(of kind, f func()) {
	d.calls.queue = append(d.calls.queue, call{of, f})
	if !d.calls.active {
		d.calls.active = true
		go d.makeCalls()
	}
}

func (d *Detector) makeCalls() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls.by = goroutine()
	for len(d.calls.queue) > 0 {
		next := d.calls.queue[0]
		d.calls.queue[0] = call{} // it may hold much, and the array lasts
		d.calls.queue = d.calls.queue[1:]
		d.calls.running = next.of
		d.unlocked(next.f)
		d.calls.running = 0
		d.calls.changed.Broadcast()
	}
	d.calls.active, d.calls.queue = false, nil
	d.calls.changed.Broadcast()
}

// unlocked calls f without the lock.
func (d *Detector) unlocked(f func()) {
	d.mu.Unlock()
	defer d.mu.Lock()
	defer d.contain()
	f()
}

// halt ends what is under way of those kinds. When it returns, no callback of
// theirs is running or will: except the one that called it, if one did. The
// lock is held, but not all the time.
func (d *Detector) halt(which kind) {
	for {
		d.drop(which)
		if d.calls.running&which == 0 || d.calls.by == goroutine() {
			return
		}
		d.calls.changed.Wait()
	}
}

// drop ends what is under way of those kinds and forgets its callbacks.
func (d *Detector) drop(which kind) {
	if which&kindJob != 0 && d.job != nil {
		d.job.end()
		d.job = nil
	}
	if which&kindQuery != 0 && d.query != nil {
		d.query.end()
		d.query = nil
	}
	kept := d.calls.queue[:0]
	for _, c := range d.calls.queue {
		if c.of&which == 0 {
			kept = append(kept, c)
		}
	}
	clear(d.calls.queue[len(kept):])
	d.calls.queue = kept
}

// goroutine is the number of the goroutine that calls it. Nothing else tells a
// call from inside a callback, which must not wait for the callback to end,
// from one that comes from elsewhere and must.
func goroutine() uint64 {
	var buf [64]byte
	// "goroutine 18 [running]: ..."
	fields := bytes.Fields(buf[:runtime.Stack(buf[:], false)])
	id, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		panic("arpcheck: " + err.Error())
	}
	return id
}
