package dhcptest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// State is what a Binding is.
type State uint8

// The states of a Binding. One that has expired keeps its state.
const (
	Offered  State = iota + 1 // an OFFER was sent
	Bound                     // an ACK was sent
	Declined                  // the client says that another host has it
	Released                  // the client gave it back
)

func (s State) String() string {
	names := [...]string{"none", "offered", "bound", "declined", "released"}
	if int(s) >= len(names) {
		return "invalid"
	}
	return names[s]
}

// A Binding is an address and whom it was given to.
type Binding struct {
	Addr  netip.Addr
	State State
	// MAC is the client's hardware address, ClientID its option 61.
	MAC      lease.HardwareAddr
	ClientID []byte
	// Hostname is its option 12, not to be trusted.
	Hostname string
	// Expires is when the state ends; the zero Time for never.
	Expires time.Time
}

// Active says that at now the address belongs to the client.
func (b Binding) Active(now time.Time) bool { return b.State == Bound && !b.over(now) }

func (b Binding) over(now time.Time) bool { return !b.Expires.IsZero() && !now.Before(b.Expires) }

// table holds the bindings: one for an address, and the last for a client.
type table struct {
	byAddr map[netip.Addr]*Binding
	byKey  map[string]netip.Addr
	keyOf  map[netip.Addr]string
}

func newTable() table {
	return table{byAddr: map[netip.Addr]*Binding{}, byKey: map[string]netip.Addr{}, keyOf: map[netip.Addr]string{}}
}

// of returns the binding of a client, nil for none.
func (t *table) of(key string) *Binding { return t.byAddr[t.byKey[key]] }

// put replaces what was known of the address and of the client.
func (t *table) put(key string, b Binding) {
	if old, ok := t.keyOf[b.Addr]; ok && t.byKey[old] == b.Addr {
		delete(t.byKey, old)
	}
	if prev, ok := t.byKey[key]; ok && prev != b.Addr && t.byAddr[prev].State != Declined {
		delete(t.byAddr, prev)
		delete(t.keyOf, prev)
	}
	t.byAddr[b.Addr], t.byKey[key], t.keyOf[b.Addr] = &b, b.Addr, key
}

// free says that the address can go to the client.
func (t *table) free(addr netip.Addr, key string, now time.Time) bool {
	b := t.byAddr[addr]
	switch {
	case b == nil || b.over(now): // a released one is over at once
		return true
	default:
		return b.State != Declined && t.keyOf[addr] == key
	}
}

// choose returns an address for a client, the zero Addr if there is none (RFC
// 2131 4.3.1): the one it has or had, the one it wants, one that nobody had yet,
// one that nobody has any longer.
func (t *table) choose(cfg *Config, key string, mac lease.HardwareAddr, want netip.Addr, now time.Time) netip.Addr {
	if addr, ok := cfg.Reserved[mac]; ok {
		return addr
	}
	for _, addr := range []netip.Addr{t.byKey[key], want} {
		if cfg.inPool(addr) && t.free(addr, key, now) && !cfg.reserved(addr) {
			return addr
		}
	}
	var used netip.Addr
	for addr := cfg.First; cfg.Network.Contains(addr) && !cfg.Last.Less(addr); addr = addr.Next() {
		switch {
		case !cfg.inPool(addr) || cfg.reserved(addr):
		case t.byAddr[addr] == nil:
			return addr
		case !used.IsValid() && t.free(addr, key, now):
			used = addr
		}
	}
	return used
}

// reserved says that addr is kept for one station.
func (c *Config) reserved(addr netip.Addr) bool {
	for _, a := range c.Reserved {
		if a == addr {
			return true
		}
	}
	return false
}

// all returns copies, in the order of the addresses.
func (t *table) all() []Binding {
	list := make([]Binding, 0, len(t.byAddr))
	for _, b := range t.byAddr {
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b Binding) int { return a.Addr.Compare(b.Addr) })
	return list
}
