package hostile

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

var options = Group{"Options", []Row{
	{
		Name:  "no End",
		About: "The message ends with its last option.",
		IDs:   []string{"VAL-24"},
		Cast:  []Lie{octets(unended)},
		Want:  []Check{has("10.99.0.50/24"), via(host(1))},
	},
	{
		Name:  "short",
		About: "The message ends with End, and has less than 300 octets.",
		IDs:   []string{"VAL-23"},
		Cast:  []Lie{octets(raw(255))},
		Want:  []Check{has("10.99.0.50/24"), via(host(1))},
	},
	{
		Name:  "576 octets",
		About: "A datagram of 576 octets, which every host must accept.",
		IDs:   []string{"VAL-30"},
		Cast:  []Lie{octets(func(b []byte) []byte { return append(b, make([]byte, 548-len(b))...) })},
		Want:  []Check{has("10.99.0.50/24"), via(host(1))},
	},
	{
		Name:  "as long as the client allows",
		About: "A datagram of as many octets as option 57 of the request says.",
		IDs:   []string{"VAL-30", "MSG-17"},
		Cast:  []Lie{script(asLongAsAllowed)},
		Want:  []Check{has("10.99.0.50/24"), via(host(1))},
	},
	{
		Name:  "pads and a tail",
		About: "Pads stand between the options; behind End there is another router.",
		IDs:   []string{"VAL-29"},
		Cast:  []Lie{octets(func(b []byte) []byte { return raw(append(make([]byte, 60), 255, 3, 4, 10, 99, 0, 9, 255)...)(b) })},
		Want:  []Check{has("10.99.0.50/24"), via(host(1)), neverVia(host(9))},
	},
	{
		Name:  "junk",
		About: "60 options from 128 to 246 are there, with junk in them.",
		IDs:   []string{"VAL-27"},
		Cast:  []Lie{octets(func(b []byte) []byte { return raw(junk()...)(b) })},
		Want:  []Check{has("10.99.0.50/24"), via(host(1))},
	},
	{
		Name:  "past the end",
		About: "The last option is longer than what is left of the message.",
		IDs:   []string{"VAL-25"},
		Cast:  []Lie{octets(raw(12, 200, 'a', 'b', 'c', 'd'))},
		Want:  []Check{masked(24), lasts(0, time.Hour), unhurried},
		Ours:  []Check{bare, refuses},
		Brief: 4 * time.Second,
	},
	{
		Name:  "without a length",
		About: "The message ends with the code of an option.",
		IDs:   []string{"VAL-25"},
		Cast:  []Lie{octets(raw(12))},
		Want:  []Check{masked(24), lasts(0, time.Hour), unhurried},
		Ours:  []Check{bare, refuses},
		Brief: 4 * time.Second,
	},
	{
		Name:  "router of three octets",
		About: "Router, MTU and DNS have lengths that they cannot have; the rest is good.",
		IDs:   []string{"VAL-26"},
		Cast:  []Lie{always(option(3, 10, 99, 0), option(26, 5), option(6, 10, 99, 0, 3, 10, 99))},
		Want:  []Check{has("10.99.0.50/24"), via(netip.Addr{}), mtu(1500, 1500)},
	},
	{
		Name:  "mask of three octets",
		About: "Option 1 has three octets: it is as if absent.",
		IDs:   []string{"VAL-26", "VAL-16"},
		Cast:  []Lie{always(option(1, 255, 255, 255))},
		Want:  []Check{masked(8, 32), unhurried},
		Ours:  []Check{keeps("10.99.0.50/8")},
	},
	{
		Name:  "lease time of two octets",
		About: "Option 51 has two octets: it is as if absent.",
		IDs:   []string{"VAL-26", "REQ-16"},
		Cast:  []Lie{always(option(51, 14, 16))},
		Want:  []Check{unhurried, lasts(0, 366*24*time.Hour)},
		Ours:  []Check{bare},
		Brief: 4 * time.Second,
	},
	{
		Name:  "overload",
		About: "Mask and router are in file, DNS is in sname, and option 52 says so.",
		IDs:   []string{"VAL-28"},
		Cast:  []Lie{all(always(drop(1, 3, 6)), octets(overload(3)))},
		Want:  []Check{has("10.99.0.50/24"), via(host(1))},
	},
	{
		Name:  "overload 7",
		About: "Option 52 has no value that it can have: file is a file name then.",
		IDs:   []string{"VAL-28"},
		Cast:  []Lie{all(always(option(3, 10, 99, 0, 4), drop(6)), octets(overload(7)))},
		Want:  []Check{has("10.99.0.50/24"), via(host(4)), neverVia(host(1))},
	},
	{
		Name:  "split routes",
		About: "Option 121 comes in two pieces, cut in the middle of a route.",
		IDs:   []string{"OPT-07"},
		Cast:  []Lie{octets(raw(121, 5, 16, 10, 7, 10, 99, 121, 7, 0, 4, 0, 10, 99, 0, 1, 255))},
		Want:  []Check{has("10.99.0.50/24"), routes("10.7.0.0/16 via 10.99.0.4"), via(host(1))},
	},
	{
		Name:  "a route of 33 bits",
		About: "Option 121 has a width that does not exist, and option 3 is good.",
		IDs:   []string{"OPT-06"},
		Cast:  []Lie{always(option(121, 33, 10, 7, 0, 0, 0, 10, 99, 0, 4))},
		Want:  []Check{has("10.99.0.50/24"), routes(), via(host(1))},
	},
	{
		Name:  "half a route",
		About: "The second route of option 121 is cut short.",
		IDs:   []string{"OPT-06"},
		Cast:  []Lie{always(option(121, 16, 10, 7, 10, 99, 0, 4, 24, 10, 8))},
		Want:  []Check{has("10.99.0.50/24"), oneRoute, neverVia(netip.MustParseAddr("8.0.0.0"))},
		Ours:  []Check{routes("10.7.0.0/16 via 10.99.0.4")},
	},
	{
		Name:  "a router elsewhere",
		About: "The router, 192.0.2.1, is not in the subnet.",
		IDs:   []string{"HST-02"},
		Cast:  []Lie{always(option(3, 192, 0, 2, 1))},
		Want:  []Check{has("10.99.0.50/24"), via(netip.MustParseAddr("192.0.2.1"))},
	},
	{
		Name:  "ourselves as router",
		About: "The router is the client's own address.",
		IDs:   []string{"HST-03"},
		Cast:  []Lie{always(option(3, 10, 99, 0, 50))},
		Want:  []Check{has("10.99.0.50/24"), neverVia(host(50)), via(netip.Addr{})},
	},
	{
		Name:  "routers that are none",
		About: "The routers are 0.0.0.0, 255.255.255.255, 224.0.0.1, 127.0.0.1, and then a good one.",
		IDs:   []string{"HST-03"},
		Cast:  []Lie{always(option(3, 0, 0, 0, 0, 255, 255, 255, 255, 224, 0, 0, 1, 127, 0, 0, 1, 10, 99, 0, 1))},
		Want:  []Check{has("10.99.0.50/24"), neverVia(netip.MustParseAddr("255.255.255.255")), neverVia(netip.MustParseAddr("224.0.0.1")), neverVia(netip.MustParseAddr("127.0.0.1"))},
		Ours:  []Check{via(host(1))},
	},
	{
		Name:  "MTU 20",
		About: "Option 26 is less than any network has.",
		IDs:   []string{"OPT-16"},
		Cast:  []Lie{always(option(26, 0, 20))},
		Want:  []Check{has("10.99.0.50/24"), mtu(576, 1500)},
	},
	{
		Name:  "MTU 65535",
		About: "Option 26 is more than the link's 1500.",
		IDs:   []string{"OPT-16"},
		Cast:  []Lie{always(option(26, 255, 255))},
		Want:  []Check{has("10.99.0.50/24"), mtu(576, 1500)},
	},
}}

// asLongAsAllowed pads answers up to option 57, or up to 576 octets with the
// headers of IP and UDP (RFC 2131 2).
func asLongAsAllowed(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
	size, err := req.MaxMessageSize()
	if err != nil {
		size = 576
	}
	for i := range out {
		b := out[i].Payload
		out[i].Payload = append(b, make([]byte, max(0, int(size)-28-len(b)))...)
	}
	return out
}

// junk is many options that have no meaning to us, and End: no more than fits into
// 576 octets.
func junk() (b []byte) {
	for code := byte(128); code < 248; code += 2 {
		b = append(b, code, 2, code, 0xff)
	}
	return append(b, 255)
}

// overload puts options into file and sname.
func overload(how byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b = slices.Concat(bytes.Clone(unended(b)), []byte{52, 1, how, 255})
		copy(b[fileAt:], []byte{1, 4, 255, 255, 255, 0, 0, 3, 4, 10, 99, 0, 1, 255})
		copy(b[snameAt:], []byte{6, 4, 10, 99, 0, 3, 255})
		return b
	}
}
