package arpcheck

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// wants is what must be heard now.
func (d *Detector) wants() (w wanted) {
	if d.job != nil {
		w = d.job.wants()
	}
	if d.query != nil {
		w.router = d.query.router
	}
	return w
}

// tune makes the filter match what is wanted. A filter that is too wide costs
// time, one that is too narrow makes us deaf: see transmit.
func (d *Detector) tune() {
	if d.closed {
		return
	}
	if err := d.hear(); err != nil {
		d.log.Warn("cannot set the ARP filter", "link", d.index, "err", err)
	}
}

func (d *Detector) hear() error {
	w := d.wants()
	if w == d.hears || d.index == 0 {
		return nil
	}
	if err := d.link.hear(w); err != nil {
		return fmt.Errorf("set ARP filter: %w", err)
	}
	d.hears = w
	return nil
}

// transmit sends r and counts it. Who would not hear the answer does not ask.
func (d *Detector) transmit(r request, sent *atomic.Uint64) error {
	err := d.hear()
	if err == nil && d.index == 0 {
		err = errNoLink
	}
	if err == nil {
		err = d.link.send(r.frame(d.mac))
	}
	if err != nil {
		d.count.sendErrors.Add(1)
		return err
	}
	sent.Add(1)
	return nil
}

var errNoLink = fmt.Errorf("the link does not exist: %w", unix.ENODEV)
