package e2e_test

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// isProbeOf matches the ARP probes of a station.
func isProbeOf(s *station) func(frame.Frame) bool {
	return frame.IsARP(func(a frame.ARP) bool { return a.Probe && a.SenderMAC == s.mac })
}

func isAnnouncementOf(s *station) func(frame.Frame) bool {
	return frame.IsARP(func(a frame.ARP) bool { return a.Announcement && a.SenderMAC == s.mac })
}

// A hundred packets that claim each address that is probed, of each kind that
// RFC 5227 2.1.1 calls a conflict: the address is declined, once, and never set.
func TestRogueClaims_RFC5227_2_1_1(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, row := range []struct {
		name  string
		claim func(r *rogue, probe frame.ARP) []byte
	}{
		{"reply", func(r *rogue, p frame.ARP) []byte { return r.arp(2, r.mac, p.TargetIP, none) }},
		{"request", func(r *rogue, p frame.ARP) []byte { return r.arp(1, r.mac, p.TargetIP, router) }},
		{"simultaneous probe", func(r *rogue, p frame.ARP) []byte { return r.arp(1, r.mac, none, p.TargetIP) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			turn(t)
			l := newLAN(t)
			r := l.rogue(t)
			servers.Start(t, servers.Dnsmasq, l.join(t, "server").short(1))
			isProbe := isProbeOf(l.client)
			r.hears(t, func(f frame.Frame) {
				if isProbe(f) {
					for range 100 {
						r.send(row.claim(r, *f.ARP))
					}
				}
			})
			n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
			c := quietly(t, l.client, stateDir(t))
			first := n.WaitFor(t, patience, isProbe)
			decline := n.WaitFor(t, patience, sent(l.client, dhcpv4.MessageTypeDecline))
			expect(t, decline, message{Type: dhcpv4.MessageTypeDecline, Requested: first.ARP.TargetIP, Server: router})
			soon(t, "the DECLINE", first.Time, decline.Time, time.Second)
			if row.name == "reply" {
				// To the end of the wait, and the next (DEC-04, DEC-05).
				discover := n.WaitFor(t, patience, sent(l.client))
				if gap := discover.Time.Sub(decline.Time); gap < 10*time.Second {
					t.Errorf("a DISCOVER %v after the DECLINE, want 10 s", gap)
				}
				expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover})
				again := n.WaitFor(t, patience, sent(l.client, dhcpv4.MessageTypeDecline))
				if a := addrOf(again.DHCP.RequestedIPAddress()); a == first.ARP.TargetIP {
					t.Errorf("%v was taken again", a)
				}
			}
			m.never(t, "inet "+network.Addr().String()[:8])
			bounded(t, n, l.client)
			c.stop(t)
			l.client.bare(t)
		})
	}
}

// Two thousand conflicts a second for an address in use: one defence, then it is
// given up, and nothing is said of it any more (RFC 5227 2.4(b), ACD-06 to 08).
func TestRogueConflictStorm_RFC5227_2_4_b(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	r := l.rogue(t)
	o := l.join(t, "server").short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	servers.Start(t, servers.Dnsmasq, o)
	n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
	c := quietly(t, l.client, stateDir(t))
	a := c.bound(t).Addr()
	for range 2 {
		n.WaitFor(t, patience, isAnnouncementOf(l.client))
	}
	claim := r.arp(1, r.mac, a, a)
	f := r.floods(t, 2000, func(int) []byte { return claim })
	defence := n.WaitFor(t, patience, isAnnouncementOf(l.client))
	decline := n.WaitFor(t, patience, sent(l.client))
	expect(t, decline, message{Type: dhcpv4.MessageTypeDecline, Requested: a, Server: router})
	soon(t, "the DECLINE after the defence", defence.Time, decline.Time, 500*time.Millisecond)
	m.deleted(t, "inet "+a.String())
	time.Sleep(2 * time.Second) // nothing may be said
	f.end()
	if all := n.Matching(isAnnouncementOf(l.client)); len(all) != 3 {
		t.Errorf("%d announcements, want two and one defence", len(all))
	}
	if all := n.Matching(sent(l.client, dhcpv4.MessageTypeDecline)); len(all) != 1 {
		t.Errorf("%d DECLINEs", len(all))
	}
	if lines := c.warnings(); len(lines) > 10 {
		t.Errorf("%d lines of log: %q", len(lines), lines)
	}
	bounded(t, n, l.client)
	c.stop(t)
	l.client.bare(t)
}

// A loop in the network sends back all that the client says; and a station, or
// a loop, says a thousand times a second that ours is the hardware address of
// another. Neither is a conflict (ACD-04).
func TestRogueEchoes_RFC5227_2_1_1(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	r := l.rogue(t)
	r.hears(t, func(f frame.Frame) {
		if f.ARP != nil && f.Src == l.client.mac {
			for range 20 {
				r.send(f.Raw)
			}
		}
	})
	f := r.floods(t, 1000, func(i int) []byte {
		return frame.EncodeARP(frame.Broadcast, l.client.mac, frame.ARP{
			Op: uint16(1 + i%2), SenderMAC: l.client.mac, SenderIP: host(byte(i%250 + 1)), TargetIP: router,
		})
	})
	o := l.join(t, "server").short(1)
	o.T1 = 2 * time.Second
	servers.Start(t, servers.Dnsmasq, o)
	n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
	c := quietly(t, l.client, stateDir(t))
	c.bound(t)
	for range 2 {
		n.WaitFor(t, patience, isAnnouncementOf(l.client))
	}
	m.refreshed(t)
	f.end()
	if all := n.Matching(sent(l.client, dhcpv4.MessageTypeDecline)); len(all) != 0 {
		t.Errorf("declined: %v", all)
	}
	if all := n.Matching(isAnnouncementOf(l.client)); len(all) != 2 {
		t.Errorf("%d announcements, want two: an echo was taken for a conflict", len(all))
	}
	m.steady(t)
	bounded(t, n, l.client)
	c.stop(t)
}
