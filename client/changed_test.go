package client

import (
	"net"
	"net/netip"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var otherServer = netip.MustParseAddr("10.99.0.2")

// changed are the events Changed so far, without their leases.
func (r *rig) changed() (list []Changed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, ev := range r.events {
		if ev, ok := ev.(Changed); ok {
			ev.Lease = nil
			list = append(list, ev)
		}
	}
	return list
}

// What another renewal is of another network than the one before is told: the
// server, the router and its station, and the name servers; and a renewal that is
// the same is no news.
func TestChangesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.pass(35 * time.Minute) // renewed
		if got := r.changed(); got != nil {
			t.Errorf("a renewal that is the same has changed %+v", got)
		}
		dns := dhcpv4.OptDNS(net.IP(server1.AsSlice()), net.IP(otherServer.AsSlice()))
		r.mu.Lock()
		serve := r.answer
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			list := serve(m)
			for _, p := range list {
				p.UpdateOption(dns)
			}
			return list
		}
		r.router = otherMAC
		r.mu.Unlock()
		r.pass(35 * time.Minute)
		want := []Changed{
			{What: ChangedDNS, Was: "none", Is: "10.99.0.1 10.99.0.2"},
			{What: ChangedStation, Was: routerMAC.String(), Is: otherMAC.String()},
		}
		if got := r.changed(); !reflect.DeepEqual(got, want) {
			t.Errorf("changed\n%+v, want\n%+v", got, want)
		}
		r.mu.Lock()
		if r.stored == nil || r.stored.RouterMAC != station(otherMAC) {
			t.Errorf("stored: %+v", r.stored)
		}
		// The server is silent at T1 and another answers at T2, with itself as
		// the router.
		r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
			if m.dst != everybody {
				return nil
			}
			list := serve(m)
			for _, p := range list {
				p.UpdateOption(dns)
				p.UpdateOption(dhcpv4.OptServerIdentifier(otherServer.AsSlice()))
				p.UpdateOption(dhcpv4.OptRouter(otherServer.AsSlice()))
			}
			return list
		}
		r.mu.Unlock()
		r.pass(time.Hour)
		want = append(want, Changed{What: ChangedServer, Was: "10.99.0.1", Is: "10.99.0.2"}, Changed{What: ChangedRouter, Was: "10.99.0.1", Is: "10.99.0.2"})
		if got := r.changed(); !reflect.DeepEqual(got, want) {
			t.Errorf("changed\n%+v, want\n%+v", got, want)
		}
		r.stop()
	})
}
