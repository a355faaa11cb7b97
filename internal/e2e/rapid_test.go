package e2e_test

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// dnsmasq acknowledges a DISCOVER that asks for it: two messages make a lease
// (RFC 4039 3.1). One that does not know of it makes an offer, and that is as good.
func TestRapidCommit_RFC4039(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	servers.Require(t, servers.Dnsmasq)
	for _, row := range []struct {
		name     string
		extra    []string
		requests int
	}{
		{"committed", []string{"dhcp-rapid-commit"}, 0},
		{"offered", nil, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			cli, peer := cable(t)
			o := peer.short(1)
			o.Lease, o.T1, o.T2, o.Extra = time.Hour, 0, 0, row.extra
			srv := servers.Start(t, servers.Dnsmasq, o)
			n := sniff(t, peer)
			c := start(t, cli, stateDir(t), "--rapid-commit", "--on-exit=release")
			a := c.bound(t)
			srv.WaitLease(t, a.Addr(), true)
			discover := n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeDiscover))
			if v, ok := discover.DHCP.Options[80]; !ok || len(v) != 0 {
				t.Errorf("option 80 of the DISCOVER is %v", v)
			}
			c.end(t)
			n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRelease))
			if requests := len(n.Matching(sent(cli, dhcpv4.MessageTypeRequest))); requests != row.requests {
				t.Errorf("%d REQUESTs, want %d", requests, row.requests)
			}
			srv.WaitLease(t, a.Addr(), false)
		})
	}
}
