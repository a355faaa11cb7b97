package e2e_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

const (
	// verifiedWithin is how soon after carrier a lease is verified.
	verifiedWithin = 50 * time.Millisecond
	// pulled is how long a cable is out. One that is back within a second of
	// the last message waits for that second to end.
	pulled = 1100 * time.Millisecond
)

// asks matches ARP requests of a station for an address.
func asks(s *station, a netip.Addr) func(frame.Frame) bool {
	return frame.IsARP(func(p frame.ARP) bool { return p.Op == 1 && p.SenderMAC == s.mac && p.TargetIP == a })
}

// flap pulls the cable, does what is to be done meanwhile, and puts it in.
func (s *station) flap(t *testing.T, c *carrier, meanwhile func()) (plugged time.Time) {
	t.Helper()
	down := time.Now()
	s.pull(t)
	c.wait(t, false, down)
	meanwhile()
	time.Sleep(pulled - time.Since(down))
	return s.plug(t)
}

// On the network that it was on, a lease is verified as soon as the router or
// the server has answered, whichever is first, and is in use all the time.
func TestSameNetwork_RFC4436_2_1(t *testing.T) {
	for _, c := range []struct {
		name string
		// by is who can answer.
		by    []string
		quiet func(*testing.T, *island)
	}{
		{"router and server", []string{"router", "server"}, func(*testing.T, *island) {}},
		{"router", []string{"router"}, func(t *testing.T, i *island) {
			if err := i.dhcp.Configure(func(c *dhcptest.Config) { c.Silent = true }); err != nil {
				t.Fatal(err)
			}
		}},
		{"server", []string{"server"}, func(t *testing.T, i *island) { i.router.pull(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			turn(t)
			l := newLAN(t)
			home := l.newIsland(t, "br0", "192.0.2.0/24", honest)
			n, m, link := sniff(t, l.client), watch(t, l.client), watchCarrier(t, l.client, "eth0")
			p := start(t, l.client, stateDir(t), "--log-format=json")
			a := p.bound(t)
			p.learns(t, home.router)
			c.quiet(t, home)

			var carrier, cable times
			for i := range *flaps {
				plugged := l.client.flap(t, link, func() {})
				v := p.said(t, plugged, "verified", whatever)
				if v.Address != a.String() || !slices.Contains(c.by, v.By) {
					t.Errorf("verified %+v, want %v by %v", v, a, c.by)
				}
				carrier = append(carrier, v.Time.Sub(link.wait(t, true, plugged)))
				cable = append(cable, v.Time.Sub(plugged))
				// An ACK that comes before the router's answer forgets its station.
				if i == 0 || c.name == "router" {
					asksBoth(t, n, l.client, home, a.Addr(), plugged)
				}
				if slices.Contains(c.by, "server") {
					p.said(t, plugged, "bound", whatever)
				}
				for _, s := range p.every(plugged, "state") {
					if s.To == "CHECKING" || s.To == "INIT" {
						t.Errorf("the client went from %s to %s", s.From, s.To)
					}
				}
			}
			carrier.report(t, "from carrier to verified", verifiedWithin)
			cable.report(t, "from the plug to verified", verifiedWithin)
			m.steady(t)
			p.stop(t)
		})
	}
}

// asksBoth checks what follows the return of carrier: the router is asked by a
// unicast to the station that it was, from the leased address, and all servers
// are asked beside it.
func asksBoth(t *testing.T, n *nettest.Sniffer, cli *station, i *island, a netip.Addr, since time.Time) {
	t.Helper()
	ask := n.WaitFor(t, patience, func(f frame.Frame) bool { return asks(cli, i.at(254))(f) && !f.Time.Before(since) })
	if ask.Dst != i.router.mac || ask.ARP.SenderIP != a {
		t.Errorf("asked %v, want a unicast to %v from %v", ask, i.router.mac, a)
	}
	request := n.WaitFor(t, patience, sent(cli))
	expect(t, request, message{Type: dhcpv4.MessageTypeRequest, Requested: a})
	soon(t, "asking the router", since, ask.Time, 100*time.Millisecond)
	soon(t, "asking the servers", since, request.Time, 100*time.Millisecond)
}

// What goes through the address does not notice more than that the cable was
// out: a connection lives on, and nothing was taken off the link.
func TestConnectionLivesOn_RFC4436_2_1(t *testing.T) {
	turn(t)
	l := newLAN(t)
	home := l.newIsland(t, "br0", "192.0.2.0/24", honest)
	m, link := watch(t, l.client), watchCarrier(t, l.client, "eth0")
	p := start(t, l.client, stateDir(t), "--log-format=json")
	a := p.bound(t)
	p.learns(t, home.router)
	x := l.client.stream(t, a.Addr(), home.at(254), home.router)
	for range 2 {
		plugged := l.client.flap(t, link, func() {})
		p.said(t, plugged, "verified", whatever)
		x.flows(t)
		p.said(t, plugged, "bound", whatever)
	}
	x.flows(t)
	m.steady(t)
	p.stop(t)
}

// Without its router's station nothing is asked of a router, and the server
// alone says whether the lease is good (DNA-02).
func TestUnknownRouter_RFC4436_2_1(t *testing.T) {
	turn(t)
	l := newLAN(t)
	home := l.newIsland(t, "br0", "192.0.2.0/24", func(c *dhcptest.Config) {
		c.Routers = []netip.Addr{host(253)} // nobody
	})
	n, m, link := sniff(t, l.client), watch(t, l.client), watchCarrier(t, l.client, "eth0")
	p := start(t, l.client, stateDir(t), "--log-format=json")
	p.bound(t)
	n.WaitFor(t, patience, asks(l.client, host(253))) // it wanted to know
	plugged := l.client.flap(t, link, func() {})
	if v := p.said(t, plugged, "verified", whatever); v.By != "server" {
		t.Errorf("verified %+v", v)
	}
	p.said(t, plugged, "bound", whatever)
	unicast := func(f frame.Frame) bool {
		return f.ARP != nil && f.Src == l.client.mac && f.ARP.Op == 1 && f.Dst != frame.Broadcast && f.ARP.TargetIP != home.at(1)
	}
	if asked := n.Matching(unicast); len(asked) > 0 {
		t.Errorf("asked %v", asked)
	}
	m.steady(t)
	p.stop(t)
}

// What DHCP says counts for more than what ARP says: the router is the same and
// the server refuses, so the address goes (DNA-03).
func TestNakAfterRouter_RFC4436_2(t *testing.T) {
	turn(t)
	l := newLAN(t)
	home := l.newIsland(t, "br0", "192.0.2.0/24", honest)
	l.client.guests(t)
	n, m, link := sniff(t, l.client), watch(t, l.client), watchCarrier(t, l.client, "eth0")
	p := start(t, l.client, stateDir(t), "--log-format=json")
	old := p.bound(t)
	p.learns(t, home.router)
	refuse := func(c *dhcptest.Config) { c.NakRequests, c.Delay = true, 300*time.Millisecond }
	if err := home.dhcp.Configure(refuse); err != nil {
		t.Fatal(err)
	}
	plugged := l.client.flap(t, link, func() {})
	if v := p.said(t, plugged, "verified", whatever); v.By != "router" {
		t.Errorf("verified %+v", v)
	}
	m.steady(t)
	nak := n.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeNak))
	home.dhcp.repent(t)
	gone := m.deleted(t, "inet "+old.String())
	soon(t, "the removal of the address after the NAK", nak.Time, gone.at, nakLimit)
	p.said(t, gone.at, "bound", func(s entry) bool { return strings.HasPrefix(s.Address, "192.0.2.") })
	l.client.guestsStay(t)
	p.stop(t)
}
