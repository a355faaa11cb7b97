// Package lab plays the rows of package hostile on a real link: a pair of veth
// between two network namespaces, the servers on one end and a client, any, on
// the other. What it records is what the kernel of the client's end says and what
// passes over the wire.
package lab

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// ifname is the link on both ends.
const ifname = "eth0"

// A Client is a program under test.
type Client struct {
	// Start runs it on eth0 of a namespace.
	Start func(t testing.TB, ns *nettest.NS) Process
	// Ours adds what dhclient-go promises beyond what any client must do.
	Ours bool
	// Patience is how much longer than its window a row may take, as long as
	// something is missing: a test machine may be busy.
	Patience time.Duration
	// Slack is for how late something may have been seen.
	Slack time.Duration
}

// A Process is a Client that runs.
type Process struct {
	// Stop ends it.
	Stop func()
	// DNS returns the name servers that it has given to the host; nil where
	// that cannot be seen.
	DNS func() []netip.Addr
}

// Play runs a row, and returns what was seen and what it shows.
func Play(t testing.TB, row hostile.Row, f hostile.Form, c Client) (*hostile.Record, []hostile.Finding) {
	t.Helper()
	ns, peer := nettest.NewNS(t, "client"), nettest.NewNS(t, "server")
	nettest.Veth(t, ns, ifname, peer, ifname)
	serve(t, peer, row, f)
	sniffer := nettest.Capture(t, ns, ifname)
	watcher := watch(t, ns)
	s := scene{t: t, ns: ns, row: row, form: f, client: c, mac: macOf(t, ns), sniffer: sniffer, watcher: watcher}
	s.start = time.Now()
	s.process = c.Start(t, ns)
	defer s.process.Stop()
	return s.look()
}

// serve runs the servers of the row. All of 10.99.0.0/28 is an address of the
// peer, so that servers and routers answer ARP.
func serve(t testing.TB, peer *nettest.NS, row hostile.Row, f hostile.Form) {
	t.Helper()
	servers, err := row.Servers(f)
	if err != nil {
		t.Fatal(err)
	}
	peer.IP(t, "address", "add", netip.PrefixFrom(servers[0].ID(), hostile.Network.Bits()).String(), "dev", ifname)
	peer.IP(t, "route", "add", "local", netip.PrefixFrom(hostile.Network.Addr(), 28).String(), "dev", ifname)
	var conn *dhcptest.Conn
	peer.Do(t, func() {
		if conn, err = dhcptest.Listen(ifname); err != nil {
			t.Fatal(err)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- conn.Serve(ctx, servers...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the scripted server: %v", err)
		}
	})
}

func macOf(t testing.TB, ns *nettest.NS) (mac lease.HardwareAddr) {
	t.Helper()
	ns.Do(t, func() {
		link, err := net.InterfaceByName(ifname)
		if err != nil {
			t.Fatal(err)
		}
		copy(mac[:], link.HardwareAddr)
	})
	return mac
}

// A scene is a row that is being played.
type scene struct {
	t       testing.TB
	ns      *nettest.NS
	row     hostile.Row
	form    hostile.Form
	client  Client
	process Process
	mac     lease.HardwareAddr
	start   time.Time
	sniffer *nettest.Sniffer
	watcher *watcher
}

// look waits until the window is over, and then for what is missing.
func (s *scene) look() (*hostile.Record, []hostile.Finding) {
	window := s.row.Window(s.form)
	time.Sleep(time.Until(s.start.Add(window)))
	deadline := s.start.Add(window + s.client.Patience)
	for {
		rec := s.record()
		found := s.row.Judge(rec, s.client.Ours)
		ok := true
		for _, f := range found {
			ok = ok && f.OK
		}
		if ok || time.Now().After(deadline) {
			return rec, found
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// record is what was seen until now.
func (s *scene) record() *hostile.Record {
	rec := &hostile.Record{Form: s.form, Slack: s.client.Slack}
	rec.Last, rec.MTU = s.watcher.now(s.t, s.ns)
	if s.process.DNS != nil {
		rec.DNS = append([]netip.Addr{}, s.process.DNS()...)
	}
	rec.Window = time.Since(s.start)
	for _, f := range s.sniffer.Frames() {
		if f.DHCP == nil {
			continue
		}
		rec.Messages = append(rec.Messages, hostile.Message{
			At: f.Time.Sub(s.start), Sent: f.Src == s.mac, Src: f.IPv4.Src, Dst: f.IPv4.Dst, DHCPv4: f.DHCP,
		})
	}
	s.watcher.into(s.t, rec, s.start)
	return rec
}
