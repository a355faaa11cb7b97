package wire

import (
	"math"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// FromOptions makes a lease of an address and the options that came with it, as
// they are kept in files: the rules are those for an ACK. The lease has no Start,
// and nobody's identity.
func FromOptions(address netip.Addr, options map[uint8][]byte) (*lease.Lease, error) {
	r := &reply{yiaddr: address, options: make(map[uint8][]byte, len(options))}
	for code, v := range options {
		if len(v) > maxOption || code == optPad || code == optEnd {
			continue
		}
		r.options[code] = slices.Clone(v)
		r.first[code] = uint8(min(len(v), math.MaxUint8))
		r.count[code] = 1
	}
	server, err := r.serverID(dhcpv4.MessageTypeAck)
	if err != nil {
		return nil, err
	}
	return r.lease(dhcpv4.MessageTypeAck, server, &Identity{})
}
