package netcfg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A scene is a link before and after a lease is applied, and what was done.
type scene struct {
	name          string
	before        string   // what the kernel has; ours is link 2
	next          string   // "" removes
	prev          []string // leases
	adopt         string   // address and router of what was adopted
	noPromote     bool     // promote_secondaries could not be set
	changes, then string
}

const ours = `
	2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 1800sec
	2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
	2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp`

const (
	lease5  = "10.0.0.5/24 route 0.0.0.0/0 10.0.0.1"
	foreign = `
	2: address 10.0.0.200/24 brd 10.0.0.255 secondary valid_lft forever
	2: address 192.0.2.9/24 brd 192.0.2.255 valid_lft forever
	3: address 10.0.0.77/24 brd 10.0.0.255 valid_lft forever
	2: route 192.0.2.0/24 scope link src 192.0.2.9 metric 0 proto kernel
	2: route 198.51.100.0/24 via 192.0.2.1 src 192.0.2.9 metric 5 proto dhcp
	2: route 203.0.113.0/24 via 10.0.0.1 src 10.0.0.5 metric 1002 proto static
	3: route default via 10.0.0.1 src 10.0.0.77 metric 1002 proto dhcp`
)

var scenes = []scene{
	{name: "first lease", next: lease5, changes: `
		address add 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "renewal changes the lifetime alone (RFC 2131 4.4.5)", before: ours, next: lease5, prev: []string{lease5}, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "what is right is not touched", before: strings.ReplaceAll(ours, "1800", "3599"), next: lease5, prev: []string{lease5}, then: strings.ReplaceAll(ours, "1800", "3599")},
	{name: "infinite stays infinite", before: strings.ReplaceAll(ours, "1800sec", "forever"), next: lease5 + " for ever", prev: []string{lease5 + " for ever"},
		then: strings.ReplaceAll(ours, "1800sec", "forever")},
	{name: "a deleted route comes back", before: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp`, next: lease5, prev: []string{lease5}, changes: `
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002`, then: strings.ReplaceAll(ours, "1800", "3600")},
	{name: "another router: the new before the old (RFC 2131 4.3.2)", before: strings.ReplaceAll(ours, "1800", "3600"),
		next: "10.0.0.5/24 route 0.0.0.0/0 10.0.0.4", prev: []string{lease5}, changes: `
		route append default via 10.0.0.4 src 10.0.0.5 metric 1002
		route del default via 10.0.0.1 src 10.0.0.5 metric 1002`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.4 src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "another MTU", before: strings.ReplaceAll(ours, "1800", "3600"), next: lease5 + " mtu 1400", prev: []string{lease5}, changes: `
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 mtu 1400
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002 mtu 1400
		route del default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1002`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 mtu 1400 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 mtu 1400 proto dhcp`},
	{name: "another mask: the same address twice for a moment", before: strings.ReplaceAll(ours, "1800", "3600"),
		next: "10.0.0.5/16 route 0.0.0.0/0 10.0.0.1", prev: []string{lease5}, changes: `
		address add 10.0.0.5/16 brd 10.0.255.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/16 scope link src 10.0.0.5 metric 1002
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		address del 10.0.0.5/24`, then: `
		2: address 10.0.0.5/16 brd 10.0.255.255 noprefixroute valid_lft 3600sec
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp
		2: route 10.0.0.0/16 scope link src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "another address, same subnet", before: ours, next: "10.0.0.6/24 route 0.0.0.0/0 10.0.0.1", prev: []string{lease5}, changes: `
		address add 10.0.0.6/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.6 metric 1002
		route append default via 10.0.0.1 src 10.0.0.6 metric 1002
		route del default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		address del 10.0.0.5/24`, then: `
		2: address 10.0.0.6/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.6 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.6 metric 1002 proto dhcp`},
	{name: "another address where the kernel removes secondaries", noPromote: true, before: ours,
		next: "10.0.0.6/24 route 0.0.0.0/0 10.0.0.1", prev: []string{lease5}, changes: `
		address add 10.0.0.6/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.6 metric 1002
		route append default via 10.0.0.1 src 10.0.0.6 metric 1002
		route del default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		address del 10.0.0.5/24
		address add 10.0.0.6/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.6 metric 1002
		route append default via 10.0.0.1 src 10.0.0.6 metric 1002`, then: `
		2: address 10.0.0.6/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.6 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.6 metric 1002 proto dhcp`},
	{name: "lease of an earlier process", before: ours, next: "172.16.0.9/16", prev: []string{lease5}, changes: `
		address add 172.16.0.9/16 brd 172.16.255.255 noprefixroute valid_lft 3600sec
		route append 172.16.0.0/16 scope link src 172.16.0.9 metric 1002
		route del default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		address del 10.0.0.5/24`, then: `
		2: address 172.16.0.9/16 brd 172.16.255.255 noprefixroute valid_lft 3600sec
		2: route 172.16.0.0/16 scope link src 172.16.0.9 metric 1002 proto dhcp`},
	{name: "a permanent address stays as it is, the routes are ours", before: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft forever
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
		2: route default via 10.0.0.1 metric 0 proto boot`, next: lease5, prev: []string{lease5}, changes: `
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft forever
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
		2: route default via 10.0.0.1 metric 0 proto boot
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "a permanent address survives the end, the routes do not", before: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft forever
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
		2: route default via 10.0.0.1 metric 0 proto boot
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp`, prev: []string{lease5}, changes: `
		route del default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1002`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 valid_lft forever
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 0 proto kernel
		2: route default via 10.0.0.1 metric 0 proto boot`},
	{name: "a permanent address survives another lease", before: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft forever`, next: "10.0.1.6/24", prev: []string{lease5}, changes: `
		address add 10.0.1.6/24 brd 10.0.1.255 noprefixroute valid_lft 3600sec
		route append 10.0.1.0/24 scope link src 10.0.1.6 metric 1002`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft forever
		2: address 10.0.1.6/24 brd 10.0.1.255 noprefixroute valid_lft 3600sec
		2: route 10.0.1.0/24 scope link src 10.0.1.6 metric 1002 proto dhcp`},
	{name: "a lease that never expires gets a time", before: strings.ReplaceAll(ours, "1800sec", "forever"), next: lease5, prev: []string{lease5, lease5 + " for ever", lease5}, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec`, then: strings.ReplaceAll(ours, "1800", "3600")},
	{name: "a lease with a time never expires any more", before: ours, next: lease5 + " for ever", prev: []string{lease5}, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft forever`, then: strings.ReplaceAll(ours, "1800sec", "forever")},
	{name: "another metric leaves nothing behind", before: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 7 proto dhcp
		2: route 192.0.2.1/32 scope link src 10.0.0.5 metric 7 proto dhcp
		2: route 172.16.0.0/12 scope link src 10.0.0.5 metric 7 proto dhcp
		2: route 8.0.0.0/8 via 192.0.2.1 src 10.0.0.5 metric 7 onlink proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 7 proto dhcp`,
		next: "10.0.0.5/24", prev: []string{lease5 + " route 8.9.9.9/8 192.0.2.1 route 172.16.0.0/12 0.0.0.0"}, changes: `
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route del 8.0.0.0/8 via 192.0.2.1 src 10.0.0.5 metric 7 onlink
		route del default via 10.0.0.1 src 10.0.0.5 metric 7
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 7
		route del 192.0.2.1/32 scope link src 10.0.0.5 metric 7
		route del 172.16.0.0/12 scope link src 10.0.0.5 metric 7`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp`},
	{name: "a route of ours that no lease asks for any more", before: strings.ReplaceAll(ours, "1800", "3600") + `
		2: route 8.0.0.0/8 via 10.0.0.3 src 10.0.0.5 metric 1002 proto dhcp`, next: lease5, prev: []string{lease5}, changes: `
		route del 8.0.0.0/8 via 10.0.0.3 src 10.0.0.5 metric 1002`, then: strings.ReplaceAll(ours, "1800", "3600")},
	{name: "another program's routes prefer our address", before: strings.ReplaceAll(ours, "1800", "3600") + `
		2: route 8.0.0.0/8 via 10.0.0.1 src 10.0.0.5 metric 7 proto dhcp
		2: route default via 10.0.0.3 src 10.0.0.5 metric 7 proto dhcp
		2: route 10.0.0.1/32 scope link src 10.0.0.5 metric 7 proto dhcp`, next: lease5, prev: []string{"10.0.0.5/24"}, then: strings.ReplaceAll(ours, "1800", "3600") + `
		2: route 8.0.0.0/8 via 10.0.0.1 src 10.0.0.5 metric 7 proto dhcp
		2: route default via 10.0.0.3 src 10.0.0.5 metric 7 proto dhcp
		2: route 10.0.0.1/32 scope link src 10.0.0.5 metric 7 proto dhcp`},
	{name: "taken over from another DHCP client of the link", before: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 900sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1024 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1024 proto dhcp`, next: lease5, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del default via 10.0.0.1 src 10.0.0.5 metric 1024
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1024`, then: strings.ReplaceAll(ours, "1800", "3600")},
	{name: "the end of a lease", before: ours, prev: []string{lease5}, changes: `
		route del default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		address del 10.0.0.5/24`},
	{name: "the end of a lease, nothing there", prev: []string{lease5}},
	{name: "the end of no lease", before: ours, then: ours},
	{name: "the end of an infinite lease", before: strings.ReplaceAll(ours, "1800sec", "forever"), prev: []string{lease5 + " for ever"}, changes: `
		route del default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		address del 10.0.0.5/24`},
	{name: "an address made permanent is the administrator's", before: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft forever`, prev: []string{lease5}, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft forever`},
	{name: "another prefix and a peer are the administrator's", before: `
		2: address 10.0.0.5/25 valid_lft 100sec
		2: address 10.0.0.5/24 peer 10.0.0.9 valid_lft 100sec`, prev: []string{lease5}, then: `
		2: address 10.0.0.5/25 valid_lft 100sec
		2: address 10.0.0.5/24 peer 10.0.0.9 valid_lft 100sec`},
	{name: "foreign addresses and routes survive a renewal", before: ours + foreign, next: lease5, prev: []string{lease5}, changes: `
		address change 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: address 10.0.0.200/24 brd 10.0.0.255 secondary valid_lft forever
		2: address 192.0.2.9/24 brd 192.0.2.255 valid_lft forever
		3: address 10.0.0.77/24 brd 10.0.0.255 valid_lft forever
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp
		2: route 192.0.2.0/24 scope link src 192.0.2.9 metric 0 proto kernel
		2: route 198.51.100.0/24 via 192.0.2.1 src 192.0.2.9 metric 5 proto dhcp
		2: route 203.0.113.0/24 via 10.0.0.1 src 10.0.0.5 metric 1002 proto static
		3: route default via 10.0.0.1 src 10.0.0.77 metric 1002 proto dhcp`},
	{name: "foreign addresses and routes survive the end", before: ours + foreign, prev: []string{lease5}, changes: `
		route del default via 10.0.0.1 src 10.0.0.5 metric 1002
		route del 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		address del 10.0.0.5/24`, then: `
		2: address 10.0.0.200/24 brd 10.0.0.255 valid_lft forever
		2: address 192.0.2.9/24 brd 192.0.2.255 valid_lft forever
		3: address 10.0.0.77/24 brd 10.0.0.255 valid_lft forever
		2: route 192.0.2.0/24 scope link src 192.0.2.9 metric 0 proto kernel
		2: route 198.51.100.0/24 via 192.0.2.1 src 192.0.2.9 metric 5 proto dhcp
		3: route default via 10.0.0.1 src 10.0.0.77 metric 1002 proto dhcp`},
	{name: "the same default route on another link stays", before: `
		3: address 10.0.0.77/24 brd 10.0.0.255 valid_lft forever
		3: route default via 10.0.0.1 src 10.0.0.77 metric 1002 proto dhcp`, next: lease5, changes: `
		address add 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		route append 10.0.0.0/24 scope link src 10.0.0.5 metric 1002
		route append default via 10.0.0.1 src 10.0.0.5 metric 1002`, then: `
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		3: address 10.0.0.77/24 brd 10.0.0.255 valid_lft forever
		3: route default via 10.0.0.1 src 10.0.0.77 metric 1002 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 1002 proto dhcp
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 1002 proto dhcp`},
}

func TestConfigure(t *testing.T) {
	for _, s := range slices.Concat(scenes, adoptions) {
		t.Run(s.name, func(t *testing.T) {
			k, err := newFakeKernel(s.before)
			if err != nil {
				t.Fatal(err)
			}
			k.promote = !s.noPromote
			want, own := s.leases(t)
			if _, err := configure(t.Context(), k, 2, want, own, slog.New(slog.DiscardHandler)); err != nil {
				t.Error(err)
			}
			compare(t, "changes", k.did(), s.changes)
			compare(t, "kernel", k.String(), s.then)
			k.changes = nil
			if _, err := configure(t.Context(), k, 2, want, own, slog.New(slog.DiscardHandler)); err != nil {
				t.Error(err)
			}
			compare(t, "changes when done again", k.did(), "")
		})
	}
}

func (s scene) leases(t *testing.T) (want *plan, own owned) {
	t.Helper()
	var l *lease.Lease
	if s.next != "" {
		l = newLease(t, s.next)
		p, err := planLease(l, Config{}, facts{index: 2, mtu: 1500}, l.Start)
		if err != nil {
			t.Fatal(err)
		}
		want = &p
	}
	var prev []*lease.Lease
	for _, text := range s.prev {
		prev = append(prev, newLease(t, text))
	}
	// What has no address has left nothing.
	own = ownership(l, append(prev, nil, &lease.Lease{}), Config{}.metric(2))
	if address, router, ok := strings.Cut(s.adopt, " "); ok {
		own.adopt(adoption{address: netip.MustParsePrefix(address), gateway: netip.MustParseAddr(router)})
	}
	return want, own
}

func (k *fakeKernel) did() string {
	var b strings.Builder
	for _, c := range k.changes {
		fmt.Fprintln(&b, c)
	}
	return b.String()
}

func TestConfigure_OneBadRouteIsAWarning(t *testing.T) {
	var log logBuffer
	k := &fakeKernel{addresses: map[int][]address{}, refuse: func(c change) error {
		if c.action == addRoute && c.route.dst.Bits() == 8 {
			return unix.ENOBUFS
		}
		return nil
	}}
	l := newLease(t, "10.0.0.5/24 route 8.0.0.0/8 10.0.0.1 route 9.0.0.0/8 10.0.0.1 route 0.0.0.0/0 10.0.0.1")
	p, err := planLease(l, Config{}, facts{index: 2}, l.Start)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := configure(t.Context(), k, 2, &p, owned{}, log.logger(slog.LevelInfo)); err != nil {
		t.Error(err)
	}
	compare(t, "kernel", k.String(), strings.ReplaceAll(ours, "1800", "3600"))
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "count=2") || !strings.Contains(got, "8.0.0.0/8") {
		t.Errorf("log: %s", got)
	}
}

// The route to a gateway outside the subnet is there for what goes through it,
// and goes when all of that was refused; one that the lease asks for stays.
func TestConfigure_NoRouteToAGatewayForNothing(t *testing.T) {
	const door = "2: route 192.0.2.1/32 scope link src 10.0.0.5 metric 1002 proto dhcp\n"
	for name, tt := range map[string]struct{ text, refused, then string }{
		"all refused": {"10.0.0.5/32 route 0.0.0.0/0 192.0.2.1 route 8.0.0.0/8 192.0.2.1", "0.0.0.0/0 8.0.0.0/8", ""},
		"one is not": {"10.0.0.5/32 route 0.0.0.0/0 192.0.2.1 route 8.0.0.0/8 192.0.2.1", "0.0.0.0/0",
			door + "2: route 8.0.0.0/8 via 192.0.2.1 src 10.0.0.5 metric 1002 onlink proto dhcp\n"},
		"the server's own": {"10.0.0.5/32 route 192.0.2.1/32 - route 0.0.0.0/0 192.0.2.1", "0.0.0.0/0", door},
	} {
		t.Run(name, func(t *testing.T) {
			k := &fakeKernel{addresses: map[int][]address{}, refuse: func(c change) error {
				if c.action == addRoute && strings.Contains(tt.refused, c.route.dst.String()) {
					return unix.EINVAL
				}
				return nil
			}}
			l := newLease(t, tt.text)
			p, err := planLease(l, Config{}, facts{index: 2, mtu: 1500}, l.Start)
			must(t, err)
			for range 2 { // a renewal does it no other way
				_, err = configure(t.Context(), k, 2, &p, ownership(l, []*lease.Lease{l}, 1002), slog.New(slog.DiscardHandler))
				must(t, err)
				compare(t, "kernel", k.String(), "2: address 10.0.0.5/32 noprefixroute valid_lft 3600sec\n"+tt.then)
			}
		})
	}
}

func TestConfigure_LinkDown(t *testing.T) {
	k := &fakeKernel{addresses: map[int][]address{}, down: true}
	l := newLease(t, lease5)
	p, _ := planLease(l, Config{}, facts{index: 2}, l.Start)
	if _, err := configure(t.Context(), k, 2, &p, owned{}, slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("the address can be set on a link that is down: %v", err)
	}
	compare(t, "kernel", k.String(), "2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec")
}

func TestConfigure_Fails(t *testing.T) {
	refuse := func(a action, err error) func(change) error {
		return func(c change) error {
			if c.action == a {
				return err
			}
			return nil
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	tests := []struct {
		name         string
		ctx          context.Context
		before, next string
		refuse       func(change) error
		is           error
	}{
		{"address refused", t.Context(), "", lease5, refuse(addAddress, unix.EPERM), unix.EPERM},
		{"removal refused", t.Context(), ours, "", refuse(deleteAddress, unix.EPERM), unix.EPERM},
		{"out of time", cancelled, "", lease5, nil, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k, err := newFakeKernel(tt.before)
			if err != nil {
				t.Fatal(err)
			}
			k.refuse = tt.refuse
			want, own := scene{next: tt.next, prev: []string{lease5}}.leases(t)
			if _, err := configure(tt.ctx, k, 2, want, own, slog.New(slog.DiscardHandler)); !errors.Is(err, tt.is) {
				t.Errorf("error %v, want %v", err, tt.is)
			}
			for _, c := range k.changes {
				if c.action == addRoute {
					t.Errorf("%v without its address", c)
				}
			}
		})
	}
}

// An address that vanishes as fast as it is set is not on the link, whatever
// the kernel answered.
func TestConfigure_UndoneAtOnce(t *testing.T) {
	for _, next := range []string{lease5, ""} {
		k := liar{}
		if next == "" {
			k.have.addresses = []address{{prefix: newLease(t, lease5).Prefix(), valid: 10}}
		}
		want, own := scene{next: next, prev: []string{lease5}}.leases(t)
		_, err := configure(t.Context(), k, 2, want, own, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "on the link") {
			t.Errorf("apply %q: %v", next, err)
		}
	}
	want, _ := scene{next: lease5}.leases(t)
	if _, err := configure(t.Context(), liar{err: unix.ENOMEM}, 2, want, owned{}, slog.New(slog.DiscardHandler)); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("unreadable kernel: %v", err)
	}
}

// A liar is a kernel that says yes and stays as it is.
type liar struct {
	have state
	err  error
}

func (l liar) read(int) (state, error)  { return l.have, l.err }
func (l liar) change(int, change) error { return nil }

// A second is nothing to an hour, and half of what a lease of six seconds needs
// when it is renewed.
func TestAddressChanges_ShortLife(t *testing.T) {
	life := func(valid uint32) address {
		return address{prefix: netip.MustParsePrefix("10.0.0.5/24"), valid: valid, noPrefixRoute: true}
	}
	for _, c := range []struct {
		is, should uint32
		changes    int
	}{
		{3599, 3600, 0}, {3601, 3600, 0}, {3598, 3600, 1}, {5, 5, 0}, {4, 5, 1}, {6, 5, 1}, {60, 61, 0}, {59, 60, 1}, {forever, 5, 1},
	} {
		if got := addressChanges(life(c.should), state{addresses: []address{life(c.is)}}, owned{}); len(got) != c.changes {
			t.Errorf("%d s in place of %d: %v", c.should, c.is, got)
		}
	}
}
