package netcfg

import (
	"net/netip"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// An owned tells what the leases of this client may have put on the link from
// what is somebody else's.
type owned struct {
	// addresses are those of all leases, the next one too.
	addresses map[netip.Prefix]claim
	// hosts are the same with any mask, of earlier leases only.
	hosts map[netip.Addr]claim
	// sources are the addresses that their routes prefer.
	sources map[netip.Addr]bool
	// metric is that of our routes now.
	metric int
	// hops are what their routes lead to and through, with any metric.
	hops map[hop]bool
	// adopted is what another client has left that is ours now.
	adopted adoption
}

// A claim is what the leases before the next one say of an address.
type claim struct {
	leased bool // one of them has it
	always bool // one that never expires
}

func (c claim) or(d claim) claim { return claim{c.leased || d.leased, c.always || d.always} }

// A hop is a route without what we add to it; gateway is the zero Addr for a
// destination on the link.
type hop struct {
	dst     netip.Prefix
	gateway netip.Addr
}

// ownership is what is ours when next replaces prev, the leases that may have
// left something; next is nil if there is none.
func ownership(next *lease.Lease, prev []*lease.Lease, metric int) owned {
	o := owned{map[netip.Prefix]claim{}, map[netip.Addr]claim{}, map[netip.Addr]bool{}, metric, map[hop]bool{}, adoption{}}
	o.add(next, claim{})
	for _, l := range prev {
		o.add(l, claim{leased: true, always: l != nil && l.IsInfinite()})
	}
	return o
}

// add notes the address and the routes of a lease.
func (o owned) add(l *lease.Lease, c claim) {
	if l == nil {
		return
	}
	p, _, err := leasePrefix(l)
	if err != nil {
		return // was never set either
	}
	o.addresses[p] = o.addresses[p].or(c)
	if c.leased {
		o.hosts[p.Addr()] = o.hosts[p.Addr()].or(c)
	}
	o.sources[p.Addr()] = true
	o.hops[hop{dst: p.Masked()}] = true
	for _, r := range l.Routes {
		if !r.Gateway.IsValid() || r.Gateway.IsUnspecified() { // RFC 3442: on the link
			o.hops[hop{dst: r.Dst.Masked()}] = true
			continue
		}
		o.hops[hop{r.Dst.Masked(), r.Gateway}] = true
		if !p.Contains(r.Gateway) { // it has a route of its own
			o.hops[hop{dst: netip.PrefixFrom(r.Gateway, r.Gateway.BitLen())}] = true
		}
	}
}

// disown says that p, if it is permanent, is not ours whatever the leases say.
func (o owned) disown(p netip.Prefix) {
	if c, ok := o.addresses[p]; ok {
		o.addresses[p] = claim{leased: c.leased}
	}
}

// has says that a is ours to remove.
func (o owned) has(a address) bool {
	if _, exact := o.addresses[a.prefix]; !exact {
		return o.hasOtherMask(a)
	}
	return o.addresses[a.prefix].leased && !a.peer.IsValid() && !o.foreign(a)
}

// hasOtherMask says that a is ours from before the server changed the mask, left
// by a process that was killed when it had stored the new lease: leased by its
// address, and marked as we mark ours.
func (o owned) hasOtherMask(a address) bool {
	c := o.hosts[a.prefix.Addr()]
	return c.leased && a.noPrefixRoute && !a.peer.IsValid() && (a.valid != forever || c.always)
}

// foreign says that a is the address of a lease but not ours: it is permanent,
// and no earlier lease that never expires explains that. It was an
// administrator's before the lease, or was made one's.
func (o owned) foreign(a address) bool {
	c, ok := o.addresses[a.prefix]
	return ok && !a.peer.IsValid() && a.valid == forever && !c.always
}

// foreignIn is the foreign address on a link; not valid if there is none.
func (o owned) foreignIn(have state) netip.Prefix {
	for _, a := range have.addresses {
		if o.foreign(a) {
			return a.prefix
		}
	}
	return netip.Prefix{}
}

// hasRoute says that r, which has protocol dhcp and is on our link, is ours. A
// metric that is not ours may be what ours was when the lease was taken.
func (o owned) hasRoute(r route) bool {
	return o.adopted.own && r.source == o.adopted.address.Addr() ||
		o.sources[r.source] && (r.metric == o.metric || o.hops[hop{r.dst, r.gateway}])
}
