package fsm

import (
	"net/netip"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Prefer is which of several offers is the best. Between two that are equally
// good, that of the address that was asked for is, and else the first.
type Prefer uint8

const (
	// PreferAddress is the offer of the address that was asked for.
	PreferAddress Prefer = iota
	// PreferServer is that of the server that gave the lease before.
	PreferServer
	// PreferLongest is that of the longest lease.
	PreferLongest
)

// better says that the offer a is better than b, which came before it.
func (m *Machine) better(now time.Time, a, b *lease.Lease) bool {
	switch m.cfg.Prefer {
	case PreferServer:
		if (a.Server == m.giver) != (b.Server == m.giver) {
			return a.Server == m.giver
		}
	case PreferLongest:
		if a.Valid != b.Valid {
			return a.Valid > b.Valid
		}
	}
	wanted := m.wanted(now)
	return a.Address == wanted && b.Address != wanted
}

// lacks says that l is without an option that an offer must have.
func (m *Machine) lacks(l *lease.Lease) bool {
	return slices.ContainsFunc(m.cfg.RequireOptions, func(code uint8) bool {
		_, ok := l.Options[code]
		return !ok
	})
}

// Hears says that messages of server count. The zero Addr is a message that does
// not say whose it is, which no list of servers allows.
func (cfg *Config) Hears(server netip.Addr) bool {
	in := func(p netip.Prefix) bool { return p.Contains(server) }
	return !slices.ContainsFunc(cfg.RejectServers, in) &&
		(len(cfg.AllowServers) == 0 || slices.ContainsFunc(cfg.AllowServers, in))
}

// rejected says that ev comes from a server that is not listened to.
func (m *Machine) rejected(ev Event) bool {
	var server netip.Addr
	switch ev := ev.(type) {
	case Offer:
		server = ev.Lease.Server
	case Ack:
		server = ev.Lease.Server
	case Nak:
		server = ev.Server
	default:
		return false
	}
	if m.cfg.Hears(server) {
		return false
	}
	m.ignore("a server that is to be rejected")
	return true
}
