package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// adminAddresses are what the administrator may give to the link: addresses of
// another subnet, and of that of the leases.
var adminAddresses = []netip.Prefix{
	netip.MustParsePrefix("198.18.7.1/24"), netip.MustParsePrefix("192.0.2.251/24"), netip.MustParsePrefix("192.0.2.252/32"),
}

// isAdmins says that the administrator may give an address to the link.
func isAdmins(a netip.Addr) bool {
	return slices.ContainsFunc(adminAddresses, func(p netip.Prefix) bool { return p.Addr() == a })
}

// adminAddressStep has the administrator add an address, or remove it.
func adminAddressStep(p plan) planned {
	a := adminAddresses[p.IntN(len(adminAddresses))]
	return planned{name: fmt.Sprintf("administrator's address %v", a), do: func(l *lab) string {
		return l.toggleAddress(a)
	}}
}

func (l *lab) toggleAddress(p netip.Prefix) string {
	there := false
	l.judge.permit(func(addrs map[netip.Prefix]bool, routes map[string]route) {
		there = addrs[p]
		delete(addrs, p)
		if len(addrs) == 0 { // with the last address of a link, the kernel removes its routes
			l.removeRoutes(routes)
		}
	})
	addr := &netlink.Addr{IPNet: net4(p)}
	if there {
		l.must("remove an address", l.cli.AddrDel(l.link, addr))
		return "removed"
	}
	// What is heard of it before it is known to be his would be the client's.
	l.judge.permit(func(addrs map[netip.Prefix]bool, _ map[string]route) {
		l.must("add an address", l.cli.AddrAdd(l.link, addr))
		addrs[p] = true
	})
	return "added"
}

// adminRoutes are his routes, proto static: one to stations on the link, and a
// default route that is worse than the lease's.
var adminRoutes = map[string]route{
	"to 203.0.113.0/24": {dst: netip.MustParsePrefix("203.0.113.0/24"), metric: 7},
	"by default":        {dst: netip.MustParsePrefix("0.0.0.0/0"), gateway: netip.MustParseAddr("198.18.7.254"), metric: 9999},
}

// adminRouteStep has the administrator add a route, or remove it.
func adminRouteStep(p plan) planned {
	name := p.of("to 203.0.113.0/24", "by default")
	return planned{name: "administrator's route " + name, do: func(l *lab) string {
		there, may := false, false
		l.judge.permit(func(addrs map[netip.Prefix]bool, routes map[string]route) {
			may = len(addrs) > 0
			_, there = routes[name]
			delete(routes, name)
		})
		if !may {
			return "he has no address"
		}
		r := static(l.link, adminRoutes[name])
		if there {
			l.must("remove a route", l.cli.RouteDel(r))
			return "removed"
		}
		l.must("add a route", l.cli.RouteAdd(r))
		l.judge.permit(func(_ map[netip.Prefix]bool, routes map[string]route) { routes[name] = adminRoutes[name] })
		return "added"
	}}
}

func static(link netlink.Link, r route) *netlink.Route {
	out := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: net4(r.dst), Priority: r.metric, Protocol: unix.RTPROT_STATIC, Scope: unix.RT_SCOPE_LINK}
	if r.gateway.IsValid() {
		out.Gw, out.Flags, out.Scope = r.gateway.AsSlice(), unix.RTNH_F_ONLINK, unix.RT_SCOPE_UNIVERSE
	}
	return out
}

// removeRoutes removes the routes of the administrator.
func (l *lab) removeRoutes(routes map[string]route) {
	for _, r := range routes {
		l.must("remove a route", l.cli.RouteDel(static(l.link, r)))
	}
	clear(routes)
}

// dropAdminRoutes lets the administrator's routes go with what do does.
func (l *lab) dropAdminRoutes(do func()) {
	l.judge.permit(func(_ map[netip.Prefix]bool, routes map[string]route) {
		do()
		clear(routes)
	})
}

// seen is how long an address is there before the administrator removes it: one
// that goes within a millisecond of its coming, before the client has been told
// of it, is not missed before the renewal.
const seen = 100 * time.Millisecond

// deleteAddressStep has the administrator remove the client's address.
func deleteAddressStep(plan) planned {
	return planned{name: "the client's address deleted", do: func(l *lab) string {
		a, ok := l.await()
		if !ok {
			return "no address"
		}
		l.rest(seen)
		err := l.cli.AddrDel(l.link, &netlink.Addr{IPNet: net4(a.prefix)})
		if errors.Is(err, unix.EADDRNOTAVAIL) {
			return "it is gone"
		}
		l.must("delete the client's address", err)
		l.judge.removed(time.Now(), a.prefix.Addr())
		return a.prefix.String()
	}}
}

// deleteRouteStep has the administrator remove the client's default route, or
// all of its routes.
func deleteRouteStep(p plan) planned {
	all := p.chance(40)
	return planned{name: fmt.Sprintf("the client's routes deleted, all %v", all), do: func(l *lab) string {
		l.await()
		routes, err := l.cli.RouteListFiltered(unix.AF_INET, &netlink.Route{LinkIndex: l.link.Attrs().Index, Protocol: unix.RTPROT_DHCP},
			netlink.RT_FILTER_OIF|netlink.RT_FILTER_PROTOCOL)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			l.must("list routes", err)
		}
		slices.Reverse(routes)
		n := 0
		for _, r := range routes {
			if all || r.Gw != nil {
				err := l.cli.RouteDel(&r)
				if err != nil && !errors.Is(err, unix.ESRCH) {
					l.must("delete a route", err)
				}
				n++
			}
		}
		return fmt.Sprintf("%d deleted", n)
	}}
}
