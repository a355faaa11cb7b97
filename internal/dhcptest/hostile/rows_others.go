package hostile

import (
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// others are what comes of many stations, or of none in particular.
var others = Group{"Others on the link", []Row{
	{
		Name:  "an echo",
		About: "Each message of the client comes back to it, before the answer.",
		IDs:   []string{"VAL-19"},
		Cast: []Lie{script(func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			return append([]dhcptest.Reply{toEverybody(req.ToBytes())}, out...)
		})},
		Want: []Check{keeps("10.99.0.50/24"), atMost(1, discover), quiet},
	},
	{
		Name:  "answers to others",
		About: "Five hundred replies to other clients, by broadcast, come before each answer.",
		IDs:   []string{"VAL-19"},
		Cast: []Lie{script(func(_ *dhcpv4.DHCPv4, out []dhcptest.Reply) (all []dhcptest.Reply) {
			for i := range 500 {
				for _, r := range out {
					all = append(all, toEverybody(forAnother(r.Payload, byte(i))))
				}
			}
			return append(all, out...)
		})},
		Want: []Check{keeps("10.99.0.50/24"), atMost(2, discover), atMost(2, request)},
	},
	{
		Name:  "five hundred times",
		About: "Each OFFER comes five hundred times: the ACK may be lost among them, and is asked for once more.",
		IDs:   []string{"MUL-01"},
		Cast: []Lie{script(func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) (all []dhcptest.Reply) {
			if req.MessageType() != discover {
				return out
			}
			for range 500 {
				all = append(all, out...)
			}
			return all
		})},
		Want: []Check{keeps("10.99.0.50/24"), oneOffer, atMost(1, discover), atMost(2, request)},
	},
	{
		Name:  "a hundred servers",
		About: "A hundred servers offer an address each, and acknowledge what they are asked for.",
		IDs:   []string{"MUL-01", "INI-06"},
		Cast:  []Lie{script(aHundred)},
		Want:  []Check{oneOffer, atMost(1, discover), atMost(2, request), within("10.99.0.100/24", "10.99.0.199/24")},
	},
	{
		Name:  "a fail-over that refuses",
		About: "The first server dies after its ACK; the second knows nothing of the lease, and says NAK when the client broadcasts.",
		IDs:   []string{"MUL-03", "REN-15", "LIF-11"},
		Cast:  []Lie{all(aging, dies(ack)), refusesToExtend},
		Want:  []Check{leaves(host(50), 500*time.Millisecond), has("10.99.0.60/24")},
		Brief: 9 * time.Second, Full: 70 * time.Second,
	},
}}

// toEverybody is a broadcast.
func toEverybody(payload []byte) dhcptest.Reply {
	return dhcptest.Reply{Dst: toAll, MAC: everyStation, Payload: payload}
}

// forAnother is a reply as another client would get it.
func forAnother(payload []byte, n byte) []byte {
	b := append([]byte(nil), payload...)
	b[4] ^= 0xa5 // xid
	copy(b[28:], []byte{2, 0, 0, 1, 0, n})
	return b
}

// aHundred answers as the servers 10.99.1.100 to 10.99.1.199, of which each has
// one address.
func aHundred(req *dhcpv4.DHCPv4, _ []dhcptest.Reply) (all []dhcptest.Reply) {
	id := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 99, 1, byte(n)}) }
	switch req.MessageType() {
	case discover:
		for n := 100; n < 200; n++ {
			all = append(all, answers(req, offer, id(n), host(n)))
		}
	case request:
		if a := addrOf(req.RequestedIPAddress()); a.Is4() {
			all = append(all, answers(req, ack, addrOf(req.ServerIdentifier()), a))
		}
	}
	return all
}

// refusesToExtend is a server that does nothing until it has refused a renewal,
// and is honest then.
func refusesToExtend(f Form, c *dhcptest.Config) {
	refused := false
	script(func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
		if extends(req) {
			refused = true
			return []dhcptest.Reply{answers(req, nak, c.ServerID, netip.Addr{})}
		}
		if !refused {
			return nil
		}
		return out
	})(f, c)
}

// within wants one address in the end, between two.
func within(first, last string) Check {
	low, high := netip.MustParsePrefix(first), netip.MustParsePrefix(last)
	return Check{"ends with an address from " + first + " to " + last, func(r *Record) (bool, string) {
		held := r.at(r.Window)
		ok := len(held) == 1 && held[0].Bits() == low.Bits() && !held[0].Addr().Less(low.Addr()) && !high.Addr().Less(held[0].Addr())
		return ok, inTheEnd(held)
	}}
}
