package hostile

import (
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

var naks = Group{"NAK", []Row{
	{
		Name:  "NAK once",
		About: "The first REQUEST is answered with NAK.",
		IDs:   []string{"REQ-06", "INI-16"},
		Cast:  []Lie{once(is(request), instead(nak))},
		Want:  []Check{has("10.99.0.50/24"), startsOver(time.Second)},
	},
	{
		Name:  "NAK for ever",
		About: "Each offer is followed by a NAK.",
		IDs:   []string{"REQ-07"},
		Cast:  []Lie{script(sometimes(is(request), instead(nak)))},
		Want:  []Check{bare, startsOver(time.Second), atMost(12, discover), backsOff},
		Brief: 4 * time.Second, Full: 120 * time.Second,
	},
	{
		Name:  "NAK to a DISCOVER",
		About: "A DISCOVER is answered with NAK at once, and with an OFFER 200 ms later.",
		IDs:   []string{"INI-09"},
		Cast: []Lie{all(slow(200*time.Millisecond), script(sometimes(is(discover), func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			return append(instead(nak)(req, nil), out...)
		})))},
		Want: []Check{has("10.99.0.50/24"), atMost(1, discover)},
	},
	{
		Name:  "NAK of another exchange",
		About: "Before each ACK comes a NAK with another xid.",
		IDs:   []string{"REN-16"},
		Cast:  []Lie{script(sometimes(is(request), first(nak, xid)))},
		Want:  []Check{keeps("10.99.0.50/24"), atMost(1, discover)},
	},
	{
		Name:  "NAK to the renewal, broadcast",
		About: "Renewals are answered with NAK, to 255.255.255.255 as RFC 2131 4.3.2 has it.",
		IDs:   []string{"REN-15"},
		Cast:  []Lie{all(aging, script(sometimes(extends, instead(nak))))},
		Want:  []Check{leaves(host(50), 500*time.Millisecond)},
		Brief: 5 * time.Second, Full: 40 * time.Second,
	},
	{
		Name:  "NAK to the renewal, unicast",
		About: "The same, to the address that the client has.",
		IDs:   []string{"REN-15"},
		Cast: []Lie{all(aging, script(sometimes(extends, func(req *dhcpv4.DHCPv4, _ []dhcptest.Reply) []dhcptest.Reply {
			return []dhcptest.Reply{toClient(req, answers(req, nak, host(1), netip.Addr{}))}
		})))},
		Want:  []Check{leaves(host(50), 500*time.Millisecond)},
		Brief: 5 * time.Second, Full: 40 * time.Second,
	},
	{
		Name:  "a stranger's NAK to the renewal",
		About: "A second server, which hears what is for the first, answers renewals with NAK before it can ACK.",
		IDs:   []string{"REQ-11"},
		Cast:  []Lie{all(aging, script(sometimes(extends, strangersNAK)))},
		Want:  []Check{renews},
		Ours:  []Check{keeps("10.99.0.50/24"), atMost(1, discover)},
		Brief: 5 * time.Second, Full: 40 * time.Second,
	},
	{
		Name:  "NAK out of the blue",
		About: "1 s after the ACK comes a NAK with the same xid, from the same server.",
		IDs:   []string{"VAL-33"},
		Cast: []Lie{once(is(request), func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			r := answers(req, nak, host(1), netip.Addr{})
			r.Delay = time.Second
			return append(out, r)
		})},
		Want: []Check{keeps("10.99.0.50/24"), atMost(1, discover), quiet},
	},
}}

// sometimes tells a lie to some requests only.
func sometimes(about func(*dhcpv4.DHCPv4) bool, f func(*dhcpv4.DHCPv4, []dhcptest.Reply) []dhcptest.Reply) func(*dhcpv4.DHCPv4, []dhcptest.Reply) []dhcptest.Reply {
	return func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
		if !about(req) {
			return out
		}
		return f(req, out)
	}
}

// instead is the first server's message of another type.
func instead(typ dhcpv4.MessageType) func(*dhcpv4.DHCPv4, []dhcptest.Reply) []dhcptest.Reply {
	return func(req *dhcpv4.DHCPv4, _ []dhcptest.Reply) []dhcptest.Reply {
		return []dhcptest.Reply{answers(req, typ, host(1), host(50))}
	}
}

// first puts a message in front of what is said, 10 ms before it.
func first(typ dhcpv4.MessageType, changes ...change) func(*dhcpv4.DHCPv4, []dhcptest.Reply) []dhcptest.Reply {
	return func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
		for i := range out {
			out[i].Delay += 10 * time.Millisecond
		}
		r := answers(req, typ, host(1), host(50))
		m, err := dhcpv4.FromBytes(r.Payload)
		if err != nil {
			panic(err) // it was encoded just now
		}
		for _, f := range changes {
			f(m)
		}
		r.Payload = m.ToBytes()
		return append([]dhcptest.Reply{r}, out...)
	}
}

func strangersNAK(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
	for i := range out {
		out[i].Delay += 10 * time.Millisecond
	}
	r := answers(req, nak, host(2), netip.Addr{})
	r.Src = netip.AddrPortFrom(host(2), 67)
	return append([]dhcptest.Reply{r}, out...)
}
