package netcfg

import "slices"

// A state is what the kernel has on a link: all its addresses, those of its
// routes that a DHCP client set (protocol dhcp, in the table of ours), and the default
// routes that the kernel's own or a script may have set (protocol boot).
type state struct {
	addresses []address
	routes    []route
	defaults  []route
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
// that leaves no gap: additions first. Only what is ours is ever removed.
func diff(want *plan, have state, own owned) []change {
	var changes []change
	if want != nil {
		changes = append(changes, addressChanges(want.address, have, own)...)
		for _, r := range want.routes {
			if !slices.Contains(have.routes, r) {
				changes = append(changes, change{action: addRoute, route: r})
			}
		}
	}
	// What goes through a gateway goes before the route to the gateway.
	for _, viaGateway := range []bool{true, false} {
		for _, r := range have.routes {
			if r.gateway.IsValid() == viaGateway && own.hasRoute(r) && (want == nil || !slices.Contains(want.routes, r)) {
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

// shortLife is where a second counts: the kernel says up to a second too much of
// what is left, and we ask for up to a second too little.
const shortLife = 60

// addressChanges sets the address, or its lifetime if it is there: of a long one
// what is within a second of right is left alone, and so is a permanent address
// that is not ours.
func addressChanges(want address, have state, own owned) []change {
	i := slices.IndexFunc(have.addresses, func(a address) bool { return a.prefix == want.prefix && !a.peer.IsValid() })
	if i < 0 {
		return []change{{action: addAddress, address: want}}
	}
	if own.foreign(have.addresses[i]) {
		return nil
	}
	is, should := int64(have.addresses[i].valid), int64(want.valid)
	near := is-should <= 1 && should-is <= 1 && is != forever && should > shortLife && should != forever
	if is == should || near {
		return nil
	}
	return []change{{action: refreshAddress, address: want}}
}
