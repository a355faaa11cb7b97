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

// shrinks makes the first renewal a short one, and is the last word of its
// server.
func shrinks(f Form, c *dhcptest.Config) {
	all(renewing(option(51, 0, 0, 0, of[byte](f, 5, 40)), drop(58, 59)), func(f Form, c *dhcptest.Config) {
		renewed := false
		script(func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			if renewed {
				return nil
			}
			renewed = extends(req)
			return out
		})(f, c)
	})(f, c)
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

// nothing is said.
func nothing(*dhcpv4.DHCPv4, []dhcptest.Reply) []dhcptest.Reply { return nil }

// late delays the answers of a type.
func late(typ dhcpv4.MessageType, brief, full time.Duration) Lie {
	return func(f Form, c *dhcptest.Config) {
		script(func(_ *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			for i := range out {
				if typeOf(out[i]) == typ {
					out[i].Delay = of(f, brief, full)
				}
			}
			return out
		})(f, c)
	}
}

// dies says nothing any more after its first answer of a type.
func dies(typ dhcpv4.MessageType) Lie {
	return func(f Form, c *dhcptest.Config) {
		dead := false
		script(func(_ *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			if dead {
				return nil
			}
			dead = len(out) > 0 && typeOf(out[0]) == typ
			return out
		})(f, c)
	}
}

// adopts acknowledges the lease of whoever asks to extend one.
func adopts(f Form, c *dhcptest.Config) {
	script(func(req *dhcpv4.DHCPv4, _ []dhcptest.Reply) []dhcptest.Reply {
		if !extends(req) {
			return nil
		}
		r := answers(req, ack, c.ServerID, addrOf(req.ClientIPAddr), dhcpv4.OptIPAddressLeaseTime(c.Lease),
			dhcpv4.OptRenewTimeValue(c.T1), dhcpv4.OptRebindingTimeValue(c.T2))
		return []dhcptest.Reply{toClient(req, r)}
	})(f, c)
}

// toClient is an answer that goes to the address that the client has.
func toClient(req *dhcpv4.DHCPv4, r dhcptest.Reply) dhcptest.Reply {
	r.Dst, r.MAC = netip.AddrPortFrom(addrOf(req.ClientIPAddr), 68), lease.HardwareAddr(req.ClientHWAddr)
	return r
}

// typeOf is the type of an answer, none of what cannot be parsed.
func typeOf(r dhcptest.Reply) dhcpv4.MessageType {
	m, err := dhcpv4.FromBytes(r.Payload)
	if err != nil {
		return dhcpv4.MessageTypeNone
	}
	return m.MessageType()
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
func answers(req *dhcpv4.DHCPv4, typ dhcpv4.MessageType, server, yiaddr netip.Addr, more ...dhcpv4.Option) dhcptest.Reply {
	m, err := dhcpv4.NewReplyFromRequest(req, dhcpv4.WithMessageType(typ), dhcpv4.WithServerIP(net.IPv4zero),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server.AsSlice())))
	if err != nil {
		panic(err) // nothing in it can fail
	}
	r := dhcptest.Reply{Dst: toAll, MAC: everyStation}
	if typ != nak {
		m.YourIPAddr = yiaddr.AsSlice()
		m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(time.Hour))
		m.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(Network.Bits(), 32)))
		m.UpdateOption(dhcpv4.OptRouter(host(1).AsSlice()))
	}
	for _, o := range more {
		m.UpdateOption(o)
	}
	r.Payload = m.ToBytes()
	return r
}

// Where a broadcast goes.
var (
	toAll        = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 68)
	everyStation = lease.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

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
