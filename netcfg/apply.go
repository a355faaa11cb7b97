package netcfg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

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
// An address that is there before is taken over with the lifetime of the lease.
// Its broadcast address stays as it is, for only a new address could change it.
//
// So that no administrator's address of the same subnet is removed by the
// kernel together with ours, the link's promote_secondaries is turned on.
func (l *Link) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	l.applying.Lock()
	defer l.applying.Unlock()
	info, found, err := l.find()
	if err != nil {
		return fmt.Errorf("configure %s: %w", l.name, err)
	}
	switch {
	case next == nil && !found:
		l.mtu = heldMTU{}
		return nil
	case next == nil:
		l.restoreMTU(info)
		err = configure(ctx, rtnetlink{l.ns}, info.index, nil, prev, l.log)
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
	if notes := strings.Join(want.notes, "; "); notes != l.notes {
		l.notes = notes
		if notes != "" {
			l.log.Warn("lease is not applied as it came", "lease", next.Address, "why", want.notes)
		}
	}
	if !info.promote {
		if err := l.ns.setPromote(info.index); err != nil {
			l.log.Debug("addresses of the subnet may be lost with ours", "err", err)
		}
	}
	return configure(ctx, rtnetlink{l.ns}, info.index, &want, prev, l.log)
}

// configure brings a link to want, nil for nothing of ours. It goes twice if it
// must: without promote_secondaries the kernel removes the new address with the
// old one of its subnet.
func configure(ctx context.Context, k kernel, index int, want *plan, prev []*lease.Lease, log *slog.Logger) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var failed error
	for try := 1; ; try++ {
		have, err := k.read(index)
		if err != nil {
			return err
		}
		if try > 1 && settled(want, have, prev) {
			if failed != nil { // a lifetime that stays, an old address that does
				log.Warn("addresses were refused", "err", failed)
			}
			return nil
		}
		if try > 2 {
			return unsettled(want, failed)
		}
		failed = carryOut(ctx, k, index, diff(want, have, prev), log)
	}
}

// settled says that the addresses are as they should be.
func settled(want *plan, have state, prev []*lease.Lease) bool {
	own := ownership(want, prev)
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

// carryOut makes the changes and returns what went wrong with addresses. Routes
// that fail are told in one line.
func carryOut(ctx context.Context, k kernel, index int, changes []change, log *slog.Logger) (failed error) {
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
		default:
			failed = errors.Join(failed, fmt.Errorf("%v: %w", c, err))
			if c.action == addAddress {
				return failed // no route can prefer an address that is not there
			}
		}
	}
	if refused > 0 {
		log.Warn("routes were refused", "count", refused, "first", first)
	}
	return failed
}
