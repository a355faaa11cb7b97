package wire

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

func TestParse_TypicalMessages_RFC2131_Table3(t *testing.T) {
	full := [][]byte{
		opt32(58, 1800), opt32(59, 3150), optAddrs(28, "10.99.0.255"), optAddrs(3, "10.99.0.1"),
		optAddrs(6, "10.99.0.4", "10.99.0.5"), opts(15, "example.org"), opts(12, "good-1"),
		opt(26, 0x05, 0xdc), optAddrs(42, "10.99.0.6"), opts(114, "https://portal.example.org/api"),
		opt(119, 3, 'e', 'n', 'g', 0), opt(61, 1, 2, 0, 0, 0, 0xcf, 1),
	}
	want := &lease.Lease{
		Address: testAddr, Bits: 24, Broadcast: netip.MustParseAddr("10.99.0.255"), Server: testServer,
		Valid: time.Hour, T1: 30 * time.Minute, T2: 3150 * time.Second,
		Routes: []lease.Route{via("0.0.0.0/0", "10.99.0.1")},
		DNS:    addrs("10.99.0.4", "10.99.0.5"), Domain: "example.org", Search: []string{"eng"},
		Hostname: "good-1", MTU: 1500, NTP: addrs("10.99.0.6"),
		CaptivePortal: "https://portal.example.org/api",
		HardwareAddr:  testMAC, ClientID: testIdentity().ClientID,
	}
	for _, tt := range []struct {
		kind byte
		want func(*lease.Lease) fsm.Event
	}{
		{2, func(l *lease.Lease) fsm.Event { return fsm.Offer{XID: testXID, Lease: l} }},
		{5, func(l *lease.Lease) fsm.Event { return fsm.Ack{XID: testXID, Lease: l} }},
	} {
		b := message(tt.kind, full...)
		ev, err := Parse(b, testIdentity())
		if err != nil {
			t.Fatal(err)
		}
		want.Options = parsed(t, b).Options
		if !reflect.DeepEqual(ev, tt.want(want)) {
			t.Errorf("type %d: got %+v\nwant %+v", tt.kind, ev, tt.want(want))
		}
		if got := want.Options[53]; !bytes.Equal(got, []byte{tt.kind}) {
			t.Errorf("type %d: option 53 among the raw ones is %x", tt.kind, got)
		}
		if n := len(want.Options); n != len(full)+4 {
			t.Errorf("type %d: %d raw options, want %d", tt.kind, n, len(full)+4)
		}
	}
}

func TestParse_Nak_RFC2131_Table3(t *testing.T) {
	for _, tt := range []struct {
		name   string
		b      []byte
		server netip.Addr
		text   string
	}{
		{"server and message", nak(opts(56, "wrong network")), testServer, "wrong network"},
		{"without server id", nak(without(54)), netip.Addr{}, ""},
		{"trailing NUL", nak(opts(56, "no\x00\x00")), testServer, "no"},
		{"escape sequence and newline", nak(opts(56, "a\x1b[2Jb\nc\xffd")), testServer, "a?[2Jb?c?d"},
		{"bounded", nak(opts(56, strings.Repeat("x", 200)), opts(56, strings.Repeat("y", 200))), testServer,
			strings.Repeat("x", 200) + strings.Repeat("y", 55)},
		{"yiaddr does not matter", yiaddr(nak(), "0.0.0.0"), testServer, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev, err := Parse(tt.b, testIdentity())
			if want := (fsm.Nak{XID: testXID, Server: tt.server, Message: tt.text}); err != nil || ev != want {
				t.Errorf("got %+v, %v; want %+v", ev, err, want)
			}
		})
	}
}

// TestReject has one row for each thing that is wrong with a message, by the
// rows of the conformance matrix.
func TestReject(t *testing.T) {
	short := offer()[:headerLen-1]
	long := make([]byte, 1<<16)
	copy(long, offer())
	for _, tt := range []struct {
		name string
		b    []byte
		want Reason
	}{
		{"VAL-01 op 1", at(offer(), 0, 1), NotReply},
		{"VAL-01 op 0", at(offer(), 0, 0), NotReply},
		{"VAL-02 chaddr", at(offer(), 33, 9), OtherClient},
		{"VAL-03 cookie", at(offer(), 239, 100), NoCookie},
		{"VAL-03 cookie 0", at(offer(), 236, 0, 0, 0, 0), NoCookie},
		{"VAL-03 no cookie", short, BadLength},
		{"VAL-03 236 octets", offer()[:236], BadLength},
		{"SEC-04 nothing", nil, BadLength},
		{"SEC-04 more than a datagram", long, BadLength},
		{"VAL-04 no options at all", header(), NoType},
		{"VAL-04 no type", offer(without(53)), NoType},
		{"VAL-05 type of length 0", offer(opt(53)), BadType},
		{"VAL-05 type of length 2", offer(opt(53, 2, 2)), BadType},
		{"VAL-05 two types", offer(opt(53, 2), opt(53, 5)), BadType},
		{"VAL-05 two empty and one", offer(opt(53, 2), opt(53)), BadType},
		{"VAL-05 type 0", message(0), BadType},
		{"VAL-05 type 255", message(255), BadType},
		{"VAL-19 our own DISCOVER", message(1), BadType},
		{"VAL-05 REQUEST", message(3), BadType},
		{"FR-01 FORCERENEW", message(9), ForceRenew},
		{"VAL-06 hlen", at(offer(), 2, 7), OtherLink},
		{"VAL-06 hlen 16", at(offer(), 2, 16), OtherLink},
		{"VAL-06 htype", at(offer(), 1, 6), OtherLink},
		{"VAL-07 offer without server id", offer(without(54)), NoServerID},
		{"VAL-08 server 0.0.0.0", offer(optAddrs(54, "0.0.0.0")), BadServerID},
		{"VAL-08 server broadcast", offer(optAddrs(54, "255.255.255.255")), BadServerID},
		{"VAL-08 server multicast", offer(optAddrs(54, "224.0.0.1")), BadServerID},
		{"VAL-08 server loopback", offer(optAddrs(54, "127.0.0.1")), BadServerID},
		{"VAL-08 server reserved", offer(optAddrs(54, "240.0.0.1")), BadServerID},
		{"VAL-08 server of 3 octets", offer(opt(54, 10, 99, 0)), BadServerID},
		{"VAL-08 server in ACK", ack(optAddrs(54, "0.0.0.0")), BadServerID},
		{"VAL-08 server in NAK", nak(opt(54, 10)), BadServerID},
		{"VAL-09 yiaddr 0.0.0.0", yiaddr(offer(), "0.0.0.0"), BadAddress},
		{"VAL-09 yiaddr 0.1.2.3", yiaddr(offer(), "0.1.2.3"), BadAddress},
		{"VAL-09 yiaddr broadcast", yiaddr(offer(), "255.255.255.255"), BadAddress},
		{"VAL-09 yiaddr multicast", yiaddr(ack(), "224.0.0.5"), BadAddress},
		{"VAL-09 yiaddr loopback", yiaddr(ack(), "127.0.0.5"), BadAddress},
		{"VAL-09 yiaddr reserved", yiaddr(ack(), "240.0.0.5"), BadAddress},
		{"VAL-10 network address", yiaddr(offer(), "10.99.0.0"), BadAddress},
		{"VAL-10 broadcast address", yiaddr(ack(), "10.99.0.255"), BadAddress},
		{"VAL-10 broadcast of /30", yiaddr(offer(optAddrs(1, "255.255.255.252")), "10.99.0.51"), BadAddress},
		{"VAL-13 lease 0 in OFFER", offer(opt32(51, 0)), NoTime},
		{"VAL-13 lease 0 in ACK", ack(opt32(51, 0)), NoTime},
		{"VAL-17 mask with a hole", offer(optAddrs(1, "255.0.255.0")), BadMask},
		{"VAL-17 mask upside down", offer(optAddrs(1, "0.255.255.255")), BadMask},
		{"VAL-18 mask 0", offer(optAddrs(1, "0.0.0.0")), BadMask},
		{"a quarter of the Internet", offer(optAddrs(1, "192.0.0.0")), BadMask},
		{"shorter than class A", offer(optAddrs(1, "254.0.0.0")), BadMask},
		{"VAL-25 option past the end", append(header(), 53, 1, 2, 3, 200, 10, 99, 0, 1), BadOptions},
		{"VAL-25 End is not a value", append(header(), 53, 1, 2, 3, 1, 255)[:headerLen+5], BadOptions},
		{"VAL-25 code alone at the end", append(header(), 53, 1, 2, 54), BadOptions},
		{"VAL-25 in file", overload(offer(opt(52, 1)), []byte{6, 127}, nil), BadOptions},
		{"VAL-25 in sname", overload(offer(opt(52, 2)), nil, []byte{6, 63}), BadOptions},
		{"VAL-25 code alone in sname", overload(offer(opt(52, 2)), nil, append(make([]byte, 63), 6)), BadOptions},
		{"VAL-28 type again in file", overload(offer(opt(52, 1)), opt(53, 5), nil), BadType},
		{"VAL-31 other client id", offer(opt(61, 1, 2, 3)), OtherClientID},
		{"VAL-31 in ACK", ack(opt(61, 0)), OtherClientID},
		{"VAL-31 in NAK", nak(opt(61, 1, 2, 0, 0, 0, 0xcf, 2)), OtherClientID},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := rejected(t, tt.b); got != tt.want {
				t.Errorf("rejected for %q, want %q", got, tt.want)
			}
		})
	}
}

// TestAccept has what is odd and must not matter.
func TestAccept(t *testing.T) {
	padded := join(header(), opt(53, 5), make([]byte, 60), optAddrs(54, "10.99.0.1"), []byte{0},
		opt32(51, 3600), optAddrs(1, "255.255.255.0"), []byte{255})
	var unknown [][]byte
	for i := range 300 {
		unknown = append(unknown, opt(128+byte(i%121), byte(i), byte(i>>8), 7))
	}
	for _, tt := range []struct {
		name string
		b    []byte
	}{
		{"VAL-22 ciaddr, siaddr, giaddr, hops, secs, flags",
			at(at(at(ack(), 20, 10, 99, 0, 9, 10, 99, 0, 8), 12, 10, 99, 0, 77), 3, 3, 0xfe, 0xed, 0xf0, 0x0d, 0, 9, 0xff, 0xff)},
		{"chaddr padding", at(ack(), 34, 1, 2, 3)},
		{"VAL-23 unpadded", ack()},
		{"VAL-24 without End", bytes.TrimSuffix(ack(), []byte{255})},
		{"VAL-24 without End, with pads", append(bytes.TrimSuffix(ack(), []byte{255}), 0, 0, 0)},
		{"VAL-27 unknown options", ack(unknown...)},
		{"VAL-28 overload 7", overload(ack(opt(52, 7)), []byte{3, 200}, []byte{3, 200})},
		{"VAL-28 overload 0", overload(ack(opt(52, 0)), []byte{3, 200}, []byte{3, 200})},
		{"VAL-28 overload of 2 octets", overload(ack(opt(52, 3, 3)), []byte{3, 200}, []byte{3, 200})},
		{"VAL-28 overload nested", overload(ack(opt(52, 1)), opt(52, 3), []byte{3, 200})},
		{"VAL-28 no overload", overload(ack(), []byte("boot.img"), []byte("server"))},
		{"VAL-29 after End", append(ack(), optAddrs(6, "10.99.0.9")...)},
		{"VAL-29 broken after End", append(ack(), 3, 200)},
		{"VAL-29 pads", padded},
		{"VAL-31 same client id", ack(opt(61, 1, 2, 0, 0, 0, 0xcf, 1))},
		{"AUTH-02 authentication of 1 octet", ack(opt(90, 1))},
		{"AUTH-02 authentication of 255 octets", ack(opt(90, make([]byte, 255)...))},
		{"RC-03 rapid commit", ack(opt(80))},
		{"FQ-03 FQDN with a pointer", ack(opt(81, 4, 0, 0, 0xc0, 0x0c))},
		{"FQ-03 FQDN of two octets", offer(opt(81, 4, 0))},
		{"VI-01 vendor options cut short", offer(opt(125, 0, 0, 13, 233, 9, 1))},
		{"V6O-03 IPv6-only, not asked for", ack(opt32(108, 60))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := parsed(t, tt.b)
			if l.Address != testAddr || l.Bits != 24 || l.Server != testServer || l.Valid != time.Hour {
				t.Errorf("got %v/%d of %v for %v", l.Address, l.Bits, l.Server, l.Valid)
			}
			if l.DNS != nil || l.Routes != nil {
				t.Errorf("got DNS %v, routes %v from nowhere", l.DNS, l.Routes)
			}
		})
	}
}

func TestParse_AckMayOmitTerms_RFC2131_4_3_1(t *testing.T) {
	// REQ-15, REQ-16, REN-19: package fsm has them from the offer or the lease.
	l := parsed(t, ack(without(54), without(51), without(1)))
	if l.Server.IsValid() || l.Valid != 0 || l.Bits != 0 || l.T1 != 0 || l.T2 != 0 {
		t.Errorf("got %+v, want nothing but the address", l)
	}
	if l := parsed(t, offer(without(51))); l.Valid != 0 {
		t.Errorf("VAL-12: an offer without a lease time has %v", l.Valid)
	}
	for _, mask := range []string{"255.0.255.0", "0.0.0.0"} {
		if l := parsed(t, ack(optAddrs(1, mask))); l.Bits != 0 {
			t.Errorf("VAL-17: mask %s in an ACK gave %d bits, want it left out", mask, l.Bits)
		}
	}
}

func TestParse_Masks(t *testing.T) {
	for _, tt := range []struct {
		mask, yiaddr string
		bits         int
	}{
		{"255.0.0.0", "10.99.0.50", 8},
		{"255.255.255.254", "10.99.0.50", 31}, // VAL-10, RFC 3021
		{"255.255.255.254", "10.99.0.51", 31},
		{"255.255.255.255", "10.99.0.255", 32}, // VAL-18
		{"255.255.254.0", "10.99.0.255", 23},   // in the middle of the subnet
		{"255.255.252.0", "10.99.1.0", 22},
	} {
		if l := parsed(t, yiaddr(ack(optAddrs(1, tt.mask)), tt.yiaddr)); l.Bits != tt.bits {
			t.Errorf("%s with mask %s: %d bits, want %d", tt.yiaddr, tt.mask, l.Bits, tt.bits)
		}
	}
	if l := parsed(t, yiaddr(ack(without(1)), "10.99.0.255")); l.Bits != 0 {
		t.Errorf("without a mask: %d bits", l.Bits)
	}
}

func TestParse_LeaseTimes_RFC2131_3_3(t *testing.T) {
	for _, tt := range []struct {
		secs uint32
		want time.Duration
	}{
		{1, time.Second}, // VAL-14
		{0x80000000, 1 << 31 * time.Second},
		{0xfffffffe, lease.Infinite - time.Second}, // VAL-15
		{0xffffffff, lease.Infinite},               // REN-13
	} {
		l := parsed(t, ack(opt32(51, tt.secs), opt32(58, tt.secs), opt32(59, tt.secs)))
		if l.Valid != tt.want || l.T1 != tt.want || l.T2 != tt.want {
			t.Errorf("%#x: got %v, T1 %v, T2 %v; want %v", tt.secs, l.Valid, l.T1, l.T2, tt.want)
		}
		if l.IsInfinite() != (tt.secs == 0xffffffff) {
			t.Errorf("%#x: infinite is %v", tt.secs, l.IsInfinite())
		}
	}
}

func TestParse_Overload_RFC2131_4_1(t *testing.T) {
	// VAL-28: options, then file, then sname; 52 in them has no meaning.
	b := overload(ack(opt(52, 3), without(1), optAddrs(6, "10.99.0.4")),
		join(optAddrs(1, "255.255.0.0"), optAddrs(3, "10.99.0.1"), optAddrs(6, "10.99.0.5"), opt(52, 1), []byte{255, 3, 200}),
		join(optAddrs(6, "10.99.0.6"), []byte{0, 255}))
	l := parsed(t, b)
	if l.Bits != 16 || l.Router() != testServer {
		t.Errorf("from file: %d bits, router %v", l.Bits, l.Router())
	}
	if want := addrs("10.99.0.4", "10.99.0.5", "10.99.0.6"); !reflect.DeepEqual(l.DNS, want) {
		t.Errorf("DNS %v, want %v", l.DNS, want)
	}
	if got := l.Options[52]; !bytes.Equal(got, []byte{3}) {
		t.Errorf("option 52 is %x after the nested one, want 03", got)
	}
	for where, want := range map[byte][]netip.Addr{1: addrs("10.99.0.5"), 2: addrs("10.99.0.6")} {
		b := overload(ack(opt(52, where)), optAddrs(6, "10.99.0.5"), optAddrs(6, "10.99.0.6"))
		if l := parsed(t, b); !reflect.DeepEqual(l.DNS, want) {
			t.Errorf("overload %d: DNS %v, want %v", where, l.DNS, want)
		}
	}
}

func TestParse_Concatenation_RFC3396_7(t *testing.T) {
	// Its example: a boot file name in two parts, one in the file field.
	b := overload(ack(opt(52, 1), opts(67, "/diskle")), join(opts(67, "ss/foo"), []byte{255}), nil)
	if got := parsed(t, b).Options[67]; string(got) != "/diskless/foo" {
		t.Errorf("option 67 is %q", got)
	}
	// OPT-07: split at odd octets, and over the three fields.
	routes := []byte{24, 192, 168, 5, 10, 99, 0, 9, 0, 10, 99, 0, 1}
	for i := range routes {
		for j := i; j < len(routes); j++ {
			b := overload(ack(opt(52, 3), opt(121, routes[:i]...)), opt(121, routes[i:j]...), opt(121, routes[j:]...))
			want := []lease.Route{via("192.168.5.0/24", "10.99.0.9"), via("0.0.0.0/0", "10.99.0.1")}
			if got := parsed(t, b).Routes; !reflect.DeepEqual(got, want) {
				t.Fatalf("split at %d and %d: %v, want %v", i, j, got, want)
			}
		}
	}
	if got, want := parsed(t, ack(opt(6, 10, 99, 0), opt(6, 4, 10, 99, 0, 5))).DNS, addrs("10.99.0.4", "10.99.0.5"); !reflect.DeepEqual(got, want) {
		t.Errorf("option 6 in 3 and 5 octets: %v, want %v", got, want)
	}
}

func TestParse_RepeatedFixedOptions_RFC2131_4_1(t *testing.T) {
	// D3: an option may come once; of those that come more often the first counts.
	l := parsed(t, ack(
		optAddrs(54, "10.99.0.1"), optAddrs(54, "10.99.0.2"), opt32(51, 60), opt32(51, 0),
		optAddrs(1, "255.255.0.0"), optAddrs(1, "0.0.0.0"), opt32(58, 10), opt32(58, 20), opt32(59, 30), opt32(59, 40),
		opt(26, 5, 0), opt(26, 6, 0), optAddrs(28, "10.99.255.255"), optAddrs(28, "1.2.3.4")))
	if l.Server != testServer || l.Valid != time.Minute || l.Bits != 16 || l.T1 != 10*time.Second ||
		l.T2 != 30*time.Second || l.MTU != 1280 || l.Broadcast != netip.MustParseAddr("10.99.255.255") {
		t.Errorf("got %+v, want the first of each", l)
	}
	// The same number of octets in other parts is no such option.
	l = parsed(t, ack(opt(26, 5), opt(26, 0xdc), opt(58, 0, 0, 0, 9, 0, 0, 0, 9)))
	if l.MTU != 0 || l.T1 != 0 {
		t.Errorf("got MTU %d and T1 %v from options of wrong lengths", l.MTU, l.T1)
	}
}

func TestParse_WrongLengthsAreIgnoredOneByOne_VAL26(t *testing.T) {
	l := parsed(t, ack(opt(1, 255, 255, 255), opt(3, 10, 99, 0), opt(51, 0, 9), opt(26, 5), opt(6, 10, 99, 0, 4, 10, 99),
		opt(33, 10, 0, 0, 0), opt(42, 1), opt(58, 1), opt(59), opt(12), opt(15), opt(28, 10), opt(121, 33), opt(119), opt(114),
		opt(249, 8, 10), opts(17, "kept")))
	want := &lease.Lease{Address: testAddr, Server: testServer, HardwareAddr: testMAC,
		ClientID: testIdentity().ClientID, Options: l.Options}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("got %+v\nwant %+v", l, want)
	}
	if string(l.Options[17]) != "kept" {
		t.Errorf("option 17 is %q", l.Options[17])
	}
}

func TestParse_OptionsAreBounded_OPT08(t *testing.T) {
	var many [][]byte
	for range 32 {
		many = append(many, opt(200, make([]byte, 255)...))
	}
	l := parsed(t, ack(many...))
	if n := len(l.Options[200]); n != 32*255 {
		t.Errorf("32 instances: %d octets", n)
	}
	many = append(many, opt(200, make([]byte, 255)...))
	if v, ok := parsed(t, ack(many...)).Options[200]; ok {
		t.Errorf("33 instances: %d octets, want none", len(v))
	}
}

func TestParse_SharesNothingWithTheBuffer(t *testing.T) {
	b := overload(ack(opt(52, 3), opts(15, "example.org"), opts(17, "kept")), opts(66, "file"), opts(67, "sname"))
	id := testIdentity()
	ev, err := Parse(b, id)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	clear(id.ClientID)
	l := ev.(fsm.Ack).Lease
	if l.Domain != "example.org" || string(l.Options[17]) != "kept" || string(l.Options[66]) != "file" ||
		string(l.Options[67]) != "sname" || !bytes.Equal(l.ClientID, testIdentity().ClientID) {
		t.Errorf("the lease changed with the buffer: %+v", l)
	}
	// A message without End is completed in another place.
	b = append(bytes.TrimSuffix(ack(), []byte{255}), 0xaa)[:len(ack())-1]
	parsed(t, b)
	if b[:cap(b)][len(b)] != 0xaa {
		t.Error("Parse wrote behind the message")
	}
}

func TestParse_WithoutClientID_RFC6842_3(t *testing.T) {
	id := testIdentity()
	id.ClientID = nil
	ev, err := Parse(ack(), id)
	if err != nil {
		t.Fatal(err)
	}
	if l := ev.(fsm.Ack).Lease; l.ClientID != nil {
		t.Errorf("client id %x, want none", l.ClientID)
	}
	if _, err := Parse(ack(opt(61, 1, 2)), id); err == nil {
		t.Error("a client id that was never sent came back and was taken")
	}
}
