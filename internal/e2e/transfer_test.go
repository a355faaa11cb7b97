package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// Programs do not notice a renewal (conformance REN-22): a TCP connection from
// the leased address goes on through ten, and nothing is taken off the link for
// a moment.
func TestConnectionLivesOn_RFC2131_4_4_5(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = 6*time.Second, time.Second, 4*time.Second })
	m := watch(t, cli)
	c := start(t, cli, stateDir(t))
	x := cli.stream(t, c.bound(t).Addr(), router, peer)
	eventually(t, "ten renewals", func() bool { return strings.Count(c.stdout.String(), ", renewed") >= 10 })
	x.flows(t)
	m.steady(t)
	c.stop(t)
}
