package hostile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// via wants the default route through a router when the window ends, and no
// other; the zero Addr is no default route.
func via(router netip.Addr) Check {
	says := fmt.Sprintf("default route via %v", router)
	if !router.IsValid() {
		says = "no default route"
	}
	return Check{says, func(r *Record) (bool, string) {
		var got []netip.Addr
		for _, rt := range r.Last {
			if rt.Dst.Bits() == 0 && rt.Via.IsValid() && !slices.Contains(got, rt.Via) {
				got = append(got, rt.Via)
			}
		}
		ok := len(got) == 1 && got[0] == router || len(got) == 0 && !router.IsValid()
		if len(got) == 0 {
			return ok, "no default route"
		}
		return ok, "default via " + list(got)
	}}
}

// routes wants these routes through routers when the window ends, and no others
// but the default route and those within the network.
func routes(want ...string) Check {
	return Check{"routes " + list(want), func(r *Record) (bool, string) {
		got := []string{}
		for _, rt := range r.Last {
			if rt.elsewhere() {
				got = append(got, way(rt))
			}
		}
		slices.Sort(got)
		got = slices.Compact(got)
		return slices.Equal(got, want), "routes " + list(got)
	}}
}

// elsewhere says that a route leads out of the network, and is not the default
// route.
func (r Route) elsewhere() bool { return r.Dst.Bits() > 0 && !r.Dst.Overlaps(Network) }

// neverVia wants that no route ever goes through a router.
func neverVia(router netip.Addr) Check {
	return Check{fmt.Sprintf("never a route via %v", router), func(r *Record) (bool, string) {
		for _, rt := range slices.Concat(r.Routes, r.Last) {
			if rt.Via == router {
				return false, way(rt)
			}
		}
		return true, ""
	}}
}

// mtu wants that what leaves by the default route is of that size at most.
func mtu(least, most int) Check {
	return Check{fmt.Sprintf("MTU from %d to %d", least, most), func(r *Record) (bool, string) {
		n := r.MTU
		for _, rt := range r.Last {
			if rt.Dst.Bits() == 0 {
				n = min(cmp.Or(rt.MTU, n), n)
			}
		}
		return least <= n && n <= most, fmt.Sprintf("MTU %d", n)
	}}
}

// dns wants this name server, and no other, when the window ends. Where nobody
// looked it wants nothing.
func dns(server netip.Addr) Check {
	return Check{fmt.Sprintf("name server %v", server), func(r *Record) (bool, string) {
		if r.DNS == nil {
			return true, ""
		}
		return slices.Equal(r.DNS, []netip.Addr{server}), "DNS " + list(r.DNS)
	}}
}

// oneRoute wants no other route than the first of option 121.
var oneRoute = Check{"no route but the whole one", func(r *Record) (bool, string) {
	for _, rt := range r.Last {
		if rt.elsewhere() && rt.Dst != netip.MustParsePrefix("10.7.0.0/16") {
			return false, way(rt)
		}
	}
	return true, ""
}}
