package arpcheck

import (
	"context"
	"errors"
	"log/slog"

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
	defer d.contain()
	for range burst {
		more, why := d.readOne()
		if why != accepted {
			d.logDropped(why)
		}
		if !more {
			return
		}
	}
}

// logDropped is called without the lock: a logger may take its time. There may
// be a flood of them: what is not logged costs nothing.
func (d *Detector) logDropped(why Reason) {
	if ctx := context.Background(); d.log.Enabled(ctx, slog.LevelDebug) {
		d.log.LogAttrs(ctx, slog.LevelDebug, "ARP packet rejected", slog.String("reason", why.String()))
	}
}

// readOne reads one frame; false is that there is none. why is what was wrong
// with it.
func (d *Detector) readOne() (more bool, why Reason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read()
}

// catchUp reads what waits to be read: the reader may be late. The lock is held,
// so what is dropped is only counted.
func (d *Detector) catchUp() {
	for range backlog {
		if more, _ := d.read(); !more {
			return
		}
	}
}

func (d *Detector) read() (more bool, why Reason) {
	frame, err := d.link.read()
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false, accepted
	case err != nil:
		// ENETDOWN: the link went down. The socket goes on when it is up.
		d.count.readErrors.Add(1)
	default:
		why = d.handle(frame)
	}
	return true, why
}

// handle takes a frame, which may be anything, and says why it means nothing.
func (d *Detector) handle(frame []byte) Reason {
	if isFrom(frame, d.mac) {
		d.count.dropped[Own].Add(1)
		return Own
	}
	m, why := parse(frame)
	if why == accepted {
		why = d.judge(m)
	}
	if why != accepted {
		d.count.dropped[why].Add(1)
	}
	return why
}

// judge acts on m, and says why if there is nothing to do.
func (d *Detector) judge(m message) Reason {
	if m.sha == d.mac {
		return Own
	}
	why := Unrelated
	if q := d.query; q != nil && q.isAnswer(m) {
		d.logARP("ARP received", slog.String("as", "router"), slog.Any("address", m.spa), slog.Any("from", m.sha))
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
	case d.isOurs(m.sha):
		return Own
	}
	d.count.conflicts.Add(1)
	d.logConflict(m)
	d.job.conflict(m.sha)
	return accepted
}
