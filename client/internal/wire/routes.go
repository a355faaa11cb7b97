package wire

import (
	"net/netip"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// maxRoutes is how many routes of a lease are kept.
const maxRoutes = 512

// A routeSet collects the routes of a lease, each once.
type routeSet struct {
	l    *lease.Lease
	list []lease.Route
}

// routes returns the routes of one source: option 121 if there is one to take
// from it, else 249, else 33 and the routers of option 3 (RFC 3442).
func (r *reply) routes(l *lease.Lease) []lease.Route {
	s := routeSet{l: l}
	s.classless(r.options[optClasslessRoutes])
	if len(s.list) == 0 {
		s.classless(r.options[optClasslessRoutesMS])
	}
	if len(s.list) > 0 {
		return s.list
	}
	if v, ok := r.list(optStaticRoutes, 8); ok {
		s.static(v)
	}
	if v, ok := r.list(optRouter, 4); ok {
		s.routers(v)
	}
	return s.list
}

// add adds a route, unless it cannot be one. The zero Addr as gateway is the
// link itself.
func (s *routeSet) add(dst netip.Prefix, gateway netip.Addr) {
	r := lease.Route{Dst: dst.Masked(), Gateway: gateway}
	switch {
	case len(s.list) >= maxRoutes || slices.Contains(s.list, r):
		return
	case gateway.IsValid() && !s.isGateway(gateway):
		return
	case r.Dst.Addr().IsLoopback():
		return // it would not leave the host (RFC 1122 3.2.1.3)
	}
	s.list = append(s.list, r)
}

// isGateway says that a may be another host, in our subnet or not.
func (s *routeSet) isGateway(a netip.Addr) bool {
	return lease.UsableAddr(a) && a != s.l.Address && isHostOf(a, s.l.Address, s.l.Bits)
}

// classless reads RFC 3442's routes: the width of the mask, the octets of the
// destination that it covers, and the router. Behind a route that is not whole
// or has a width that does not exist, nothing can be told to be a route: those
// before it are kept.
func (s *routeSet) classless(v []byte) {
	for len(v) > 0 {
		width := int(v[0])
		n := (width + 7) / 8
		if width > 32 || len(v) < 1+n+4 {
			return
		}
		var dst [4]byte
		copy(dst[:], v[1:1+n])
		gateway := addr(v[1+n:])
		if gateway.IsUnspecified() {
			gateway = netip.Addr{} // on the link (RFC 3442, Local Subnet Routes)
		}
		s.add(netip.PrefixFrom(netip.AddrFrom4(dst), width), gateway)
		v = v[1+n+4:]
	}
}

// static reads RFC 2132 5.8's routes: pairs of destination and router.
func (s *routeSet) static(v []byte) {
	for ; len(v) >= 8; v = v[8:] {
		if dst := addr(v); lease.UsableAddr(dst) { // 0.0.0.0 is illegal there
			s.add(natural(dst), addr(v[4:]))
		}
	}
}

// natural is the destination that an address without a mask means: the network
// of its class (RFC 950) if the address is a network's, else that host alone. A
// route is never made wider than what the server named.
func natural(a netip.Addr) netip.Prefix {
	n := 24
	switch first := a.As4()[0]; {
	case first < 128:
		n = 8
	case first < 192:
		n = 16
	}
	if p := netip.PrefixFrom(a, n); p == p.Masked() {
		return p
	}
	return netip.PrefixFrom(a, 32)
}

// routers reads RFC 2132 3.5's list of default routers, in order of preference.
func (s *routeSet) routers(v []byte) {
	for ; len(v) >= 4; v = v[4:] {
		s.add(netip.PrefixFrom(netip.IPv4Unspecified(), 0), addr(v))
	}
}
