package dhcptest_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/miniclient"
)

func TestMain(m *testing.M) { nettest.Main(m) }

const limit = 10 * time.Second

// veth is a server on one end of a cable; the test has the other.
type veth struct {
	srv, cli *nettest.NS
	conn     *dhcptest.Conn
	sniffer  *nettest.Sniffer // at the client's end
}

// newVeth serves on a cable until the test ends.
func newVeth(t *testing.T, servers ...*dhcptest.Server) *veth {
	t.Helper()
	v := &veth{srv: nettest.NewNS(t, "srv"), cli: nettest.NewNS(t, "cli")}
	nettest.Veth(t, v.srv, "eth0", v.cli, "eth0")
	v.sniffer = nettest.Capture(t, v.cli, "eth0")
	v.srv.Do(t, func() {
		for _, s := range servers {
			v.srv.IP(t, "addr", "add", s.ID().String()+"/24", "dev", "eth0")
		}
		var err error
		if v.conn, err = dhcptest.Listen("eth0"); err != nil {
			t.Fatal(err)
		}
	})
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- v.conn.Serve(ctx, servers...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return v
}

func TestServe(t *testing.T) {
	t.Parallel()
	s := newServer(t, config())
	v := newVeth(t, s)
	c := miniclient.New(t, v.cli, "eth0")
	ack := c.Acquire(t)
	if got := ack.YourIPAddr.String(); got != "10.99.0.50" {
		t.Errorf("acquired %s", got)
	}
	c.Renew(t, ack, dhcpv4.MessageTypeAck)
	c.Release(t, ack)
	f := v.sniffer.WaitFor(t, limit, frame.IsDHCP(dhcpv4.MessageTypeOffer))
	if f.IPv4.Src.String() != "10.99.0.1" || f.UDP.SrcPort != 67 || f.UDP.DstPort != 68 || !f.UDP.ChecksumOK || !f.IPv4.ChecksumOK {
		t.Errorf("%+v, %+v", f.IPv4, f.UDP)
	}
	renew := v.sniffer.WaitFor(t, limit, func(f nettest.Frame) bool { return frame.IsDHCP(dhcpv4.MessageTypeRequest)(f) && !f.DHCP.IsBroadcast() })
	v.sniffer.WaitFor(t, limit, func(f nettest.Frame) bool {
		return frame.IsDHCP(dhcpv4.MessageTypeAck)(f) && f.Dst == renew.Src && f.IPv4.Dst.String() == "10.99.0.50"
	})
	v.sniffer.WaitFor(t, limit, frame.IsDHCP(dhcpv4.MessageTypeRelease))
	deadline := time.Now().Add(limit)
	for b, _ := s.Binding(ip("10.99.0.50")); b.State != dhcptest.Released; b, _ = s.Binding(ip("10.99.0.50")) {
		if time.Now().After(deadline) {
			t.Fatalf("not released: %+v", b)
		}
		time.Sleep(time.Millisecond)
	}
	// A kernel without a socket on port 67 would have said so to the renewal.
	if icmp := v.sniffer.Matching(func(f nettest.Frame) bool { return f.IPv4 != nil && f.IPv4.Protocol == 1 }); len(icmp) != 0 {
		t.Errorf("ICMP: %v", icmp)
	}
}

// Without the B flag the answer is for one station and an address that the
// station does not have yet (RFC 2131 4.1).
func TestServeUnicast_RFC2131_4_1(t *testing.T) {
	t.Parallel()
	v := newVeth(t, newServer(t, config()))
	c := miniclient.New(t, v.cli, "eth0")
	c.Send(t, c.Message(t, dhcpv4.MessageTypeDiscover, dhcpv4.WithBroadcast(false)), everybody)
	f := v.sniffer.WaitFor(t, limit, frame.IsDHCP(dhcpv4.MessageTypeOffer))
	if f.Dst != lease.HardwareAddr(c.MAC) || f.IPv4.Dst.String() != "10.99.0.50" {
		t.Errorf("%v", f)
	}
	if arp := v.sniffer.Matching(frame.IsARP(nil)); len(arp) != 0 {
		t.Errorf("the server asked by ARP: %v", arp)
	}
}

// A relay agent's answer goes to the station that the request came from.
func TestServeRelay_RFC2131_4_1(t *testing.T) {
	t.Parallel()
	v := newVeth(t, newServer(t, config()))
	c := miniclient.New(t, v.cli, "eth0")
	stranger := lease.HardwareAddr{2, 0, 0, 0, 0, 0x77}
	m := c.Message(t, dhcpv4.MessageTypeDiscover, dhcpv4.WithHwAddr(stranger[:]), dhcpv4.WithRelay(net.IPv4(10, 99, 0, 9)))
	c.Send(t, m, everybody)
	f := v.sniffer.WaitFor(t, limit, frame.IsDHCP(dhcpv4.MessageTypeOffer))
	if f.Dst != lease.HardwareAddr(c.MAC) || f.IPv4.Dst.String() != "10.99.0.9" || f.UDP.DstPort != 67 {
		t.Errorf("%v", f)
	}
}

// Two servers, one of them slow and too talkative for the link.
func TestServeTwo(t *testing.T) {
	t.Parallel()
	cfg := config()
	cfg.ServerID, cfg.First, cfg.Last = ip("10.99.0.2"), ip("10.99.0.60"), ip("10.99.0.60")
	cfg.Delay = 50 * time.Millisecond
	cfg.Rewrite = func(b []byte) []byte { return append(b, make([]byte, 3000)...) }
	v := newVeth(t, newServer(t, config()), newServer(t, cfg))
	c := miniclient.New(t, v.cli, "eth0")
	m := c.Message(t, dhcpv4.MessageTypeDiscover)
	c.Send(t, m, everybody)
	for _, want := range []string{"10.99.0.1", "10.99.0.2"} {
		r := c.Receive(t, m, limit)
		if r == nil || r.ServerIdentifier().String() != want {
			t.Fatalf("%v, want an offer of %s", r, want)
		}
	}
	for range 3 {
		v.sniffer.WaitFor(t, limit, func(f nettest.Frame) bool { return f.IPv4 != nil && f.IPv4.Fragment && f.IPv4.ChecksumOK })
	}
}

// The server hears again after its link was down, and a delayed answer ends
// with Serve.
func TestServeSurvivesLinkDown(t *testing.T) {
	t.Parallel()
	s := newServer(t, config())
	v := newVeth(t, s)
	v.srv.IP(t, "link", "set", "dev", "eth0", "down")
	v.srv.IP(t, "link", "set", "dev", "eth0", "up")
	nettest.WaitUp(t, v.srv, "eth0")
	nettest.WaitUp(t, v.cli, "eth0")
	c := miniclient.New(t, v.cli, "eth0")
	c.Discover(t)
	if err := s.Configure(func(c *dhcptest.Config) { c.Delay = time.Hour }); err != nil {
		t.Fatal(err)
	}
	for range 1100 { // more than it holds
		c.Send(t, c.Message(t, dhcpv4.MessageTypeDiscover), everybody)
	}
}

func TestServeEnds(t *testing.T) {
	ns := nettest.NewNS(t, "srv")
	nettest.Veth(t, ns, "eth0", ns, "eth1")
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var conn *dhcptest.Conn
	listen := func() {
		ns.Do(t, func() {
			var err error
			if conn, err = dhcptest.Listen("eth0"); err != nil {
				t.Fatal(err)
			}
		})
	}
	listen()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := conn.Serve(ctx, newServer(t, config())); err != nil {
		t.Errorf("a context that is done: %v", err)
	}
	if err := conn.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	listen()
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := conn.Serve(context.Background()); err == nil || !strings.Contains(err.Error(), "serve on eth0") {
		t.Errorf("on a closed socket: %v", err)
	}
	ns.Do(t, func() {
		for _, name := range []string{"nosuch0", "lo"} {
			if _, err := dhcptest.Listen(name); err == nil {
				t.Errorf("serves on %s", name)
			}
		}
		busy, err := net.ListenPacket("udp4", "0.0.0.0:67")
		if err != nil {
			t.Fatal(err)
		}
		defer busy.Close()
		if _, err := dhcptest.Listen("eth0"); err == nil {
			t.Error("took a port that is held")
		}
	})
}

// What is not for a server is not taken for a request.
func TestServeFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t, config())
	v := newVeth(t, s)
	m := message(discover, mac1, "").ToBytes()
	all := lease.HardwareAddr{255, 255, 255, 255, 255, 255}
	from := netip.MustParseAddrPort("0.0.0.0:68")
	good := frame.EncodeUDP(all, mac1, netip.MustParseAddrPort("255.255.255.255:67"), from, m)
	tagged := append(append(append([]byte(nil), good[:12]...), 0x81, 0, 0, 9), good[12:]...)
	fragment := append([]byte(nil), good...)
	fragment[20] |= 0x20
	tcp := append([]byte(nil), good...)
	tcp[23] = 6
	for _, bad := range [][]byte{
		tagged, fragment, tcp,
		frame.EncodeUDP(all, mac1, netip.MustParseAddrPort("255.255.255.255:69"), from, m),
		frame.EncodeUDP(all, mac1, netip.MustParseAddrPort("10.99.0.9:67"), from, m),
		frame.EncodeUDP(all, mac1, netip.MustParseAddrPort("255.255.255.255:67"), from, nil)[:38],
	} {
		inject(t, v.cli, bad)
	}
	inject(t, v.cli, good)
	v.sniffer.WaitFor(t, limit, frame.IsDHCP(dhcpv4.MessageTypeOffer))
	if n := s.Received()[discover]; n != 1 {
		t.Errorf("%d requests were heard, want the last only", n)
	}
}

func inject(t *testing.T, ns *nettest.NS, b []byte) {
	t.Helper()
	ns.Do(t, func() {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, b, 0, &unix.SockaddrLinklayer{Ifindex: link.Index, Halen: 6}); err != nil {
			t.Fatal(err)
		}
	})
}

// A squatter answers probes, announcements and what is for it alone, and tells
// everybody when it is told to (RFC 5227).
func TestSquat_RFC5227(t *testing.T) {
	t.Parallel()
	a, b := nettest.NewNS(t, "a"), nettest.NewNS(t, "b")
	nettest.Veth(t, a, "eth0", b, "eth0")
	sniffer := nettest.Capture(t, b, "eth0")
	squatter := lease.HardwareAddr{2, 0, 0, 0, 0, 0x66}
	addr := ip("10.99.0.50")
	var q *dhcptest.Squatter
	a.Do(t, func() {
		var err error
		if q, err = dhcptest.Squat("eth0", addr, squatter); err != nil {
			t.Fatal(err)
		}
		for name, bad := range map[string]netip.Addr{"nosuch0": addr, "eth0": ip("2001:db8::1")} {
			if _, err := dhcptest.Squat(name, bad, squatter); err == nil {
				t.Errorf("squats on %v at %s", bad, name)
			}
		}
	})
	all, zero := frame.Broadcast, netip.IPv4Unspecified()
	a.IP(t, "link", "set", "dev", "eth0", "down")
	a.IP(t, "link", "set", "dev", "eth0", "up")
	nettest.WaitUp(t, b, "eth0")
	for name, ask := range map[string]struct {
		to lease.HardwareAddr
		frame.ARP
	}{
		"probe":        {all, frame.ARP{Op: 1, SenderMAC: mac1, SenderIP: zero, TargetIP: addr}},
		"announcement": {all, frame.ARP{Op: 1, SenderMAC: mac1, SenderIP: addr, TargetIP: addr}},
		"unicast":      {squatter, frame.ARP{Op: 1, SenderMAC: mac1, SenderIP: ip("10.99.0.7"), TargetIP: addr}},
	} {
		inject(t, b, frame.EncodeARP(ask.to, mac1, ask.ARP))
		f := sniffer.WaitFor(t, limit, frame.IsARP(func(p frame.ARP) bool { return p.Op == 2 }))
		want := frame.ARP{Op: 2, SenderMAC: squatter, SenderIP: addr, TargetMAC: mac1, TargetIP: ask.SenderIP}
		if *f.ARP != want || f.Dst != mac1 || f.Src != squatter {
			t.Errorf("%s: %v", name, f)
		}
	}
	inject(t, b, frame.EncodeARP(all, mac1, frame.ARP{Op: 1, SenderMAC: mac1, SenderIP: zero, TargetIP: ip("10.99.0.51")}))
	inject(t, b, frame.EncodeARP(all, mac1, frame.ARP{Op: 1, SenderMAC: squatter, SenderIP: zero, TargetIP: addr}))
	inject(t, b, frame.EncodeARP(all, mac1, frame.ARP{Op: 2, SenderMAC: mac1, SenderIP: addr, TargetIP: addr}))
	if err := q.Announce(); err != nil {
		t.Fatal(err)
	}
	f := sniffer.WaitFor(t, limit, func(f nettest.Frame) bool { return f.ARP != nil && !f.Outgoing })
	if !f.ARP.Announcement || f.ARP.SenderMAC != squatter || f.ARP.SenderIP != addr || f.Dst != all {
		t.Errorf("%v", f)
	}
	if q.Asked() != 3 {
		t.Errorf("answered %d", q.Asked())
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if err := q.Announce(); err == nil {
		t.Error("announced after it left")
	}
}
