package arpcheck

import "time"

// A link carries the frames of a Detector, which calls it with its lock held.
type link interface {
	// send sends a frame. It does not block.
	send(frame []byte) error
	// hear lets pass what w says and nothing else.
	hear(w wanted) error
	// read returns the next frame that has come, valid until the next call;
	// EAGAIN is that there is none.
	read() (frame []byte, err error)
	// follow goes on with the link of that index, hearing nothing; 0 is none.
	follow(index int) error
	// isOurs says that m is a link of the same namespace.
	isOurs(m mac) bool
}

// A job is a probe or a defence. Its methods are called with the lock held.
type job interface {
	// wants is what it must hear.
	wants() wanted
	// judge says whether m is a conflict, by accepted.
	judge(m message) Reason
	// conflict tells that there was one, with the station by.
	conflict(by mac)
	// moved tells that the link is another one, or has another address.
	moved()
	end()
}

// A task is what a job or a query waits for.
type task struct {
	d     *Detector
	timer *time.Timer // nil for nothing
}

// after calls f in a while, with the lock held, unless end comes before. The
// lock is held.
func (t *task) after(wait time.Duration, f func()) {
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		defer t.d.contain()
		t.d.mu.Lock()
		defer t.d.mu.Unlock()
		// It may have fired just when it was stopped.
		if t.timer == timer {
			t.timer = nil
			f()
		}
	})
	t.timer = timer
}

// end waits for nothing any more. The lock is held.
func (t *task) end() {
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
}
