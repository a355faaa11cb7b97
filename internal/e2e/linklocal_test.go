package e2e_test

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// Where no server answers the host gives itself an address: it is probed, three
// times and with a second at least between, and announced (RFC 3927 2.2.1, 2.4),
// its network is on the link and there is no router for it (2.6, 2.7), and a
// server is asked as ever, from 0.0.0.0. When that answers its lease is what
// stays (1.9; conformance LL-01, LL-02, LL-04, LL-06).
func TestLinkLocal_RFC3927(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	srv := peer.lie(t, func(c *dhcptest.Config) { c.Silent = true })
	n := sniff(t, peer)
	c := start(t, cli, stateDir(t), "--link-local", "--fallback-after=1s")
	c.stderr.wait(t, "the link-local address", func(line string) bool {
		return strings.Contains(line, "no server answers; using a link-local address")
	})
	var a netip.Addr
	eventually(t, "an address of 169.254/16", func() bool {
		for _, word := range strings.Fields(cli.IP(t, "-4", "-o", "address", "show", "dev", "eth0")) {
			if p, err := netip.ParsePrefix(word); err == nil && p.Bits() == 16 && p.Addr().IsLinkLocalUnicast() {
				a = p.Addr()
			}
		}
		return a.IsValid()
	})
	n.WaitFor(t, patience, func(f frame.Frame) bool { // announced
		return f.ARP != nil && f.ARP.SenderIP == a && f.ARP.TargetIP == a
	})
	probes := n.Matching(func(f frame.Frame) bool { return f.ARP != nil && f.ARP.Probe && f.ARP.TargetIP == a })
	if len(probes) != 3 {
		t.Fatalf("%d probes", len(probes))
	}
	for i, p := range probes[1:] {
		if gap := p.Time.Sub(probes[i].Time); gap < time.Second {
			t.Errorf("the next probe is %v after the one before", gap)
		}
	}
	routes := cli.IP(t, "-4", "route")
	if strings.Contains(routes, "default") || !strings.Contains(routes, "169.254.0.0/16 dev eth0") || strings.Contains(routes, "via") {
		t.Errorf("routes: %s", routes)
	}
	before := len(n.Matching(sent(cli, dhcpv4.MessageTypeDiscover)))
	srv.repent(t)
	c.signal(t, syscall.SIGUSR1)
	b := c.bound(t)
	discovers := n.Matching(sent(cli, dhcpv4.MessageTypeDiscover))
	if len(discovers) == before {
		t.Error("no DISCOVER while there was the address")
	}
	for _, f := range discovers {
		if !f.IPv4.Src.IsUnspecified() || !f.DHCP.ClientIPAddr.IsUnspecified() {
			t.Errorf("a DISCOVER from %v: %v", f.IPv4.Src, f.DHCP)
		}
	}
	if got := cli.IP(t, "-4", "-o", "address", "show", "dev", "eth0"); strings.Contains(got, "169.254") || !strings.Contains(got, b.String()) {
		t.Errorf("the link has %s", got)
	}
	c.end(t)
}
