package client

import "time"

// What failed beside the lease itself is tried again after redoFirst, and then
// after twice as long each time, up to redoMax: a disk that was full when the
// lease came would else cost the name servers until it is renewed, hours later.
const (
	redoFirst = 10 * time.Second
	redoMax   = 5 * time.Minute
)

// A redo is what of the newest jobs has failed. The worker's goroutine alone
// uses it, but for timer and due, which the worker's lock guards.
type redo struct {
	save        *saveJob
	change      change
	after       []Configurator
	wait        time.Duration
	timer       *time.Timer
	due, closed bool
}

// supersede forgets what newer jobs do anyway. What is to follow an Apply is
// forgotten when there is one to follow.
func (r *redo) supersede(save *saveJob, apply *applyJob) {
	if save != nil {
		r.save = nil
	}
	if save != nil || apply != nil {
		r.wait = 0
	}
}

// arm sets when to try again, if there is anything; the worker is locked.
func (w *worker) arm() {
	r := &w.redo
	if r.closed || (r.save == nil && len(r.after) == 0) {
		return
	}
	if r.timer != nil {
		r.timer.Stop()
	}
	r.wait = min(max(2*r.wait, redoFirst), redoMax)
	r.timer = time.AfterFunc(r.wait, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if r.closed {
			return
		}
		r.due = true
		w.start()
	})
}

// disarm ends the trying; the worker is locked.
func (w *worker) disarm() {
	w.redo.closed = true
	if w.redo.timer != nil {
		w.redo.timer.Stop()
	}
}

// again tries what has failed.
func (w *worker) again() {
	r := &w.redo
	if save := r.save; save != nil {
		r.save = nil
		w.doSave(save)
	}
	after := r.after
	r.after = nil
	if w.runAfter(after, r.change); len(after) > 0 && len(r.after) == 0 && !w.superseded() {
		w.log.Info("what failed after the lease was applied is done")
	}
}
