package netcfg

import (
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// A Found is an address that is on a link, which some client may have set.
type Found struct {
	Address netip.Prefix
	// Broadcast is its broadcast address, the zero Addr for none.
	Broadcast netip.Addr
	// Permanent says that it has no end, as addresses have that the kernel
	// (ip=dhcp), klibc's ipconfig or an administrator has set.
	Permanent bool
	// Router is the gateway of the first default route on the link that would
	// use the address, the zero Addr for none.
	Router netip.Addr
}

// Found lists the addresses of the link that a DHCP client can have set, the
// primary ones of their subnets first. That they are there is no evidence that
// one did.
func (l *Link) Found() ([]Found, error) {
	info, found, err := l.find(l.ns)
	if err != nil || !found {
		return nil, err
	}
	have, err := rtnetlink{l.ns, l.cfg.table(info), true}.read(info.index)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", info.name, err)
	}
	return have.found(), nil
}

func (s state) found() (out []Found) {
	for _, a := range s.addresses {
		if a.peer.IsValid() || notStation(a.prefix.Addr()) != "" || a.prefix.Addr().IsLinkLocalUnicast() {
			continue
		}
		f := Found{Address: a.prefix, Broadcast: a.broadcast, Permanent: a.valid == forever}
		for _, r := range slices.Concat(s.defaults, s.routes) {
			if r.dst.Bits() == 0 && r.gateway.IsValid() && (!r.source.IsValid() || r.source == a.prefix.Addr()) {
				f.Router = r.gateway
				break
			}
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(x, y Found) int { return s.rank(x) - s.rank(y) })
	return out
}

// rank is 1 for a secondary address.
func (s state) rank(f Found) int {
	for _, a := range s.addresses {
		if a.prefix == f.Address && a.secondary {
			return 1
		}
	}
	return 0
}

// PermanentOn lists the indexes of the links of the namespace that have a
// permanent address of a station, in order.
func (ns *Namespace) PermanentOn() ([]int, error) {
	msgs, err := ns.addressMessages(0)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, msg := range msgs {
		a, index, err := parseAddress(msg)
		if err != nil {
			return nil, err
		}
		if a.valid == forever && notStation(a.prefix.Addr()) == "" && !a.prefix.Addr().IsLinkLocalUnicast() && !slices.Contains(out, index) {
			out = append(out, index)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Adopt says that f was given by DHCP, and is ours from now on, also if it is
// permanent: the next lease of that address sets its lifetime in place, and it is
// removed with that. So is the default route through its router, if another
// client or the kernel has set it: when ours is there, or when there is to be no
// lease. It holds until the first Apply that succeeds, and touches nothing itself.
func (l *Link) Adopt(f Found) {
	l.applying.Lock()
	defer l.applying.Unlock()
	l.adopted = adoption{address: f.Address, gateway: f.Router}
}

// AdoptScripted is Adopt of an address of a lease that goes on from another client,
// where a script of that has set it: it has an end, and none of the routes that we
// would have given it. That it is not there is no error.
func (l *Link) AdoptScripted(addr netip.Addr) error {
	info, found, err := l.find(l.ns)
	if err != nil || !found {
		return err
	}
	have, err := rtnetlink{l.ns, l.cfg.table(info), true}.read(info.index)
	if err != nil {
		return fmt.Errorf("look at %s: %w", info.name, err)
	}
	if slices.ContainsFunc(have.routes, func(r route) bool { return r.source == addr && !r.boot }) {
		return nil
	}
	for _, f := range have.found() {
		if f.Address.Addr() == addr && !f.Permanent {
			l.Adopt(f)
			break
		}
	}
	return nil
}

// AdoptUnended is Adopt of an address that a client of ours has set without an end,
// for want of a server, and that was left when it ended: no lease file explains it. It
// has to be marked as ours are, with a route of protocol dhcp that prefers it, and none
// that the kernel has made: else it is an administrator's. Other clients mark theirs
// so, too: it is one of ours if such a route has our metric, or if may says that it can
// be. What was adopted before stays so. That there is none is no error.
func (l *Link) AdoptUnended(may func(netip.Prefix) bool) error {
	info, found, err := l.find(l.ns)
	if err != nil || !found {
		return err
	}
	have := state{}
	if have.addresses, err = l.ns.addresses(info.index); err == nil && slices.ContainsFunc(have.addresses, address.unended) {
		// Else, as nearly always, no table has to be read.
		have.routes, err = rtnetlink{l.ns, l.cfg.table(info), false}.routes(info.index, unix.RTPROT_DHCP, nil)
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", info.name, err)
	}
	l.applying.Lock()
	defer l.applying.Unlock()
	if left := have.unended(l.cfg.metric(info.index), may); !l.adopted.address.IsValid() {
		l.adopted = left
	}
	return nil
}

// unended says that a has no end, and that the kernel has made no route for it.
func (a address) unended() bool { return a.valid == forever && a.noPrefixRoute && !a.peer.IsValid() }

func (s state) unended(metric int, may func(netip.Prefix) bool) adoption {
	for _, a := range s.addresses {
		if !a.unended() {
			continue
		}
		left, known := adoption{address: a.prefix}, may(a.prefix)
		for _, r := range s.routes {
			if r.source != a.prefix.Addr() || !known && r.metric != metric {
				continue
			}
			left.own = true
			if r.dst.Bits() == 0 {
				left.gateway = r.gateway
			}
		}
		if left.own {
			return left
		}
	}
	return adoption{}
}

// An adoption is what another client has left that is ours now; its zero value is
// nothing.
type adoption struct {
	address netip.Prefix
	gateway netip.Addr
	// own says that a client of ours has set it, and so the routes that prefer it.
	own bool
}

// adopt has what was adopted count as ours.
func (o *owned) adopt(a adoption) {
	if a.address.IsValid() {
		o.adopted = a
		o.addresses[a.address] = claim{leased: true, always: true}
	}
}

// leftovers removes the default routes of the client before, if ours is there in
// their place, or if there is to be none of ours: so that there is no instant
// without one, also where ours was refused.
func (a adoption) leftovers(want *plan, have state) (changes []change) {
	if !a.gateway.IsValid() {
		return nil
	}
	there := func(r route) bool { return r.dst.Bits() == 0 && slices.Contains(have.routes, r) }
	if want != nil && !slices.ContainsFunc(want.routes, there) {
		return nil
	}
	for _, r := range slices.Concat(have.defaults, have.routes) {
		if a.left(r) && (want == nil || !slices.Contains(want.routes, r)) {
			changes = append(changes, change{action: deleteRoute, route: r})
		}
	}
	return changes
}

// left says that r is the default route of who has set the address: through its
// router, with that address or none, and where it was not set by a DHCP client
// that says so, without a metric, as the kernel and klibc do.
func (a adoption) left(r route) bool {
	return r.dst.Bits() == 0 && r.gateway == a.gateway && r.scope == unix.RT_SCOPE_UNIVERSE &&
		(!r.source.IsValid() || r.source == a.address.Addr()) && (!r.boot || r.metric == 0)
}
