package fsm

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// maxLinkLocal conflicts in a row (MAX_CONFLICTS, RFC 3927 9), no other address is
// tried before the schedule gives up again.
const maxLinkLocal = 10

// fallback is the lease to use when the schedule gives up: that of the
// configuration, or one of an address that this host gives itself. Nil for none.
func (m *Machine) fallback(now time.Time) *lease.Lease {
	if !m.cfg.LinkLocal {
		return m.cfg.Fallback
	}
	a := linkLocal(m.cfg.HardwareAddr, m.linkLocals)
	for m.shunned.has(a, now) { // no more than it has room for
		m.linkLocals++
		a = linkLocal(m.cfg.HardwareAddr, m.linkLocals)
	}
	m.cfg.Fallback = &lease.Lease{Address: a, Bits: 16, Start: now, Valid: lease.Infinite, HardwareAddr: m.cfg.HardwareAddr}
	return m.cfg.Fallback
}

// linkLocal is the n-th address of 169.254.1.0 to 169.254.254.255 that a host
// with this hardware address tries: it is the same each time, and every one is as
// probable (RFC 3927 2.1).
func linkLocal(hw lease.HardwareAddr, n int) netip.Addr {
	source := rand.NewPCG(uint64(binary.BigEndian.Uint16(hw[:]))<<32|uint64(binary.BigEndian.Uint32(hw[2:])), uint64(n))
	const first, count = 0x0100, 0xfe00
	i, _ := bits.Mul64(source.Uint64(), count)
	return netip.AddrFrom4([4]byte{169, 254, byte((first + i) >> 8), byte(i)})
}

// conflicted is what follows when somebody has the address that was to be used for
// want of a server: another is tried, if it is one of ours to choose.
func (s selecting) conflicted(m *Machine, now time.Time) state {
	if s.linkLocals++; !m.cfg.LinkLocal || s.linkLocals >= maxLinkLocal {
		return s.failed(m, now)
	}
	s.stored, s.vouched = m.fallback(now), true
	m.probe(s.stored.Address)
	return s
}

// dropLinkLocal takes an address off the link that nobody would defend.
func (m *Machine) dropLinkLocal() {
	if m.cfg.LinkLocal && m.onLink != nil && m.onLink == m.cfg.Fallback {
		m.withdraw()
		m.takeOff(ReasonStop)
	}
}
