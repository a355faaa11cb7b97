package netcfg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Apply makes the link match next; nil removes what leases have left there. prev
// are the leases that may have left something, among them one of an earlier
// process. It is idempotent, and what is right already is not touched.
//
// It fails if afterwards the address is not on the link (or, for nil, still
// is), and if next has expired. A route that the kernel refuses is a warning.
// A link that is gone has nothing of ours: nil succeeds then.
//
// An address that is there before, with a lifetime, is taken over with that of
// the lease. Its broadcast address stays as it is, for only a new address could
// change it. A permanent address is ours only if a lease of prev never expires, or
// if it was adopted; any other stays permanent, and stays when the lease ends: a log line says so.
// The routes of the lease are ours all the same.
//
// So that no administrator's address of the same subnet is removed by the
// kernel together with ours, the link's promote_secondaries is turned on.
func (l *Link) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	l.applying.Lock()
	defer l.applying.Unlock()
	info, found, err := l.find(l.ns)
	if err != nil {
		return fmt.Errorf("configure %s: %w", l.name, err)
	}
	switch {
	case next == nil && !found:
		l.mtu, l.foreign, l.adopted = heldMTU{}, netip.Prefix{}, adoption{}
		return nil
	case next == nil:
		l.restoreMTU(info)
		err = l.configure(ctx, info, nil, ownership(nil, prev, l.cfg.metric(info.index)))
	case !found:
		return fmt.Errorf("set %v on %s: %w", next.Address, l.name, ErrNoLink)
	default:
		err = l.set(ctx, info, next, prev)
	}
	if err != nil {
		return fmt.Errorf("configure %s: %w", info.name, err)
	}
	return nil
}

// set applies a lease to the link.
func (l *Link) set(ctx context.Context, info linkInfo, next *lease.Lease, prev []*lease.Lease) error {
	info.mtu = l.applyMTU(info, next)
	want, err := planLease(next, l.cfg, facts{index: info.index, mtu: info.mtu}, lease.Now())
	if err != nil {
		return err
	}
	l.say(next, &want)
	if !info.promote {
		if err := l.ns.setPromote(info.index); err != nil {
			l.log().Debug("addresses of the subnet may be lost with ours", "err", err)
		}
	}
	return l.configure(ctx, info, &want, ownership(next, prev, l.cfg.metric(info.index)))
}

// configure brings the link to want and remembers which address is not ours:
// once the lease of it is held, the lease would explain it.
func (l *Link) configure(ctx context.Context, info linkInfo, want *plan, own owned) error {
	own.disown(l.foreign)
	own.adopt(l.adopted)
	foreign, err := configure(ctx, rtnetlink{l.ns, l.cfg.table(info), l.adopted.address.IsValid()}, info.index, want, own, l.log())
	if foreign.IsValid() && foreign != l.foreign {
		l.log().Info("permanent address is not ours: it keeps its lifetime and stays when the lease ends", "address", foreign)
	}
	if err == nil || foreign.IsValid() {
		l.foreign = foreign
	}
	if err == nil {
		l.adopted = adoption{} // from now on the lease explains it
	}
	return err
}

// configure brings a link to want, nil for nothing of ours. It goes twice if it
// must: without promote_secondaries the kernel removes the new address with the
// old one of its subnet. foreign is the address of a lease that was there and is
// not ours.
func configure(ctx context.Context, k kernel, index int, want *plan, own owned, log *slog.Logger) (foreign netip.Prefix, err error) {
	if err := ctx.Err(); err != nil {
		return foreign, err
	}
	var failed error
	for try := 1; ; try++ {
		have, err := k.read(index)
		if err != nil {
			return foreign, err
		}
		if try == 1 {
			foreign = own.foreignIn(have)
		}
		if try > 1 && settled(want, have, own) {
			if failed != nil { // a lifetime that stays, an old address that does
				log.Warn("addresses were refused", "err", failed)
			}
			_, _ = carryOut(ctx, k, index, own.adopted.leftovers(want, have), log) // what fails is said there
			return foreign, nil
		}
		if try > 2 {
			return foreign, unsettled(want, failed)
		}
		var refused []route
		refused, failed = carryOut(ctx, k, index, diff(want, have, own), log)
		closeDoors(k, index, want.useless(refused), log)
	}
}

// settled says that the addresses are as they should be.
func settled(want *plan, have state, own owned) bool {
	there := want == nil
	for _, a := range have.addresses {
		if want != nil && a.prefix == want.address.prefix && !a.peer.IsValid() {
			there = true
		} else if want == nil && own.has(a) {
			return false
		}
	}
	return there
}

func unsettled(want *plan, failed error) error {
	text := "leased address is still on the link"
	if want != nil {
		text = fmt.Sprintf("address %v is not on the link", want.address.prefix)
	}
	if failed == nil {
		return errors.New(text) // somebody undid it at once, twice
	}
	return fmt.Errorf("%s: %w", text, failed)
}

// carryOut makes the changes and returns the routes that could not be added, and
// what went wrong with addresses. Routes that fail are told in one line.
func carryOut(ctx context.Context, k kernel, index int, changes []change, log *slog.Logger) (missing []route, failed error) {
	refused, first := 0, ""
	for _, c := range changes {
		err := ctx.Err()
		if err == nil {
			err = k.change(index, c)
		}
		switch {
		case err == nil:
			log.Debug("changed", "change", c)
		case c.action == addRoute || c.action == deleteRoute:
			if refused++; refused == 1 {
				first = fmt.Sprintf("%v: %v", c, err)
			}
			if c.action == addRoute {
				missing = append(missing, c.route)
			}
		default:
			failed = errors.Join(failed, fmt.Errorf("%v: %w", c, err))
			if c.action == addAddress {
				return missing, failed // no route can prefer an address that is not there
			}
		}
	}
	if refused > 0 {
		log.Warn("routes were refused", "count", refused, "first", first)
	}
	return missing, failed
}

// closeDoors removes routes to gateways through which nothing goes.
func closeDoors(k kernel, index int, doors []route, log *slog.Logger) {
	for _, r := range doors {
		c := change{action: deleteRoute, route: r}
		err := k.change(index, c)
		log.Debug("nothing goes through the gateway", "change", c, "err", err)
	}
}
