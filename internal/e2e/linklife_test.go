package e2e_test

import (
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// remake makes the station's link again, under the same name, down, with its
// port on the switch: it is another link. It returns when it began to plug it in.
func (l *lan) remake(t *testing.T, s *station) (plugged time.Time) {
	t.Helper()
	l.wires.IP(t, "link", "add", "name", s.port.link, "type", "veth", "peer", "name", "eth0", "netns", s.Name)
	s.port.join(t, "br0")
	s.mac = macOf(t, s.NS)
	return s.plug(t)
}

// from matches the messages with that station in chaddr, of the types given.
func from(mac lease.HardwareAddr, types ...dhcpv4.MessageType) func(frame.Frame) bool {
	is := frame.IsDHCP(types...)
	return func(f frame.Frame) bool {
		return is(f) && f.UDP.DstPort == 67 && f.Src == mac && f.DHCP.ClientHWAddr.String() == mac.String()
	}
}

// A link that an administrator takes down stays so; when it is up again the
// routes are back, which the kernel has flushed, and the address was never away
// (LIF-02). That needs no server.
func TestLinkTakenDown(t *testing.T) {
	turn(t)
	l := newLAN(t)
	server := l.join(t, "server")
	srv := server.lie(t, honest)
	s := bindOn(t, l, server)
	for _, silent := range []bool{true, false} {
		if err := srv.Configure(func(c *dhcptest.Config) { c.Silent = silent }); err != nil {
			t.Fatal(err)
		}
		down := time.Now()
		s.client.IP(t, "link", "set", "dev", "eth0", "down")
		s.link.wait(t, false, down)
		s.c.idles(t, 500*time.Millisecond)
		if a := s.client.IP(t, "-4", "-o", "address", "show", "dev", "eth0"); !strings.Contains(a, s.p.cidr) {
			t.Errorf("the address went: %s", a)
		}
		if r := s.client.ours(t); len(r) != 0 {
			t.Errorf("the kernel has left %q", r)
		}
		up := time.Now()
		s.client.IP(t, "link", "set", "dev", "eth0", "up")
		s.client.guestRoutes(t)
		back := s.m.after(t, "the default route", up, func(c change) bool { return !c.deleted && strings.Contains(c.text, "default via") })
		soon(t, "the return of the routes", up, back.at, time.Second)
		s.holds(t)
		request := s.n.WaitFor(t, patience, func(f frame.Frame) bool { return sent(s.client)(f) && f.Time.After(up) })
		expect(t, request, message{Type: dhcpv4.MessageTypeRequest, Requested: netip.MustParseAddr(s.p.text)})
		if !silent {
			s.n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeAck))
			s.again(t)
			s.holds(t)
		}
	}
	s.c.stop(t)
}

// A link that is deleted is waited for; the next one of its name is another link
// (RFC 2131 3.7; LIF-03).
func TestLinkMadeAgain(t *testing.T) {
	turn(t)
	s := newScene(t)
	old := s.client.mac
	for range 2 {
		s.client.IP(t, "link", "delete", "dev", "eth0")
		s.c.stderr.wait(t, "that the link is gone", said("the link is gone; waiting for it"))
		s.c.idles(t, time.Second)
		plugged := s.remake(t, s.client)
		if s.client.mac == old {
			t.Fatalf("the new link has the old hardware address %v", old)
		}
		discover := s.n.WaitFor(t, patience, from(s.client.mac))
		expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover})
		soon(t, "the first message on the new link", plugged, discover.Time, 2*time.Second)
		s.again(t)
		soon(t, "a lease on the new link", plugged, time.Now(), 2*time.Second)
		if a := s.client.one(t); !inPool(a.Local, s.server.short(1)) {
			t.Errorf("address %+v", a)
		}
		if r := s.client.ours(t); len(r) != 2 {
			t.Errorf("routes %q", r)
		}
		old = s.client.mac
	}
	s.client.IP(t, "link", "delete", "dev", "eth0")
	s.c.stop(t) // with nothing to stop on
}

// said matches a line of the log with that text.
func said(text string) func(string) bool {
	return func(line string) bool { return strings.Contains(line, text) }
}

// A link that gets another name is the same link: it is renewed, and given back
// (LIF-04).
func TestLinkRenamed(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	srv := servers.Start(t, servers.Dnsmasq, peer.short(1))
	n := sniff(t, peer)
	c := start(t, cli, stateDir(t), "--on-exit=release")
	a := c.bound(t).Addr()
	cli.IP(t, "link", "set", "dev", "eth0", "name", "lan0")
	for range 2 {
		request := n.WaitFor(t, patience, extends(cli))
		expect(t, request, message{Type: dhcpv4.MessageTypeRequest, Src: a, Dst: router, To: peer.mac, Client: a})
		n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeAck))
	}
	c.stop(t)
	n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRelease))
	srv.WaitLease(t, a, false)
	if out := cli.IP(t, "-4", "address", "show", "dev", "lan0") + cli.IP(t, "-4", "route", "show"); strings.TrimSpace(out) != "" {
		t.Errorf("left on the link: %s", out)
	}
}

// What was obtained with one hardware address is not used with another (LIF-05,
// RBT-10).
func TestHardwareAddressChanged(t *testing.T) {
	turn(t)
	s := newScene(t)
	old, changed := s.p, time.Now()
	s.client.mac = lease.HardwareAddr{2, 0, 0, 0, 0, 0x77}
	s.client.IP(t, "link", "set", "dev", "eth0", "address", s.client.mac.String())
	gone := s.m.deleted(t, "inet "+old.text)
	soon(t, "the end of the old lease", changed, gone.at, 2*time.Second)
	discover := s.n.WaitFor(t, patience, from(s.client.mac))
	expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover})
	soon(t, "the DISCOVER with the new hardware address", changed, discover.Time, 2*time.Second)
	if id := discover.DHCP.Options.Get(dhcpv4.OptionClientIdentifier); !slices.Equal(id, append([]byte{1}, s.client.mac[:]...)) {
		t.Errorf("client id %x, want that of %v", id, s.client.mac)
	}
	s.again(t)
	s.client.guestsStay(t)
	if r := s.client.ours(t); len(r) != 2 || strings.Contains(strings.Join(r, " "), " "+old.text+" ") {
		t.Errorf("routes %q", r)
	}
	s.c.stop(t)
}

// A link that is moved to another namespace is gone, as far as the client can
// see; nothing of the lease goes with it. When it is moved back the client goes
// on (LIF-04).
func TestLinkMovedAway(t *testing.T) {
	turn(t)
	s := newScene(t)
	away := nettest.NewNS(t, "away")
	s.client.IP(t, "link", "set", "dev", "eth0", "netns", away.Name)
	s.c.stderr.wait(t, "that the link is gone", said("the link is gone; waiting for it"))
	s.c.idles(t, 2*time.Second)
	if left := away.IP(t, "-4", "-o", "address", "show", "dev", "eth0"); left != "" {
		t.Errorf("moved along: %s", left)
	}
	// Also told to do something.
	s.c.signal(t, syscall.SIGUSR1)
	back := time.Now()
	away.IP(t, "link", "set", "dev", "eth0", "netns", s.client.Name)
	first := s.n.WaitFor(t, patience, func(f frame.Frame) bool { return sent(s.client)(f) && f.Time.After(back) })
	soon(t, "the first message after the link's return", back, first.Time, 2*time.Second)
	s.again(t)
	if r := s.client.ours(t); len(r) != 2 {
		t.Errorf("routes %q", r)
	}
	s.c.stop(t)
}

// A link may come later than its client, and its carrier later still (LIF-14).
func TestLinkAppears(t *testing.T) {
	turn(t)
	l := newLAN(t)
	server := l.join(t, "server")
	servers.Start(t, servers.Dnsmasq, server.forAnHour())
	n := sniff(t, server)
	l.client.IP(t, "link", "delete", "dev", "eth0")
	c := start(t, l.client, stateDir(t), "--wait-link")
	c.idles(t, time.Second)
	l.wires.IP(t, "link", "add", "name", l.client.port.link, "type", "veth", "peer", "name", "eth0", "netns", l.client.Name)
	l.client.port.join(t, "br0")
	l.client.mac = macOf(t, l.client.NS)
	eventually(t, "the link brought up", func() bool { return strings.Contains(l.client.IP(t, "link", "show", "dev", "eth0"), ",UP") })
	c.idles(t, time.Second)
	plugged := l.client.plug(t)
	discover := n.WaitFor(t, patience, sent(l.client))
	expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover})
	soon(t, "the DISCOVER after carrier", plugged, discover.Time, time.Second)
	c.bound(t)
	c.stop(t)
}
