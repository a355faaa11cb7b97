package wire

import (
	"encoding/binary"
	"net/netip"
)

// informed makes of an answer to an INFORM what an ACK would be for the address
// that the host has: what is said of an address or of its time is not for it (RFC
// 2131 4.3.5), and its mask is the host's own.
func (r *reply) informed(own netip.Prefix) {
	r.yiaddr = own.Addr()
	for _, code := range []uint8{optLeaseTime, optRenewTime, optRebindTime} {
		delete(r.options, code)
	}
	r.options[optSubnetMask] = binary.BigEndian.AppendUint32(nil, ^uint32(0)<<(32-own.Bits()))
	r.first[optSubnetMask] = 4
}
