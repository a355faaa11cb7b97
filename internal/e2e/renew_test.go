package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// At T1 the server that gave the lease is asked for more, by unicast, and
// nothing on the link is touched but the lifetimes.
func TestRenew_RFC2131_4_4_5(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind) {
		cli, peer := cable(t)
		servers.Start(t, k, peer.short(1))
		n, m := sniff(t, peer), watch(t, cli)
		c := start(t, cli, stateDir(t))
		a := c.bound(t).Addr()
		first := began(t, n)

		request := n.WaitFor(t, patience, extends(cli))
		expect(t, request, message{Type: dhcpv4.MessageTypeRequest, Src: a, Dst: router, To: peer.mac, Client: a})
		around(t, "the renewal", request.Time, first, t1, 1300*time.Millisecond)
		for _, f := range n.Matching(sent(cli, dhcpv4.MessageTypeDiscover)) {
			if f.DHCP.TransactionID == request.DHCP.TransactionID {
				t.Errorf("the renewal has the xid %v of the acquisition", f.DHCP.TransactionID)
			}
		}
		ack := n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeAck))
		if ack.IPv4.Dst != a {
			t.Errorf("the ACK went to %v", ack.IPv4.Dst)
		}
		c.stdout.wait(t, "the renewal", func(line string) bool { return strings.HasSuffix(line, ", renewed") })

		// The lease began anew, and so did the lifetimes of the address.
		is := func(c change) bool { return strings.Contains(c.text, "inet "+a.String()) }
		refresh := m.after(t, "the refreshed address", request.Time, is)
		var valid, preferred int
		_, lifetimes, _ := strings.Cut(refresh.text, "valid_lft ")
		if _, err := fmt.Sscanf(lifetimes, "%dsec preferred_lft %dsec", &valid, &preferred); err != nil || valid < 10 || valid > 12 || preferred != valid {
			t.Errorf("refreshed to %s", refresh.text)
		}
		if got := cli.one(t); got.Local != a {
			t.Errorf("address %+v, want %v", got, a)
		}
		m.steady(t)
		noComplaint(t, n, cli)
		c.stop(t)
	})
}
