package netcfg

import (
	"time"

	"github.com/vishvananda/netlink"
)

// requests are the requests of the library that are made here: the methods of a
// *netlink.Handle, by their names.
//
// They are functions for the sake of the program's size. A program that calls
// methods by name (text/template does, and with it every command line of
// urfave/cli) keeps all methods of all types that a value in an interface leads
// to. A Namespace is such a value, and the methods of a handle in it were 0.9 MB
// of a binary of 6.8 MB.
type requests struct {
	RouteListFilteredIter         func(family int, filter *netlink.Route, mask uint64, f func(netlink.Route) bool) error
	AddrAdd, AddrReplace, AddrDel func(netlink.Link, *netlink.Addr) error
	RouteAppend, RouteDel         func(*netlink.Route) error
	LinkSetUp                     func(netlink.Link) error
	LinkSetMTU                    func(netlink.Link, int) error
	SetSocketTimeout              func(time.Duration) error
	SetStrictCheck                func(bool) error
	Close                         func()
}

func requestsOf(h *netlink.Handle) requests {
	return requests{
		RouteListFilteredIter: h.RouteListFilteredIter,
		AddrAdd:               h.AddrAdd, AddrReplace: h.AddrReplace, AddrDel: h.AddrDel,
		RouteAppend: h.RouteAppend, RouteDel: h.RouteDel,
		LinkSetUp: h.LinkSetUp, LinkSetMTU: h.LinkSetMTU,
		SetSocketTimeout: h.SetSocketTimeout, SetStrictCheck: h.SetStrictCheck, Close: h.Close,
	}
}
