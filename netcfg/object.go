package netcfg

import (
	"fmt"
	"math"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// forever is the kernel's lifetime of an address that does not expire.
const forever = math.MaxUint32

// An address is an IPv4 address on a link.
type address struct {
	prefix    netip.Prefix // the address with the length of its subnet
	broadcast netip.Addr   // the zero Addr for none
	// peer is the other end of a point-to-point address, which ours never are.
	peer netip.Addr
	// valid is its lifetime in seconds; preferred is always the same.
	valid uint32
	// noPrefixRoute says that the kernel made no route for its subnet.
	noPrefixRoute bool
	// secondary says that another address of the same subnet was there first.
	secondary bool
}

// String is the address as `ip address` would have it.
func (a address) String() string {
	var b strings.Builder
	b.WriteString(a.prefix.String())
	if a.peer.IsValid() {
		fmt.Fprintf(&b, " peer %v", a.peer)
	}
	if a.broadcast.IsValid() {
		fmt.Fprintf(&b, " brd %v", a.broadcast)
	}
	if a.secondary {
		b.WriteString(" secondary")
	}
	if a.noPrefixRoute {
		b.WriteString(" noprefixroute")
	}
	if a.valid == forever {
		b.WriteString(" valid_lft forever")
	} else {
		fmt.Fprintf(&b, " valid_lft %dsec", a.valid)
	}
	return b.String()
}

// A route is a unicast route on a link, of the table that ours are in.
type route struct {
	dst     netip.Prefix
	gateway netip.Addr // the zero Addr: dst is on the link
	source  netip.Addr // the preferred source
	metric  int
	mtu     int   // 0 is the link's
	scope   uint8 // RT_SCOPE_*
	// onLink says that the gateway is reachable whatever the routes say.
	onLink bool
	// boot says that the protocol is boot, which is that of routes that were set
	// by ioctl or by hand; else it is dhcp.
	boot bool
}

// String is the route as `ip route` would have it.
func (r route) String() string {
	var b strings.Builder
	if r.dst.Bits() == 0 {
		b.WriteString("default")
	} else {
		b.WriteString(r.dst.String())
	}
	if r.gateway.IsValid() {
		fmt.Fprintf(&b, " via %v", r.gateway)
	}
	if r.scope == unix.RT_SCOPE_LINK {
		b.WriteString(" scope link")
	}
	if r.source.IsValid() {
		fmt.Fprintf(&b, " src %v", r.source)
	}
	fmt.Fprintf(&b, " metric %d", r.metric)
	if r.mtu != 0 {
		fmt.Fprintf(&b, " mtu %d", r.mtu)
	}
	if r.onLink {
		b.WriteString(" onlink")
	}
	if r.boot {
		b.WriteString(" proto boot")
	}
	return b.String()
}
