package netcfg

import (
	"net/netip"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A state is what the kernel has on a link: all its addresses, and those of
// its routes that a DHCP client set (protocol dhcp, main table).
type state struct {
	addresses []address
	routes    []route
}

// An action is what a change does.
type action uint8

const (
	addAddress action = iota + 1
	refreshAddress
	deleteAddress
	addRoute
	deleteRoute
)

// A change is one thing to tell the kernel.
type change struct {
	action  action
	address address
	route   route
}

// String is the change as a command of `ip` would have it.
func (c change) String() string {
	switch c.action {
	case addAddress:
		return "address add " + c.address.String()
	case refreshAddress:
		return "address change " + c.address.String()
	case deleteAddress:
		return "address del " + c.address.prefix.String()
	case addRoute:
		return "route append " + c.route.String()
	}
	return "route del " + c.route.String()
}

// diff lists what makes have into want, nil for nothing of ours, in an order
// that leaves no gap: additions first. prev are the leases that may have left
// something; only what belongs to one of them, or to want, is ever removed.
func diff(want *plan, have state, prev []*lease.Lease) []change {
	own := ownership(want, prev)
	var changes []change
	if want != nil {
		changes = append(changes, addressChanges(want.address, have)...)
		for _, r := range want.routes {
			if !slices.Contains(have.routes, r) {
				changes = append(changes, change{action: addRoute, route: r})
			}
		}
	}
	// What goes through a gateway goes before the route to the gateway.
	for _, viaGateway := range []bool{true, false} {
		for _, r := range have.routes {
			if r.gateway.IsValid() == viaGateway && own.sources[r.source] && (want == nil || !slices.Contains(want.routes, r)) {
				changes = append(changes, change{action: deleteRoute, route: r})
			}
		}
	}
	for _, a := range have.addresses {
		if own.has(a) && (want == nil || a.prefix != want.address.prefix) {
			changes = append(changes, change{action: deleteAddress, address: a})
		}
	}
	return changes
}

// addressChanges sets the address, or its lifetime if it is there: what is
// within a second of right is left alone.
func addressChanges(want address, have state) []change {
	i := slices.IndexFunc(have.addresses, func(a address) bool { return a.prefix == want.prefix && !a.peer.IsValid() })
	if i < 0 {
		return []change{{action: addAddress, address: want}}
	}
	is, should := int64(have.addresses[i].valid), int64(want.valid)
	if is == should || is-should <= 1 && should-is <= 1 && is != forever && should != forever {
		return nil
	}
	return []change{{action: refreshAddress, address: want}}
}

// An owned is what the leases of this client may have put on the link.
type owned struct {
	// prefixes are their addresses; true if one of them never expires.
	prefixes map[netip.Prefix]bool
	// sources are the addresses that their routes prefer.
	sources map[netip.Addr]bool
}

func ownership(want *plan, prev []*lease.Lease) owned {
	o := owned{map[netip.Prefix]bool{}, map[netip.Addr]bool{}}
	if want != nil {
		o.sources[want.address.prefix.Addr()] = true
	}
	for _, l := range prev {
		if l == nil {
			continue
		}
		p, _, err := leasePrefix(l)
		if err != nil {
			continue // was never set either
		}
		o.prefixes[p] = o.prefixes[p] || l.IsInfinite()
		o.sources[p.Addr()] = true
	}
	return o
}

// has says that a is ours. An address of a lease that would expire, and that
// does not, was made an administrator's.
func (o owned) has(a address) bool {
	infinite, ok := o.prefixes[a.prefix]
	return ok && !a.peer.IsValid() && (a.valid != forever || infinite)
}
