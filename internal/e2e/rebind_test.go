package e2e_test

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// When its server is dead, the client asks all at T2, and keeps to the one that
// answers. The second server is one that has taken over the lease database of
// the first (as a fail-over does), on another station.
func TestRebind_RFC2131_4_4_5(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind) {
		l := newLAN(t)
		one, two := l.join(t, "server"), l.join(t, "second")
		o := one.short(1)
		srv := servers.Start(t, k, o)
		n, m := sniff(t, l.client), watch(t, l.client)
		c := start(t, l.client, stateDir(t))
		a := c.bound(t).Addr()
		first := began(t, n)
		srv.WaitLease(t, a, true)
		srv.Stop(t)
		heir := two.short(2)
		heir.PoolFirst, heir.PoolLast = o.PoolFirst, o.PoolLast

		renew := n.WaitFor(t, patience, extends(l.client))
		expect(t, renew, message{Type: dhcpv4.MessageTypeRequest, Src: a, Dst: router, To: one.mac, Client: a})
		srv.Restart(t, heir)

		rebind := n.WaitFor(t, patience, func(f frame.Frame) bool { return extends(l.client)(f) && f.IPv4.Dst == all1 })
		expect(t, rebind, message{Type: dhcpv4.MessageTypeRequest, Src: a, Dst: all1, To: frame.Broadcast, Client: a})
		around(t, "rebinding", rebind.Time, first, t2, time.Second)
		ack := n.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeAck))
		if ack.Src != two.mac || addrOf(ack.DHCP.ServerIdentifier()) != host(2) || addrOf(ack.DHCP.YourIPAddr) != a {
			t.Errorf("rebinding was answered by %v", ack)
		}
		next := n.WaitFor(t, patience, extends(l.client))
		expect(t, next, message{Type: dhcpv4.MessageTypeRequest, Src: a, Dst: host(2), To: two.mac, Client: a})
		around(t, "the renewal by the second server", next.Time, ack.Time, t1, 2*time.Second)
		n.WaitFor(t, patience, answers(next, dhcpv4.MessageTypeAck))
		m.steady(t)
		c.stop(t)
	})
}

// When all servers are dead the lease ends, with all that it brought, and the
// client starts over.
func TestExpiry_RFC2131_4_4_5(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind) {
		l := newLAN(t)
		one := servers.Start(t, k, l.join(t, "server").short(1))
		two := servers.Start(t, k, l.join(t, "second").short(2))
		n, m := sniff(t, l.client), watch(t, l.client)
		c := start(t, l.client, stateDir(t))
		a := c.bound(t).Addr()
		eventually(t, "a resolver file", func() bool { return c.resolver() != "" })
		one.Stop(t)
		two.Stop(t)
		first := began(t, n)

		n.WaitFor(t, patience, func(f frame.Frame) bool { return extends(l.client)(f) && f.IPv4.Dst != all1 })
		n.WaitFor(t, patience, func(f frame.Frame) bool { return extends(l.client)(f) && f.IPv4.Dst == all1 })
		discover := n.WaitFor(t, patience, sent(l.client, dhcpv4.MessageTypeDiscover))
		expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover, Requested: a})
		around(t, "the DISCOVER", discover.Time, first, leaseTime, 1500*time.Millisecond)
		for _, what := range []string{"inet " + a.String(), "default via", network.String() + " dev eth0"} {
			around(t, "the end of "+what, m.deleted(t, what).at, first, leaseTime, 1500*time.Millisecond)
		}
		l.client.bare(t)
		eventually(t, "a resolver without the lease", func() bool { return c.resolver() == "" })
		c.stop(t)
		l.client.bare(t)
		// The kernel counts whole seconds, so the address may go before the lease ends.
		end := m.deleted(t, "inet "+a.String()).at
		if last := first.Add(leaseTime); last.After(end) {
			end = last
		}
		for _, f := range n.Matching(func(f frame.Frame) bool { return f.Src == l.client.mac && f.Time.After(end) }) {
			if f.IPv4 != nil && f.IPv4.Src == a || f.ARP != nil && f.ARP.SenderIP == a {
				t.Errorf("after its end the address is still used: %v", f)
			}
		}
	})
}
