package wire

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// limited is the limited broadcast address (RFC 1122 3.2.1.3).
var limited = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// addr reads an address from the four octets that v begins with.
func addr(v []byte) netip.Addr { return netip.AddrFrom4([4]byte(v)) }

func number(a netip.Addr) uint32 {
	v := a.As4()
	return binary.BigEndian.Uint32(v[:])
}

// isHostOf says that a is not the network's or the broadcast address of the
// subnet of our address (RFC 1122 3.2.1.3). A mask of 31 or 32 bits leaves no
// room for those (RFC 3021), and 0 is a mask that is not known.
func isHostOf(a, ours netip.Addr, maskBits int) bool {
	if maskBits == 0 || maskBits >= 31 {
		return true
	}
	host := uint32(1)<<(32-maskBits) - 1
	if (number(a)^number(ours))&^host != 0 {
		return true // of another subnet
	}
	return number(a)&host != 0 && number(a)&host != host
}

// isBroadcastOf says that a is the broadcast address of the subnet of our
// address: of the one with that mask or, where the mask is not known (0), of one
// with any.
func isBroadcastOf(a, ours netip.Addr, maskBits int) bool {
	if maskBits >= 31 || a == ours {
		return false
	}
	ones := bits.TrailingZeros32(^number(a))
	hostBits := 32 - maskBits
	if maskBits == 0 {
		hostBits = max(ones, 2)
	}
	return hostBits <= ones && number(a)>>hostBits == number(ours)>>hostBits
}

// leastBits is the length of a class A mask. No link is a larger network: a
// shorter mask would send a part of the Internet to whoever answers on the
// link, past any VPN, and without a word of option 121.
const leastBits = 8

// maskBits returns the length of a subnet mask; not ok for one shorter than
// leastBits, and for one with a hole (RFC 950).
func maskBits(v []byte) (n int, ok bool) {
	mask := binary.BigEndian.Uint32(v)
	n = bits.LeadingZeros32(^mask)
	if n < leastBits || bits.OnesCount32(mask) != n {
		return 0, false
	}
	return n, true
}
