package dhcptest

import (
	"net"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	serverPort = 67
	clientPort = 68
)

var (
	everybody    = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	everyStation = lease.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// reply is an answer with what every answer has (RFC 2131 table 3).
func (r *request) reply(typ dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	zero := func() net.IP { return net.IPv4zero.To4() }
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootReply, HWType: iana.HWTypeEthernet,
		TransactionID: r.TransactionID, Flags: r.Flags, ClientHWAddr: slices.Clone(r.ClientHWAddr),
		ClientIPAddr: zero(), YourIPAddr: zero(), ServerIPAddr: zero(), GatewayIPAddr: slices.Clone(r.GatewayIPAddr),
		Options: dhcpv4.Options{},
	}
	m.UpdateOption(dhcpv4.OptMessageType(typ))
	m.UpdateOption(dhcpv4.OptServerIdentifier(r.cfg.ServerID.AsSlice()))
	// RFC 6842 3.
	if id := r.Options.Get(dhcpv4.OptionClientIdentifier); id != nil {
		m.UpdateOption(dhcpv4.OptClientIdentifier(slices.Clone(id)))
	}
	return m
}

// ack binds an address to the client.
func (r *request) ack(addr netip.Addr) *dhcpv4.DHCPv4 {
	r.bind(addr, Bound, r.cfg.Lease)
	m := r.grant(dhcpv4.MessageTypeAck, addr)
	m.ClientIPAddr = slices.Clone(r.ClientIPAddr)
	return m
}

// grant is an OFFER or ACK of an address.
func (r *request) grant(typ dhcpv4.MessageType, addr netip.Addr) *dhcpv4.DHCPv4 {
	m := r.reply(typ)
	m.YourIPAddr = addr.AsSlice()
	m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(r.cfg.Lease))
	if r.cfg.T1 != 0 {
		m.UpdateOption(dhcpv4.OptRenewTimeValue(r.cfg.T1))
	}
	if r.cfg.T2 != 0 {
		m.UpdateOption(dhcpv4.OptRebindingTimeValue(r.cfg.T2))
	}
	r.parameters(m)
	return m
}

// parameters adds what a client is told beside its address.
func (r *request) parameters(m *dhcpv4.DHCPv4) {
	c := r.cfg
	m.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(c.Network.Bits(), 32)))
	if len(c.Routers) != 0 {
		m.UpdateOption(dhcpv4.OptRouter(ips(c.Routers)...))
	}
	if len(c.DNS) != 0 {
		m.UpdateOption(dhcpv4.OptDNS(ips(c.DNS)...))
	}
	if c.Domain != "" {
		m.UpdateOption(dhcpv4.OptDomainName(c.Domain))
	}
	if c.MTU != 0 {
		m.Options[dhcpv4.OptionInterfaceMTU.Code()] = dhcpv4.Uint16(c.MTU).ToBytes()
	}
	for code, v := range c.Options {
		if v == nil {
			delete(m.Options, code)
			continue
		}
		m.Options[code] = slices.Clone(v)
	}
}

// refuse is a NAK from a server that is sure, and the silence of one that is
// not (RFC 2131 4.3.2).
func (r *request) refuse(why string) *dhcpv4.DHCPv4 {
	if !r.cfg.Authoritative {
		return nil
	}
	return r.nak(why)
}

func (r *request) nak(why string) *dhcpv4.DHCPv4 {
	m := r.reply(dhcpv4.MessageTypeNak)
	m.UpdateOption(dhcpv4.OptMessage(why))
	if r.relayed() {
		m.SetBroadcast() // RFC 2131 4.3.2: the client may have a wrong address
	}
	return m
}

// destination is where an answer goes (RFC 2131 4.1).
func destination(req, reply *dhcpv4.DHCPv4) (netip.AddrPort, lease.HardwareAddr) {
	client := lease.HardwareAddr(req.ClientHWAddr)
	giaddr, ciaddr, yiaddr := addrOf(req.GatewayIPAddr), addrOf(req.ClientIPAddr), addrOf(reply.YourIPAddr)
	switch {
	case giaddr.IsValid():
		return netip.AddrPortFrom(giaddr, serverPort), lease.HardwareAddr{}
	case reply.MessageType() == dhcpv4.MessageTypeNak:
		return netip.AddrPortFrom(everybody, clientPort), everyStation
	case ciaddr.IsValid():
		return netip.AddrPortFrom(ciaddr, clientPort), client
	case req.IsBroadcast() || !yiaddr.IsValid():
		return netip.AddrPortFrom(everybody, clientPort), everyStation
	}
	return netip.AddrPortFrom(yiaddr, clientPort), client
}

func ips(addrs []netip.Addr) []net.IP {
	list := make([]net.IP, len(addrs))
	for i, a := range addrs {
		list[i] = a.AsSlice()
	}
	return list
}
