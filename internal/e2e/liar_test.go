package e2e_test

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A scripted server answers on eth0 of a station.
type liar struct {
	*dhcptest.Server
	honest dhcptest.Config
}

// lie starts a server that lies as change says.
func (s *station) lie(t *testing.T, change func(*dhcptest.Config)) *liar {
	t.Helper()
	return s.serve(t, dhcptest.Config{
		ServerID: router, Network: network, First: host(10), Last: host(19),
		Routers: []netip.Addr{router}, DNS: []netip.Addr{dns}, Domain: "example.org",
	}, change)
}

// serve starts a server for an honest configuration, that lies as change says.
func (s *station) serve(t *testing.T, honest dhcptest.Config, change func(*dhcptest.Config)) *liar {
	t.Helper()
	s.IP(t, "address", "add", netip.PrefixFrom(honest.ServerID, honest.Network.Bits()).String(), "dev", "eth0")
	l := &liar{honest: honest}
	cfg := l.honest
	change(&cfg)
	var err error
	if l.Server, err = dhcptest.NewServer(cfg); err != nil {
		t.Fatal(err)
	}
	var conn *dhcptest.Conn
	s.Do(t, func() {
		if conn, err = dhcptest.Listen("eth0"); err != nil {
			t.Fatal(err)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- conn.Serve(ctx, l.Server) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the scripted server: %v", err)
		}
	})
	return l
}

// repent has the server lie no more.
func (l *liar) repent(t *testing.T) {
	t.Helper()
	if err := l.Configure(func(c *dhcptest.Config) { *c = l.honest }); err != nil {
		t.Fatal(err)
	}
}

// lasting grants leases for that time.
func lasting(d time.Duration) func(*dhcptest.Config) {
	return func(c *dhcptest.Config) { c.Lease = d }
}

// saying changes the messages of a type; other types are as they should be.
func saying(typ dhcpv4.MessageType, change func(*dhcpv4.DHCPv4)) func(*dhcptest.Config) {
	return func(c *dhcptest.Config) {
		c.Mutate = func(_, reply *dhcpv4.DHCPv4) {
			if reply.MessageType() == typ {
				change(reply)
			}
		}
	}
}

// option sets an option.
func option(code uint8, value ...byte) func(*dhcpv4.DHCPv4) {
	return func(m *dhcpv4.DHCPv4) { m.Options[code] = value }
}

// yiaddr sets the address that is given.
func yiaddr(a ...byte) func(*dhcpv4.DHCPv4) {
	return func(m *dhcpv4.DHCPv4) { m.YourIPAddr = a }
}

// rewriting changes the octets of every message.
func rewriting(change func([]byte) []byte) func(*dhcptest.Config) {
	return func(c *dhcptest.Config) { c.Rewrite = change }
}

const (
	snameAt   = 44
	fileAt    = 108
	cookieAt  = 236
	optionsAt = 240
)

// unended cuts a message after its last option.
func unended(b []byte) []byte {
	for at := optionsAt; at < len(b) && b[at] != 255; {
		if b[at] == 0 {
			at++
			continue
		}
		at += 2 + int(b[at+1])
		if at < len(b) && b[at] == 255 {
			return b[:at]
		}
	}
	return b
}

// What makes a message useless, so that the client waits for another.
var useless = []struct {
	name string
	// in is what the client sends, again and again, for want of an answer.
	in  dhcpv4.MessageType
	lie func(*dhcptest.Config)
}{
	{"yiaddr 0 in OFFER", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, yiaddr(0, 0, 0, 0))},
	{"yiaddr broadcast in OFFER", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, yiaddr(255, 255, 255, 255))},
	{"yiaddr multicast in OFFER", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, yiaddr(224, 0, 0, 5))},
	{"yiaddr loopback in OFFER", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, yiaddr(127, 0, 0, 1))},
	{"yiaddr of the network", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, yiaddr(192, 0, 2, 0))},
	{"yiaddr of all in the network", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, yiaddr(192, 0, 2, 255))},
	{"mask with a hole", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, option(1, 255, 0, 255, 0))},
	{"mask 0", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, option(1, 0, 0, 0, 0))},
	{"lease of 0 in OFFER", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, option(51, 0, 0, 0, 0))},
	{"no server id", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, func(m *dhcpv4.DHCPv4) { delete(m.Options, 54) })},
	{"server id loopback", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, option(54, 127, 0, 0, 1))},
	{"yiaddr 0 in ACK", dhcpv4.MessageTypeRequest, saying(dhcpv4.MessageTypeAck, yiaddr(0, 0, 0, 0))},
	{"yiaddr multicast in ACK", dhcpv4.MessageTypeRequest, saying(dhcpv4.MessageTypeAck, yiaddr(224, 0, 0, 5))},
	{"lease of 0 in ACK", dhcpv4.MessageTypeRequest, saying(dhcpv4.MessageTypeAck, option(51, 0, 0, 0, 0))},
	{"message type of no server", dhcpv4.MessageTypeDiscover, saying(dhcpv4.MessageTypeOffer, option(53, 1))},
	{"short header", dhcpv4.MessageTypeDiscover, rewriting(func(b []byte) []byte { return b[:100] })},
	{"header alone", dhcpv4.MessageTypeDiscover, rewriting(func(b []byte) []byte { return b[:optionsAt] })},
	{"no cookie", dhcpv4.MessageTypeDiscover, rewriting(func(b []byte) []byte { b[cookieAt]++; return b })},
	{"nothing", dhcpv4.MessageTypeDiscover, rewriting(func([]byte) []byte { return []byte{} })},
	{"last option cut short", dhcpv4.MessageTypeDiscover, rewriting(func(b []byte) []byte { b = unended(b); return b[:len(b)-1] })},
	{"option without length", dhcpv4.MessageTypeDiscover, rewriting(func(b []byte) []byte { return append(unended(b), 12) })},
	{"option beyond the end", dhcpv4.MessageTypeDiscover, rewriting(func(b []byte) []byte { return append(unended(b), 12, 200, 'a', 255) })},
	{"overload with broken options", dhcpv4.MessageTypeDiscover, rewriting(func(b []byte) []byte {
		b = append(unended(b), 52, 1, 3, 255)
		for i := snameAt; i < cookieAt; i++ {
			b[i] = 12 // an option of 12 octets in each field, again and again, to the last that is not whole
		}
		return b
	})},
}

// What makes no sense is not answered, and does no harm: the client goes on and
// takes the first message that does make sense.
func TestUselessMessages(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, c := range useless {
		t.Run(c.name, func(t *testing.T) {
			turn(t)
			cli, peer := cable(t)
			srv := peer.lie(t, c.lie)
			n, m := sniff(t, cli), watch(t, cli)
			p := start(t, cli, stateDir(t))
			eventually(t, "another try", func() bool { return srv.Received()[c.in] > 1 })
			if c.in == dhcpv4.MessageTypeDiscover && srv.Received()[dhcpv4.MessageTypeRequest] > 0 {
				t.Error("the offer was accepted")
			}
			if probes := n.Matching(frame.IsARP(nil)); len(probes) > 0 {
				t.Errorf("the address was about to be used: %v", probes)
			}
			cli.bare(t)
			srv.repent(t)
			if a := p.bound(t); a.Masked() != network {
				t.Errorf("bound to %v", a)
			}
			m.steady(t)
			p.stop(t)
		})
	}
}

// What of a message is used although the rest makes no sense.
var partial = []struct {
	name      string
	lie       func(*dhcptest.Config)
	routes    func(address string) []string
	resolver  []string
	broadcast netip.Addr
}{
	{name: "no END", lie: rewriting(unended)},
	{name: "pads before and behind", lie: rewriting(func(b []byte) []byte { return append(b, make([]byte, 300)...) })},
	{name: "overload", lie: func(c *dhcptest.Config) {
		c.Routers, c.DNS = nil, nil
		c.Rewrite = func(b []byte) []byte {
			b = append(unended(b), 52, 1, 3, 255)
			copy(b[fileAt:], []byte{0, 3, 4, 192, 0, 2, 1, 255})
			copy(b[snameAt:], []byte{6, 4, 192, 0, 2, 3, 255})
			return b
		}
	}},
	{name: "mask with a hole in ACK", lie: saying(dhcpv4.MessageTypeAck, option(1, 255, 0, 255, 0))},
	{name: "121 with host bits", lie: saying(dhcpv4.MessageTypeAck, option(121, 16, 10, 1, 192, 0, 2, 1)),
		routes: func(a string) []string { return through("10.1.0.0/16", a) }},
	{name: "121 with a long prefix's host bits", lie: saying(dhcpv4.MessageTypeAck, option(121, 17, 10, 1, 127, 192, 0, 2, 1)),
		routes: func(a string) []string { return through("10.1.0.0/17", a) }},
	{name: "121 with rubbish behind", lie: saying(dhcpv4.MessageTypeAck, option(121, 16, 10, 1, 192, 0, 2, 1, 33, 255, 255, 255)),
		routes: func(a string) []string { return through("10.1.0.0/16", a) }},
	{name: "121 all rubbish", lie: saying(dhcpv4.MessageTypeAck, option(121, 200, 1))},
	{name: "MTU 0", lie: saying(dhcpv4.MessageTypeAck, option(26, 0, 0))},
	{name: "MTU 65535", lie: saying(dhcpv4.MessageTypeAck, option(26, 255, 255))},
	{name: "MTU of one octet", lie: saying(dhcpv4.MessageTypeAck, option(26, 5))},
	{name: "domain of two lines", lie: saying(dhcpv4.MessageTypeAck, option(15, []byte("a.example\nnameserver 192.0.2.66")...)), resolver: []string{"nameserver 192.0.2.3"}},
	{name: "domain with NUL", lie: saying(dhcpv4.MessageTypeAck, option(15, []byte("a.example\x00;b")...)), resolver: []string{"nameserver 192.0.2.3"}},
	{name: "domain for a shell", lie: saying(dhcpv4.MessageTypeAck, option(15, []byte("$(id);`id`")...)), resolver: []string{"nameserver 192.0.2.3"}},
	{name: "search list in a circle", lie: saying(dhcpv4.MessageTypeAck, option(119, 1, 'a', 0xc0, 0, 0xc0, 4, 0xc0, 0xff))},
	{name: "host name for a terminal", lie: saying(dhcpv4.MessageTypeAck, option(12, []byte("\x1b[2J\x07")...))},
	{name: "name servers of no host", lie: saying(dhcpv4.MessageTypeAck, option(6, slices.Concat([]byte{0, 0, 0, 0}, []byte{255, 255, 255, 255}, []byte{224, 0, 0, 1}, []byte{192, 0, 2, 3})...))},
	{name: "router of no host", lie: saying(dhcpv4.MessageTypeAck, option(3, slices.Concat([]byte{0, 0, 0, 0}, []byte{224, 0, 0, 1}, []byte{192, 0, 2, 255}, []byte{192, 0, 2, 1})...))},
	{name: "broadcast of another", lie: saying(dhcpv4.MessageTypeAck, option(28, 192, 0, 2, 1))},
	{name: "T1 and T2 of 0", lie: saying(dhcpv4.MessageTypeAck, func(m *dhcpv4.DHCPv4) { option(58, 0, 0, 0, 0)(m); option(59, 0, 0, 0, 0)(m) })},
}

// What does make sense is used, and nothing else.
func TestPartialMessages(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, c := range partial {
		t.Run(c.name, func(t *testing.T) {
			turn(t)
			cli, peer := cable(t)
			srv := peer.lie(t, c.lie)
			sniff(t, cli)
			p := start(t, cli, stateDir(t), "--metric=1007")
			a := p.bound(t)
			if got := cli.one(t); got.Local != a.Addr() || got.Bits != 24 || got.Broadcast != host(255) {
				t.Errorf("address %+v", got)
			}
			if c.routes == nil {
				c.routes = plain
			}
			wantRoutes(t, cli, c.routes(a.Addr().String())...)
			if c.resolver == nil {
				c.resolver = []string{"nameserver 192.0.2.3", "search example.org"}
			}
			eventually(t, "a resolver file", func() bool { return p.resolver() != "" })
			wantResolver(t, p, c.resolver...)
			p.stop(t)
			if n := srv.Received()[dhcpv4.MessageTypeRequest]; n > 2 {
				t.Errorf("%d REQUESTs", n)
			}
		})
	}
}
