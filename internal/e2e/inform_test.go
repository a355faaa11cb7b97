package e2e_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// A link with a static address asks for the rest, which real servers tell it, and
// keeps its address as it is (RFC 2131 4.4.3; conformance INF-01, INF-02).
func TestInform_RFC2131_4_4_3(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, kind := range []servers.Kind{servers.Dnsmasq, servers.ISC, servers.Kea} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			servers.Require(t, kind)
			cli, peer := cable(t)
			o := peer.short(1)
			o.Lease, o.T1, o.T2, o.Domain = time.Hour, 0, 0, "inform.example"
			srv := servers.Start(t, kind, o)
			cli.IP(t, "address", "add", host(99).String()+"/24", "dev", "eth0")
			before := cli.IP(t, "address", "show", "dev", "eth0")
			n := sniff(t, peer)
			c := launch(t, cli, program(t), "inform", "eth0")
			if code := c.exit(t); code != 0 {
				t.Fatalf("exit %d: %s", code, c.stderr)
			}
			var l lease.Lease
			if err := json.Unmarshal([]byte(c.stdout.String()), &l); err != nil {
				t.Fatalf("%v: %s", err, c.stdout)
			}
			if l.Domain != "inform.example" || l.Address != host(99) || l.Bits != 24 || !l.IsInfinite() || len(l.DNS) == 0 {
				t.Errorf("%s", c.stdout)
			}
			f := n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeInform))
			if f.IPv4.Src != host(99) || f.DHCP.ClientIPAddr.String() != host(99).String() || f.DHCP.Options.Has(dhcpv4.OptionRequestedIPAddress) ||
				f.DHCP.Options.Has(dhcpv4.OptionServerIdentifier) || f.DHCP.Options.Has(dhcpv4.OptionIPAddressLeaseTime) {
				t.Errorf("from %v: %v", f.IPv4.Src, f.DHCP)
			}
			if after := cli.IP(t, "address", "show", "dev", "eth0"); after != before {
				t.Errorf("the link has\n%s\nand had\n%s", after, before)
			}
			srv.WaitLease(t, host(99), false)
		})
	}
}

// A NAK or an offer is no answer, and a server that says nothing else has said
// nothing: exit code 2, and the address stays (INF-03, INF-04).
func TestInform_NAK(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	cli.IP(t, "address", "add", host(99).String()+"/24", "dev", "eth0")
	peer.lie(t, func(c *dhcptest.Config) {
		c.Mutate = func(_, reply *dhcpv4.DHCPv4) { reply.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeNak)) }
	})
	c := launch(t, cli, program(t), "inform", "--timeout=2s", "eth0")
	if code := c.exit(t); code != 2 || !strings.Contains(fmt.Sprint(c.stderr), "eth0: inform: no server has answered") {
		t.Errorf("exit %d: %s", code, c.stderr)
	}
	if got := cli.IP(t, "-4", "address", "show", "dev", "eth0"); !strings.Contains(got, host(99).String()) {
		t.Errorf("the link has %s", got)
	}
}
