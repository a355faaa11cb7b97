package hostile

import (
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

var crowd = Group{"Who answers", []Row{
	{
		Name:  "honest",
		About: "The control: one server, without any fault.",
		IDs:   []string{"INI-02", "INI-15", "REQ-14"},
		Want:  []Check{keeps("10.99.0.50/24"), via(host(1)), accepts(host(1), host(50)), atMost(1, request), quiet, dns(host(3)), mtu(1500, 1500)},
	},
	{
		Name:  "another address",
		About: "The messages come from 10.99.0.2, siaddr is 10.99.0.9, and option 54 is neither.",
		IDs:   []string{"REQ-01", "VAL-22"},
		Cast:  []Lie{all(always(siaddr(10, 99, 0, 9)), script(from(netip.AddrPortFrom(host(2), 67))))},
		Want:  []Check{accepts(host(1), host(50)), has("10.99.0.50/24")},
	},
	{
		Name:  "another port",
		About: "The messages come from UDP port 6767: only their destination is fixed.",
		IDs:   []string{"VAL-20"},
		Cast:  []Lie{script(from(netip.AddrPortFrom(host(1), 6767)))},
		Want:  []Check{has("10.99.0.50/24")},
	},
	{
		Name:  "nobody's port",
		About: "The OFFERs go to UDP port 69.",
		IDs:   []string{"VAL-21"},
		Cast:  []Lie{script(to(69)), good},
		Want:  []Check{refuses, has("10.99.0.60/24")},
	},
	{
		Name:  "two offers",
		About: "Two servers offer different addresses.",
		IDs:   []string{"INI-06"},
		Cast:  []Lie{honest, honest},
		Want:  []Check{oneOffer, atMost(1, request), oneOf(50, 60)},
	},
	{
		Name:  "ten offers",
		About: "Ten servers offer different addresses at the same moment.",
		IDs:   []string{"INI-06"},
		Cast:  slices.Repeat([]Lie{honest}, 10),
		Want:  []Check{oneOffer, atMost(1, request), oneOf(50, 60, 70, 80, 90, 100, 110, 120, 130, 140)},
	},
	{
		Name:  "NAKs everybody",
		About: "A second server answers each REQUEST to the first with NAK, before the first can ACK.",
		IDs:   []string{"REQ-11"},
		Cast:  []Lie{slowly, all(deaf(discover), script(nakEverybody))},
		Want:  []Check{keeps("10.99.0.50/24"), atMost(1, discover)},
	},
	{
		Name:  "ACKs for another",
		About: "A second server acknowledges what the first has offered, under its own option 54.",
		IDs:   []string{"REQ-12"},
		Cast: []Lie{deaf(request), all(deaf(discover), script(func(req *dhcpv4.DHCPv4, _ []dhcptest.Reply) []dhcptest.Reply {
			return []dhcptest.Reply{answers(req, ack, host(2), host(50))}
		}))},
		Want: []Check{noFaster(12, 30*time.Second)},
		Ours: []Check{keeps("10.99.0.50/24"), quiet},
	},
}}

// slowly lets another be first.
var slowly = slow(300 * time.Millisecond)

// good is the honest server beside one whose offers are no good, and after it.
var good = slowly

// siaddr names a next server, for booting.
func siaddr(a ...byte) change { return func(m *dhcpv4.DHCPv4) { m.ServerIPAddr = a } }

// from changes the source of answers.
func from(src netip.AddrPort) func(*dhcpv4.DHCPv4, []dhcptest.Reply) []dhcptest.Reply {
	return func(_ *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
		for i := range out {
			out[i].Src = src
		}
		return out
	}
}

// to changes the port that they go to.
func to(port uint16) func(*dhcpv4.DHCPv4, []dhcptest.Reply) []dhcptest.Reply {
	return func(_ *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
		for i := range out {
			out[i].Dst = netip.AddrPortFrom(out[i].Dst.Addr(), port)
		}
		return out
	}
}

func nakEverybody(req *dhcpv4.DHCPv4, _ []dhcptest.Reply) []dhcptest.Reply {
	if req.MessageType() != request {
		return nil
	}
	return []dhcptest.Reply{answers(req, nak, host(2), netip.Addr{})}
}
