package wire

import (
	"bytes"
	"errors"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// seeds are good and hostile messages.
func seeds() [][]byte {
	all := [][]byte{
		nil, header(), offer(), ack(), nak(opts(56, "no")), message(9),
		offer(opt32(58, 1800), opt32(59, 3150), optAddrs(28, "10.99.0.255"), optAddrs(3, "10.99.0.1"),
			optAddrs(6, "10.99.0.4", "10.99.0.5"), opts(15, "example.org"), opts(12, "h1"), opt(26, 5, 0xdc),
			optAddrs(42, "10.99.0.6"), opts(114, "https://portal.example.org/"), opt(119, 3, 'e', 'n', 'g', 0, 0xc0, 0)),
		ack(opt(121, 24, 192, 168, 5, 10, 99, 0, 9, 0, 10, 99, 0, 1, 33, 1)),
		ack(opt(249, 25, 129, 210, 177, 132, 10, 99, 0, 9)),
		ack(optAddrs(33, "10.0.0.0", "10.99.0.9", "11.1.2.3", "10.99.0.9"), optAddrs(3, "10.99.0.50", "10.99.0.1")),
		overload(ack(opt(52, 3)), join(optAddrs(1, "255.255.0.0"), opt(52, 1), []byte{255}), opts(15, "a.b")),
		bytes.TrimSuffix(ack(opts(12, "a\nb")), []byte{255}),
		offer(optAddrs(1, "255.0.255.0")), offer(opt32(51, 0)), ack(opt(61, 1, 2)), offer(opt(53, 2), opt(53, 5)),
		append(header(), 53, 1, 5, 3, 200), ack(optAddrs(1, "255.255.255.255"), optAddrs(54, "127.0.0.1")),
		yiaddr(ack(without(1), optAddrs(28, "10.255.255.255")), "10.0.0.1"),
		ack(opt(119, join(wireName("ok.example"), []byte{1, 'b', 0xc0, 12, 0x80})...)),
		ack(opts(43, "\x01\x02ab\xff"), opts(125, "\x00\x00\x0d\xe9\x02\x01\x00"), opts(252, "http://wpad/\n"), opt(120, 1, 10, 99, 0, 7),
			opts(100, "CET-1CEST,M3.5.0,M10.5.0/3"), opts(101, "Europe/Berlin"), opt32(2, 3600), opts(66, "tftp"), opts(67, "image"),
			optAddrs(150, "10.99.0.8"), opts(162, "\x00\x1b\x00\x01\x05\x03dns\x00\x04\x0a\x63\x00\x09\x00\x01\x00\x04\x03dot\x00\x03\x00\x02\x03\x55")),
		ack(opts(43, "\x01\xff"), opts(125, "\x00\x00\x0d\xe9\x05"), opts(162, "\x00\x09\x00\x01\x05\x03dns\xc0"), opts(101, "../../etc/passwd"), opt(120, 0, 1, 'a', 0xc0, 0)),
		ack(opts(114, "urn:ietf:params:capport:unrestricted"), opts(15, "$(id).org\x00"), opts(12, "10.0.0.1")),
	}
	return all
}

func FuzzParse(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
		if len(b) > headerLen {
			f.Add(b[headerLen:])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkParse(t, b)
		// The same octets as options, behind a header that passes.
		checkParse(t, append(header(), b...))
	})
}

var ldh = regexp.MustCompile(`^([0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?)(\.[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?)*$`)

func checkParse(t *testing.T, b []byte) {
	t.Helper()
	id := testIdentity()
	kept := slices.Clone(b)
	server, offered := OfferedBy(b)
	ev, err := Parse(b, id)
	if !bytes.Equal(b, kept) || !reflect.DeepEqual(id, testIdentity()) {
		t.Fatal("Parse changed what it was given")
	}
	var l *lease.Lease
	switch ev := ev.(type) {
	case fsm.Offer:
		l = ev.Lease
		if !l.Server.IsValid() {
			t.Error("offer without a server")
		}
		overloaded, merged := l.Options[52] != nil, len(l.Options[54]) != 4
		if !overloaded && !merged && (!offered || server != l.Server) {
			t.Errorf("the offer of %v looks like one of %v, %v", l.Server, server, offered)
		}
	case fsm.Ack:
		l = ev.Lease
	case fsm.Nak:
		checkText(t, "NAK message", ev.Message)
		checkHost(t, "server", ev.Server, true)
	case nil:
		var r *Reject
		if !errors.As(err, &r) || r.Reason >= NumReasons {
			t.Fatalf("neither an event nor a reject: %v", err)
		}
		checkText(t, "error", err.Error())
		return
	}
	if err != nil {
		t.Fatalf("event %+v and error %v", ev, err)
	}
	if l == nil {
		return
	}
	checkTerms(t, l, id)
	checkRoutes(t, l)
	checkValues(t, l, len(b))
	checkCarried(t, l)
	copied := l.Clone()
	clear(b)
	if !reflect.DeepEqual(l, copied) {
		t.Error("the lease shares memory with the message")
	}
}

func checkHost(t *testing.T, what string, a netip.Addr, none bool) {
	t.Helper()
	if none && a == (netip.Addr{}) {
		return
	}
	if !a.Is4() || a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() ||
		netip.MustParsePrefix("0.0.0.0/8").Contains(a) || netip.MustParsePrefix("240.0.0.0/4").Contains(a) {
		t.Errorf("%s %v is no host", what, a)
	}
}

func checkText(t *testing.T, what, s string) {
	t.Helper()
	if len(s) > 255 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("%s %q", what, s)
	}
}

func checkTerms(t *testing.T, l *lease.Lease, id *Identity) {
	checkHost(t, "address", l.Address, false)
	checkHost(t, "server", l.Server, true)
	if l.Bits < 0 || l.Bits > 32 {
		t.Errorf("mask of %d bits", l.Bits)
	}
	if l.Bits > 0 && l.Bits < 31 {
		p := l.Prefix()
		if next := l.Address.Next(); l.Address == p.Masked().Addr() || !p.Contains(next) {
			t.Errorf("%v is the address of the network or of all", p)
		}
	}
	if a := l.Broadcast; a.IsValid() && a != netip.MustParseAddr("255.255.255.255") {
		p := netip.PrefixFrom(l.Address, max(1, l.Bits))
		if a == l.Address || l.Bits > 30 || l.Bits > 0 && (!p.Contains(a) || p.Contains(a.Next())) {
			t.Errorf("broadcast address %v of %v/%d", a, l.Address, l.Bits)
		}
	}
	if !l.Start.IsZero() || l.HardwareAddr != id.HardwareAddr || !bytes.Equal(l.ClientID, id.ClientID) || !l.RouterMAC.IsZero() {
		t.Errorf("start %v, address %v, client id %x", l.Start, l.HardwareAddr, l.ClientID)
	}
	checkHost(t, "next server", l.NextServer, true)
	if !lease.ValidHeaderText(l.ServerName, 64) || !lease.ValidHeaderText(l.BootFile, 128) {
		t.Errorf("sname %q, file %q", l.ServerName, l.BootFile)
	}
	for _, d := range []time.Duration{l.Valid, l.T1, l.T2} {
		if d < 0 || d > lease.Infinite || d%time.Second != 0 {
			t.Errorf("time %v", d)
		}
	}
}

func checkRoutes(t *testing.T, l *lease.Lease) {
	if len(l.Routes) > 512 {
		t.Errorf("%d routes", len(l.Routes))
	}
	for i, r := range l.Routes {
		if !r.Dst.IsValid() || !r.Dst.Addr().Is4() || r.Dst != r.Dst.Masked() {
			t.Errorf("route to %v", r.Dst)
		}
		checkHost(t, "gateway", r.Gateway, true)
		if r.Gateway == l.Address {
			t.Error("route via our own address")
		}
		if slices.Contains(l.Routes[:i], r) {
			t.Errorf("route %v twice", r)
		}
	}
}

func checkValues(t *testing.T, l *lease.Lease, size int) {
	for _, list := range [][]netip.Addr{l.DNS, l.NTP} {
		if len(list) > 16 {
			t.Errorf("%d servers", len(list))
		}
		for i, a := range list {
			checkHost(t, "server", a, false)
			if slices.Contains(list[:i], a) {
				t.Errorf("server %v twice", a)
			}
		}
	}
	if len(l.Search) > 32 {
		t.Errorf("%d search domains", len(l.Search))
	}
	for i, name := range append([]string{l.Domain, l.Hostname}, l.Search...) {
		_, err := netip.ParseAddr(name)
		if (name != "" || i > 1) && (len(name) > 253 || !ldh.MatchString(name) || err == nil) {
			t.Errorf("name %q", name)
		}
	}
	if l.MTU != 0 && (l.MTU < 68 || l.MTU > 65535) {
		t.Errorf("MTU %d", l.MTU)
	}
	if s := l.CaptivePortal; s != "" {
		checkText(t, "captive portal", s)
		if u, err := url.Parse(s); err != nil || !u.IsAbs() || u.Host == "" {
			t.Errorf("captive portal %q: %v", s, err)
		}
	}
	total := 0
	for code, v := range l.Options {
		total += len(v)
		if code == 0 || code == 255 {
			t.Errorf("option %d", code)
		}
	}
	if total > size {
		t.Errorf("%d octets of options in a message of %d", total, size)
	}
}

// checkCarried looks at what is decoded when somebody asks.
func checkCarried(t *testing.T, l *lease.Lease) {
	for what, s := range map[string]string{
		"server name": l.TFTPServerName(), "file name": l.BootFileName(), "zone": l.TimeZone(), "TZ": l.PosixTimeZone(), "WPAD": l.WPAD(),
	} {
		checkText(t, what, s)
	}
	if strings.Contains(l.TimeZone(), "..") || strings.HasPrefix(l.PosixTimeZone(), ":") {
		t.Errorf("zones %q and %q", l.TimeZone(), l.PosixTimeZone())
	}
	for _, a := range l.TFTPServers() {
		checkHost(t, "TFTP server", a, false)
	}
	for _, s := range l.SIPServers() {
		checkText(t, "SIP server", s)
	}
	for _, r := range l.Resolvers() {
		if !ldh.MatchString(r.Name) || r.Priority == 0 || len(r.Addrs) > 16 {
			t.Errorf("resolver %+v", r)
		}
		for _, a := range r.Addrs {
			checkHost(t, "resolver", a, false)
		}
		for _, s := range append(r.ALPN, r.DOHPath) {
			checkText(t, "parameter", s)
		}
	}
	if n, m := len(l.VendorOptions()), len(l.VendorInfo()); n > 256 || m > 32 {
		t.Errorf("%d options of the vendor, %d vendors", n, m)
	}
}

// Marshal, read again by the codec, gives what went in, as far as the message
// may carry it.
func FuzzMarshal(f *testing.F) {
	f.Add(uint8(1), uint32(1), uint16(3), false, []byte(nil), []byte(nil), []byte(nil), "", []byte{1, 2}, "h1", "acme", []byte{1, 3}, uint16(576))
	f.Add(uint8(4), uint32(2), uint16(0), true, []byte{10, 0, 0, 1}, []byte{10, 0, 0, 2}, make([]byte, 16), "in use", make([]byte, 255), "", "", []byte(nil), uint16(0))
	f.Add(uint8(7), uint32(3), uint16(1), true, []byte{10, 0, 0, 1}, []byte{1}, []byte{10, 0, 0, 2}, "\x00\n", make([]byte, 300), "a b", "v", []byte{0, 255}, uint16(1))
	f.Fuzz(func(t *testing.T, typ uint8, xid uint32, secs uint16, bflag bool, ciaddr, requested, server []byte, text string,
		clientID []byte, hostname, vendor string, params []byte, size uint16) {
		addrOf := func(b []byte) netip.Addr { a, _ := netip.AddrFromSlice(b); return a }
		m := fsm.Message{Type: fsm.MessageType(typ), XID: xid, Secs: secs, Broadcast: bflag, CIAddr: addrOf(ciaddr),
			RequestedIP: addrOf(requested), ServerID: addrOf(server), Text: text}
		id := &Identity{HardwareAddr: testMAC, ClientID: clientID, Hostname: hostname, VendorClass: vendor, Params: params, MaxSize: size}
		checkMarshal(t, id, m)
	})
}

func checkMarshal(t *testing.T, id *Identity, m fsm.Message) {
	b := id.Marshal(m)
	if len(b) < 300 || id.Validate() == nil && len(b) > 548 {
		t.Errorf("%d octets", len(b))
	}
	p, err := dhcpv4.FromBytes(b)
	if err != nil {
		t.Fatalf("the codec refuses it: %v", err)
	}
	asks := m.Type == fsm.Discover || m.Type == fsm.Request
	if got := [4]byte(p.TransactionID); got != [4]byte{byte(m.XID >> 24), byte(m.XID >> 16), byte(m.XID >> 8), byte(m.XID)} {
		t.Errorf("xid %x, want %#x", got, m.XID)
	}
	if p.OpCode != dhcpv4.OpcodeBootRequest || p.HWType != 1 || !bytes.Equal(p.ClientHWAddr, testMAC[:]) || p.HopCount != 0 ||
		p.Flags&0x7fff != 0 || p.IsBroadcast() != (m.Broadcast && asks) || b[240] != 53 {
		t.Errorf("header %v, first option %d", p, b[240])
	}
	want := map[uint8][]byte{53: {byte(m.Type)}, 61: id.ClientID}
	set := func(code uint8, a netip.Addr, allowed bool) {
		if a = a.Unmap(); a.Is4() && !a.IsUnspecified() && allowed {
			want[code] = a.AsSlice()
		}
	}
	set(50, m.RequestedIP, asks || m.Type == fsm.Decline)
	set(54, m.ServerID, m.Type == fsm.Request || m.Type == fsm.Decline || m.Type == fsm.ReleaseType)
	if asks {
		want[12], want[60], want[55] = []byte(id.Hostname), []byte(id.VendorClass), id.Params
		if id.MaxSize > 0 {
			want[57] = []byte{byte(id.MaxSize >> 8), byte(id.MaxSize)}
		}
	}
	got56 := string(p.Options[56])
	delete(p.Options, 56)
	checkText(t, "option 56", got56)
	if !strings.HasPrefix(printable(m.Text, 255), got56) || asks && got56 != "" {
		t.Errorf("option 56 is %q of %q", got56, m.Text)
	}
	for code, v := range want {
		if !bytes.Equal(p.Options[code], v) {
			t.Errorf("option %d is %x, want %x", code, p.Options[code], v)
		}
		delete(p.Options, code)
	}
	if len(p.Options) > 0 {
		t.Errorf("options that do not belong there: %v", p.Options)
	}
}
