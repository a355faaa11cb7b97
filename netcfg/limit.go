package netcfg

import (
	"fmt"
	"net/netip"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Limit gives the address of the lease the time that the lease has left, whoever
// has set it: for a link whose address is set by a program that has got it from
// us. All else about the address stays, as do its routes and all other addresses.
// found says that the address is on the link.
func (l *Link) Limit(next *lease.Lease) (found bool, err error) {
	l.applying.Lock()
	defer l.applying.Unlock()
	prefix, err := Prefix(next)
	if err != nil {
		return false, err
	}
	info, found, err := l.find(l.ns)
	if err != nil || !found {
		return false, err
	}
	msg, err := l.ns.addressMessage(info.index, prefix)
	if err != nil || msg == nil {
		return false, err
	}
	if err := l.ns.setLifetime(msg, lifetime(next, lease.Now())); err != nil {
		return true, fmt.Errorf("set the lifetime of %v on %s: %w", prefix, info.name, err)
	}
	return true, nil
}

// Prefix is the address of a lease with the length of its subnet: what the server
// said or, where it said nothing, what the class of the address says (RFC 950).
func Prefix(l *lease.Lease) (netip.Prefix, error) {
	p, _, err := leasePrefix(l)
	return p, err
}
