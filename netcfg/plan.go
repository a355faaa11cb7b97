package netcfg

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	// maxRoutes bounds what one lease may put into the routing table. A
	// message can hold thousands of routes (option 121 in a long packet).
	maxRoutes = 512
	// minMTU is what every IPv4 host must be able to receive (RFC 791 3.1);
	// less would only serve to make our packets small.
	minMTU = 576
	// maxNotes bounds what is said about one lease.
	maxNotes = 16
	// maxLifetime is 68 years: what still is a positive number everywhere.
	maxLifetime = math.MaxInt32
)

// A plan is what a lease wants to be on its link.
type plan struct {
	address address
	routes  []route // in the order in which they can be added
	// doors are the routes among them that no lease asks for: each leads to a
	// gateway, for the sake of what goes through it.
	doors []route
	// drawn are the routes among them that draw traffic out of the default route:
	// a VPN's, too. Doors do.
	drawn []lease.Route
	// notes say, for a log, what of the lease is not in the plan.
	notes []string
}

// facts is what a plan needs to know of the link.
type facts struct {
	index int
	mtu   int
}

// planLease says what l wants at now. It fails if there is no address to set.
func planLease(l *lease.Lease, cfg Config, link facts, now time.Time) (plan, error) {
	prefix, natural, err := leasePrefix(l)
	if err != nil {
		return plan{}, err
	}
	if l.Expired(now) {
		return plan{}, fmt.Errorf("lease of %v has expired", l.Address)
	}
	p := planner{cfg: cfg, prefix: prefix, known: map[netip.Prefix]bool{}}
	if natural {
		p.note("no subnet mask (option 1): using the natural %d bits", prefix.Bits())
	}
	p.address = address{prefix: prefix, broadcast: p.broadcast(l.Broadcast), valid: lifetime(l, now), noPrefixRoute: true}
	p.template = route{source: prefix.Addr(), metric: cfg.metric(link.index), mtu: p.mtu(l.MTU, link.mtu)}
	p.planRoutes(l.Routes)
	if p.omitted > 0 {
		p.notes = append(p.notes, fmt.Sprintf("and %d more", p.omitted))
	}
	return p.plan, nil
}

// leasePrefix is the address of a lease with the length of its subnet: what
// the mask says or, without one, what the class of the address does (RFC 950).
func leasePrefix(l *lease.Lease) (p netip.Prefix, natural bool, err error) {
	a := l.Address.Unmap()
	if why := notStation(a); why != "" {
		return netip.Prefix{}, false, fmt.Errorf("leased address %v is %s", l.Address, why)
	}
	if l.Bits >= 1 && l.Bits <= 32 {
		return netip.PrefixFrom(a, l.Bits), false, nil
	}
	bits := 24
	switch first := a.As4()[0]; {
	case first < 128:
		bits = 8
	case first < 192:
		bits = 16
	}
	return netip.PrefixFrom(a, bits), true, nil
}

// notStation says what an address is if it cannot be a station's.
func notStation(a netip.Addr) string {
	switch {
	case !a.Is4():
		return "not an IPv4 address"
	case a.As4()[0] == 0:
		return "in 0.0.0.0/8"
	case a.IsLoopback():
		return "a loopback address"
	case a.IsMulticast():
		return "a multicast address"
	case a.As4()[0] >= 240:
		return "in 240.0.0.0/4"
	}
	return ""
}

// lifetime is what is left of the lease in whole seconds. It is rounded down,
// for the kernel adds up to a second of its own, but is never the 0 that would
// mean an expired one.
func lifetime(l *lease.Lease, now time.Time) uint32 {
	if l.IsInfinite() {
		return forever
	}
	return uint32(min(max(l.Remaining(now)/time.Second, 1), maxLifetime))
}

// lastAddr is the address of p's network with all host bits set.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// A planner makes a plan.
type planner struct {
	plan
	cfg      Config
	prefix   netip.Prefix
	template route
	known    map[netip.Prefix]bool // destinations that have or will have a route
	onLink   []netip.Prefix        // those that are on the link
	omitted  int                   // notes beyond maxNotes
}

// note says what is left out, unless enough has been said: a message can hold
// a thousand bad routes.
func (p *planner) note(format string, args ...any) {
	if len(p.notes) == maxNotes {
		p.omitted++
		return
	}
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// broadcast checks option 28: the broadcast address of the leased subnet or of
// a network around it, or 255.255.255.255. Any other would make a station, the
// router maybe, unreachable. Subnets of two or one have none (RFC 3021).
func (p *planner) broadcast(given netip.Addr) netip.Addr {
	if p.prefix.Bits() >= 31 {
		return netip.Addr{}
	}
	own := lastAddr(p.prefix)
	if !given.IsValid() || given == own {
		return own
	}
	if given == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return given
	}
	for bits := 1; bits < p.prefix.Bits(); bits++ {
		if given == lastAddr(netip.PrefixFrom(p.prefix.Addr(), bits)) {
			return given
		}
	}
	p.note("broadcast address %v (option 28) does not fit %v: using %v", given, p.prefix, own)
	return own
}

// mtu is what our routes need to say: nothing if the link's own MTU does.
func (p *planner) mtu(given, link int) int {
	if given == 0 || p.cfg.NoMTU {
		return 0
	}
	mtu := p.cfg.bounded(given)
	switch {
	case given < mtu:
		p.note("MTU %d (option 26) is too small: using %d", given, mtu)
	case given > mtu:
		p.note("MTU %d (option 26) is more than is allowed: using %d", given, mtu)
	}
	if link > 0 && mtu >= link {
		if mtu > link {
			p.note("MTU %d (option 26) is more than the link's %d", mtu, link)
		}
		return 0
	}
	return mtu
}

// add puts a route into the plan.
func (p *planner) add(r route) {
	p.known[r.dst] = true
	p.routes = append(p.routes, r)
}

// addOnLink adds a route to stations on the link.
func (p *planner) addOnLink(dst netip.Prefix) {
	r := p.template
	r.dst, r.scope = dst, unix.RT_SCOPE_LINK
	p.add(r)
	p.onLink = append(p.onLink, dst)
}

// addVia adds a route through a gateway.
func (p *planner) addVia(dst netip.Prefix, gateway netip.Addr, onLink bool) {
	r := p.template
	r.dst, r.gateway, r.onLink = dst, gateway, onLink
	p.add(r)
}
