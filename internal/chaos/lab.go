package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

const (
	linkName = "eth0"
	homeName = "home"
	awayName = "away"
	// portName is the other end of the client's cable. A relay is between it
	// and hopName, whose other end is in a switch, trunkName.
	portName, hopName, trunkName = "port0", "hop0", "trunk0"
)

// original is what stands in the resolver file before.
const original = "# by hand\nnameserver 203.0.113.53\noptions ndots:2\n"

// A lab is a client's station on a switch with two servers and another host,
// beside a second switch with a server. Its fields are what the steps have made
// of it so far.
type lab struct {
	*stage
	ctx     context.Context
	seed    uint64
	number  int
	program string
	judge   *judge
	say     func(format string, args ...any)
	began   time.Time
	history []string

	station, wires, other *nettest.NS
	air                   *relay.Relay
	cli, sw               *netlink.Handle // in station and wires
	link                  netlink.Link    // the client's
	otherMAC              lease.HardwareAddr
	dir                   string // of the client's files
	store                 *lease.Dir

	client *client
	home   []*server
	away   *server
	peak   footprint

	cut, gone bool // the cable is out, or in the other switch
	weather   string
	squatter  *dhcptest.Squatter
	disk      string
}

// newLab builds the lab of that number; say gets a line for each step.
func newLab(ctx context.Context, s *stage, seed uint64, number int, program string, say func(string, ...any)) *lab {
	l := &lab{stage: s, ctx: ctx, seed: seed, number: number, program: program, say: say,
		judge: newJudge(original), began: time.Now()}
	l.wires = nettest.NewNS(s, "switch")
	for _, br := range []string{homeName, awayName} {
		l.wires.IP(s, "link", "add", "name", br, "type", "bridge")
		l.wires.IP(s, "link", "set", "dev", br, "up")
	}
	l.station = nettest.NewNS(s, "client")
	nettest.Veth(s, l.wires, portName, l.station, linkName)
	nettest.Veth(s, l.wires, hopName, l.wires, trunkName)
	l.wires.IP(s, "link", "set", "dev", trunkName, "master", homeName)
	l.air = relay.Start(s, l.wires, portName, hopName, seed)
	l.other = l.join("port1", homeName)
	l.cli, l.sw = l.handle(l.station), l.handle(l.wires)
	l.files()
	l.link = l.find(l.cli, linkName)
	l.otherMAC = macOf(l.find(l.handle(l.other), linkName))
	l.judge.changedMAC(time.Now(), macOf(l.link))
	l.servers()
	return l
}

// join plugs a new station into a switch.
func (l *lab) join(port, to string) *nettest.NS {
	ns := nettest.NewNS(l.stage, "station")
	nettest.Veth(l.stage, l.wires, port, ns, linkName)
	l.wires.IP(l.stage, "link", "set", "dev", port, "master", to)
	return ns
}

func (l *lab) handle(ns *nettest.NS) *netlink.Handle {
	at, err := netns.GetFromName(ns.Name)
	l.must("open a namespace", err)
	defer func() { _ = at.Close() }()
	h, err := netlink.NewHandleAt(at, unix.NETLINK_ROUTE)
	l.must("open netlink", err)
	l.Cleanup(h.Close)
	return h
}

func (l *lab) find(h *netlink.Handle, name string) netlink.Link {
	link, err := h.LinkByName(name)
	l.must("find "+name, err)
	return link
}

func macOf(link netlink.Link) lease.HardwareAddr {
	return lease.HardwareAddr(link.Attrs().HardwareAddr)
}

// files makes the directories of the client: that of the leases is a file system
// of its own, which can be full or read-only.
func (l *lab) files() {
	l.dir = l.TempDir()
	leases := filepath.Join(l.dir, "leases")
	l.must("make the lease directory", os.Mkdir(leases, 0o755))
	l.must("mount the lease directory", unix.Mount("tmpfs", leases, "tmpfs", 0, "size=64k,mode=0755"))
	l.Cleanup(func() { _ = unix.Unmount(leases, unix.MNT_DETACH) })
	l.must("write the resolver file", os.WriteFile(l.resolv(), []byte(original), 0o644))
	var err error
	l.store, err = lease.NewDir(leases, linkName)
	l.must("open the lease directory", err)
}

func (l *lab) resolv() string { return filepath.Join(l.dir, "resolv.conf") }

// servers starts one of the home network, which one the number says, and that
// of the other network. That has the same addresses in every second lab.
func (l *lab) servers() {
	home, away := netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("198.51.100.1/24")
	if l.number%2 == 1 {
		away = home
	}
	l.home = []*server{
		newServer(l, "port2", homeName, servers.Dnsmasq, home, 50),
		newServer(l, "port3", homeName, servers.Kea, netip.MustParsePrefix("192.0.2.2/24"), 120),
	}
	l.away = newServer(l, "port4", awayName, servers.Dnsmasq, away, 50)
	l.home[l.number/2%2].start()
	l.away.start()
}

// rest waits, or ends early with the run.
func (l *lab) rest(d time.Duration) {
	select {
	case <-time.After(d):
	case <-l.ctx.Done():
	}
}

// awaitLimit is how long a step waits for the address that it is about.
const awaitLimit = 3 * time.Second

// await is address that gives the client some time to have one.
func (l *lab) await() (a address, ok bool) {
	for until := time.Now().Add(awaitLimit); l.ctx.Err() == nil; l.rest(lookEvery / 5) {
		if a, ok = l.address(); ok || time.Now().After(until) {
			break
		}
	}
	return a, ok
}

// address is the client's on the link, if there is one.
func (l *lab) address() (address, bool) {
	now := l.look(l.cli)
	l.judge.mu.Lock()
	defer l.judge.mu.Unlock()
	ours := l.judge.ours(now)
	if len(ours) != 1 {
		return address{}, false
	}
	return ours[0], true
}

// run does the steps of the plan until the time is over, and then wants a lease.
// It ends early with the first violation.
func (l *lab) run(until time.Time) {
	p := newPlan(l.seed)
	l.start(p.flags())
	for l.ctx.Err() == nil && time.Now().Before(until) && len(l.judge.violations()) == 0 {
		s := p.next()
		l.take(s)
		l.rest(min(s.pause, time.Until(until)))
		l.inspect()
	}
	if l.ctx.Err() == nil && len(l.judge.violations()) == 0 {
		l.take(planned{name: "the end", do: func(l *lab) string { return l.calm(true) }})
	}
	l.quit()
}

// take does one step.
func (l *lab) take(s planned) {
	at := time.Now()
	l.judge.note(at, "STEP  %s", s.name)
	outcome := s.do(l)
	line := fmt.Sprintf("%7.2f  lab %d  %-36s %s", at.Sub(l.began).Seconds(), l.number, s.name, outcome)
	l.judge.note(time.Now(), "STEP  %s: %s", s.name, outcome)
	l.history = append(l.history, line)
	l.say("%s", line)
}

// net4 is a prefix as package netlink wants it.
func net4(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}

// prefixOf is the reverse.
func prefixOf(n *net.IPNet) netip.Prefix {
	if n == nil {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	ones, _ := n.Mask.Size()
	a, _ := netip.AddrFromSlice(n.IP)
	return netip.PrefixFrom(a.Unmap(), ones)
}

// running are the servers that serve at home.
func (l *lab) running() []*server {
	return slices.DeleteFunc(slices.Clone(l.home), func(s *server) bool { return !s.on })
}
