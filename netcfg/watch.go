package netcfg

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// watchRetry is how long to wait when the kernel cannot say how the link is.
const watchRetry = time.Second

// Watch calls f with the state of the link, and again after each change of it,
// from the goroutine that called Watch and never concurrently. It returns nil
// when ctx is done, and ErrClosed when the namespace is closed.
//
// A deleted link has index 0; one with the configured name that appears later
// has another index, which may be reported without an index of 0 in between. A
// link that is seen for the first time is brought up, unless Config.LeaveDown.
func (l *Link) Watch(ctx context.Context, f func(lease.LinkState)) error {
	w, err := l.ns.mon.add()
	if err != nil {
		return err
	}
	defer l.ns.mon.remove(w)
	var last *lease.LinkState
	for {
		// While it looks it must hear of every link: the one that it is about
		// to find may be a new one.
		w.index.Store(0)
		s, err := l.look()
		switch {
		case errors.Is(err, ErrClosed):
			return err
		case err != nil:
			l.log.Warn("link state is unknown", "err", err)
			time.AfterFunc(watchRetry, w.wake)
		case last == nil || !sameState(*last, s):
			w.index.Store(int32(s.Index))
			last = &s
			f(s)
		default:
			w.index.Store(int32(s.Index))
		}
		if err := l.ns.wait(ctx, w); errors.Is(err, ErrClosed) {
			return err
		} else if err != nil {
			return nil // ctx is done
		}
	}
}

// look reads the state, and brings the link up if it is seen for the first time.
func (l *Link) look() (lease.LinkState, error) {
	info, found, err := l.find()
	if err != nil || !found {
		return lease.LinkState{}, err
	}
	if l.firstSight(info) {
		if err := l.bringUp(info); err != nil {
			l.log.Warn("link stays down", "err", err)
		}
		if info, found, err = l.find(); err != nil || !found {
			return lease.LinkState{}, err
		}
	}
	return l.ns.linkState(info)
}

func sameState(a, b lease.LinkState) bool {
	return a.Index == b.Index && a.Name == b.Name && a.HardwareAddr == b.HardwareAddr && a.MTU == b.MTU &&
		a.Carrier == b.Carrier && a.CarrierChanges == b.CarrierChanges && slices.Equal(a.Addresses, b.Addresses)
}
