package fsm

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Each host begins with an address of its own, the same each time, from anywhere
// in the range (RFC 3927 2.1; conformance LL-03).
func TestLinkLocal_RFC3927_2_1(t *testing.T) {
	const hosts = 2000
	low, high := netip.MustParseAddr("169.254.1.0"), netip.MustParseAddr("169.254.254.255")
	seen := map[netip.Addr]int{}
	var places []float64
	for i := range hosts {
		hw := lease.HardwareAddr{2, 0, 0, 0, byte(i >> 8), byte(i)}
		a := linkLocal(hw, 0)
		if a.Less(low) || high.Less(a) || a != linkLocal(hw, 0) || a == linkLocal(hw, 1) {
			t.Fatalf("%v: %v, %v, then %v", hw, a, linkLocal(hw, 0), linkLocal(hw, 1))
		}
		seen[a]++
		b := a.As4()
		places = append(places, float64(int(b[2])<<8|int(b[3])))
	}
	if len(seen) < hosts*95/100 {
		t.Errorf("%d hosts have %d addresses", hosts, len(seen))
	}
	slices.Sort(places)
	for i, x := range places { // Kolmogorov and Smirnov, at a level of 0.1 %
		if p, q := (x-256)/65024, float64(i)/hosts; p-q > 0.044 || q-p > 0.044 {
			t.Fatalf("not uniform: %v where %v was to be", p, q)
		}
	}
}
