package e2e_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// What a rogue sends as fast as it can. All of it passes the kernel's filter.
var floods = []struct {
	name string
	next func(r *rogue, req *dhcpv4.DHCPv4, chance *rand.Rand) []byte
	// most is what the memory may grow by: to take a message apart makes
	// garbage, which the Go runtime collects when there are four megabytes.
	most int
	// renewed says that the lease is to be renewed meanwhile as well.
	renewed bool
}{
	{"wrong checksums and broken options", func(r *rogue, req *dhcpv4.DHCPv4, chance *rand.Rand) []byte {
		if chance.IntN(2) == 0 {
			b := r.says(rogueID, reply(req, dhcpv4.MessageTypeOffer, rogueID, victim))
			b[14+20+6]++ // of UDP
			return b
		}
		b := append(reply(req, dhcpv4.MessageTypeOffer, rogueID, victim)[:optionsAt], 53, 1, 2)
		for len(b) < 500 {
			b = append(b, byte(1+chance.IntN(254)), 1, byte(chance.Uint32()))
		}
		return r.says(rogueID, append(b, 12, 200, 'a'))
	}, 1 << 20, false},
	{"forged offers", func(r *rogue, req *dhcpv4.DHCPv4, chance *rand.Rand) []byte {
		return r.says(router, reply(req, dhcpv4.MessageTypeOffer, router, victim, func(m *dhcpv4.DHCPv4) {
			m.TransactionID[0] ^= byte(1 + chance.IntN(255))
		}))
	}, 1 << 20, true},
	{"offers of what is no address", func(r *rogue, req *dhcpv4.DHCPv4, _ *rand.Rand) []byte {
		return r.says(rogueID, reply(req, dhcpv4.MessageTypeOffer, rogueID, netip.MustParseAddr("127.0.0.1")))
	}, 6 << 20, false},
	{"our own ARP, reflected", func(r *rogue, req *dhcpv4.DHCPv4, chance *rand.Rand) []byte {
		return r.arp(uint16(1+chance.IntN(2)), lease.HardwareAddr(req.ClientHWAddr), host(byte(10+chance.IntN(10))), none)
	}, 1 << 20, false},
	{"broken ARP", func(r *rogue, _ *dhcpv4.DHCPv4, chance *rand.Rand) []byte {
		// About the addresses that the server has to give; the sender is no
		// station, or a field of the header is wrong, or the end is missing.
		b := r.arp(uint16(1+chance.IntN(2)), lease.HardwareAddr{}, host(byte(10+chance.IntN(10))), none)
		switch chance.IntN(3) {
		case 0:
			b[14+chance.IntN(8)] ^= byte(1 + chance.IntN(255))
		case 1:
			b = b[:14+chance.IntN(28)]
		}
		return b
	}, 6 << 20, false},
}

// TestRogueFloods: what is sent as fast as it can be takes no memory and a few
// lines of log, and the lease comes all the same, and is renewed (SEC-05). No
// other test runs meanwhile: a core is busy sending.
func TestRogueFloods(t *testing.T) {
	nettest.Require(t)
	for _, row := range floods {
		t.Run(row.name, func(t *testing.T) {
			l := newLAN(t)
			r := l.rogue(t)
			heard := r.follows(t, l.client)
			n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
			c := quietly(t, l.client, stateDir(t))
			for range 2 {
				n.WaitFor(t, patience, sent(l.client))
			}
			eventually(t, "the DISCOVER heard", func() bool { return heard.get() != nil })
			chance := rand.New(rand.NewPCG(1, 2))
			var frames [1000][]byte // made beforehand: the sender is to be fast
			for i := range frames {
				frames[i] = row.next(r, heard.get(), chance)
			}
			memory, cpu := c.anonymous(t), c.cpu(t)
			f := r.floods(t, 0, func(i int) []byte { return frames[i%len(frames)] })
			time.Sleep(time.Second) // in which nothing may happen
			first := c.anonymous(t) - memory
			used := c.cpu(t) - cpu
			o := l.join(t, "server").short(1)
			o.T1 = 2 * time.Second
			servers.Start(t, servers.Dnsmasq, o)
			began := time.Now()
			if a := c.bound(t).Addr(); !inPool(a, o) {
				t.Errorf("bound to %v, which no server gave", a)
			}
			wait := time.Since(began)
			grown := c.anonymous(t) - memory
			if row.renewed {
				n.WaitFor(t, patience, extends(l.client))
				m.refreshed(t)
			}
			all, rate := f.end()
			t.Logf("%d frames, %d in a second; %v of CPU in a second of it; memory grew by %d KiB, when bound by %d; bound after %v",
				all, rate, used, first>>10, grown>>10, wait)
			if first > row.most || grown > row.most+1<<20 {
				t.Errorf("memory grew by %d KiB, in the end by %d, want at most %d and 1024 more", first>>10, grown>>10, row.most>>10)
			}
			m.steady(t)
			m.never(t, victim.String())
			bounded(t, n, l.client)
			if lines := c.warnings(); len(lines) > 10 {
				t.Errorf("%d lines of log: %q", len(lines), lines)
			}
			c.stop(t)
		})
	}
}
