package e2e_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// flaps is how often a cable is pulled for a measurement; -flaps 20 is for
// figures that are to be quoted.
var flaps = flag.Int("flaps", 3, "how often the cable is pulled for a measurement")

// An island is a network with a switch of its own, a scripted server and a
// router, which are two stations.
type island struct {
	bridge         string
	prefix         netip.Prefix
	server, router *station
	dhcp           *liar
}

// at is an address of the island. 1 is the server, 254 the router.
func (i *island) at(n byte) netip.Addr {
	a := i.prefix.Addr().As4()
	a[3] = n
	return netip.AddrFrom4(a)
}

// newIsland makes a network on a switch of the lan; br0 is there already.
func (l *lan) newIsland(t *testing.T, bridge, prefix string, change func(*dhcptest.Config)) *island {
	t.Helper()
	i := &island{bridge: bridge, prefix: netip.MustParsePrefix(prefix)}
	if bridge != "br0" {
		l.wires.IP(t, "link", "add", "name", bridge, "type", "bridge")
		l.wires.IP(t, "link", "set", "dev", bridge, "up")
	}
	i.server, i.router = l.join(t, "server"), l.join(t, "router")
	i.server.port.join(t, bridge)
	i.router.port.join(t, bridge)
	i.router.IP(t, "address", "add", netip.PrefixFrom(i.at(254), i.prefix.Bits()).String(), "dev", "eth0")
	i.dhcp = i.server.serve(t, dhcptest.Config{
		ServerID: i.at(1), Network: i.prefix, First: i.at(10), Last: i.at(19),
		Routers: []netip.Addr{i.at(254)}, DNS: []netip.Addr{i.at(3)},
	}, change)
	return i
}

// honest changes nothing.
func honest(*dhcptest.Config) {}

// move has the client's cable put into another switch, while it is pulled.
func (l *lan) move(t *testing.T, to *island) { l.client.port.join(t, to.bridge) }

// An entry is a line of the log as JSON.
type entry struct {
	Time              time.Time
	Msg               string
	Address, By, From string
	To, Reason        string
}

// said waits for a line of the log that came since a time; the client has
// --log-format=json.
func (c *client) said(t *testing.T, since time.Time, msg string, is func(entry) bool) (s entry) {
	t.Helper()
	c.stderr.wait(t, fmt.Sprintf("%q since %v", msg, since), func(line string) bool {
		return json.Unmarshal([]byte(line), &s) == nil && s.Msg == msg && !s.Time.Before(since) && is(s)
	})
	return s
}

// every returns the lines of the log so far that came since a time.
func (c *client) every(since time.Time, msg string) (all []entry) {
	lines, _ := c.stderr.get()
	for _, line := range lines {
		var s entry
		if json.Unmarshal([]byte(line), &s) == nil && s.Msg == msg && !s.Time.Before(since) {
			all = append(all, s)
		}
	}
	return all
}

// whatever is for said.
func whatever(entry) bool { return true }

// learns waits until the client knows its router's station: it stores that with
// the lease.
func (c *client) learns(t *testing.T, router *station) {
	t.Helper()
	file := filepath.Join(filepath.Dir(c.resolv), "leases", "eth0.json")
	eventually(t, "the router's station in the lease", func() bool {
		b, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(b), fmt.Sprintf("%q", router.mac.String()))
	})
}

// Times are measurements of one thing.
type times []time.Duration

// report tells the median and the extremes, and fails the test if even the
// best is over the limit: the others may be the machine's doing.
func (d times) report(t *testing.T, what string, limit time.Duration) {
	t.Helper()
	slices.Sort(d)
	t.Logf("%s: median %v, from %v to %v, in %d runs", what, d[len(d)/2], d[0], d[len(d)-1], len(d))
	if d[0] > limit {
		t.Errorf("%s took %v at best, want %v at most", what, d[0], limit)
	}
}
