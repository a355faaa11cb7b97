package hostile

import (
	"net/netip"
	"time"
)

// addresses are those that no host can have.
var addresses = Group{"Addresses and masks", []Row{
	offered("0.0.0.0", 0, 0, 0, 0),
	offered("255.255.255.255", 255, 255, 255, 255),
	offered("multicast", 224, 0, 0, 5),
	offered("loopback", 127, 0, 0, 5),
	offered("class E", 240, 0, 0, 5),
	ignored("the network's address offered", "yiaddr is 10.99.0.0 of 10.99.0.0/24.", always(yiaddr(10, 99, 0, 0)), "VAL-10"),
	ignored("the broadcast address offered", "yiaddr is 10.99.0.255 of 10.99.0.0/24.", always(yiaddr(10, 99, 0, 255)), "VAL-10"),
	{
		Name:  "nothing but bad offers",
		About: "There is no other server than one that offers 0.0.0.0.",
		IDs:   []string{"INI-13", "VAL-09"},
		Cast:  []Lie{always(yiaddr(0, 0, 0, 0))},
		Want:  []Check{bare, backsOff, atMost(0, request), atMost(15, discover)},
		Ours:  []Check{atMost(7, discover)},
		Brief: 4 * time.Second, Full: 120 * time.Second,
	},
	acknowledged("0.0.0.0", 0, 0, 0, 0),
	acknowledged("255.255.255.255", 255, 255, 255, 255),
	acknowledged("multicast", 224, 0, 0, 5),
	acknowledged("loopback", 127, 0, 0, 5),
	acknowledged("class E", 240, 0, 0, 5),
	{
		Name:  "no mask",
		About: "No message has option 1: the mask is that of the class, or the host alone.",
		IDs:   []string{"VAL-16"},
		Cast:  []Lie{always(drop(1))},
		Want:  []Check{masked(8, 32), unhurried},
		Ours:  []Check{keeps("10.99.0.50/8")},
	},
	{
		Name:  "no mask in the ACK",
		About: "The OFFER has option 1, the ACK has not.",
		IDs:   []string{"VAL-16"},
		Cast:  []Lie{says(ack, drop(1))},
		Want:  []Check{masked(8, 24, 32), unhurried},
		Ours:  []Check{keeps("10.99.0.50/24")},
	},
	{
		Name:  "a mask with a hole",
		About: "Option 1 is 255.0.255.0.",
		IDs:   []string{"VAL-17"},
		Cast:  []Lie{always(option(1, 255, 0, 255, 0)), good},
		Want:  []Check{oneOf8or24},
		Ours:  []Check{refuses, has("10.99.0.60/24")},
	},
	{
		Name:  "mask 0.0.0.0",
		About: "Option 1 is 0.0.0.0: the whole world were on the link.",
		IDs:   []string{"VAL-18"},
		Cast:  []Lie{always(option(1, 0, 0, 0, 0)), good},
		Want:  []Check{masked(8, 24, 32)},
		Ours:  []Check{refuses, has("10.99.0.60/24")},
	},
	{
		Name:  "mask 255.255.255.255",
		About: "Option 1 leaves the host alone on the link, the router is 10.99.0.1: as in clouds.",
		IDs:   []string{"VAL-18", "HST-02"},
		Cast:  []Lie{always(option(1, 255, 255, 255, 255))},
		Want:  []Check{keeps("10.99.0.50/32"), via(host(1))},
	},
	{
		Name:  "mask of 31 bits",
		About: "The link is one from point to point, 10.99.0.50 and 10.99.0.51 (RFC 3021).",
		IDs:   []string{"VAL-10"},
		Cast:  []Lie{always(option(1, 255, 255, 255, 254), option(3, 10, 99, 0, 51))},
		Want:  []Check{keeps("10.99.0.50/31"), via(host(51))},
	},
}}

// oneOf8or24 wants that 10.99.0.50 is never there with a mask made up of one with
// a hole.
var oneOf8or24 = never("10.99.0.50 with a mask made up", func(p netip.Prefix) bool {
	return p.Addr() == host(50) && p.Bits() != 8 && p.Bits() != 32
})

func offered(name string, a ...byte) Row {
	return ignored(name+" offered", "yiaddr is "+addrOf(a).String()+" in all messages.", always(yiaddr(a...)), "VAL-09")
}

func acknowledged(name string, a ...byte) Row {
	return Row{Name: name + " acknowledged", About: "The OFFER is good, yiaddr of the ACK is " + addrOf(a).String() + ".",
		IDs: []string{"VAL-09"}, Cast: []Lie{says(ack, yiaddr(a...))}, Want: []Check{bare, unhurried}, Brief: 4 * time.Second}
}
