package e2e_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// Routes that somebody has deleted are back with the next renewal; those of
// others stay as they are, deleted or not.
func TestRoutesDeleted(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	server := l.join(t, "server")
	server.lie(t, func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = 12*time.Second, 3*time.Second, 9*time.Second })
	s := bindOn(t, l, server)
	l.client.IP(t, "route", "delete", "default")
	l.client.IP(t, "route", "delete", network.String(), "metric", "1007")
	l.client.IP(t, "route", "delete", "10.8.0.0/16")
	deleted := time.Now()
	s.m.deleted(t, "default via")
	renew := s.n.WaitFor(t, patience, extends(l.client))
	for _, c := range s.m.changes() {
		if !c.deleted && c.at.After(deleted) && c.at.Before(renew.Time) {
			t.Errorf("put back at %v, before the renewal: %s", c.at, c.text)
		}
	}
	ack := s.n.WaitFor(t, patience, answers(renew, dhcpv4.MessageTypeAck))
	back := func(text string) {
		t.Helper()
		c := s.m.after(t, text+" again", renew.Time, func(c change) bool { return !c.deleted && strings.Contains(c.text, text) })
		soon(t, "the return of "+text, ack.Time, c.at, time.Second)
	}
	back("default via")
	back(network.String() + " dev eth0")
	want := plain(s.p.text)
	slices.Sort(want)
	if got := l.client.ours(t); !slices.Equal(got, want) {
		t.Errorf("routes %q, want %q", got, want)
	}
	if all := strings.Join(l.client.routes(t), "\n"); strings.Contains(all, "10.8.0.0") || !strings.Contains(all, "10.9.0.0") {
		t.Errorf("the routes of others are\n%s", all)
	}
	s.c.stop(t)
}

// A route that the kernel refuses, and one that is there already, cost no lease
// and no other route (HST-07).
func TestRoutesRefused(t *testing.T) {
	turn(t)
	l := newLAN(t)
	server := l.join(t, "server")
	const theirs = "10.2.0.0/16 dev eth0 scope link src 203.0.113.9 metric 1007"
	// The third gateway is this host.
	gateways := []netip.Addr{router, router, netip.MustParseAddr("203.0.113.9"), router, router}
	var option121 []byte
	for i, g := range gateways {
		option121 = append(option121, 16, 10, byte(i+1))
		option121 = append(option121, g.AsSlice()...)
	}
	server.lie(t, func(c *dhcptest.Config) { c.Options = map[uint8][]byte{121: option121} })
	l.client.IP(t, "address", "add", "203.0.113.9/24", "dev", "eth0", "noprefixroute")
	l.client.IP(t, append([]string{"route", "add"}, strings.Fields(theirs)...)...)
	c := start(t, l.client, stateDir(t), "--metric=1007")
	a := c.bound(t).Addr().String()
	c.stderr.wait(t, "what was refused", said("routes were refused"))
	want := []string{
		theirs,
		fmt.Sprintf("%v dev eth0 proto dhcp scope link src %s metric 1007", network, a),
	}
	for _, i := range []int{1, 2, 4, 5} {
		want = append(want, fmt.Sprintf("10.%d.0.0/16 via %v dev eth0 proto dhcp src %s metric 1007", i, router, a))
	}
	wantRoutes(t, l.client, want...)
	c.stop(t)
}
