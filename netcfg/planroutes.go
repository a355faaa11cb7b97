package netcfg

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// planRoutes adds the route of the leased subnet and what the policy lets pass
// of the lease's routes: first those on the link, then the gateways outside
// the subnet, then what goes through gateways, for the kernel takes a route
// only when it can reach its gateway.
func (p *planner) planRoutes(routes []lease.Route) {
	if p.prefix.Bits() < 32 {
		p.addOnLink(p.prefix.Masked())
	}
	picked := p.pick(routes)
	for _, r := range picked {
		p.known[r.Dst] = true
	}
	for _, r := range picked {
		if !r.Gateway.IsValid() {
			p.addOnLink(r.Dst)
		}
	}
	for _, r := range picked {
		if r.Gateway.IsValid() {
			p.throughGateway(r)
		}
	}
}

// throughGateway adds r, and before it a host route to a gateway that neither
// the subnet nor a route of the lease leads to: providers of /32 addresses have
// such gateways. The kernel is told as well that the gateway is on the link, so
// that the one route does not depend on the other: where the policy would not take
// a route to that host from the server, it does not get one this way, which would
// draw what is sent to any host of the server's choice out of a VPN.
func (p *planner) throughGateway(r lease.Route) {
	if p.prefix.Contains(r.Gateway) {
		p.addVia(r.Dst, r.Gateway, false)
		return
	}
	if host := netip.PrefixFrom(r.Gateway, 32); !p.known[host] && !p.reaches(r.Gateway) && p.allowed(host) {
		p.addOnLink(host)
		p.doors = append(p.doors, p.routes[len(p.routes)-1])
		p.drawn = append(p.drawn, lease.Route{Dst: host})
	}
	p.addVia(r.Dst, r.Gateway, true)
}

// reaches says that a route on the link, other than a default, leads to a.
func (p *planner) reaches(a netip.Addr) bool {
	for _, dst := range p.onLink {
		if dst.Bits() > 0 && dst.Contains(a) {
			return true
		}
	}
	return false
}

// pick is the routes that are valid, allowed and not doubled, in their order.
// Of several with one destination the first is taken: a second default route
// with a higher metric would never be used, for nothing notices a dead router
// and removes the first.
func (p *planner) pick(routes []lease.Route) []lease.Route {
	seen := map[netip.Prefix]bool{p.prefix.Masked(): true}
	var out, refused []lease.Route
	defer func() { p.noteRefused(refused) }()
	for i, r := range routes {
		r, why := p.check(r)
		switch {
		case why != "":
			p.note("route %v via %v: %s", r.Dst, r.Gateway, why)
		case seen[r.Dst]:
		case !p.allowed(r.Dst):
			if p.draws(r.Dst) {
				refused = append(refused, r)
			}
		case len(out) >= p.cfg.maxRoutes():
			p.note("routes: only the first %d of %d are used", i, len(routes))
			return out
		default:
			seen[r.Dst] = true
			if out = append(out, r); p.draws(r.Dst) {
				p.drawn = append(p.drawn, r)
			}
		}
	}
	return out
}

// draws says that a route to dst draws traffic out of the default route, on which
// a VPN has its own: it is more specific, and not of the leased subnet.
func (p *planner) draws(dst netip.Prefix) bool {
	return dst.Bits() > 0 && !p.ofSubnet(dst)
}

// ofSubnet says that dst is the leased subnet, or a part of it.
func (p *planner) ofSubnet(dst netip.Prefix) bool {
	return p.prefix.Contains(dst.Addr()) && dst.Bits() >= p.prefix.Bits()
}

// noteRefused says which routes the policy has refused, unless it is one that
// wants none at all.
func (p *planner) noteRefused(routes []lease.Route) {
	if len(routes) > 0 && p.cfg.Routes != RoutesNone {
		p.note("%s", drawnText("refused by the policy "+p.cfg.Routes.String(), routes))
	}
}

// drawnText names routes that draw traffic out of the default route: how many
// there are, and the first.
func drawnText(what string, routes []lease.Route) string {
	if len(routes) == 0 {
		return ""
	}
	first := routes[0]
	text := fmt.Sprintf("%s: route %v via %v", what, first.Dst, first.Gateway)
	if !first.Gateway.IsValid() {
		text = fmt.Sprintf("%s: route %v on the link", what, first.Dst)
	}
	if n := len(routes) - 1; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// allowed applies the policy.
func (p *planner) allowed(dst netip.Prefix) bool {
	switch p.cfg.Routes {
	case RoutesAll:
		return true
	case RoutesSubnet:
		return dst.Bits() == 0 || p.ofSubnet(dst)
	case RoutesDefault:
		return dst.Bits() == 0
	}
	return false
}

// check returns r in one form (masked, the zero Addr for no gateway), and what
// is wrong with it.
func (p *planner) check(r lease.Route) (lease.Route, string) {
	if !r.Dst.IsValid() || !r.Dst.Addr().Is4() {
		return r, "not an IPv4 destination"
	}
	r.Dst = r.Dst.Masked()
	switch {
	case r.Dst.Addr().IsLoopback():
		return r, "destination is loopback"
	case r.Dst == netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 32):
		return r, "destination is broadcast"
	}
	if !r.Gateway.IsValid() || r.Gateway.IsUnspecified() {
		r.Gateway = netip.Addr{} // RFC 3442: on the link
		return r, ""
	}
	return r, p.badGateway(r.Gateway)
}

// badGateway says why no packet can be sent through g (no station has that
// address, or we have it ourselves); "" if one can.
func (p *planner) badGateway(g netip.Addr) string {
	if why := notStation(g); why != "" {
		return "gateway is " + why
	}
	switch {
	case g == p.prefix.Addr():
		return "gateway is the leased address"
	case g == p.address.broadcast:
		return "gateway is the broadcast address"
	case p.prefix.Bits() < 31 && (g == p.prefix.Masked().Addr() || g == lastAddr(p.prefix)):
		return "gateway is the address of the subnet"
	}
	return ""
}

// useless are the doors through which nothing goes, as these routes of the plan
// were refused.
func (p *plan) useless(refused []route) (out []route) {
	if p == nil {
		return nil
	}
	for _, door := range p.doors {
		used := func(r route) bool { return r.gateway == door.dst.Addr() && !slices.Contains(refused, r) }
		if !slices.ContainsFunc(p.routes, used) {
			out = append(out, door)
		}
	}
	return out
}
