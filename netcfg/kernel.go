package netcfg

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
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
func (k rtnetlink) routes(index int, proto uint8, only func(route) bool) ([]route, error) {
	msg := &nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_INET, Protocol: uint8(proto)}}
	about := []nl.NetlinkRequestData{msg, nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(index)))}
	about = append(about, setTable(msg, k.table)...)
	var out []route
	err := k.ns.each(unix.RTM_GETROUTE, unix.NLM_F_DUMP, unix.RTM_NEWROUTE, func() { out = out[:0] }, func(msg []byte) error {
		r, of, err := parseRoute(msg)
		// Before Linux 5.0 the kernel answers with all.
		if of == (routeOwner{index, k.table, proto}) && (only == nil || only(r)) {
			out = append(out, r)
		}
		return err
	}, about...)
	switch {
	case err == nil, errors.Is(err, nl.ErrDumpInterrupted):
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
	var err error
	switch c.action {
	case addAddress:
		err = k.ns.order(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, addressMessage(index, c.address))
	case refreshAddress:
		err = k.ns.order(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_REPLACE, addressMessage(index, c.address))
	case deleteAddress:
		err = k.ns.order(unix.RTM_DELADDR, 0, addressMessage(index, c.address))
	case addRoute:
		// Never a replacement: the kernel would replace the first route
		// with that destination and metric, on whatever link it is.
		err = k.ns.order(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_APPEND, routeMessage(index, k.table, unix.RTN_UNICAST, c.route))
	default:
		// Of whatever type, as it is read as a unicast route alone.
		err = k.ns.order(unix.RTM_DELROUTE, 0, routeMessage(index, k.table, unix.RTN_UNSPEC, c.route))
	}
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
