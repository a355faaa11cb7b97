package wire

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// filtered makes a lease of what the filter of id leaves of an OFFER or an ACK.
//
// A filter may give an address back early, but it has no right to it for longer
// than the server said (RFC 2131 3.1): the lease time is the shorter of the two.
func (r *reply) filtered(kind dhcpv4.MessageType, server netip.Addr, id *Identity) (*lease.Lease, error) {
	if id.Filter == nil {
		return r.lease(kind, server, id)
	}
	granted, err := r.leaseTime()
	if err != nil {
		return nil, err
	}
	came := r.options[optDNS]
	r.filter(id.Filter)
	l, err := r.lease(kind, server, id)
	if err == nil {
		l.DNS = servers(r.options[optDNS], came)
	}
	if err == nil && granted > 0 {
		l.Valid = min(cmp.Or(l.Valid, granted), granted)
	}
	return l, err
}

// servers is hosts of name servers, of which those that did not come from the
// network may be on this host: who puts 127.0.0.1 before them has one.
func servers(v, came []byte) (list []netip.Addr) {
	remote := map[netip.Addr]bool{}
	for ; len(came) >= 4; came = came[4:] {
		remote[addr(came)] = true
	}
	return pick(v, func(a netip.Addr) bool { return lease.UsableAddr(a) || a.IsLoopback() && !remote[a] })
}

// filter puts what f returns in the place of the options. What says which
// message this is, and whose, stays as it came.
func (r *reply) filter(f func(map[uint8][]byte) map[uint8][]byte) {
	was := r.options
	copied := make(map[uint8][]byte, len(was)) // f may write to it
	for code, v := range was {
		copied[code] = slices.Clone(v)
	}
	r.options = make(map[uint8][]byte, len(was))
	for code, v := range f(copied) {
		if len(v) > maxOption || isEnvelope(code) || code == optPad || code == optEnd {
			continue
		}
		r.options[code] = slices.Clone(v)
		if !slices.Equal(v, was[code]) {
			r.first[code] = uint8(min(len(v), math.MaxUint8))
		}
	}
	for code, v := range was {
		if isEnvelope(code) {
			r.options[code] = v
		}
	}
}

// isEnvelope names the options that say which message this is, and whose.
func isEnvelope(code uint8) bool {
	switch code {
	case optOverload, optMessageType, optServerID, optClientID, optRapidCommit:
		return true
	}
	return false
}
