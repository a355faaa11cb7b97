package e2e_test

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// The short lease of most tests.
const (
	leaseTime = 12 * time.Second
	t1        = 4 * time.Second
	t2        = 8 * time.Second
)

// What the servers of the tests say.
var (
	network = netip.MustParsePrefix("192.0.2.0/24")
	router  = netip.MustParseAddr("192.0.2.1")
	dns     = netip.MustParseAddr("192.0.2.3")
	all1    = netip.MustParseAddr("255.255.255.255")
	none    = netip.MustParseAddr("0.0.0.0")
)

// host is an address of the network.
func host(n byte) netip.Addr {
	a := network.Addr().As4()
	a[3] = n
	return netip.AddrFrom4(a)
}

// A lan is a switch, with the client's station and others.
type lan struct {
	client *station
	wires  *nettest.NS
	ports  int
}

// A station is a namespace with a link, eth0.
type station struct {
	*nettest.NS
	mac lease.HardwareAddr
	// port is the other end of its cable.
	port port
}

// cable joins the client's station to that of a server.
func cable(t *testing.T) (cli, peer *station) {
	t.Helper()
	cli, peer = &station{NS: nettest.NewNS(t, "client")}, &station{NS: nettest.NewNS(t, "server")}
	nettest.Veth(t, cli.NS, "eth0", peer.NS, "eth0")
	cli.mac, peer.mac = macOf(t, cli.NS), macOf(t, peer.NS)
	cli.port, peer.port = port{peer.NS, "eth0"}, port{cli.NS, "eth0"}
	return cli, peer
}

// newLAN makes a switch with one station, the client's.
func newLAN(t *testing.T) *lan {
	t.Helper()
	l := &lan{wires: nettest.NewNS(t, "switch")}
	l.wires.IP(t, "link", "add", "name", "br0", "type", "bridge")
	l.wires.IP(t, "link", "set", "dev", "br0", "up")
	l.client = l.join(t, "client")
	return l
}

// join plugs another station in.
func (l *lan) join(t *testing.T, name string) *station {
	t.Helper()
	s := &station{NS: nettest.NewNS(t, name), port: port{l.wires, fmt.Sprintf("port%d", l.ports)}}
	l.ports++
	nettest.Veth(t, l.wires, s.port.link, s.NS, "eth0")
	s.port.join(t, "br0")
	s.mac = macOf(t, s.NS)
	return s
}

func macOf(t *testing.T, ns *nettest.NS) (mac lease.HardwareAddr) {
	t.Helper()
	ns.Do(t, func() {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		copy(mac[:], link.HardwareAddr)
	})
	return mac
}

// short is what a server on s serves with address n of the network: the
// addresses from 10n to 10n+9, for a short time.
func (s *station) short(n byte) servers.Options {
	return servers.Options{
		NS: s.NS, Interface: "eth0", ServerAddr: netip.PrefixFrom(host(n), network.Bits()),
		PoolFirst: host(10 * n), PoolLast: host(10*n + 9),
		Lease: leaseTime, T1: t1, T2: t2,
		Router: router, DNS: []netip.Addr{dns}, Domain: "example.org",
	}
}

func inPool(a netip.Addr, o servers.Options) bool { return !a.Less(o.PoolFirst) && !o.PoolLast.Less(a) }

// each runs a scenario for every server, side by side.
func each(t *testing.T, scenario func(t *testing.T, k servers.Kind)) {
	t.Parallel()
	nettest.Require(t)
	for _, k := range servers.Kinds() {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			servers.Require(t, k)
			scenario(t, k)
		})
	}
}

// few bounds how many of the short tests run at a time: each makes and removes
// namespaces, for which the kernel has one lock, and others measure times.
var few = make(chan struct{}, 8)

// turn waits for a place among the few, and keeps it until the test ends.
func turn(t *testing.T) {
	t.Parallel()
	few <- struct{}{}
	t.Cleanup(func() { <-few })
}
