package hostile

import (
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

var acks = Group{"ACK and OFFER out of place", []Row{
	{
		Name:  "other terms than the OFFER",
		About: "The OFFER has router 10.99.0.1 and an hour, the ACK router 10.99.0.4 and half an hour.",
		IDs:   []string{"REQ-05"},
		Cast:  []Lie{says(ack, option(3, 10, 99, 0, 4), option(51, 0, 0, 7, 8))},
		Want:  []Check{keeps("10.99.0.50/24"), via(host(4)), lasts(0, 30*time.Minute)},
	},
	{
		Name:  "another address than the OFFER",
		About: "The ACK is for 10.99.0.58, the OFFER was for 10.99.0.50.",
		IDs:   []string{"REQ-10"},
		Cast:  []Lie{says(ack, yiaddr(10, 99, 0, 58))},
		Want:  []Check{without(host(50)), unhurried},
		Ours:  []Check{keeps("10.99.0.58/24"), quiet},
	},
	{
		Name:  "no server id",
		About: "ACKs have no option 54: renewals go to the server of the OFFER.",
		IDs:   []string{"REQ-15"},
		Cast:  []Lie{all(aging, says(ack, drop(54)))},
		Want:  []Check{unhurried},
		Ours:  []Check{keeps("10.99.0.50/24"), asks(host(1))},
		Brief: 5 * time.Second,
	},
	{
		Name:  "five times",
		About: "Each ACK comes five times.",
		IDs:   []string{"REQ-13"},
		Cast: []Lie{script(sometimes(is(request), func(_ *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			return append(out, append(append(out, out...), append(out, out...)...)...)
		}))},
		Want: []Check{keeps("10.99.0.50/24"), atMost(1, request), quiet},
	},
	{
		Name:  "ACK to a DISCOVER",
		About: "DISCOVERs are answered with ACK, without rapid commit.",
		IDs:   []string{"INI-05"},
		Cast:  []Lie{script(sometimes(is(discover), instead(ack))), good},
		Want:  []Check{without(host(50)), has("10.99.0.60/24")},
	},
	{
		Name:  "ACK of another exchange",
		About: "The ACK has another xid.",
		IDs:   []string{"REN-16"},
		Cast:  []Lie{says(ack, xid)},
		Want:  []Check{bare, unhurried},
		Brief: 4 * time.Second,
	},
	{
		Name:  "OFFER for a REQUEST",
		About: "REQUESTs are answered with OFFER, and never with ACK.",
		IDs:   []string{"INI-14"},
		Cast:  []Lie{script(sometimes(is(request), instead(offer)))},
		Want:  []Check{bare, unhurried},
		Brief: 4 * time.Second,
	},
	{
		Name:  "late OFFERs",
		About: "With each ACK, and 1 s after it, comes an OFFER of another address with the same xid.",
		IDs:   []string{"INI-14"},
		Cast: []Lie{script(sometimes(is(request), func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			a, b := answers(req, offer, host(2), host(77)), answers(req, offer, host(2), host(77))
			b.Delay = time.Second
			return append(append([]dhcptest.Reply{a}, out...), a, b)
		}))},
		Want: []Check{keeps("10.99.0.50/24"), atMost(1, request), quiet},
	},
	{
		Name:  "ACK out of the blue",
		About: "1 s after the ACK comes another with the same xid, for 10.99.0.58.",
		IDs:   []string{"VAL-33"},
		Cast: []Lie{once(is(request), func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			r := answers(req, ack, host(1), host(58))
			r.Delay = time.Second
			return append(out, r)
		})},
		Want: []Check{keeps("10.99.0.50/24"), quiet},
	},
	{
		Name:  "FORCERENEW",
		About: "1 s after the ACK comes a FORCERENEW, without authentication.",
		IDs:   []string{"FR-01"},
		Cast: []Lie{once(is(request), func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
			r := answers(req, forceRenew, host(1), host(50))
			r.Delay = time.Second
			r.Dst, r.MAC = netip.AddrPortFrom(host(50), 68), lease.HardwareAddr(req.ClientHWAddr)
			return append(out, r)
		})},
		Want: []Check{keeps("10.99.0.50/24"), quiet},
	},
}}

// forceRenew is of RFC 3203 4.
const forceRenew = dhcpv4.MessageType(9)
