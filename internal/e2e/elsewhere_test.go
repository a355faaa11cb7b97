package e2e_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// goneWithin is how soon an address of another network is off the link, after
// who says that it is.
const goneWithin = 50 * time.Millisecond

// A cable that comes back is another network's: what was obtained goes as soon
// as anybody says so, and a lease of the new network takes its place.
func TestAnotherNetwork_RFC4436_2_1(t *testing.T) {
	for _, c := range []struct {
		name string
		// server is how those on both islands treat a lease of the other.
		server func(*dhcptest.Config)
		// says matches what tells that the network is another.
		says func(cli *station, there *island, old netip.Addr) func(frame.Frame) bool
	}{
		{"router", honest, func(cli *station, there *island, _ netip.Addr) func(frame.Frame) bool {
			return frame.IsARP(func(p frame.ARP) bool {
				return p.Op == 2 && p.SenderMAC == there.router.mac && p.SenderIP != there.at(254)
			})
		}},
		{"server", func(c *dhcptest.Config) { c.Authoritative = true }, func(*station, *island, netip.Addr) func(frame.Frame) bool {
			return frame.IsDHCP(dhcpv4.MessageTypeNak)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			turn(t)
			l := newLAN(t)
			islands := []*island{
				l.newIsland(t, "br0", "192.0.2.0/24", c.server),
				l.newIsland(t, "br1", "198.51.100.0/24", c.server),
			}
			if c.name == "router" {
				// As if both networks were built alike: each router has the
				// other's address, too, but not its station.
				islands[0].router.squat(t, islands[1].at(254))
				islands[1].router.squat(t, islands[0].at(254))
			}
			n, m, link := sniff(t, l.client), watch(t, l.client), watchCarrier(t, l.client, "eth0")
			p := start(t, l.client, stateDir(t), "--log-format=json", "--metric=1007")
			a := p.bound(t)
			p.learns(t, islands[0].router)

			var gone times
			for i := range *flaps {
				there := islands[(i+1)%2]
				plugged := l.client.flap(t, link, func() { l.move(t, there) })
				says := c.says(l.client, there, a.Addr())
				told := n.WaitFor(t, patience, func(f frame.Frame) bool { return says(f) && !f.Time.Before(plugged) })
				out := m.after(t, "the removal of "+a.String(), plugged, removes("inet "+a.String()))
				gone = append(gone, out.at.Sub(told.Time))
				m.after(t, "the removal of its routes", plugged, removes("src "+a.Addr().String()))
				expect(t, n.WaitFor(t, patience, sent(l.client, dhcpv4.MessageTypeDiscover)), message{Type: dhcpv4.MessageTypeDiscover})
				bound := p.said(t, plugged, "bound", whatever)
				if a = netip.MustParsePrefix(bound.Address); a.Masked() != there.prefix {
					t.Errorf("bound to %v on %v", a, there.prefix)
				}
				if got := l.client.one(t); got.Local != a.Addr() {
					t.Errorf("address %+v, want %v", got, a)
				}
				for _, r := range l.client.ours(t) {
					if !strings.Contains(r, " src "+a.Addr().String()) {
						t.Errorf("route %q", r)
					}
				}
				for _, s := range p.every(plugged, "verified") {
					t.Errorf("verified by %s on another network", s.By)
				}
				p.learns(t, there.router)
			}
			gone.report(t, "from the answer to the removal of the address", goneWithin)
			p.stop(t)
		})
	}
}

// removes matches the removal of what contains text.
func removes(text string) func(change) bool {
	return func(c change) bool { return c.deleted && strings.Contains(c.text, text) }
}

// squat has the station answer for an address that is not its own.
func (s *station) squat(t *testing.T, a netip.Addr) {
	t.Helper()
	s.Do(t, func() {
		q, err := dhcptest.Squat("eth0", a, s.mac)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = q.Close() })
	})
}

// A network on which nobody answers at all may be the one of before, where a
// switch takes its time: the address stays. The server there has no record of
// the lease, and must be silent (RFC 2131 4.3.2): asked anew, it offers another,
// and that is evidence (RBT-10).
func TestSilentNetwork_RFC2131_3_2_3(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	home := l.newIsland(t, "br0", "192.0.2.0/24", honest)
	away := l.newIsland(t, "br1", "198.51.100.0/24", honest)
	l.client.guests(t)
	n, m, link := sniff(t, l.client), watch(t, l.client), watchCarrier(t, l.client, "eth0")
	p := start(t, l.client, stateDir(t), "--log-format=json", "--metric=1007")
	a := p.bound(t)
	p.learns(t, home.router)
	plugged := l.client.flap(t, link, func() { l.move(t, away) })
	m.steady(t)
	discover := n.WaitFor(t, patience, func(f frame.Frame) bool {
		return sent(l.client, dhcpv4.MessageTypeDiscover)(f) && f.Time.After(plugged)
	})
	soon(t, "giving up on INIT-REBOOT", plugged, discover.Time, 5*time.Second)
	m.after(t, "the removal of "+a.String(), plugged, removes("inet "+a.String()))
	bound := p.said(t, plugged, "bound", whatever)
	if b := netip.MustParsePrefix(bound.Address); b.Masked() != away.prefix {
		t.Errorf("bound to %v", b)
	}
	l.client.guestsStay(t)
	p.stop(t)
}
