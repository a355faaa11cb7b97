package e2e_test

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// A client that was killed goes on with the address that it left on the link,
// when the server has confirmed it.
func TestInitReboot_RFC2131_3_2(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind) {
		cli, peer := cable(t)
		servers.Start(t, k, peer.short(1))
		n, m := sniff(t, cli), watch(t, cli)
		dir := stateDir(t)
		c := start(t, cli, dir)
		p := c.bound(t)
		n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRequest))
		c.kill(t)
		if a := cli.one(t); a.Local != p.Addr() {
			t.Fatalf("the dead client has left %+v", a)
		}

		c = start(t, cli, dir)
		request := n.WaitFor(t, patience, sent(cli))
		expect(t, request, message{Type: dhcpv4.MessageTypeRequest, Requested: p.Addr()})
		n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeAck))
		if again := c.bound(t); again != p {
			t.Errorf("bound to %v, before to %v", again, p)
		}
		if a := cli.one(t); a.Local != p.Addr() {
			t.Errorf("address %+v, want %v", a, p)
		}
		if routes := cli.routes(t); len(routes) != 2 {
			t.Errorf("routes %q, want two", routes)
		}
		m.steady(t)
		if all := n.Matching(sent(cli, dhcpv4.MessageTypeDiscover)); len(all) != 1 {
			t.Errorf("%d DISCOVERs, want the one of the first process", len(all))
		}
		c.stop(t)
	})
}

// What a client leaves behind by default stays while the lease does, and is
// removed by the kernel: nobody is there who could.
func TestStopKeeps_RFC2131_4_4_5(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind) {
		cli, peer := cable(t)
		srv := servers.Start(t, k, peer.short(1))
		n, m := sniff(t, cli), watch(t, cli)
		c := start(t, cli, stateDir(t))
		p := c.bound(t)
		c.stop(t)
		srv.Stop(t)
		first := began(t, n)
		a := cli.one(t)
		if a.Local != p.Addr() || a.Valid == 0 || a.Valid > uint32(leaseTime.Seconds()) {
			t.Errorf("kept %+v", a)
		}
		if routes := cli.routes(t); len(routes) != 2 {
			t.Errorf("kept routes %q, want two", routes)
		}
		m.steady(t)
		gone := m.deleted(t, "inet "+p.Addr().String())
		around(t, "the end of the address", gone.at, first, leaseTime, 1500*time.Millisecond)
		cli.bare(t)
		if all := n.Matching(sent(cli, dhcpv4.MessageTypeRelease)); len(all) != 0 {
			t.Errorf("sent %v", all)
		}
	})
}
