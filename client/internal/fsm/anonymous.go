package fsm

import (
	"net/netip"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// An anonymous client (RFC 7844) says nothing on a network that may be another one
// than before by which it could be told to be the same: no address that it had
// (3.3), and no question for a router that it knows. So it has no lease from before
// its start, and none when the carrier returns.

// isOurs says that the lease of a process before this one is one to start with: not
// if it was given to somebody else, or to who wants to be nobody.
func (m *Machine) isOurs(l *lease.Lease) bool {
	return !m.cfg.Anonymous && l.HardwareAddr == m.cfg.HardwareAddr && string(l.ClientID) == string(m.cfg.ClientID)
}

// unplug gives up the lease l, nil for none, where no server may be asked for it
// when there is carrier again, and says so.
func (m *Machine) unplug(l *lease.Lease) bool {
	switch {
	case l == nil:
	case l == m.cfg.Fallback:
		// No server has ever given it: there is nothing to ask for.
		if m.onLink != nil {
			m.note(Notice{Kind: Lost, Lease: l, Text: "no carrier"})
		}
		m.takeOff(ReasonLost)
	case m.cfg.Anonymous:
		m.lose("no carrier, and the next network may be another", l)
	default:
		return false
	}
	return true
}

// wish is an address that a DISCOVER may ask for: a, unless that tells who asks.
func (m *Machine) wish(a netip.Addr) netip.Addr {
	if m.cfg.Anonymous {
		return netip.Addr{}
	}
	return a
}
