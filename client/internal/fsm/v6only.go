package fsm

import (
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// minV6OnlyWait is the least time without an address (MIN_V6ONLY_WAIT, RFC 8925
// 3.4), whatever a server says.
const minV6OnlyWait = 300 * time.Second

// prefersV6Only says that l is of a network that wants no IPv4 from who can do
// without, and that we can (RFC 8925 3.2).
func (m *Machine) prefersV6Only(l *lease.Lease) bool { return m.cfg.V6Only && l.V6OnlyWait > 0 }

// withoutV4 has no address for as long as the server of l says. What is on the
// link without a server's word for it goes too: there is no fallback either. A
// stored lease that the server has just confirmed is given back.
func (m *Machine) withoutV4(now time.Time, l *lease.Lease) state {
	wait := max(l.V6OnlyWait, minV6OnlyWait)
	if _, confirmed := m.state.(rebooting); confirmed {
		m.release()
	} else {
		m.lose("the network is IPv6-only", m.held())
	}
	m.note(Notice{Kind: IPv6Only, Server: l.Server, Wait: wait})
	return v6only{until: now.Add(wait)}
}

// v6only is a client without IPv4, on a network that prefers that. It ends in
// time, with another attachment to a network, or when a person asks to.
type v6only struct{ until time.Time }

func (v6only) name() State           { return V6Only }
func (s v6only) deadline() time.Time { return s.until }
func (v6only) lease() *lease.Lease   { return nil }

func (s v6only) step(m *Machine, now time.Time, ev Event) state {
	switch ev.(type) {
	case Tick:
		if due(s.until, now) {
			return m.restart(now)
		}
	case LinkUp, Renew:
		return m.again(now)
	case Offer, Ack, Nak:
		m.ignore("no exchange under way")
	}
	return s
}
