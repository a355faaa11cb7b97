package dhcptest

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// request is one message and what it is judged by. The Server is locked.
type request struct {
	*dhcpv4.DHCPv4
	cfg *Config
	t   *table
	now time.Time
	key string
	mac lease.HardwareAddr
}

func (r *request) ciaddr() netip.Addr           { return addrOf(r.ClientIPAddr) }
func (r *request) wanted() netip.Addr           { return addrOf(r.RequestedIPAddress()) }
func (r *request) server() netip.Addr           { return addrOf(r.ServerIdentifier()) }
func (r *request) relayed() bool                { return addrOf(r.GatewayIPAddr).IsValid() }
func (r *request) has(c dhcpv4.OptionCode) bool { return r.Options.Has(c) }

// addrOf is the zero Addr for 0.0.0.0 and for nothing.
func addrOf(ip net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(ip.To4())
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// discover offers an address (RFC 2131 4.3.1).
func (r *request) discover() *dhcpv4.DHCPv4 {
	addr := r.t.choose(r.cfg, r.key, r.mac, r.wanted(), r.now)
	if !addr.IsValid() {
		return nil
	}
	// An offer takes nothing from who has the address already.
	if b := r.t.of(r.key); b == nil || b.Addr != addr || !b.Active(r.now) {
		r.bind(addr, Offered, r.cfg.OfferTime)
	}
	return r.grant(dhcpv4.MessageTypeOffer, addr)
}

// request tells the four kinds of REQUEST apart (RFC 2131 4.3.2, table 4).
func (r *request) request() *dhcpv4.DHCPv4 {
	selecting := r.has(dhcpv4.OptionServerIdentifier)
	switch {
	case selecting && r.server() != r.cfg.ServerID:
		// It chose another: what was offered is free.
		if b := r.t.of(r.key); b != nil && b.State == Offered {
			b.State, b.Expires = Released, r.now
		}
		return nil
	case r.cfg.NakRequests:
		return r.nak("refused by configuration")
	case selecting:
		return r.selecting()
	case r.has(dhcpv4.OptionRequestedIPAddress):
		return r.reboot()
	default:
		return r.extend()
	}
}

// selecting answers who chose the offer of this server.
func (r *request) selecting() *dhcpv4.DHCPv4 {
	b := r.t.of(r.key)
	if b == nil || b.Addr != r.wanted() || b.State != Offered && b.State != Bound {
		return r.nak("this address was not offered")
	}
	return r.ack(b.Addr)
}

// reboot answers who remembers an address (INIT-REBOOT).
func (r *request) reboot() *dhcpv4.DHCPv4 {
	want, b := r.wanted(), r.t.of(r.key)
	switch {
	case !r.cfg.Network.Contains(want):
		return r.refuse("wrong network")
	case b == nil || b.State == Offered:
		return r.refuse("unknown client")
	case b.Addr != want:
		return r.nak("the address is another")
	case b.State == Declined:
		return r.nak("the address was declined")
	case !r.holds(want):
		return r.nak("the address is no longer served")
	}
	return r.ack(want)
}

// extend answers who has a lease (RENEWING, REBINDING).
func (r *request) extend() *dhcpv4.DHCPv4 {
	b := r.t.of(r.key)
	switch {
	case !r.ciaddr().IsValid():
		return nil // it asks for nothing
	case b == nil || b.Addr != r.ciaddr() || b.State != Bound:
		return r.refuse("no such lease")
	case !r.holds(b.Addr):
		return r.nak("the address is no longer served")
	}
	return r.ack(b.Addr)
}

// holds says that the configuration, which may have changed, still gives the
// client this address.
func (r *request) holds(addr netip.Addr) bool {
	if a, ok := r.cfg.Reserved[r.mac]; ok {
		return a == addr
	}
	return r.cfg.inPool(addr)
}

// decline puts an address aside (RFC 2131 4.3.3).
func (r *request) decline() {
	if b := r.t.of(r.key); b != nil && r.server() == r.cfg.ServerID && b.Addr == r.wanted() {
		b.State, b.Expires = Declined, r.now.Add(r.cfg.DeclineTime)
	}
}

// release frees an address (RFC 2131 4.3.4).
func (r *request) release() {
	if b := r.t.of(r.key); b != nil && r.server() == r.cfg.ServerID && b.Addr == r.ciaddr() && b.State == Bound {
		b.State, b.Expires = Released, r.now
	}
}

// inform tells parameters to a client with an address of its own (RFC 2131
// 4.3.5).
func (r *request) inform() *dhcpv4.DHCPv4 {
	if !r.ciaddr().IsValid() {
		return nil
	}
	m := r.reply(dhcpv4.MessageTypeAck)
	m.ClientIPAddr = slices.Clone(r.ClientIPAddr)
	r.parameters(m)
	return m
}

// bind records what the client was told.
func (r *request) bind(addr netip.Addr, state State, d time.Duration) {
	b := Binding{Addr: addr, State: state, MAC: r.mac, Hostname: r.HostName(),
		ClientID: slices.Clone(r.Options.Get(dhcpv4.OptionClientIdentifier))}
	if d < lease.Infinite {
		b.Expires = r.now.Add(d)
	}
	r.t.put(r.key, b)
}
