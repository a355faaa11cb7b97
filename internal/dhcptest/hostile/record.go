package hostile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Record is what was seen of one run. Its times count from the start of the
// client.
type Record struct {
	Form Form
	// Window is how long was looked.
	Window time.Duration
	// Slack is how much later than it happened something may have been seen:
	// none in virtual time.
	Slack time.Duration
	// Messages are those on the wire, in order, but what cannot be parsed.
	Messages []Message
	// Addresses and Routes are what the kernel said of the link, in order.
	// IPv4 link-local addresses are left out (RFC 3927).
	Addresses []Address
	Routes    []Route
	// Last are the routes of the link when the window ended, MTU is its own.
	Last []Route
	MTU  int
	// DNS are the name servers of the host then; nil where nobody looked.
	DNS []netip.Addr
}

// A Message is a DHCP message on the wire.
type Message struct {
	At time.Duration
	// Sent says that the client sent it.
	Sent     bool
	Src, Dst netip.Addr
	*dhcpv4.DHCPv4
}

// An Address is a report that an address is on the link, or Gone.
type Address struct {
	At     time.Duration
	Prefix netip.Prefix
	// Valid is how long the kernel will keep it, from At; lease.Infinite is
	// for ever.
	Valid time.Duration
	Gone  bool
}

// A Route is one that was added.
type Route struct {
	At  time.Duration
	Dst netip.Prefix
	// Via is the gateway, the zero Addr for none.
	Via netip.Addr
	// MTU is the route's own, 0 for none.
	MTU int
}

// linkLocal is what a client may give itself (RFC 3927 2.1).
var linkLocal = netip.MustParsePrefix("169.254.0.0/16")

// Report adds a report of an address.
func (r *Record) Report(a Address) {
	if !linkLocal.Contains(a.Prefix.Addr()) {
		r.Addresses = append(r.Addresses, a)
	}
}

// sent returns the client's messages of the types given, of any if none is.
func (r *Record) sent(types ...dhcpv4.MessageType) []Message { return r.messages(true, types) }

// said returns the servers' messages.
func (r *Record) said(types ...dhcpv4.MessageType) []Message { return r.messages(false, types) }

func (r *Record) messages(sent bool, types []dhcpv4.MessageType) (list []Message) {
	for _, m := range r.Messages {
		if m.Sent == sent && (len(types) == 0 || slices.Contains(types, m.MessageType())) {
			list = append(list, m)
		}
	}
	return list
}

// A stay is a time in which an address was on the link without interruption.
type stay struct {
	Prefix   netip.Prefix
	From, To time.Duration
	// Valid is the longest that the kernel would have kept it.
	Valid time.Duration
}

// stays returns them in the order in which they began. What is on the link when
// the window ends has a To behind it.
func (r *Record) stays() (list []stay) {
	open := map[netip.Prefix]int{}
	for _, a := range r.Addresses {
		i, held := open[a.Prefix]
		if held && list[i].To < a.At { // the kernel's timer was first
			delete(open, a.Prefix)
			held = false
		}
		switch {
		case a.Gone && held:
			list[i].To = a.At
			delete(open, a.Prefix)
		case a.Gone:
		case held:
			list[i].To = a.ends()
			list[i].Valid = max(list[i].Valid, a.Valid)
		default:
			open[a.Prefix] = len(list)
			list = append(list, stay{a.Prefix, a.At, a.ends(), a.Valid})
		}
	}
	return list
}

// ends is when the kernel takes the address away, if nobody does before.
func (a Address) ends() time.Duration {
	if a.Valid >= lease.Infinite {
		return lease.Infinite
	}
	return a.At + a.Valid
}

// at returns the addresses on the link at a time.
func (r *Record) at(t time.Duration) (list []netip.Prefix) {
	for _, s := range r.stays() {
		if s.From <= t && t < s.To {
			list = append(list, s.Prefix)
		}
	}
	return list
}

// String is the record line by line, for a test that failed.
func (r *Record) String() string {
	type line struct {
		at   time.Duration
		text string
	}
	var all []line
	for _, m := range r.Messages {
		way := "<"
		if m.Sent {
			way = ">"
		}
		all = append(all, line{m.At, fmt.Sprintf("%s %v xid %v %v to %v, yiaddr %v, ciaddr %v, asks %v, server %v",
			way, m.MessageType(), m.TransactionID, m.Src, m.Dst, addrOf(m.YourIPAddr), addrOf(m.ClientIPAddr),
			addrOf(m.RequestedIPAddress()), addrOf(m.ServerIdentifier()))})
	}
	for _, a := range r.Addresses {
		what := "for " + valid(a.Valid)
		if a.Gone {
			what = "gone"
		}
		all = append(all, line{a.At, fmt.Sprintf("  address %v %s", a.Prefix, what)})
	}
	for _, rt := range r.Routes {
		all = append(all, line{rt.At, "  route " + way(rt)})
	}
	slices.SortStableFunc(all, func(a, b line) int { return cmp.Compare(a.at, b.at) })
	var b strings.Builder
	for _, l := range all {
		fmt.Fprintf(&b, "%9.3f %s\n", l.at.Seconds(), l.text)
	}
	fmt.Fprintf(&b, "%9.3f   MTU %d, routes %v, DNS %v", r.Window.Seconds(), r.MTU, r.Last, r.DNS)
	return b.String()
}
