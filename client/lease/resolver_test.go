package lease

import (
	"encoding/binary"
	"net/netip"
	"reflect"
	"testing"
)

// dnr is an instance of option 162: a priority, a name in the form of the wire,
// and what follows.
func dnr(priority uint16, name string, rest ...byte) string {
	v := binary.BigEndian.AppendUint16(nil, priority)
	v = append(append(append(v, byte(len(name))), name...), rest...)
	return string(binary.BigEndian.AppendUint16(nil, uint16(len(v)))) + string(v)
}

const (
	dnsExample = "\x03dns\x07example\x00"
	dot        = "\x00\x01\x00\x04\x03dot" // alpn=dot
)

// with is addresses and parameters, as the rest of an instance.
func with(params string, addrs ...string) []byte {
	v := []byte{byte(4 * len(addrs))}
	for _, a := range addrs {
		v = append(v, netip.MustParseAddr(a).AsSlice()...)
	}
	return append(v, params...)
}

// Of several resolvers those that can be used are there, by their priority, and
// what is malformed costs that one alone.
func TestResolvers_RFC9463_5_DNR01(t *testing.T) {
	one := Resolver{Priority: 1, Name: "dns.example", Addrs: []netip.Addr{addr("192.0.2.1")}, ALPN: []string{"dot"}}
	good := dnr(1, dnsExample, with(dot, "192.0.2.1")...)
	for _, tt := range []struct {
		name, value string
		want        []Resolver
	}{
		{"one", good, []Resolver{one}},
		{"name only", dnr(7, dnsExample), []Resolver{{Priority: 7, Name: "dns.example"}}},
		{"by priority", dnr(3, dnsExample) + dnr(2, "\x01b\x00") + good,
			[]Resolver{one, {Priority: 2, Name: "b"}, {Priority: 3, Name: "dns.example"}}},
		{"every parameter", dnr(1, dnsExample, with("\x00\x00\x00\x04\x00\x01\x00\x03\x00\x01\x00\x0a\x02h2\x03dot\x02h2\x00\x03\x00\x02\x20\xfb\x00\x07\x00\x10/dns-query{?dns}", "192.0.2.1", "192.0.2.2", "192.0.2.1")...),
			[]Resolver{{1, "dns.example", []netip.Addr{addr("192.0.2.1"), addr("192.0.2.2")}, []string{"h2", "dot"}, 8443, "/dns-query{?dns}"}}},
		{"a parameter that is not known", dnr(1, dnsExample, with(dot+"\xff\x00\x00\x01x", "192.0.2.1")...), []Resolver{one}},
		{"addresses that are nobody's", dnr(1, dnsExample, with(dot, "127.0.0.1", "224.0.0.1", "192.0.2.1", "0.0.0.0")...), []Resolver{one}},
		{"no address that is one", dnr(1, dnsExample, with(dot, "127.0.0.1")...) + good, []Resolver{one}},
		{"no protocol", dnr(1, dnsExample, with("", "192.0.2.1")...) + good, []Resolver{one}},
		{"another name instead (RFC 9460 2.4.2)", dnr(0, dnsExample, with(dot, "192.0.2.1")...) + good, []Resolver{one}},
		{"a compressed name", dnr(1, "\x01a\xc0\x00", with(dot, "192.0.2.1")...) + good, []Resolver{one}},
		{"two names", dnr(1, dnsExample+"\x01b\x00", with(dot, "192.0.2.1")...) + good, []Resolver{one}},
		{"no name", dnr(1, "", with(dot, "192.0.2.1")...) + dnr(1, "\x00", with(dot, "192.0.2.1")...) + good, []Resolver{one}},
		{"a name that is an address", dnr(1, "\x01\x31\x01\x32\x01\x33\x01\x34\x00") + good, []Resolver{one}},
		{"a name that is longer than the instance", "\x00\x04\x00\x01\xffa" + good, []Resolver{one}},
		{"half an address", dnr(1, dnsExample, append([]byte{3, 1, 2, 3}, dot...)...) + good, []Resolver{one}},
		{"no addresses, and parameters", dnr(1, dnsExample, with(dot)...) + good, []Resolver{one}},
		{"keys out of order", dnr(1, dnsExample, with("\x00\x03\x00\x02\x00\x35"+dot, "192.0.2.1")...) + good, []Resolver{one}},
		{"a key twice", dnr(1, dnsExample, with(dot+dot, "192.0.2.1")...) + good, []Resolver{one}},
		{"a parameter that must be known", dnr(1, dnsExample, with("\x00\x00\x00\x02\x00\x05"+dot, "192.0.2.1")...) + good, []Resolver{one}},
		{"a port of one octet", dnr(1, dnsExample, with(dot+"\x00\x03\x00\x01\x35", "192.0.2.1")...) + good, []Resolver{one}},
		{"a path that is none", dnr(1, dnsExample, with(dot+"\x00\x07\x00\x01x", "192.0.2.1")...) + good, []Resolver{one}},
		{"a path with a line end", dnr(1, dnsExample, with(dot+"\x00\x07\x00\x02/\n", "192.0.2.1")...) + good, []Resolver{one}},
		{"half a parameter", dnr(1, dnsExample, with(dot+"\x00\x07\x00", "192.0.2.1")...) + good, []Resolver{one}},
		{"a protocol without a name", dnr(1, dnsExample, with("\x00\x01\x00\x01\x00", "192.0.2.1")...) + good, []Resolver{one}},
		{"a protocol that is no word", dnr(1, dnsExample, with("\x00\x01\x00\x06\x01\n\x03dot", "192.0.2.1")...), []Resolver{one}},
		{"two octets", "\x00\x02\x00\x01" + good, []Resolver{one}},
		{"cut off", good + good[:len(good)-1], []Resolver{one}},
		{"nothing", "\x00\x00", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := carrying(map[uint8]string{162: tt.value}).Resolvers(); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%+v\nwant %+v", got, tt.want)
			}
		})
	}
	var many string
	for range 100 {
		many += good
	}
	if n := len(carrying(map[uint8]string{162: many}).Resolvers()); n != maxResolvers {
		t.Errorf("%d resolvers, want %d", n, maxResolvers)
	}
}
