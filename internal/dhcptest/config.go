package dhcptest

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Config is what a Server serves and how it misbehaves. ServerID, Network, First
// and Last are needed.
type Config struct {
	// ServerID is option 54 and the address that the server answers from.
	ServerID netip.Addr
	// Network is the subnet; its mask is option 1.
	Network netip.Prefix
	// First and Last are the ends of the pool, within Network. ServerID and
	// Routers are left out of it.
	First, Last netip.Addr
	// Reserved are addresses for stations, in the pool or not.
	Reserved map[lease.HardwareAddr]netip.Addr

	// Lease is option 51, whole seconds; 0 is an hour, lease.Infinite has no
	// end. T1 and T2 are options 58 and 59; 0 sends none.
	Lease, T1, T2 time.Duration
	// Routers is option 3, DNS option 6, Domain option 15, MTU option 26; the
	// zero value sends none.
	Routers, DNS []netip.Addr
	Domain       string
	MTU          int
	// Options are added as they are, and replace those above; nil leaves an
	// option out.
	Options map[uint8][]byte

	// Authoritative says that the server knows all that is to be known of
	// Network: it sends NAK for leases that it has no record of, where
	// another server keeps silent (RFC 2131 4.3.2).
	Authoritative bool
	// OfferTime is how long an offered address waits for its REQUEST, and
	// DeclineTime how long a declined one is not used; 0 is two minutes and
	// an hour.
	OfferTime, DeclineTime time.Duration
	// Delay is how long the server thinks.
	Delay time.Duration

	// Silent answers nothing. What comes is counted.
	Silent bool
	// Ignore are types of messages that are not seen.
	Ignore []dhcpv4.MessageType
	// NakRequests answers each REQUEST that is for this server with NAK.
	NakRequests bool
	// Mutate may change an answer before it is encoded.
	Mutate func(req, reply *dhcpv4.DHCPv4)
	// Rewrite may change an encoded answer; nil drops it.
	Rewrite func(payload []byte) []byte
	// Script has the last word on a request that the server hears: out is
	// what it would send, often one message or none, and what is returned is
	// sent instead.
	Script func(req *dhcpv4.DHCPv4, out []Reply) []Reply
}

const (
	defaultLease       = time.Hour
	defaultOfferTime   = 2 * time.Minute
	defaultDeclineTime = time.Hour
)

// complete fills in defaults.
func (c Config) complete() Config {
	c.Lease = cmp.Or(c.Lease, defaultLease)
	c.OfferTime = cmp.Or(c.OfferTime, defaultOfferTime)
	c.DeclineTime = cmp.Or(c.DeclineTime, defaultDeclineTime)
	return c
}

func (c Config) check() error {
	n := c.Network
	switch {
	case !c.ServerID.Is4():
		return errors.New("server without an IPv4 address")
	case !n.IsValid() || !n.Addr().Is4():
		return errors.New("server without an IPv4 network")
	case !n.Contains(c.First) || !n.Contains(c.Last) || c.Last.Less(c.First):
		return fmt.Errorf("%v to %v is not a range of %v", c.First, c.Last, n)
	}
	for _, d := range []time.Duration{c.Lease, c.T1, c.T2} {
		if d < 0 || d > lease.Infinite || d%time.Second != 0 {
			return fmt.Errorf("%v is not a time in seconds that an option can hold", d)
		}
	}
	return nil
}

// inPool says that addr may be given to anybody.
func (c *Config) inPool(addr netip.Addr) bool {
	return addr.Is4() && !addr.Less(c.First) && !c.Last.Less(addr) && addr != c.ServerID && !slices.Contains(c.Routers, addr)
}
