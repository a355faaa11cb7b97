package dhcptest_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

var (
	mac1 = lease.HardwareAddr{2, 0, 0, 0, 0, 1}
	mac2 = lease.HardwareAddr{2, 0, 0, 0, 0, 2}
	t0   = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// config serves 10.99.0.50 to .52.
func config() dhcptest.Config {
	return dhcptest.Config{
		ServerID: ip("10.99.0.1"), Network: netip.MustParsePrefix("10.99.0.0/24"),
		First: ip("10.99.0.50"), Last: ip("10.99.0.52"), Authoritative: true,
	}
}

func newServer(t testing.TB, cfg dhcptest.Config) *dhcptest.Server {
	t.Helper()
	s, err := dhcptest.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	discover = dhcpv4.MessageTypeDiscover
	request  = dhcpv4.MessageTypeRequest
	decline  = dhcpv4.MessageTypeDecline
	release  = dhcpv4.MessageTypeRelease
	inform   = dhcpv4.MessageTypeInform
)

// message makes what a client sends. The words are: want=, server=, ciaddr=,
// giaddr=, id=, broadcast.
func message(typ dhcpv4.MessageType, mac lease.HardwareAddr, words string) *dhcpv4.DHCPv4 {
	m, err := dhcpv4.New(dhcpv4.WithMessageType(typ), dhcpv4.WithHwAddr(net.HardwareAddr(mac[:])))
	if err != nil {
		panic(err)
	}
	for _, w := range strings.Fields(words) {
		name, v, _ := strings.Cut(w, "=")
		addr := net.ParseIP(v).To4()
		switch name {
		case "want":
			m.UpdateOption(dhcpv4.OptRequestedIPAddress(addr))
		case "server":
			m.UpdateOption(dhcpv4.OptServerIdentifier(addr))
		case "ciaddr":
			m.ClientIPAddr = addr
		case "giaddr":
			m.GatewayIPAddr = addr
		case "id":
			m.UpdateOption(dhcpv4.OptClientIdentifier([]byte(v)))
		case "broadcast":
			m.SetBroadcast()
		default:
			panic(w)
		}
	}
	return m
}

// answer says in a line what a server answers.
func answer(t testing.TB, s *dhcptest.Server, now time.Time, m *dhcpv4.DHCPv4) string {
	t.Helper()
	replies := s.Handle(now, m.ToBytes())
	if len(replies) == 0 {
		return "silence"
	}
	if len(replies) > 1 {
		t.Fatalf("%d replies", len(replies))
	}
	r := replies[0]
	d, err := dhcpv4.FromBytes(r.Payload)
	if err != nil {
		t.Fatal(err)
	}
	if d.TransactionID != m.TransactionID || !bytes.Equal(d.ClientHWAddr, m.ClientHWAddr) || d.OpCode != dhcpv4.OpcodeBootReply {
		t.Errorf("answer to another: %v", d)
	}
	if !bytes.Equal(d.Options.Get(dhcpv4.OptionClientIdentifier), m.Options.Get(dhcpv4.OptionClientIdentifier)) {
		t.Errorf("RFC 6842: client id %x", d.Options.Get(dhcpv4.OptionClientIdentifier))
	}
	who := r.MAC.String()
	switch r.MAC {
	case lease.HardwareAddr{255, 255, 255, 255, 255, 255}:
		who = "all"
	case lease.HardwareAddr(m.ClientHWAddr):
		who = "client"
	case lease.HardwareAddr{}:
		who = "asker"
	}
	if d.IsBroadcast() && !m.IsBroadcast() {
		who += ", B set"
	}
	return fmt.Sprintf("%v %v to %v %s", d.MessageType(), d.YourIPAddr, r.Dst, who)
}

const (
	nakAll   = "NAK 0.0.0.0 to 255.255.255.255:68 all"
	ack50    = "ACK 10.99.0.50 to 10.99.0.50:68 client"
	select50 = "want=10.99.0.50 server=10.99.0.1"
)

// step is a message and its answer, some time after the one before.
type step struct {
	after time.Duration
	typ   dhcpv4.MessageType
	mac   lease.HardwareAddr
	words string
	want  string
}

// conversations are what clients say and what the server makes of it.
var conversations = map[string][]step{
	"discover and select": {
		{0, discover, mac1, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, discover, mac2, "", "OFFER 10.99.0.51 to 10.99.0.51:68 client"},
		{0, request, mac1, select50, ack50},
		{0, request, mac1, select50, ack50},
		{0, discover, mac1, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
	},
	"the wanted address, if it is free": {
		{0, discover, mac1, "want=10.99.0.52", "OFFER 10.99.0.52 to 10.99.0.52:68 client"},
		{0, discover, mac2, "want=10.99.0.52", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, discover, lease.HardwareAddr{9}, "want=10.99.0.7", "OFFER 10.99.0.51 to 10.99.0.51:68 client"},
		{0, discover, lease.HardwareAddr{8}, "", "silence"},
		{2 * time.Minute, discover, lease.HardwareAddr{8}, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
	},
	"another server is chosen": {
		{0, discover, mac1, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, request, mac1, "want=10.99.0.9 server=10.99.0.2", "silence"},
		{0, discover, mac2, "want=10.99.0.50", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
	},
	"an address that was not offered": {
		{0, request, mac1, select50, nakAll},
		{0, discover, mac1, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, request, mac1, "want=10.99.0.51 server=10.99.0.1", nakAll},
		{0, request, mac1, "server=10.99.0.1", nakAll},
	},
	"reboot": {
		{0, request, mac1, "want=10.99.0.50", nakAll},
		{0, request, mac1, "want=192.0.2.1", nakAll},
		{0, discover, mac1, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, request, mac1, select50, ack50},
		{0, request, mac1, "want=10.99.0.50", ack50},
		{0, request, mac1, "want=10.99.0.51", nakAll},
		{0, request, mac1, "want=10.99.0.50 broadcast", "ACK 10.99.0.50 to 255.255.255.255:68 all"},
	},
	"renew and rebind": {
		{0, request, mac1, "ciaddr=10.99.0.50", nakAll},
		{0, discover, mac1, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, request, mac1, "ciaddr=10.99.0.50", nakAll},
		{0, request, mac1, select50, ack50},
		{59 * time.Minute, request, mac1, "ciaddr=10.99.0.50", ack50},
		{59 * time.Minute, discover, mac2, "want=10.99.0.50", "OFFER 10.99.0.51 to 10.99.0.51:68 client"},
		{0, request, mac1, "ciaddr=10.99.0.51", nakAll},
		{0, request, mac1, "", "silence"},
		// It ended, and nobody took it.
		{2 * time.Hour, request, mac1, "ciaddr=10.99.0.50 broadcast", ack50},
	},
	"an address that ended is given to another": {
		{0, discover, mac1, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, request, mac1, select50, ack50},
		{time.Hour, discover, mac2, "want=10.99.0.50", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, request, mac2, select50, ack50},
		{0, request, mac1, "ciaddr=10.99.0.50", nakAll},
		{0, discover, mac1, "", "OFFER 10.99.0.51 to 10.99.0.51:68 client"},
	},
	"release": {
		{0, discover, mac1, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, request, mac1, select50, ack50},
		{0, release, mac1, "ciaddr=10.99.0.50 server=10.99.0.9", "silence"},
		{0, release, mac1, "ciaddr=10.99.0.51 server=10.99.0.1", "silence"},
		{0, request, mac1, "ciaddr=10.99.0.50", ack50},
		{0, release, mac1, "ciaddr=10.99.0.50 server=10.99.0.1", "silence"},
		{0, request, mac1, "ciaddr=10.99.0.50", nakAll},
		{0, discover, mac2, "want=10.99.0.50", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
	},
	"decline": {
		{0, discover, mac1, "", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, request, mac1, select50, ack50},
		{0, decline, mac1, "want=10.99.0.50", "silence"},
		{0, request, mac1, "want=10.99.0.50", ack50},
		{0, decline, mac1, select50, "silence"},
		{0, request, mac1, "want=10.99.0.50", nakAll},
		{0, request, mac1, select50, nakAll},
		{0, discover, mac1, "want=10.99.0.50", "OFFER 10.99.0.51 to 10.99.0.51:68 client"},
		{0, discover, mac2, "want=10.99.0.50", "OFFER 10.99.0.52 to 10.99.0.52:68 client"},
		{time.Hour, discover, lease.HardwareAddr{9}, "want=10.99.0.50", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
	},
	"the client id tells clients apart": {
		{0, discover, mac1, "id=a", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
		{0, discover, mac1, "id=b", "OFFER 10.99.0.51 to 10.99.0.51:68 client"},
		{0, discover, mac2, "id=a", "OFFER 10.99.0.50 to 10.99.0.50:68 client"},
	},
	"inform": {
		{0, inform, mac1, "ciaddr=10.99.0.7", "ACK 0.0.0.0 to 10.99.0.7:68 client"},
		{0, inform, mac1, "", "silence"},
	},
	"relay": {
		{0, discover, mac1, "giaddr=10.99.0.2", "OFFER 10.99.0.50 to 10.99.0.2:67 asker"},
		{0, request, mac1, "want=10.99.0.51 server=10.99.0.1 giaddr=10.99.0.2", "NAK 0.0.0.0 to 10.99.0.2:67 asker, B set"},
	},
	"broadcast": {
		{0, discover, mac1, "broadcast", "OFFER 10.99.0.50 to 255.255.255.255:68 all"},
	},
	"not for a server": {
		{0, dhcpv4.MessageTypeOffer, mac1, "", "silence"},
		{0, dhcpv4.MessageTypeNone, mac1, "", "silence"},
	},
}

func TestServer_RFC2131_4_3(t *testing.T) {
	for name, steps := range conversations {
		t.Run(name, func(t *testing.T) {
			s, now := newServer(t, config()), t0
			for i, st := range steps {
				now = now.Add(st.after)
				if got := answer(t, s, now, message(st.typ, st.mac, st.words)); got != st.want {
					t.Errorf("step %d, %v %s:\n got %s\nwant %s", i, st.typ, st.words, got, st.want)
				}
			}
		})
	}
}

// A server that does not know all keeps silent where another may know
// (RFC 2131 4.3.2), but corrects its own clients.
func TestNotAuthoritative_RFC2131_4_3_2(t *testing.T) {
	cfg := config()
	cfg.Authoritative = false
	s := newServer(t, cfg)
	for words, want := range map[string]string{
		"want=10.99.0.50": "silence", "want=192.0.2.1": "silence", "ciaddr=10.99.0.50": "silence",
	} {
		if got := answer(t, s, t0, message(request, mac1, words)); got != want {
			t.Errorf("%s: %s", words, got)
		}
	}
	answer(t, s, t0, message(discover, mac1, ""))
	answer(t, s, t0, message(request, mac1, select50))
	if got := answer(t, s, t0, message(request, mac1, "want=10.99.0.51")); got != nakAll {
		t.Errorf("own client, other address: %s", got)
	}
}

func TestReplyOptions(t *testing.T) {
	cfg := config()
	cfg.Lease, cfg.T1, cfg.T2 = 10*time.Second, 4*time.Second, 7*time.Second
	cfg.Routers, cfg.DNS = []netip.Addr{ip("10.99.0.1")}, []netip.Addr{ip("10.99.0.2"), ip("10.99.0.3")}
	cfg.Domain, cfg.MTU = "example.org", 1400
	cfg.Options = map[uint8][]byte{42: {10, 99, 0, 4}, 15: nil, 6: {10, 99, 0, 5}}
	s := newServer(t, cfg)
	want := map[uint8][]byte{
		1: {255, 255, 255, 0}, 3: {10, 99, 0, 1}, 6: {10, 99, 0, 5}, 26: {5, 120}, 42: {10, 99, 0, 4},
		51: {0, 0, 0, 10}, 53: {2}, 54: {10, 99, 0, 1}, 58: {0, 0, 0, 4}, 59: {0, 0, 0, 7},
	}
	r, err := dhcpv4.FromBytes(s.Handle(t0, message(discover, mac1, "").ToBytes())[0].Payload)
	if err != nil {
		t.Fatal(err)
	}
	for code, v := range want {
		if !bytes.Equal(r.Options[code], v) {
			t.Errorf("option %d: %v, want %v", code, r.Options[code], v)
		}
	}
	if len(r.Options) != len(want) {
		t.Errorf("options %v", r.Options)
	}
	// RFC 2131 table 3: an answer to INFORM has no lease time.
	r, err = dhcpv4.FromBytes(s.Handle(t0, message(inform, mac1, "ciaddr=10.99.0.7").ToBytes())[0].Payload)
	if err != nil || r.Options.Has(dhcpv4.OptionIPAddressLeaseTime) || len(r.Router()) != 1 {
		t.Errorf("%v, %v", r, err)
	}
}

func TestInfinite_RFC2131_3_3(t *testing.T) {
	cfg := config()
	cfg.Lease = lease.Infinite
	s := newServer(t, cfg)
	answer(t, s, t0, message(discover, mac1, ""))
	r, err := dhcpv4.FromBytes(s.Handle(t0, message(request, mac1, select50).ToBytes())[0].Payload)
	if err != nil || !bytes.Equal(r.Options[51], []byte{255, 255, 255, 255}) {
		t.Errorf("%v, %v", r, err)
	}
	if b, ok := s.Binding(ip("10.99.0.50")); !ok || !b.Active(t0.AddDate(200, 0, 0)) {
		t.Errorf("%+v", b)
	}
}

// The lease table shows what became of each address.
func TestBindings(t *testing.T) {
	s := newServer(t, config())
	m := message(discover, mac1, "id=x")
	m.UpdateOption(dhcpv4.OptHostName("probe"))
	answer(t, s, t0, m)
	b, ok := s.Binding(ip("10.99.0.50"))
	if !ok || b.State != dhcptest.Offered || b.MAC != mac1 || string(b.ClientID) != "x" || b.Hostname != "probe" || b.Active(t0) || !b.Expires.Equal(t0.Add(2*time.Minute)) {
		t.Errorf("%+v", b)
	}
	answer(t, s, t0, message(request, mac1, select50+" id=x"))
	if b, _ := s.Binding(ip("10.99.0.50")); b.State != dhcptest.Bound || !b.Active(t0) || b.Active(t0.Add(time.Hour)) {
		t.Errorf("%+v", b)
	}
	answer(t, s, t0, message(discover, mac2, ""))
	answer(t, s, t0, message(request, mac2, "want=10.99.0.51 server=10.99.0.1"))
	answer(t, s, t0, message(decline, mac2, "want=10.99.0.51 server=10.99.0.1"))
	answer(t, s, t0, message(release, mac1, "ciaddr=10.99.0.50 server=10.99.0.1 id=x"))
	var got []string
	for _, b := range s.Bindings() {
		got = append(got, b.Addr.String()+" "+b.State.String())
	}
	if want := []string{"10.99.0.50 released", "10.99.0.51 declined"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := s.Received(); n[discover] != 2 || n[request] != 2 || n[decline] != 1 || n[release] != 1 {
		t.Errorf("received %v", n)
	}
	s.Forget()
	if _, ok := s.Binding(ip("10.99.0.50")); ok || len(s.Bindings()) != 0 {
		t.Error("not forgotten")
	}
	if dhcptest.State(0).String() != "none" || dhcptest.State(99).String() != "invalid" {
		t.Error("names of states")
	}
}

func TestReserved(t *testing.T) {
	cfg := config()
	cfg.Reserved = map[lease.HardwareAddr]netip.Addr{mac1: ip("10.99.0.77"), mac2: ip("10.99.0.50")}
	s := newServer(t, cfg)
	if got := answer(t, s, t0, message(discover, lease.HardwareAddr{9}, "want=10.99.0.50")); !strings.HasPrefix(got, "OFFER 10.99.0.51") {
		t.Errorf("a reserved address went to another: %s", got)
	}
	answer(t, s, t0, message(discover, mac1, ""))
	for _, words := range []string{"want=10.99.0.77 server=10.99.0.1", "want=10.99.0.77", "ciaddr=10.99.0.77"} {
		if got := answer(t, s, t0, message(request, mac1, words)); got != "ACK 10.99.0.77 to 10.99.0.77:68 client" {
			t.Errorf("%s: %s", words, got)
		}
	}
}

// A pool that moved away ends the leases of its addresses.
func TestConfigure(t *testing.T) {
	s := newServer(t, config())
	answer(t, s, t0, message(discover, mac1, ""))
	answer(t, s, t0, message(request, mac1, select50))
	move := func(c *dhcptest.Config) { c.First, c.Last, c.Lease = ip("10.99.0.60"), ip("10.99.0.61"), 0 }
	if err := s.Configure(move); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"ciaddr=10.99.0.50", "want=10.99.0.50"} {
		if got := answer(t, s, t0, message(request, mac1, words)); got != nakAll {
			t.Errorf("%s: %s", words, got)
		}
	}
	if got := answer(t, s, t0, message(discover, mac1, "want=10.99.0.50")); got != "OFFER 10.99.0.60 to 10.99.0.60:68 client" {
		t.Error(got)
	}
	if err := s.Configure(func(c *dhcptest.Config) { c.First = ip("192.0.2.1") }); err == nil {
		t.Error("a pool outside the network")
	}
	if got := answer(t, s, t0, message(discover, mac2, "")); got != "OFFER 10.99.0.61 to 10.99.0.61:68 client" {
		t.Errorf("after a change that was refused: %s", got)
	}
}

func TestNewServerRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*dhcptest.Config){
		"no address":     func(c *dhcptest.Config) { c.ServerID = netip.Addr{} },
		"IPv6 address":   func(c *dhcptest.Config) { c.ServerID = ip("2001:db8::1") },
		"no network":     func(c *dhcptest.Config) { c.Network = netip.Prefix{} },
		"IPv6 network":   func(c *dhcptest.Config) { c.Network = netip.MustParsePrefix("2001:db8::/64") },
		"backwards":      func(c *dhcptest.Config) { c.First, c.Last = c.Last, c.First },
		"no pool":        func(c *dhcptest.Config) { c.First = netip.Addr{} },
		"half a second":  func(c *dhcptest.Config) { c.T1 = time.Second / 2 },
		"negative":       func(c *dhcptest.Config) { c.Lease = -time.Second },
		"more than fits": func(c *dhcptest.Config) { c.T2 = lease.Infinite + time.Second },
	} {
		cfg := config()
		spoil(&cfg)
		if _, err := dhcptest.NewServer(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// A pool at the end of the address space ends.
func TestPoolAtTheEnd(t *testing.T) {
	cfg := config()
	cfg.Network, cfg.First, cfg.Last = netip.MustParsePrefix("255.255.255.0/24"), ip("255.255.255.254"), ip("255.255.255.255")
	cfg.Routers = []netip.Addr{ip("255.255.255.254")}
	s := newServer(t, cfg)
	answer(t, s, t0, message(discover, mac1, ""))
	if got := answer(t, s, t0, message(discover, mac2, "")); got != "silence" {
		t.Error(got)
	}
}

func TestHooks(t *testing.T) {
	var s *dhcptest.Server
	set := func(f func(*dhcptest.Config)) {
		cfg := config()
		f(&cfg)
		s = newServer(t, cfg)
	}
	set(func(c *dhcptest.Config) { c.Silent = true })
	if got := answer(t, s, t0, message(discover, mac1, "")); got != "silence" || s.Received()[discover] != 1 {
		t.Errorf("silent: %s, %v", got, s.Received())
	}
	set(func(c *dhcptest.Config) { c.Ignore = []dhcpv4.MessageType{request} })
	if got := answer(t, s, t0, message(discover, mac1, "")); got == "silence" {
		t.Error("ignores DISCOVER")
	}
	if got := answer(t, s, t0, message(request, mac1, select50)); got != "silence" {
		t.Errorf("ignored REQUEST: %s", got)
	}
	set(func(c *dhcptest.Config) { c.NakRequests = true })
	answer(t, s, t0, message(discover, mac1, ""))
	if got := answer(t, s, t0, message(request, mac1, select50)); got != nakAll {
		t.Errorf("NakRequests: %s", got)
	}
	if got := answer(t, s, t0, message(request, mac1, "want=10.99.0.50 server=10.99.0.2")); got != "silence" {
		t.Errorf("NakRequests, another server's client: %s", got)
	}
	set(func(c *dhcptest.Config) {
		c.Delay = time.Second
		c.Mutate = func(req, reply *dhcpv4.DHCPv4) {
			if len(s.Bindings()) != 1 { // a hook may look
				t.Error("no binding yet")
			}
			reply.YourIPAddr = net.IPv4(1, 2, 3, 4)
		}
		c.Rewrite = func(b []byte) []byte { return append(b, 0xee) }
	})
	r := s.Handle(t0, message(discover, mac1, "").ToBytes())[0]
	if r.Dst.String() != "1.2.3.4:68" || r.Delay != time.Second || r.Payload[len(r.Payload)-1] != 0xee {
		t.Errorf("%+v", r)
	}
	set(func(c *dhcptest.Config) { c.Rewrite = func([]byte) []byte { return nil } })
	if got := answer(t, s, t0, message(discover, mac1, "")); got != "silence" {
		t.Errorf("Rewrite to nothing: %s", got)
	}
}

// What is not a request from Ethernet is no request.
func TestHandleIgnores(t *testing.T) {
	s := newServer(t, config())
	for name, spoil := range map[string]func(*dhcpv4.DHCPv4){
		"reply":       func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootReply },
		"token ring":  func(m *dhcpv4.DHCPv4) { m.HWType = 6 },
		"long chaddr": func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = make([]byte, 16) },
	} {
		m := message(discover, mac1, "")
		spoil(m)
		if got := answer(t, s, t0, m); got != "silence" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if r := s.Handle(t0, []byte("rubbish")); r != nil {
		t.Errorf("%+v", r)
	}
}

// Whatever comes, the server lives, its table is no larger than its pool and no
// address has two clients.
func FuzzHandle(f *testing.F) {
	f.Add(message(discover, mac1, "want=10.99.0.51").ToBytes(), message(request, mac1, select50).ToBytes())
	f.Add(message(request, mac1, "ciaddr=10.99.0.50").ToBytes(), message(decline, mac1, select50).ToBytes())
	f.Fuzz(func(t *testing.T, a, b []byte) {
		s := newServer(t, config())
		for i, p := range [][]byte{a, b, message(discover, mac2, "").ToBytes(), b, a} {
			for _, r := range s.Handle(t0.Add(time.Duration(i)*time.Minute), p) {
				if !r.Dst.IsValid() || len(r.Payload) == 0 {
					t.Errorf("%+v", r)
				}
			}
		}
		if n := len(s.Bindings()); n > 3 {
			t.Errorf("%d bindings", n)
		}
	})
}
