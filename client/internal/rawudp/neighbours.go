package rawudp

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	// resolveLimit bounds how long a Send waits for an answer to ARP. A
	// station on the link answers within a few milliseconds or not at all.
	resolveLimit = 100 * time.Millisecond
	// resolveStep is how often it looks.
	resolveStep = 2 * time.Millisecond

	// netlinkTimeout bounds one request to the kernel, which answers at once.
	netlinkTimeout = time.Second
)

var allStations = lease.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// neighbours asks the kernel which station of a link a datagram has to go to.
type neighbours struct {
	netlink requests
	limit   time.Duration // resolveLimit
}

// requests are methods of a *netlink.Handle. They are functions for the sake of the
// program's size: one that calls methods by name (text/template does, and with it
// every command line of urfave/cli) keeps all methods of all types that a value in
// an interface leads to, which for a handle is 0.9 MB.
type requests struct {
	NeighSet            func(*netlink.Neigh) error
	NeighList           func(link, family int) ([]netlink.Neigh, error)
	RouteGetWithOptions func(net.IP, *netlink.RouteGetOptions) ([]netlink.Route, error)
	Close               func()
}

// openNeighbours opens it in the network namespace of the calling thread.
func openNeighbours() (*neighbours, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	if err := h.SetSocketTimeout(netlinkTimeout); err != nil {
		h.Close()
		return nil, fmt.Errorf("set netlink timeout: %w", err)
	}
	return &neighbours{requests{h.NeighSet, h.NeighList, h.RouteGetWithOptions, h.Close}, resolveLimit}, nil
}

// station returns the station that takes a datagram from src to dst: dst itself
// or a router. If the kernel does not know it, the kernel is made to ask by ARP
// and resolveLimit waited. Without an answer it is all stations: a server on
// the link is among them.
func (n *neighbours) station(index int, src, dst netip.Addr) lease.HardwareAddr {
	hop := n.nextHop(index, src, dst)
	if mac, ok := n.lookup(index, hop); ok {
		return mac
	}
	// NTF_USE is what a datagram of the kernel's own to hop would do.
	err := n.netlink.NeighSet(&netlink.Neigh{LinkIndex: index, IP: hop.AsSlice(), Flags: netlink.NTF_USE})
	for deadline := time.Now().Add(n.limit); err == nil && time.Now().Before(deadline); {
		time.Sleep(resolveStep)
		if mac, ok := n.lookup(index, hop); ok {
			return mac
		}
	}
	return allStations
}

// nextHop is the router to dst, or dst if there is none or no route is known.
func (n *neighbours) nextHop(index int, src, dst netip.Addr) netip.Addr {
	opts := &netlink.RouteGetOptions{OifIndex: index}
	if !src.IsUnspecified() {
		opts.SrcAddr = src.AsSlice()
	}
	routes, err := n.netlink.RouteGetWithOptions(dst.AsSlice(), opts)
	if err != nil || len(routes) == 0 {
		return dst
	}
	if gw, ok := netip.AddrFromSlice(routes[0].Gw.To4()); ok {
		return gw
	}
	return dst
}

// lookup reads the hardware address of addr from the kernel's neighbour table,
// which gives one only for neighbours that are valid.
func (n *neighbours) lookup(index int, addr netip.Addr) (mac lease.HardwareAddr, ok bool) {
	// A dump that was interrupted by a change returns an error and entries
	// that are as good as any.
	entries, _ := n.netlink.NeighList(index, netlink.FAMILY_V4)
	for _, e := range entries {
		ip, _ := netip.AddrFromSlice(e.IP.To4())
		if ip == addr && len(e.HardwareAddr) == len(mac) {
			return lease.HardwareAddr(e.HardwareAddr), true
		}
	}
	return mac, false
}

func (n *neighbours) close() { n.netlink.Close() }
