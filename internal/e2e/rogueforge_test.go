package e2e_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// forgeries are what a rogue makes of what the client said last, for an address
// that is another host's. deaf says that the kernel's filter lets none of it pass.
var forgeries = []struct {
	name string
	deaf bool
	make func(r *rogue, req *dhcpv4.DHCPv4, i int) []byte
}{
	{"another xid", false, func(r *rogue, req *dhcpv4.DHCPv4, i int) []byte {
		return r.says(router, reply(req, anyAnswer(i), router, victim, func(m *dhcpv4.DHCPv4) { m.TransactionID[i%4] ^= byte(1 + i%255) }))
	}},
	{"another client", true, func(r *rogue, req *dhcpv4.DHCPv4, i int) []byte {
		return r.says(router, reply(req, anyAnswer(i), router, victim, func(m *dhcpv4.DHCPv4) {
			m.TransactionID[0] ^= byte(i)
			m.ClientHWAddr = net.HardwareAddr{2, 0, 0, 0, byte(i >> 8), byte(i)}
		}))
	}},
	{"other ports", true, func(r *rogue, req *dhcpv4.DHCPv4, i int) []byte {
		return r.saysTo([]uint16{67, 69, 6868}[i%3], router, reply(req, anyAnswer(i), router, victim))
	}},
	{"a request", true, func(r *rogue, req *dhcpv4.DHCPv4, i int) []byte {
		return r.says(router, reply(req, anyAnswer(i), router, victim, func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest }))
	}},
	{loopedBack, true, func(r *rogue, req *dhcpv4.DHCPv4, i int) []byte {
		mac := lease.HardwareAddr(req.ClientHWAddr)
		src := netip.AddrPortFrom(none, 68)
		return frame.EncodeUDP(frame.Broadcast, mac, netip.AddrPortFrom(all1, 67), src, req.ToBytes())
	}},
	{"no server, no address", false, func(r *rogue, req *dhcpv4.DHCPv4, i int) []byte {
		server, addr := none, victim
		if i%2 == 0 {
			server, addr = router, none
		}
		return r.says(router, reply(req, anyAnswer(i), server, addr))
	}},
	{"FORCERENEW", false, func(r *rogue, req *dhcpv4.DHCPv4, i int) []byte {
		return r.says(router, reply(req, 9, router, victim))
	}},
}

const loopedBack = "what the client said, looped back"

// anyAnswer is OFFER and ACK in turn.
func anyAnswer(i int) dhcpv4.MessageType {
	if i%2 == 0 {
		return dhcpv4.MessageTypeOffer
	}
	return dhcpv4.MessageTypeAck
}

// What is not the answer to what was said is nothing, though three thousand of
// it come in a second: before there is a server nobody is believed, and then the
// server is (VAL-02, VAL-19, VAL-21, FR-01).
func TestRogueForges(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, row := range forgeries {
		t.Run(row.name, func(t *testing.T) {
			turn(t)
			l := newLAN(t)
			r := l.rogue(t)
			heard := r.follows(t, l.client)
			n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
			f := r.floods(t, 3000, func(i int) []byte {
				if req := heard.get(); req != nil {
					return row.make(r, req, i)
				}
				return nil
			})
			c := quietly(t, l.client, stateDir(t), "-v")
			for range 3 {
				n.WaitFor(t, patience, sent(l.client))
			}
			if all := n.Matching(sent(l.client, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeDecline)); len(all) > 0 {
				t.Errorf("believed: %v", all)
			}
			used, began := c.cpu(t), time.Now()
			o := l.join(t, "server").short(1)
			servers.Start(t, servers.Dnsmasq, o)
			if a := c.bound(t).Addr(); !inPool(a, o) {
				t.Errorf("bound to %v", a)
			}
			used = c.cpu(t) - used
			window := time.Since(began)
			_, rate := f.end()
			t.Logf("%d a second; %v of CPU in %v", rate, used, window)
			if row.deaf && used > window/20+50*time.Millisecond { // what it takes to get a lease
				t.Errorf("%v of CPU in %v for what the kernel drops, want 5 %% at most", used, window)
			}
			m.never(t, victim.String())
			bounded(t, n, l.client)
			c.stop(t)
			// What is looped back the server answers again.
			if counted := c.counted(t); row.deaf == strings.Contains(counted, "rejected.") && row.name != loopedBack {
				t.Errorf("deaf %v, and %s", row.deaf, counted)
			}
		})
	}
}

// A bound client hears no FORCERENEW, and says nothing (RFC 3203 6, RFC 6704 3).
func TestForceRenew_RFC6704_3(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	r := l.rogue(t)
	heard := r.follows(t, l.client)
	o := l.join(t, "server").short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	servers.Start(t, servers.Dnsmasq, o)
	n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
	c := quietly(t, l.client, stateDir(t), "-v")
	a := c.bound(t).Addr()
	for range 2 {
		n.WaitFor(t, patience, frame.IsARP(func(p frame.ARP) bool { return p.Announcement }))
	}
	said := len(n.Matching(sent(l.client)))
	f := r.floods(t, 100, func(i int) []byte {
		b := reply(heard.get(), 9, router, a)
		if i%2 == 0 {
			return r.says(router, b)
		}
		return frame.EncodeUDP(l.client.mac, r.mac, netip.AddrPortFrom(a, 68), netip.AddrPortFrom(router, 67), b)
	})
	time.Sleep(2 * time.Second) // nothing may happen
	all, _ := f.end()
	if now := len(n.Matching(sent(l.client))); now != said {
		t.Errorf("%d FORCERENEWs had %d messages sent", all, now-said)
	}
	noComplaint(t, n, l.client)
	m.steady(t)
	c.stop(t)
}

// A reply that is right in all but the link it comes by is not for the client
// of this one (VAL-32).
func TestRogueOnAnotherLink_VAL_32(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	away := &station{NS: nettest.NewNS(t, "away")}
	nettest.Veth(t, l.client.NS, "eth1", away.NS, "eth0")
	away.mac = macOf(t, away.NS)
	r := newRogue(t, away)
	heard := &latest{}
	is := sent(l.client)
	n := nettest.Follow(t, l.client.NS, "eth0", func(f frame.Frame) {
		if is(f) {
			heard.mu.Lock()
			heard.msg = f.DHCP
			heard.mu.Unlock()
		}
	})
	f := r.floods(t, 500, func(i int) []byte {
		if req := heard.get(); req != nil {
			return r.says(router, reply(req, anyAnswer(i), router, victim))
		}
		return nil
	})
	m := watch(t, l.client)
	c := quietly(t, l.client, stateDir(t), "-v")
	for range 3 {
		n.WaitFor(t, patience, is)
	}
	o := l.join(t, "server").short(1)
	servers.Start(t, servers.Dnsmasq, o)
	if a := c.bound(t).Addr(); !inPool(a, o) {
		t.Errorf("bound to %v", a)
	}
	f.end()
	if all := n.Matching(sent(l.client, dhcpv4.MessageTypeRequest)); len(all) == 0 || addrOf(all[0].DHCP.RequestedIPAddress()) == victim {
		t.Errorf("requested %v", all)
	}
	m.never(t, victim.String())
	c.stop(t)
	if counted := c.counted(t); strings.Contains(counted, "rejected.") {
		t.Errorf("heard on another link: %s", counted)
	}
}
