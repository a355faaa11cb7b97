package hostile

import "github.com/insomniacslk/dhcp/dhcpv4"

// headers are OFFERs that are none; an honest server offers 300 ms after the
// liar.
var headers = Group{"Messages that are none", []Row{
	ignored("op 1", "A BOOTREQUEST that looks like an OFFER.", octets(at(0, 1)), "VAL-01"),
	ignored("another xid", "The OFFER of another exchange.", always(xid), "INI-04"),
	ignored("another chaddr", "An OFFER for another client, in a frame to us.", octets(at(28, 2, 0, 0, 0, 0, 0x77)), "VAL-02"),
	ignored("htype 6", "A reply for another kind of link.", octets(at(1, 6)), "VAL-06"),
	ignored("hlen 7", "The hardware address has seven octets.", octets(at(2, 7)), "VAL-06"),
	ignored("bad cookie", "The cookie is 99.130.83.100.", octets(at(cookieAt+3, 100)), "VAL-03"),
	ignored("no cookie", "The cookie is 0: a BOOTP reply.", octets(at(cookieAt, 0, 0, 0, 0)), "VAL-03"),
	ignored("no options", "The message ends after the BOOTP fields.", octets(func(b []byte) []byte { return b[:cookieAt] }), "VAL-03"),
	ignored("no message type", "No option 53: a BOOTP reply with a cookie.", always(drop(53)), "VAL-04"),
	ignored("two message types", "Option 53 says OFFER, and then ACK.", octets(adding(53, 1, 5)), "VAL-05"),
	ignored("message type 1", "Option 53 says DISCOVER.", says(offer, option(53, 1)), "VAL-05"),
	ignored("message type of two octets", "Option 53 has two octets.", says(offer, option(53, 2, 2)), "VAL-05"),
	ignored("no server id", "No option 54.", always(drop(54)), "VAL-07"),
	ignored("server id 0.0.0.0", "Option 54 is 0.0.0.0.", always(option(54, 0, 0, 0, 0)), "VAL-08"),
	ignored("server id broadcast", "Option 54 is 255.255.255.255.", always(option(54, 255, 255, 255, 255)), "VAL-08"),
	ignored("server id multicast", "Option 54 is 224.0.0.5.", always(option(54, 224, 0, 0, 5)), "VAL-08"),
	ignored("server id loopback", "Option 54 is 127.0.0.1.", always(option(54, 127, 0, 0, 1)), "VAL-08"),
	ignored("server id of three octets", "Option 54 has three octets.", always(option(54, 10, 99, 0)), "VAL-08"),
	ignored("another client id", "Option 61 is another client's.", always(option(61, 1, 2, 0, 0, 0, 0, 0x77)), "VAL-31"),
	{
		Name:  "junk in the header",
		About: "ciaddr, giaddr, siaddr, hops, secs and flags are full of junk: none of them matters.",
		IDs:   []string{"VAL-22"},
		Cast: []Lie{always(siaddr(10, 99, 0, 9), func(m *dhcpv4.DHCPv4) {
			m.ClientIPAddr, m.GatewayIPAddr = []byte{10, 99, 0, 77}, []byte{10, 99, 0, 9}
			m.HopCount, m.NumSeconds, m.Flags = 3, 9, 0x7fff
		})},
		Want: []Check{accepts(host(1), host(50)), has("10.99.0.50/24")},
	},
}}

// ignored is a row of an OFFER that must not be taken: the second server, which
// is honest, must win.
func ignored(name, about string, lie Lie, ids ...string) Row {
	return Row{Name: name, About: about, IDs: append(ids, "INI-07"), Cast: []Lie{lie, good},
		Want: []Check{refuses, without(host(50)), has("10.99.0.60/24")}}
}

// Where the parts of a message are (RFC 2131 figure 1).
const (
	snameAt   = 44
	fileAt    = 108
	cookieAt  = 236
	optionsAt = 240
)

// at overwrites octets.
func at(i int, value ...byte) func([]byte) []byte {
	return func(b []byte) []byte { copy(b[i:], value); return b }
}

// unended is a message without what follows its last option.
func unended(b []byte) []byte {
	for i := optionsAt; i < len(b) && b[i] != 255; {
		if b[i] == 0 {
			i++
			continue
		}
		i += 2 + int(b[i+1])
		if i < len(b) && b[i] == 255 {
			return b[:i]
		}
	}
	return b
}

// raw appends octets to the options.
func raw(tail ...byte) func([]byte) []byte {
	return func(b []byte) []byte { return append(unended(b), tail...) }
}

// adding adds an option, though there be one of that code already.
func adding(code byte, value ...byte) func([]byte) []byte {
	return raw(append(append([]byte{code, byte(len(value))}, value...), 255)...)
}
