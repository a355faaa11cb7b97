package netcfg

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A kernel holds the addresses and routes of links.
type kernel interface {
	// read returns what is on the link with that index.
	read(index int) (state, error)
	// change carries out one change.
	change(index int, c change) error
}

// rtnetlink is the kernel that runs us. With defaults it reads the default routes
// of other protocols too.
type rtnetlink struct {
	ns *Namespace
	// table is the routing table that all routes are in.
	table    int
	defaults bool
}

func (k rtnetlink) read(index int) (state, error) {
	addrs, err := k.ns.addresses(index)
	if err != nil {
		return state{}, err
	}
	s := state{addresses: addrs}
	if s.routes, err = k.routes(index, unix.RTPROT_DHCP, nil); err != nil {
		return state{}, err
	}
	if k.defaults {
		s.defaults, err = k.routes(index, unix.RTPROT_BOOT, func(r route) bool { return r.dst.Bits() == 0 })
	}
	return s, err
}

// routes lists the unicast routes with that protocol on the link, of which only is
// true; nil for all.
func (k rtnetlink) routes(index int, proto netlink.RouteProtocol, only func(route) bool) ([]route, error) {
	like := netlink.Route{LinkIndex: index, Table: k.table, Protocol: proto}
	const by = netlink.RT_FILTER_OIF | netlink.RT_FILTER_TABLE | netlink.RT_FILTER_PROTOCOL
	var out []route
	add := func(r netlink.Route) bool {
		if r.Type == unix.RTN_UNICAST && r.Tos == 0 && len(r.MultiPath) == 0 {
			if r := fromLibrary(r); only == nil || only(r) {
				out = append(out, r)
			}
		}
		return true
	}
	var err error
	for range dumpTries {
		out = out[:0]
		err = k.ns.do(func() error { return k.ns.handle.RouteListFilteredIter(netlink.FAMILY_V4, &like, by, add) })
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	switch {
	case err == nil, errors.Is(err, netlink.ErrDumpInterrupted):
		// Others change routes faster than we read. What is missing is added
		// in vain or removed next time.
		return out, nil
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV):
		// A table is made with its first route; the link has just gone.
		return nil, nil
	}
	return nil, fmt.Errorf("list routes: %w", err)
}

func (k rtnetlink) change(index int, c change) error {
	err := k.ns.do(func() error {
		switch c.action {
		case addAddress:
			return k.ns.handle.AddrAdd(device(index), libraryAddr(c.address))
		case refreshAddress:
			return k.ns.handle.AddrReplace(device(index), libraryAddr(c.address))
		case deleteAddress:
			return k.ns.handle.AddrDel(device(index), libraryAddr(c.address))
		case addRoute:
			// Never a replacement: the kernel would replace the first route
			// with that destination and metric, on whatever link it is.
			return k.ns.handle.RouteAppend(k.libraryRoute(index, c.route))
		}
		return k.ns.handle.RouteDel(k.libraryRoute(index, c.route))
	})
	if c.is(err) {
		return nil
	}
	return err
}

// is says that err only means that the change had been made already.
func (c change) is(err error) bool {
	switch c.action {
	case deleteAddress:
		return errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV)
	case addRoute:
		return errors.Is(err, unix.EEXIST)
	case deleteRoute:
		return errors.Is(err, unix.ESRCH) || errors.Is(err, unix.ENODEV)
	}
	return false
}

func libraryAddr(a address) *netlink.Addr {
	out := &netlink.Addr{
		IPNet:     ipNet(a.prefix),
		Broadcast: net.IPv4zero, // to the library: none, and do not make one up
	}
	if a.broadcast.IsValid() {
		out.Broadcast = a.broadcast.AsSlice()
	}
	if a.noPrefixRoute {
		out.Flags = unix.IFA_F_NOPREFIXROUTE
	}
	if a.valid != forever { // without lifetimes the kernel takes forever
		out.ValidLft, out.PreferedLft = int(a.valid), int(a.valid)
	}
	return out
}

func (k rtnetlink) libraryRoute(index int, r route) *netlink.Route {
	out := &netlink.Route{
		LinkIndex: index,
		Dst:       ipNet(r.dst),
		Src:       r.source.AsSlice(),
		Priority:  r.metric,
		MTU:       r.mtu,
		Scope:     netlink.Scope(r.scope),
		Protocol:  unix.RTPROT_DHCP,
		Table:     k.table,
	}
	if r.gateway.IsValid() {
		out.Gw = r.gateway.AsSlice()
	}
	if r.onLink {
		out.SetFlag(netlink.FLAG_ONLINK)
	}
	if r.boot {
		out.Protocol = unix.RTPROT_BOOT
	}
	return out
}

func fromLibrary(r netlink.Route) route {
	out := route{metric: r.Priority, mtu: r.MTU, scope: uint8(r.Scope),
		onLink: r.Flags&int(netlink.FLAG_ONLINK) != 0, boot: r.Protocol == unix.RTPROT_BOOT}
	if a, ok := netip.AddrFromSlice(r.Dst.IP.To4()); ok {
		bits, _ := r.Dst.Mask.Size()
		out.dst = netip.PrefixFrom(a, bits)
	}
	if a, ok := netip.AddrFromSlice(r.Gw.To4()); ok {
		out.gateway = a
	}
	if a, ok := netip.AddrFromSlice(r.Src.To4()); ok {
		out.source = a
	}
	return out
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 32)}
}
