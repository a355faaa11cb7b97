package netcfg

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Wanted is what Apply would set of the routes of a lease, but for that of its subnet,
// in the order in which they can be set, and their MTU, 0 for the link's: for who
// configures the link in its place, and is bound by the same policy. Who cannot say
// that a gateway is on the link gets a route to that of the default route, where the
// policy has none, and no other route through a gateway that nothing leads to.
func (l *Link) Wanted(next *lease.Lease) (routes []lease.Route, mtu int, err error) {
	l.applying.Lock()
	defer l.applying.Unlock()
	info, found, err := l.find(l.ns)
	if err == nil && !found {
		err = ErrNoLink
	}
	if err != nil {
		return nil, 0, fmt.Errorf("look at %s: %w", l.name, err)
	}
	want, err := planLease(next, l.cfg, facts{index: info.index, mtu: info.mtu}, lease.Now())
	if err != nil {
		return nil, 0, err
	}
	l.say(next, &want)
	for _, r := range want.routes {
		mtu = r.mtu // that of all
		host := netip.PrefixFrom(r.gateway, 32)
		switch {
		case !r.gateway.IsValid() && r.dst == want.address.prefix.Masked():
			continue
		case !r.onLink || leads(routes, host):
		case r.dst.Bits() == 0:
			routes = append(routes, lease.Route{Dst: host})
		default:
			continue
		}
		routes = append(routes, lease.Route{Dst: r.dst, Gateway: r.gateway})
	}
	return routes, mtu, nil
}

// leads says that one of routes, other than a default, leads to host.
func leads(routes []lease.Route, host netip.Prefix) bool {
	return slices.ContainsFunc(routes, func(r lease.Route) bool { return r.Dst.Bits() > 0 && r.Dst.Overlaps(host) })
}

// say tells the log, when it changes, what of a lease is not in its plan, and what
// draws traffic out of the default route.
func (l *Link) say(next *lease.Lease, want *plan) {
	if notes := strings.Join(want.notes, "; "); notes != l.notes {
		l.notes = notes
		if notes != "" {
			l.log().Warn("lease is not applied as it came", "lease", next.Address, "why", want.notes)
		}
	}
	if drawn := drawnText("routes that take precedence over the default route", want.drawn); drawn != l.drawn {
		l.drawn = drawn
		if drawn != "" {
			l.log().Info(drawn, "lease", next.Address)
		}
	}
}
