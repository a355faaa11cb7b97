package arpcheck

import (
	"context"
	"fmt"
	"log/slog"
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
	d.logARP("ARP sent", slog.String("as", r.as), slog.Any("address", r.tpa), slog.Any("to", r.to))
	return nil
}

// logConflict is logARP for a packet of a station that has our address, or
// probes for it as well.
func (d *Detector) logConflict(m message) {
	as, addr := "user", m.spa
	if addr.IsUnspecified() {
		as, addr = "probe", m.tpa
	}
	d.logARP("ARP received", slog.String("as", as), slog.Any("address", addr), slog.Any("from", m.sha))
}

// logARP has a line written for a packet of ours or an answer to one, if the
// logger wants it: without the lock, since it may take its time, and whatever
// becomes of what the packet is of. The lock is held.
func (d *Detector) logARP(message string, attrs ...slog.Attr) {
	if ctx := context.Background(); d.log.Enabled(ctx, slog.LevelDebug) {
		d.later(0, func() { d.log.LogAttrs(ctx, slog.LevelDebug, message, attrs...) })
	}
}

var errNoLink = fmt.Errorf("the link does not exist: %w", unix.ENODEV)
