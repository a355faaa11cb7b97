package netcfg

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// What is set is what is read, in a table of either size, and goes again; what is
// another's is not read.
func TestRoutes_SetReadDelete(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	nettest.Veth(t, b.NS, "eth1", b.far, "eth1")
	for _, line := range []string{"link set eth0 up", "link set eth1 up", "addr add 10.9.0.5/24 dev eth0 noprefixroute"} {
		b.IP(t, strings.Fields(line)...)
	}
	index := func(name string) int {
		l, found, err := b.handle.linkByName(name)
		if err != nil || !found {
			t.Fatalf("%s: %v, %v", name, found, err)
		}
		return l.index
	}
	on, other := index("eth0"), index("eth1")
	source := netip.MustParseAddr("10.9.0.5")
	routes := []route{
		{dst: netip.MustParsePrefix("10.9.0.0/24"), source: source, metric: 1003, scope: unix.RT_SCOPE_LINK},
		{dst: netip.MustParsePrefix("0.0.0.0/0"), gateway: netip.MustParseAddr("10.9.0.1"), source: source, metric: 1003, mtu: 1400},
		{dst: netip.MustParsePrefix("10.7.0.0/16"), gateway: netip.MustParseAddr("192.0.2.1"), onLink: true, metric: 7},
		{dst: netip.MustParsePrefix("0.0.0.0/0"), gateway: netip.MustParseAddr("10.9.0.2"), metric: 9, boot: true},
	}
	for _, table := range []int{unix.RT_TABLE_MAIN, 7, 100000} {
		k := rtnetlink{ns: b.handle, table: table, defaults: true}
		far := route{dst: netip.MustParsePrefix("10.6.0.0/16"), scope: unix.RT_SCOPE_LINK}
		must(t, k.change(other, change{action: addRoute, route: far}))
		for _, r := range routes {
			must(t, k.change(on, change{action: addRoute, route: r}))
			must(t, k.change(on, change{action: addRoute, route: r})) // it is there
		}
		s, err := k.read(on)
		must(t, err)
		if got := slices.Concat(s.routes, s.defaults); !equalRoutes(got, routes) {
			t.Errorf("table %d has %v, not %v", table, got, routes)
		}
		for _, r := range routes {
			must(t, k.change(on, change{action: deleteRoute, route: r}))
			must(t, k.change(on, change{action: deleteRoute, route: r})) // it is not there
		}
		s, err = k.read(on)
		must(t, err)
		if len(s.routes)+len(s.defaults) > 0 {
			t.Errorf("table %d still has %v and %v", table, s.routes, s.defaults)
		}
		if s, err = k.read(other); err != nil || !equalRoutes(s.routes, []route{far}) {
			t.Errorf("the other link has %v in table %d, %v", s.routes, table, err)
		}
	}
}

func equalRoutes(a, b []route) bool {
	byText := func(x, y route) int { return strings.Compare(x.String(), y.String()) }
	return slices.Equal(slices.SortedFunc(slices.Values(a), byText), slices.SortedFunc(slices.Values(b), byText))
}

// What is no route is an error or nobody's, and never a panic.
func FuzzParseRoute(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, unix.SizeofRtMsg))
	f.Add(append([]byte{unix.AF_INET, 24, 0, 0, 254, 16, 253, 1, 0, 0, 0, 0}, 8, 0, 1, 0, 10, 9, 0, 0, 8, 0, 4, 0, 3, 0, 0, 0))
	f.Add([]byte{unix.AF_INET, 99, 0, 0, 254, 16, 253, 1, 0, 0, 0, 0, 3, 0, 1, 0})
	f.Fuzz(func(t *testing.T, msg []byte) {
		r, of, err := parseRoute(msg)
		if of != (routeOwner{}) && (err != nil || !r.dst.IsValid()) {
			t.Errorf("%v of %v, %v", r, of, err)
		}
	})
}
