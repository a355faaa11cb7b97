package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// v6Only has a server say that the network prefers to be IPv6-only, for 100 s.
var v6Only = map[servers.Kind][]string{
	servers.Dnsmasq: {"dhcp-option=108,0.0.0.100"},
	servers.Kea:     {`"option-data": [{"name": "v6-only-preferred", "data": "100"}]`},
}

// A client that can do without IPv4 takes no address of a network that prefers
// that, not for want of a server either, and tries again for a person or on
// another network. One that does not say so gets an address (RFC 8925 3.2).
func TestIPv6Only_RFC8925(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for kind, extra := range v6Only {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			servers.Require(t, kind)
			cli, peer := cable(t)
			o := peer.short(1)
			o.Lease, o.T1, o.T2, o.Extra = time.Hour, 0, 0, extra
			servers.Start(t, kind, o)
			n := sniff(t, peer)
			c := start(t, cli, stateDir(t), "--ipv6-only")
			v6only := func(line string) bool {
				return strings.Contains(line, "to V6ONLY") || strings.Contains(line, "to=V6ONLY")
			}
			c.stderr.wait(t, "V6ONLY", v6only)
			if got := cli.IP(t, "-4", "-o", "address", "show", "dev", "eth0"); got != "" {
				t.Errorf("the link has %s", got)
			}
			before := len(n.Matching(sent(cli, dhcpv4.MessageTypeDiscover)))
			cli.IP(t, "link", "set", "dev", "eth0", "down")
			cli.IP(t, "link", "set", "dev", "eth0", "up")
			eventually(t, "another DISCOVER", func() bool {
				return len(n.Matching(sent(cli, dhcpv4.MessageTypeDiscover))) > before
			})
			c.end(t)
			if requests := n.Matching(sent(cli, dhcpv4.MessageTypeRequest)); len(requests) != 0 {
				t.Errorf("%d REQUESTs", len(requests))
			}
			start(t, cli, stateDir(t)).bound(t)
		})
	}
}
