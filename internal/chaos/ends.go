package main

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// bare wants nothing of a lease to be left: the client said that it removed it.
// What it cannot have known of may be.
func (j *judge) bare(l look) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, a := range j.ours(l) {
		if !j.orphans[a.prefix.Addr()] {
			j.accuse(l.at, "the client has ended and left %v", a.prefix)
		}
	}
	for _, r := range l.routes {
		if r.dhcp && !j.orphans[r.source] {
			j.accuse(l.at, "the client has ended and left the route %v", r)
		}
	}
	if j.used && l.resolver != j.resolver.original {
		j.accuse(l.at, "the client has ended and left the resolver file\n%s", l.resolver)
	}
}

// held is the lease that is in place, all of it: one address with a right to it,
// its default route, the resolver file, and the lease file.
func (j *judge) held(l look) (addr netip.Prefix, missing string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var ours []netip.Prefix
	for _, a := range j.ours(l) {
		if !j.orphans[a.prefix.Addr()] {
			ours = append(ours, a.prefix)
		}
	}
	if len(ours) != 1 {
		return addr, fmt.Sprintf("%d addresses", len(ours))
	}
	addr = ours[0]
	g, _ := j.rights.held(addr.Addr(), l.at)
	isDefault := func(r route) bool { return r.dhcp && r.dst.Bits() == 0 && r.source == addr.Addr() }
	switch {
	case !slices.ContainsFunc(l.routes, isDefault):
		return addr, "no default route"
	case !j.resolver.of(l.resolver, g):
		return addr, "name servers of something else"
	case l.store != nil:
		return addr, "no lease file: " + l.store.Error()
	case l.stored == nil || l.stored.Address != addr.Addr():
		return addr, "another lease in the file"
	}
	return addr, ""
}

// summary is what the link has been through, to be sure that it was something.
func (j *judge) summary() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.rights.counts
	return fmt.Sprintf("%d processes; %d ACK, %d NAK, %d DECLINE, %d RELEASE; an address for %d %% of the time",
		len(j.lives), n[dhcpv4.MessageTypeAck], n[dhcpv4.MessageTypeNak], n[dhcpv4.MessageTypeDecline], n[dhcpv4.MessageTypeRelease],
		100*j.leased/max(1, j.looks))
}
