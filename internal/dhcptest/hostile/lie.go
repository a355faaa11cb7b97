package hostile

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A Lie makes an honest server misbehave. It is told anew for each run, and may
// hold what it must remember.
type Lie func(f Form, c *dhcptest.Config)

// A change is made to an answer before it is encoded.
type change func(*dhcpv4.DHCPv4)

func honest(Form, *dhcptest.Config) {}

// all tells several lies at once.
func all(lies ...Lie) Lie {
	return func(f Form, c *dhcptest.Config) {
		for _, l := range lies {
			l(f, c)
		}
	}
}

func silent(_ Form, c *dhcptest.Config) { c.Silent = true }

// deaf hears no messages of these types.
func deaf(types ...dhcpv4.MessageType) Lie {
	return func(_ Form, c *dhcptest.Config) { c.Ignore = append(slices.Clone(c.Ignore), types...) }
}

// slow thinks before each answer.
func slow(d time.Duration) Lie { return func(_ Form, c *dhcptest.Config) { c.Delay = d } }

// briefly is one lie in the brief form, and another in the full one.
func briefly(brief, full Lie) Lie {
	return func(f Form, c *dhcptest.Config) { of(f, brief, full)(f, c) }
}

// grants sets options 51, 58 and 59; 0 leaves out the last two.
func grants(valid, t1, t2 time.Duration) Lie {
	return func(_ Form, c *dhcptest.Config) { c.Lease, c.T1, c.T2 = valid, t1, t2 }
}

// aging gives leases that are renewed while one looks.
var aging = briefly(grants(6*time.Second, 2*time.Second, 4*time.Second), grants(45*time.Second, 15*time.Second, 30*time.Second))

// mutate changes answers.
func mutate(f func(req, reply *dhcpv4.DHCPv4)) Lie {
	return func(_ Form, c *dhcptest.Config) {
		before := c.Mutate
		c.Mutate = func(req, reply *dhcpv4.DHCPv4) {
			if before != nil {
				before(req, reply)
			}
			f(req, reply)
		}
	}
}

// says changes the answers of one type.
func says(typ dhcpv4.MessageType, changes ...change) Lie {
	return mutate(func(_, reply *dhcpv4.DHCPv4) {
		if reply.MessageType() == typ {
			for _, f := range changes {
				f(reply)
			}
		}
	})
}

// always changes both OFFER and ACK.
func always(changes ...change) Lie { return all(says(offer, changes...), says(ack, changes...)) }

// renewing changes ACKs to those who have an address.
func renewing(changes ...change) Lie {
	return mutate(func(req, reply *dhcpv4.DHCPv4) {
		if extends(req) && reply.MessageType() == ack {
			for _, f := range changes {
				f(reply)
			}
		}
	})
}

// extends says that a request is one of RENEWING or REBINDING.
func extends(req *dhcpv4.DHCPv4) bool {
	return req.MessageType() == request && !addrOf(req.ClientIPAddr).IsUnspecified()
}

// octets changes the octets of answers, after they were encoded.
func octets(f func([]byte) []byte) Lie { return func(_ Form, c *dhcptest.Config) { c.Rewrite = f } }

// script has the last word on what is sent.
func script(f func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply) Lie {
	return func(_ Form, c *dhcptest.Config) {
		before := c.Script
		c.Script = func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			if before != nil {
				out = before(req, out)
			}
			return f(req, out)
		}
	}
}

// once tells a lie about the first request that it is about, and is honest then.
func once(about func(*dhcpv4.DHCPv4) bool, f func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply) Lie {
	return func(form Form, c *dhcptest.Config) {
		told := false
		script(func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			if told || !about(req) {
				return out
			}
			told = true
			return f(req, out)
		})(form, c)
	}
}

// is matches requests of a type.
func is(typ dhcpv4.MessageType) func(*dhcpv4.DHCPv4) bool {
	return func(m *dhcpv4.DHCPv4) bool { return m.MessageType() == typ }
}

// answers is a message that a server would send, made from nothing but the
// request.
func answers(req *dhcpv4.DHCPv4, typ dhcpv4.MessageType, server, yiaddr netip.Addr) dhcptest.Reply {
	m, err := dhcpv4.NewReplyFromRequest(req, dhcpv4.WithMessageType(typ), dhcpv4.WithServerIP(net.IPv4zero),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server.AsSlice())))
	if err != nil {
		panic(err) // nothing in it can fail
	}
	r := dhcptest.Reply{Dst: toAll, MAC: lease.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	if typ != nak {
		m.YourIPAddr = yiaddr.AsSlice()
		m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(time.Hour))
		m.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(Network.Bits(), 32)))
		m.UpdateOption(dhcpv4.OptRouter(host(1).AsSlice()))
	}
	r.Payload = m.ToBytes()
	return r
}

// toAll is where a broadcast goes.
var toAll = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 68)

// option sets an option to these octets.
func option(code uint8, value ...byte) change {
	return func(m *dhcpv4.DHCPv4) { m.Options[code] = value }
}

// drop leaves options out.
func drop(codes ...uint8) change {
	return func(m *dhcpv4.DHCPv4) {
		for _, c := range codes {
			delete(m.Options, c)
		}
	}
}

// yiaddr gives another address.
func yiaddr(a ...byte) change {
	return func(m *dhcpv4.DHCPv4) { m.YourIPAddr = a }
}

// xid is another exchange's.
func xid(m *dhcpv4.DHCPv4) { m.TransactionID[3] ^= 1 }
