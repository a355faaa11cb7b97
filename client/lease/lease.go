// Package lease is the vocabulary that every part of dhclient-go shares: what
// a DHCPv4 server granted, and where that is kept on disk.
//
// It imports the standard library only, so that any part (and any embedder)
// may depend on it.
package lease

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// Infinite is the lease time that means "never expires": the all-ones value of
// option 51 (RFC 2131 3.3).
const Infinite = time.Duration(0xffffffff) * time.Second

// A Lease is what a server granted, already checked: no field holds a value
// that its option's RFC forbids. The zero value of a field means that the
// server did not say.
//
// A Lease is shared by pointer between goroutines and is never changed once
// it has left the function that made it; a change is a Clone.
type Lease struct {
	// Address is the leased address (yiaddr), a unicast IPv4 address.
	Address netip.Addr
	// Bits is the length of the subnet mask (option 1), 8 to 32; 0 when the
	// server sent none.
	Bits int
	// Broadcast is the subnet's broadcast address as the server gave it
	// (option 28); the zero Addr when it sent none.
	Broadcast netip.Addr
	// Server is the server identifier (option 54): where RENEW and RELEASE go.
	Server netip.Addr

	// Start is when the message that the server answered was first sent
	// (RFC 2131 4.4.1), on the time line of Now.
	Start time.Time
	// Valid is the lease time (option 51), whole seconds from Start; Infinite
	// never ends, 0 means that the server sent none.
	Valid time.Duration
	// T1 and T2 are when to renew and when to rebind, from Start (options 58
	// and 59). In a message they are what the server said, 0 for nothing; in
	// a held lease 0 < T1 < T2 < Valid, and both are 0 when Valid is Infinite.
	T1, T2 time.Duration

	// Routes are the routes of the lease, in the server's order, from one of
	// two sources: option 121, else 249; or else 33 followed by the routers
	// of option 3 as default routes.
	Routes []Route
	// DNS are the name servers (option 6) in order, without duplicates.
	DNS []netip.Addr
	// Domain is the domain name (option 15), a valid host name.
	Domain string
	// Search is the domain search list (option 119), each a valid host name.
	Search []string
	// Hostname is the host name that the server gave (option 12), a valid one.
	Hostname string
	// MTU is the interface MTU (option 26) as the server gave it, 68 to
	// 65535; 0 when it sent none. What is applied is netcfg's decision.
	MTU int
	// NTP are the time servers (option 42), in order, without duplicates.
	NTP []netip.Addr
	// CaptivePortal is the URI of option 114 (RFC 8910), checked to be one.
	CaptivePortal string

	// V6OnlyWait is how long the server has who can do without IPv4 do without
	// (option 108, RFC 8925), 300 s at least; 0 when it sent none. It is not
	// stored.
	V6OnlyWait time.Duration

	// NextServer is the server of the next step of a network boot (siaddr,
	// RFC 2131 2).
	NextServer netip.Addr
	// ServerName and BootFile are the fields sname and file of the message
	// (RFC 2131 2), 64 and 128 octets of printable ASCII at most. They are
	// empty where the server put options there (option 52): the same is then
	// said by options 66 and 67. They are words of the network, and may hold
	// what means something to a shell.
	ServerName, BootFile string

	// Options holds every option of the message as it came, by its code,
	// instances concatenated (RFC 3396): for programs that know more than we
	// do. The bytes are the network's, or a client.Config.OptionFilter's, and
	// were checked by nobody. What the lease carries for others (see Carried)
	// is decoded, and checked, by the methods for it; of that, what a renewal
	// left out is here too.
	Options map[uint8][]byte

	// HardwareAddr is the link's address when the lease was obtained
	// (chaddr): a lease is not used with another.
	HardwareAddr HardwareAddr
	// ClientID is option 61 as it was sent (RFC 2131 4.2: it must not change).
	ClientID []byte
	// RouterMAC is the hardware address of Router when the lease was in use,
	// the zero value when unknown. It tells this network from another with
	// the same addresses (RFC 4436 2.1).
	RouterMAC HardwareAddr
}

// A Route is one route that a lease asks for.
type Route struct {
	// Dst is the destination with its host bits zero; 0.0.0.0/0 is a default
	// route.
	Dst netip.Prefix
	// Gateway is the next hop; the zero Addr (or 0.0.0.0 in option 121,
	// RFC 3442) means that Dst is on the link.
	Gateway netip.Addr
}

// HardwareAddr is an Ethernet address; the zero value means none.
type HardwareAddr [6]byte

const hexDigits = "0123456789abcdef"

// String returns the address as 02:00:00:00:00:01.
func (a HardwareAddr) String() string {
	b := make([]byte, 0, 17)
	for i, c := range a {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return string(b)
}

// IsZero says that there is no address.
func (a HardwareAddr) IsZero() bool { return a == HardwareAddr{} }

// Prefix returns the address with the length of its subnet. A lease without a
// mask has none; see WithMask.
func (l *Lease) Prefix() netip.Prefix { return netip.PrefixFrom(l.Address, l.Bits) }

// IsInfinite says that the lease never expires (RFC 2131 3.3).
func (l *Lease) IsInfinite() bool { return l.Valid >= Infinite }

// ExpireAt is when the address must no longer be used; the zero Time for a
// lease that never expires.
func (l *Lease) ExpireAt() time.Time { return l.after(l.Valid) }

// RenewAt is T1: when to ask the server for more; the zero Time for never.
func (l *Lease) RenewAt() time.Time { return l.after(l.T1) }

// RebindAt is T2: when to ask every server; the zero Time for never.
func (l *Lease) RebindAt() time.Time { return l.after(l.T2) }

func (l *Lease) after(d time.Duration) time.Time {
	if l.IsInfinite() {
		return time.Time{}
	}
	return l.Start.Add(d)
}

// Expired says that the lease is over at now.
func (l *Lease) Expired(now time.Time) bool {
	return !l.IsInfinite() && !now.Before(l.ExpireAt())
}

// Remaining is how long the lease lasts from now: 0 when it is over, Infinite
// when it never is.
func (l *Lease) Remaining(now time.Time) time.Duration {
	if l.IsInfinite() {
		return Infinite
	}
	return max(0, l.ExpireAt().Sub(now))
}

// Router is the gateway of the first default route, the zero Addr when there
// is none.
func (l *Lease) Router() netip.Addr {
	for _, r := range l.Routes {
		if r.Dst.Bits() == 0 && r.Gateway.IsValid() && !r.Gateway.IsUnspecified() {
			return r.Gateway
		}
	}
	return netip.Addr{}
}

// Clone returns a copy that shares nothing with l.
func (l *Lease) Clone() *Lease {
	c := *l
	c.Routes = slices.Clone(l.Routes)
	c.DNS = slices.Clone(l.DNS)
	c.Search = slices.Clone(l.Search)
	c.NTP = slices.Clone(l.NTP)
	c.ClientID = slices.Clone(l.ClientID)
	c.Options = maps.Clone(l.Options)
	for code, v := range c.Options {
		c.Options[code] = slices.Clone(v)
	}
	return &c
}
