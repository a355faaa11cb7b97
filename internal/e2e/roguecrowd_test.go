package e2e_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// A thousand offers of one server, or of a hundred: one is taken, by one
// REQUEST, and the rest takes no memory (MUL-01).
func TestManyOffers_RFC2131_3_1(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, row := range []struct {
		name   string
		server func(i int) netip.Addr
	}{
		{"one server", func(int) netip.Addr { return router }},
		{"a hundred servers", func(i int) netip.Addr { return host(byte(100 + i%100)) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			turn(t)
			l := newLAN(t)
			r := l.rogue(t)
			l.join(t, "router").IP(t, "address", "add", netip.PrefixFrom(router, 24).String(), "dev", "eth0")
			discovers := 0
			is := sent(l.client)
			r.hears(t, func(f frame.Frame) {
				switch {
				case !is(f):
				case f.DHCP.MessageType() == dhcpv4.MessageTypeDiscover:
					if discovers++; discovers < 3 {
						return // its memory is measured first
					}
					for i := range 1000 {
						r.send(r.says(row.server(i), reply(f.DHCP, dhcpv4.MessageTypeOffer, row.server(i), host(byte(2+i%90)))))
					}
				case f.DHCP.MessageType() == dhcpv4.MessageTypeRequest:
					to := addrOf(f.DHCP.ServerIdentifier())
					r.send(r.says(to, reply(f.DHCP, dhcpv4.MessageTypeAck, to, addrOf(f.DHCP.RequestedIPAddress()))))
				}
			})
			n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
			c := quietly(t, l.client, stateDir(t))
			for range 2 {
				n.WaitFor(t, patience, is)
			}
			before := c.anonymous(t)
			a := c.bound(t).Addr()
			grown := c.anonymous(t) - before
			t.Logf("memory grew by %d KiB", grown>>10)
			// Seen: 204 to 740 KiB, and 1672 once on a busy machine. SEC-05 has 5 MB.
			if grown > 2<<20 {
				t.Errorf("memory grew by %d KiB, want at most 2048", grown>>10)
			}
			// It is sent again if the ACK is lost among the offers.
			requests := n.Matching(sent(l.client, dhcpv4.MessageTypeRequest))
			for _, f := range requests {
				if messageOf(f) != messageOf(requests[0]) || addrOf(f.DHCP.RequestedIPAddress()) != a {
					t.Errorf("bound to %v, and there was the REQUEST %+v", a, messageOf(f))
				}
			}
			m.steady(t)
			bounded(t, n, l.client)
			c.stop(t)
		})
	}
}

// The server is behind a relay agent. Option 54 is the server's own address, or
// the relay's (RFC 5107): the renewal goes there, through the router (MUL-02).
func TestRelay_RFC2131_4_1(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, row := range []struct {
		name   string
		server netip.Addr
	}{
		{"server off the link", netip.MustParseAddr("198.51.100.9")},
		{"identifier of the relay", router},
	} {
		t.Run(row.name, func(t *testing.T) {
			turn(t)
			l := newLAN(t)
			relay := newRogue(t, l.join(t, "relay")) // an honest one, with the means of a rogue
			relay.IP(t, "address", "add", netip.PrefixFrom(router, 24).String(), "dev", "eth0")
			is := sent(l.client)
			relayed := func(m *dhcpv4.DHCPv4) {
				m.GatewayIPAddr = router.AsSlice()
				m.HopCount = 1
				m.ServerIPAddr = []byte{203, 0, 113, 7} // siaddr is nobody's business
				m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(leaseTime))
				m.UpdateOption(dhcpv4.OptRenewTimeValue(2 * time.Second))
			}
			relay.hears(t, func(f frame.Frame) {
				switch {
				case !is(f):
				case f.DHCP.MessageType() == dhcpv4.MessageTypeDiscover:
					relay.send(relay.says(router, reply(f.DHCP, dhcpv4.MessageTypeOffer, row.server, host(10), relayed)))
				case f.IPv4.Dst == all1:
					relay.send(relay.says(router, reply(f.DHCP, dhcpv4.MessageTypeAck, row.server, host(10), relayed)))
				case f.IPv4.Dst == row.server && f.Dst == relay.mac: // what came through the router is answered so
					b := reply(f.DHCP, dhcpv4.MessageTypeAck, row.server, host(10), relayed)
					relay.send(frame.EncodeUDP(l.client.mac, relay.mac, netip.AddrPortFrom(host(10), 68), netip.AddrPortFrom(row.server, 67), b))
				}
			})
			n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
			c := quietly(t, l.client, stateDir(t))
			if a := c.bound(t).Addr(); a != host(10) {
				t.Errorf("bound to %v", a)
			}
			for range 2 {
				renewal := n.WaitFor(t, patience, extends(l.client))
				expect(t, renewal, message{Type: dhcpv4.MessageTypeRequest, Src: host(10), Dst: row.server, To: relay.mac, Client: host(10)})
			}
			m.steady(t)
			noComplaint(t, n, l.client)
			c.stop(t)
		})
	}
}

// Two servers share the addresses of a network, half each. When the one that
// gave the lease is dead the other refuses to extend it, and is asked for one of
// its own (MUL-03).
func TestSplitScope_RFC2131_4_4_5(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	one, two := l.join(t, "server").short(1), l.join(t, "second").short(2)
	one.T1, one.T2 = 2*time.Second, 3*time.Second
	first := servers.Start(t, servers.Dnsmasq, one)
	n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
	c := start(t, l.client, stateDir(t))
	a := c.bound(t).Addr()
	first.Stop(t)
	servers.Start(t, servers.Dnsmasq, two)
	rebind := n.WaitFor(t, patience, func(f frame.Frame) bool { return extends(l.client)(f) && f.IPv4.Dst == all1 })
	expect(t, rebind, message{Type: dhcpv4.MessageTypeRequest, Src: a, Dst: all1, To: frame.Broadcast, Client: a})
	discover := n.WaitFor(t, patience, sent(l.client, dhcpv4.MessageTypeDiscover))
	gone := m.deleted(t, "inet "+a.String())
	again := c.boundAgain(t)
	if !inPool(again, two) || l.client.one(t).Local != again {
		t.Errorf("bound to %v, want one of the second server", again)
	}
	soon(t, "the removal", discover.Time.Add(-nakLimit), gone.at, 2*nakLimit)
	soon(t, "the second server's lease", gone.at, time.Now(), 5*time.Second)
	bounded(t, n, l.client)
	c.stop(t)
}
