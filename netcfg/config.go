package netcfg

import (
	"cmp"
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// Config says how leases are applied to a link. The zero value works.
type Config struct {
	// Metric is the metric of every route of ours, 1 to 2147483647; 0 is 1000
	// plus the link's index, so that two links never share a default route.
	Metric int
	// Routes says which routes of a lease are installed.
	Routes Routes
	// Table is the routing table that the routes of leases are put into, that of
	// the leased subnet too, 1 to 2147483647, and not that of the host's own
	// addresses, 255. 0 is the table of the VRF that the link is a port of, and
	// else the main one, 254.
	//
	// The kernel drops the routes in these two when the address goes, also when
	// nobody is left to do it; those of another table stay then. To be of use,
	// that one needs a rule (ip-rule(8)): by the leased address the client finds
	// its way to a server behind a relay, too.
	Table int
	// MaxRoutes is how many routes of a lease are installed at most, 1 to 512; 0
	// is 512.
	MaxRoutes int
	// MinMTU and MaxMTU are the least and the most that the MTU of a lease may
	// make of that of our routes, 68 to 65535: what is beyond them is brought
	// within. 0 is 576, which every IPv4 host can receive (RFC 791 3.1), and the
	// link's own MTU, which is never exceeded.
	MinMTU, MaxMTU int
	// NoMTU ignores the MTU of leases (option 26).
	NoMTU bool
	// LinkMTU gives the MTU of a lease to the link itself instead of to our
	// routes, and the old one back when the lease is gone. Some drivers drop
	// the carrier for it.
	LinkMTU bool
	// LeaveDown never brings the link up. Else it is brought up once, when it
	// is first seen; taken down later, it stays down.
	LeaveDown bool
	// Fixed is for a link that somebody else follows: when it is deleted, no later
	// link with its name takes its place.
	Fixed bool
	// Index is that of the link that is meant, whose name may be another's by the
	// time when it is looked for; 0 is whichever has the name.
	Index int
}

func (c Config) check() error {
	if c.Metric < 0 || c.Metric > math.MaxInt32 {
		return fmt.Errorf("route metric %d is not between 0 and %d", c.Metric, math.MaxInt32)
	}
	if c.Table < 0 || c.Table > math.MaxInt32 || c.Table == unix.RT_TABLE_LOCAL {
		return fmt.Errorf("routing table %d is not between 1 and %d, or is that of the host's own addresses", c.Table, math.MaxInt32)
	}
	if c.MaxRoutes < 0 || c.MaxRoutes > maxRoutes {
		return fmt.Errorf("at most %d routes: not between 0 and %d", c.MaxRoutes, maxRoutes)
	}
	for _, mtu := range []int{c.MinMTU, c.MaxMTU} {
		if mtu != 0 && (mtu < leastMTU || mtu > math.MaxUint16) {
			return fmt.Errorf("limit of the MTU %d is not between %d and %d", mtu, leastMTU, math.MaxUint16)
		}
	}
	if c.MaxMTU != 0 && c.MaxMTU < c.minMTU() {
		return fmt.Errorf("limits of the MTU: %d is more than %d", c.minMTU(), c.MaxMTU)
	}
	return nil
}

// leastMTU is the least that an IPv4 link may have (RFC 791 3.2).
const leastMTU = 68

func (c Config) minMTU() int    { return cmp.Or(c.MinMTU, minMTU) }
func (c Config) maxRoutes() int { return cmp.Or(c.MaxRoutes, maxRoutes) }

// bounded is an MTU of a lease within the limits.
func (c Config) bounded(mtu int) int {
	if mtu = max(mtu, c.minMTU()); c.MaxMTU != 0 {
		mtu = min(mtu, c.MaxMTU)
	}
	return mtu
}

// table is the routing table of our routes on a link.
func (c Config) table(link linkInfo) int { return cmp.Or(c.Table, link.vrf, unix.RT_TABLE_MAIN) }

// metric is the metric of routes on the link with that index.
func (c Config) metric(index int) int {
	if c.Metric != 0 {
		return c.Metric
	}
	return 1000 + index
}

// Routes limits what a lease may do to the routing table. Option 121 can send
// any destination to any station of the link, past a VPN too: such a route is
// more specific than a VPN's default route, whatever its metric (CVE-2024-3661).
// What of that is refused, and what is not, is logged when it changes.
type Routes uint8

const (
	// RoutesAll installs every route of the lease.
	RoutesAll Routes = iota
	// RoutesSubnet installs the default route, and more specific ones only
	// to destinations inside the leased subnet.
	RoutesSubnet
	// RoutesDefault installs the default route only.
	RoutesDefault
	// RoutesNone installs no route of the lease.
	//
	// The leased subnet itself stays reachable under each of these: without
	// that route the address would be useless.
	RoutesNone
)

var routesNames = [...]string{"all", "subnet", "default", "none"}

// String is the name that ParseRoutes reads.
func (r Routes) String() string {
	if int(r) < len(routesNames) {
		return routesNames[r]
	}
	return fmt.Sprintf("Routes(%d)", uint8(r))
}

// ParseRoutes reads all, subnet, default or none.
func ParseRoutes(s string) (Routes, error) {
	for i, name := range routesNames {
		if s == name {
			return Routes(i), nil
		}
	}
	return RoutesAll, fmt.Errorf("routes %q: not one of all, subnet, default, none", s)
}
