package netcfg

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// What the kernel's ip=dhcp leaves (net/ipv4/ipconfig.c).
const pnp = `
	2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft forever
	2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
	2: route default via 10.0.0.1 metric 0 proto boot`

// What an administrator has beside it.
const (
	besidesAddresses = `
	2: address 192.0.2.9/24 brd 192.0.2.255 valid_lft forever
	3: address 10.0.0.77/24 brd 10.0.0.255 valid_lft forever`
	besidesRoutes = `
	2: route 192.0.2.0/24 scope link src 192.0.2.9 metric 0 proto kernel
	2: route default via 10.0.0.1 metric 5 proto boot
	2: route default via 192.0.2.1 metric 0 proto boot
	2: route 198.51.100.0/24 via 10.0.0.1 metric 0 proto boot
	3: route 10.0.0.0/24 scope link src 10.0.0.77 metric 0 proto kernel
	3: route default via 10.0.0.1 metric 0 proto boot`
	besides = besidesAddresses + besidesRoutes
)

const adopted5 = "10.0.0.5/24 10.0.0.1"

var adoptions = []scene{
	{name: "ip=dhcp: the address in place, the new default route before the old", before: pnp, next: lease5, adopt: adopted5, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del default via 10.0.0.1 metric 0 proto boot`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "ip=dhcp, refused by NAK: all of it goes", before: pnp, adopt: adopted5, changes: `
		address del 10.0.0.5/24
		route del default via 10.0.0.1 metric 0 proto boot`},
	{name: "ip=dhcp beside what an administrator has", before: pnp + besides, next: lease5, adopt: adopted5, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del default via 10.0.0.1 metric 0 proto boot`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft 3600sec` + besidesAddresses + `
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel` + besidesRoutes + `
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "ip=dhcp, refused beside what an administrator has", before: pnp + besides, adopt: adopted5, changes: `
		address del 10.0.0.5/24
		route del default via 10.0.0.1 metric 0 proto boot`, then: besides},
	{name: "another router than before", before: pnp, next: "10.0.0.5/24 route 0.0.0.0/0 10.0.0.4", adopt: adopted5, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route append default via 10.0.0.4 src 10.0.0.5 metric 1002
		route del default via 10.0.0.1 metric 0 proto boot`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.4 src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "no router any more: the old one stays, there is no other", before: pnp, next: "10.0.0.5/24", adopt: adopted5, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
		2: route default via 10.0.0.1 metric 0 proto boot
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "the default route of another DHCP client", before: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft forever
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
		2: route default via 10.0.0.1 metric 100 proto dhcp`, next: lease5, adopt: adopted5, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del default via 10.0.0.1 metric 100`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "not adopted: an administrator's", before: pnp, next: lease5, changes: `
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002`, then: pnp + `
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp`},
}

// A default route that the kernel does not take replaces none: the old one stays.
func TestAdopt_RefusedRouteReplacesNothing(t *testing.T) {
	k, err := newFakeKernel(pnp)
	if err != nil {
		t.Fatal(err)
	}
	k.refuse = func(c change) error {
		if c.action == addRoute && c.route.dst.Bits() == 0 {
			return unix.ENOBUFS
		}
		return nil
	}
	want, own := scene{next: lease5, adopt: adopted5}.leases(t)
	if _, err := configure(t.Context(), k, 2, want, own, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(k.String(), "default via 10.0.0.1 metric 0 proto boot") {
		t.Errorf("no default route is left:\n%v", k)
	}
}

// What is found is what stations have, the primary addresses first, each with the
// router that it would use.
func TestFound(t *testing.T) {
	k, err := newFakeKernel(`
		2: address 10.0.0.200/24 brd 10.0.0.255 secondary valid_lft forever
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft forever
		2: address 169.254.7.7/16 valid_lft forever
		2: address 10.9.0.1/32 peer 10.9.0.2 valid_lft forever
		2: address 192.0.2.9/24 brd 192.0.2.255 valid_lft 100sec
		2: route default via 192.0.2.1 src 192.0.2.9 metric 7 proto dhcp
		2: route default via 10.0.0.1 metric 0 proto boot`)
	if err != nil {
		t.Fatal(err)
	}
	have, err := k.read(2)
	if err != nil {
		t.Fatal(err)
	}
	ip, p := netip.MustParseAddr, netip.MustParsePrefix
	want := []Found{
		{p("10.0.0.5/24"), ip("10.0.0.255"), true, ip("10.0.0.1")},
		{p("192.0.2.9/24"), ip("192.0.2.255"), false, ip("10.0.0.1")},
		{p("10.0.0.200/24"), ip("10.0.0.255"), true, ip("10.0.0.1")},
	}
	if got := have.found(); !slices.Equal(got, want) {
		t.Errorf("found %v\nwant  %v", got, want)
	}
}

// On the real kernel: what was found is adopted, gets its lifetime in place, is
// renewed, and is removed with the lease, without a word of the log that it is not
// ours. An adoption that was done is over: a permanent address of later is an
// administrator's.
func TestAdopt_RealKernel(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	b.IP(t, "link", "set", "eth0", "up")
	b.IP(t, "address", "add", "10.0.0.5/24", "brd", "+", "dev", "eth0")
	b.IP(t, "route", "add", "default", "via", "10.0.0.1", "dev", "eth0")
	found, err := link.Found()
	if err != nil || len(found) != 1 || found[0].Router != netip.MustParseAddr("10.0.0.1") || !found[0].Permanent {
		t.Fatalf("found %v, %v", found, err)
	}
	if on, err := b.handle.PermanentOn(); err != nil || !slices.Equal(on, []int{link.index}) {
		t.Fatalf("permanent addresses on %v, %v", on, err)
	}
	link.Adopt(found[0])
	l := newLease(t, lease5)
	var prev []*lease.Lease
	for range 2 {
		if err := link.Apply(t.Context(), l, prev); err != nil {
			t.Fatal(err)
		}
		prev = []*lease.Lease{l}
		if got := b.IP(t, "address", "show", "dev", "eth0"); strings.Contains(got, "forever") || strings.Count(got, "inet ") != 1 {
			t.Errorf("addresses: %s", got)
		}
		if got := b.IP(t, "route", "show", "default"); strings.Count(got, "default") != 1 || !strings.Contains(got, "proto dhcp src 10.0.0.5") {
			t.Errorf("default routes: %s", got)
		}
	}
	b.IP(t, "address", "change", "10.0.0.5/24", "dev", "eth0", "valid_lft", "forever", "preferred_lft", "forever")
	if err := link.Apply(t.Context(), nil, prev); err != nil {
		t.Fatal(err)
	}
	if got := b.IP(t, "address", "show", "dev", "eth0"); !strings.Contains(got, "10.0.0.5/24") {
		t.Errorf("what an administrator has made permanent is gone: %s", got)
	}
}

// What a client of ours has set without an end goes with the first lease, with its
// routes, also those of a table that the kernel does not look after; what is not
// marked as ours is an administrator's.
func TestAdoptUnended(t *testing.T) {
	b := newBench(t)
	b.IP(t, "link", "set", "dev", "eth0", "up")
	cfg := Config{Table: 100, Metric: 8}
	own := newLease(t, "169.254.7.8/16 for ever")
	if err := b.link(t, "eth0", Config{Table: 100, Metric: 7}).Apply(t.Context(), own, nil); err != nil {
		t.Fatal(err)
	}
	b.IP(t, "address", "add", "169.254.9.9/16", "dev", "eth0")
	b.IP(t, "address", "add", "169.254.9.10/16", "dev", "eth0", "noprefixroute")
	link := b.link(t, "eth0", cfg) // of another process, and with another metric
	none := func(netip.Prefix) bool { return false }
	local := func(p netip.Prefix) bool { return p.Addr().IsLinkLocalUnicast() }
	first, second := newLease(t, lease5), newLease(t, "10.0.0.6/24")
	for _, tt := range []struct {
		may   func(netip.Prefix) bool
		next  *lease.Lease
		prev  []*lease.Lease
		stays bool
	}{{none, first, nil, true}, {local, second, []*lease.Lease{first}, false}} {
		if err := link.AdoptUnended(tt.may); err != nil {
			t.Fatal(err)
		}
		if err := link.Apply(t.Context(), tt.next, tt.prev); err != nil {
			t.Fatal(err)
		}
		on, routes := b.IP(t, "-4", "address", "show", "dev", "eth0"), b.IP(t, "route", "show", "table", "100")
		if strings.Contains(on, "169.254.7.8/") != tt.stays || strings.Contains(routes, "169.254.7.8") != tt.stays {
			t.Errorf("stays? want %v:\n%s\n%s", tt.stays, on, routes)
		}
		if !strings.Contains(on, "169.254.9.9/16") || !strings.Contains(on, "169.254.9.10/16") {
			t.Errorf("an administrator's address is gone:\n%s", on)
		}
	}
}
