package netcfg

import (
	"context"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Watch calls f with the state of the link, and again after each change of it,
// from the goroutine that called Watch and never concurrently. It returns nil
// when ctx is done, and ErrClosed when the namespace is closed. A state that is
// not the last any more when f returns is left out.
//
// A deleted link has index 0; one with the configured name that appears later
// has another index, which may be reported without an index of 0 in between. A
// link that is seen for the first time is brought up, unless Config.LeaveDown.
func (l *Link) Watch(ctx context.Context, f func(lease.LinkState)) error {
	states := make(chan lease.LinkState, 1)
	cancel, err := l.Subscribe(func(s lease.LinkState) {
		select {
		case <-states:
		default:
		}
		states <- s // one goroutine does this: there is room
	})
	if err != nil {
		return err
	}
	defer cancel()
	for {
		select {
		case s := <-states:
			f(s)
		case <-ctx.Done():
			return nil
		case <-l.ns.done:
			return ErrClosed
		}
	}
}

// look reads the state from what the kernel says, now or in from, and brings the
// link up if it is seen for the first time.
func (l *Link) look(from links) (lease.LinkState, error) {
	info, found, err := l.find(from)
	if err != nil || !found {
		return lease.LinkState{}, err
	}
	if l.firstSight(info) {
		if err := l.bringUp(info); err != nil {
			l.log().Warn("link stays down", "err", err)
		}
		from = l.ns // it has changed
		if info, found, err = l.find(from); err != nil || !found {
			return lease.LinkState{}, err
		}
	}
	return linkState(from, info)
}

func sameState(a, b lease.LinkState) bool {
	return a.Index == b.Index && a.Name == b.Name && a.HardwareAddr == b.HardwareAddr && a.MTU == b.MTU &&
		a.Carrier == b.Carrier && a.CarrierChanges == b.CarrierChanges && slices.Equal(a.Addresses, b.Addresses)
}
