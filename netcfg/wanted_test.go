package netcfg

import (
	"fmt"
	"strings"
	"testing"
)

// Who configures the link in our place is bound by the same policy.
func TestWanted(t *testing.T) {
	const text = "10.0.0.5/24 mtu 1300 route 0.0.0.0/1 10.0.0.66 route 10.0.0.128/26 10.0.0.66 route 10.0.0.192/26 8.8.8.8 route 0.0.0.0/0 192.0.2.1"
	b := newBench(t)
	for policy, want := range map[Routes]string{
		RoutesAll: "0.0.0.0/1 10.0.0.66; 10.0.0.128/26 10.0.0.66; 8.8.8.8/32 invalid IP; 10.0.0.192/26 8.8.8.8; " +
			"192.0.2.1/32 invalid IP; 0.0.0.0/0 192.0.2.1; mtu 1300",
		RoutesSubnet:  "10.0.0.128/26 10.0.0.66; 192.0.2.1/32 invalid IP; 0.0.0.0/0 192.0.2.1; mtu 1300",
		RoutesDefault: "192.0.2.1/32 invalid IP; 0.0.0.0/0 192.0.2.1; mtu 1300",
		RoutesNone:    "mtu 1300",
	} {
		routes, mtu, err := b.link(t, "eth0", Config{Routes: policy}).Wanted(newLease(t, text))
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, r := range routes {
			fmt.Fprintf(&got, "%v %v; ", r.Dst, r.Gateway)
		}
		fmt.Fprintf(&got, "mtu %d", mtu)
		if got.String() != want {
			t.Errorf("%v:\n got %s\nwant %s", policy, &got, want)
		}
	}
	cfg := Config{Routes: RoutesSubnet, MaxRoutes: 1, NoMTU: true}
	routes, mtu, err := b.link(t, "eth0", cfg).Wanted(newLease(t, text))
	if err != nil || len(routes) != 1 || mtu != 0 {
		t.Errorf("%v, mtu %d, %v", routes, mtu, err)
	}
	if _, _, err := b.link(t, "eth0", cfg).Wanted(newLease(t, "10.0.0.5/24 for 0s")); err == nil {
		t.Error("a lease that has expired is wanted")
	}
}
