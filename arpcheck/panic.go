package arpcheck

import "runtime/debug"

// contain is deferred where a goroutine runs that serves other Detectors too, or
// nobody waits for. The lock is not held.
func (d *Detector) contain() {
	if d.onPanic == nil {
		return
	}
	if v := recover(); v != nil {
		stack := debug.Stack()
		d.shatter()
		d.onPanic(v, stack)
	}
}

// shatter ends all that is under way, without a word. Nobody knows what state it is
// in.
func (d *Detector) shatter() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = true
	d.drop(kindAll)
	if d.link.hear(wanted{}) == nil {
		d.hears = wanted{}
	}
}
