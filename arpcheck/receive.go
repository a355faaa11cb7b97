package arpcheck

import (
	"errors"

	"golang.org/x/sys/unix"
)

const (
	// burst is how many frames one call of ready takes: a flood on one link
	// must not keep the others waiting.
	burst = 32
	// backlog is more than what the socket's queue holds.
	backlog = 1024
)

// ready reads what has come, in the goroutine of package poll.
func (d *Detector) ready() {
	for range burst {
		if !d.readOne() {
			return
		}
	}
}

// readOne reads one frame; false is that there is none.
func (d *Detector) readOne() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read()
}

// catchUp reads what waits to be read: the reader may be late. The lock is held.
func (d *Detector) catchUp() {
	for range backlog {
		if !d.read() {
			return
		}
	}
}

func (d *Detector) read() bool {
	frame, err := d.link.read()
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false
	case err != nil:
		// ENETDOWN: the link went down. The socket goes on when it is up.
		d.count.readErrors.Add(1)
	default:
		d.handle(frame)
	}
	return true
}

// handle takes a frame, which may be anything.
func (d *Detector) handle(frame []byte) {
	m, why := parse(frame)
	if why == accepted {
		why = d.judge(m)
	}
	if why != accepted {
		d.count.dropped[why].Add(1)
	}
}

// judge acts on m, and says why if there is nothing to do.
func (d *Detector) judge(m message) Reason {
	if m.sha == d.mac {
		return Own
	}
	why := Unrelated
	if q := d.query; q != nil && q.isAnswer(m) {
		q.answer(m.sha)
		why = accepted
	}
	if d.job == nil {
		return why
	}
	switch verdict := d.job.judge(m); {
	case verdict == Unrelated:
		return why
	case verdict != accepted:
		return verdict
	case d.link.isOurs(m.sha):
		return Own
	}
	d.count.conflicts.Add(1)
	d.job.conflict(m.sha)
	return accepted
}
