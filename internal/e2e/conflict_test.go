package e2e_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// An address that another host has is found by the probe, declined and never
// set; the next one is taken. The server keeps the address for the client (a
// reservation), so that it is known beforehand.
func TestProbe_RFC5227_2_1_1(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	other := l.join(t, "other")
	taken := host(77)
	other.IP(t, "address", "add", netip.PrefixFrom(taken, 24).String(), "dev", "eth0")
	o := l.join(t, "server").short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	o.Reserved = map[string]netip.Addr{l.client.mac.String(): taken}
	srv := servers.Start(t, servers.Dnsmasq, o)
	n, m := sniff(t, l.client), watch(t, l.client)
	c := start(t, l.client, stateDir(t))

	probe := n.WaitFor(t, patience, frame.IsARP(func(a frame.ARP) bool { return a.Probe && a.TargetIP == taken }))
	if probe.Src != l.client.mac || probe.Dst != frame.Broadcast {
		t.Errorf("probe %v", probe)
	}
	decline := n.WaitFor(t, patience, sent(l.client, dhcpv4.MessageTypeDecline))
	expect(t, decline, message{Type: dhcpv4.MessageTypeDecline, Requested: taken, Server: router})
	discover := n.WaitFor(t, patience, sent(l.client))
	expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover})
	// RFC 2131 3.1(5).
	if wait := discover.Time.Sub(decline.Time); wait < 10*time.Second || wait > 12*time.Second {
		t.Errorf("the next DISCOVER came %v after the DECLINE, want 10 s and a little", wait)
	}
	if a := c.bound(t).Addr(); !inPool(a, o) {
		t.Errorf("bound to %v, want one of the pool", a)
	}
	m.never(t, taken.String())
	srv.WaitLease(t, taken, false)
	c.stop(t)
}

// An address that somebody takes later is defended once, and given up when the
// other insists.
func TestDefend_RFC5227_2_4_b(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	o := l.join(t, "server").short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	servers.Start(t, servers.Dnsmasq, o)
	other := l.join(t, "other")
	n, m := sniff(t, l.client), watch(t, l.client)
	c := start(t, l.client, stateDir(t))
	a := c.bound(t).Addr()
	announces := frame.IsARP(func(p frame.ARP) bool { return p.Announcement && p.SenderIP == a && p.SenderMAC == l.client.mac })
	n.WaitFor(t, patience, announces)
	n.WaitFor(t, patience, announces)

	claim := frame.EncodeARP(frame.Broadcast, other.mac, frame.ARP{Op: 1, SenderMAC: other.mac, SenderIP: a, TargetIP: a})
	insist := func() frame.Frame {
		other.transmit(t, claim)
		return n.WaitFor(t, patience, frame.IsARP(func(p frame.ARP) bool { return p.SenderMAC == other.mac && p.Announcement }))
	}
	first := insist()
	defence := n.WaitFor(t, patience, announces)
	soon(t, "the defence", first.Time, defence.Time, 500*time.Millisecond)
	m.steady(t)
	second := insist()
	decline := n.WaitFor(t, patience, sent(l.client))
	expect(t, decline, message{Type: dhcpv4.MessageTypeDecline, Requested: a, Server: router})
	soon(t, "the DECLINE", second.Time, decline.Time, 500*time.Millisecond)
	soon(t, "the removal", second.Time, m.deleted(t, "inet "+a.String()).at, 500*time.Millisecond)
	for _, f := range n.Matching(announces) {
		if f.Time.After(second.Time) {
			t.Errorf("defended again: %v", f)
		}
	}
	c.stop(t)
	l.client.bare(t)
}

// transmit sends a frame from eth0 as it is.
func (s *station) transmit(t *testing.T, raw []byte) {
	t.Helper()
	s.Do(t, func() {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatalf("packet socket: %v", err)
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, raw, 0, &unix.SockaddrLinklayer{Ifindex: link.Index}); err != nil {
			t.Fatalf("send a frame: %v", err)
		}
	})
}
