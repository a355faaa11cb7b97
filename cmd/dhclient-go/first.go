package main

import (
	"context"
	"sync/atomic"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// win ends the clients of the other links than that of winner, which has its
// lease in place: one was enough. With --wait first nothing stays on them. A
// command that ends now leaves a lease there that is in place already, and none
// that is about to come, which nobody would be told of.
func (f *fleet) win(winner *berth) {
	if f.o.waitFirst {
		f.winner.Store(winner)
	}
	if f.o.waitFirst && len(f.berths) > 1 {
		f.log.Info("this link has the first lease; the others are given up", "if", winner.name)
	}
	for _, b := range f.berths {
		if b != winner && (f.o.waitFirst || f.o.once() && !b.hasLease()) {
			f.giveUp(b)
		}
	}
}

// onlyFirst is what belongs to the whole host, as the resolver: of a link that another
// one has won against it is set no more, though its client may be about to. What was
// set before goes as ever.
func (f *fleet) onlyFirst(b *berth, c client.Configurator) client.Configurator {
	if !b.o.waitFirst {
		return c
	}
	return &unlessLost{c, &f.winner, b}
}

type unlessLost struct {
	client.Configurator
	winner *atomic.Pointer[berth]
	b      *berth
}

// Apply does nothing with a lease that comes too late.
func (u *unlessLost) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	if winner := u.winner.Load(); next != nil && winner != nil && winner != u.b {
		return nil
	}
	return u.Configurator.Apply(ctx, next, prev)
}

// giveUp ends the client of b at once. A lease that it has in place is given back
// to its server (RFC 2131 4.4.6); one that was granted and is not in use yet has
// no address to say that from, and ends by itself. A dry run has nothing in place.
func (f *fleet) giveUp(b *berth) {
	select {
	case <-b.ready:
		if !f.o.dryRun {
			b.link.client.Release() // which is done before the client ends
		}
	default:
	}
	b.halt()
}

func (b *berth) hasLease() bool {
	select {
	case <-b.ready:
		return b.link.client.Lease() != nil
	default:
		return false
	}
}
