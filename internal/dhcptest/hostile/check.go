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

// A Check is something that must be seen in a record.
type Check struct {
	// Says is what must be seen.
	Says string
	// see returns whether it is, and what is, in a few words.
	see func(*Record) (ok bool, saw string)
}

// The types of messages, by the names that RFC 2131 has for them.
const (
	discover = dhcpv4.MessageTypeDiscover
	offer    = dhcpv4.MessageTypeOffer
	request  = dhcpv4.MessageTypeRequest
	decline  = dhcpv4.MessageTypeDecline
	ack      = dhcpv4.MessageTypeAck
	nak      = dhcpv4.MessageTypeNak
)

// has wants the address, and no other, on the link when the window ends.
func has(prefix string) Check {
	want := netip.MustParsePrefix(prefix)
	return Check{"ends with " + prefix, func(r *Record) (bool, string) {
		if held := r.at(r.Window); len(held) != 1 || held[0] != want {
			return false, list(held)
		}
		return true, since(r, want)
	}}
}

// keeps is has, and from the first moment on without a gap.
func keeps(prefix string) Check {
	want := netip.MustParsePrefix(prefix)
	return Check{"gets and keeps " + prefix, func(r *Record) (bool, string) {
		all := r.stays()
		if len(all) != 1 || all[0].Prefix != want || all[0].To <= r.Window {
			return false, stays(all)
		}
		return true, since(r, want)
	}}
}

// since says when an address came that is there in the end.
func since(r *Record, p netip.Prefix) string {
	for _, s := range r.stays() {
		if s.Prefix == p && s.To > r.Window {
			return "in " + seconds(s.From)
		}
	}
	return ""
}

// never wants that no such address is ever on the link.
func never(says string, bad func(netip.Prefix) bool) Check {
	return Check{"never " + says, func(r *Record) (bool, string) {
		for _, s := range r.stays() {
			if bad(s.Prefix) {
				return false, fmt.Sprintf("%v on the link", s.Prefix)
			}
		}
		return true, ""
	}}
}

// bare wants no address at all.
var bare = never("an address", func(netip.Prefix) bool { return true })

// without wants that an address is never on the link.
func without(a netip.Addr) Check {
	return never(a.String(), func(p netip.Prefix) bool { return p.Addr() == a })
}

// masked wants that no address has another prefix length than these.
func masked(bits ...int) Check {
	return never(fmt.Sprintf("a mask but of %v bits", bits), func(p netip.Prefix) bool { return !slices.Contains(bits, p.Bits()) })
}

// atMost wants no more messages than n of these types, of all types if none is
// given.
func atMost(n int, types ...dhcpv4.MessageType) Check {
	return Check{fmt.Sprintf("at most %d %s", n, names(types)), func(r *Record) (bool, string) {
		sent := len(r.sent(types...))
		return sent <= n, fmt.Sprintf("%d %s", sent, names(types))
	}}
}

// noFaster wants no more than n messages in any span of that time.
func noFaster(n int, span time.Duration) Check {
	return Check{fmt.Sprintf("at most %d messages in any %v", n, span), func(r *Record) (bool, string) {
		all, worst := r.sent(), 0
		for i, first := 0, 0; i < len(all); i++ {
			for all[i].At-all[first].At >= span {
				first++
			}
			worst = max(worst, i-first+1)
		}
		return worst <= n, fmt.Sprintf("%d messages in %v", worst, span)
	}}
}

// atLeast wants n messages of a type, or more.
func atLeast(n int, typ dhcpv4.MessageType) Check {
	return Check{fmt.Sprintf("at least %d %v", n, typ), func(r *Record) (bool, string) {
		sent := len(r.sent(typ))
		return sent >= n, fmt.Sprintf("%d %v", sent, typ)
	}}
}

// backsOff wants that DISCOVERs come ever less often: each gap is at least as
// long as the one before it, less what random delays may do (RFC 2131 4.1), and
// the last is longer than the first.
var backsOff = Check{"gaps between DISCOVERs grow", func(r *Record) (bool, string) {
	var gaps []time.Duration
	all := r.sent(discover)
	for i := 1; i < len(all); i++ {
		gaps = append(gaps, all[i].At-all[i-1].At)
	}
	grow := len(gaps) < 2 || gaps[len(gaps)-1] > gaps[0]
	for i := 1; i < len(gaps); i++ {
		grow = grow && gaps[i] > gaps[i-1]-2*time.Second-r.Slack
	}
	return grow, "gaps " + some(gaps, seconds)
}}

// accepts wants that every REQUEST that names a server names this one, and the
// address with it (RFC 2131 4.3.2).
func accepts(server, addr netip.Addr) Check {
	return Check{fmt.Sprintf("accepts %v of %v", addr, server), func(r *Record) (bool, string) {
		named := accepted(r)
		for _, m := range named {
			if s, a := addrOf(m.ServerIdentifier()), addrOf(m.RequestedIPAddress()); s != server || a != addr {
				return false, fmt.Sprintf("REQUEST of %v from %v", a, s)
			}
		}
		return len(named) > 0, fmt.Sprintf("%d REQUEST", len(named))
	}}
}

// refuses wants that no REQUEST names the first server, the one that lies.
func refuses(server netip.Addr) Check {
	return Check{fmt.Sprintf("accepts nothing of %v", server), func(r *Record) (bool, string) {
		for _, m := range r.sent(request) {
			s, a := addrOf(m.ServerIdentifier()), addrOf(m.RequestedIPAddress())
			if s == server || s.IsUnspecified() && addrOf(m.ClientIPAddr).IsUnspecified() {
				return false, fmt.Sprintf("REQUEST of %v from %v", a, s)
			}
		}
		return true, ""
	}}
}

// accepted are the REQUESTs of SELECTING.
func accepted(r *Record) []Message {
	return slices.DeleteFunc(r.sent(request), func(m Message) bool { return m.ServerIdentifier() == nil })
}

// oneOffer wants that all REQUESTs name one server and an address that it
// offered.
var oneOffer = Check{"accepts one offer", func(r *Record) (bool, string) {
	named := accepted(r)
	for _, m := range named {
		if s := addrOf(m.ServerIdentifier()); s != addrOf(named[0].ServerIdentifier()) {
			return false, fmt.Sprintf("REQUESTs for %v and %v", addrOf(named[0].ServerIdentifier()), s)
		}
		mine := func(o Message) bool {
			return o.ServerIdentifier().Equal(m.ServerIdentifier()) && o.YourIPAddr.Equal(m.RequestedIPAddress())
		}
		if !slices.ContainsFunc(r.said(offer), mine) {
			return false, fmt.Sprintf("REQUEST of %v, which was not offered", addrOf(m.RequestedIPAddress()))
		}
	}
	return len(named) > 0, fmt.Sprintf("%d REQUEST", len(named))
}}

// startsOver wants a DISCOVER with another xid after the first REQUEST, within
// a time.
func startsOver(within time.Duration) Check {
	return Check{fmt.Sprintf("starts over within %v, with a new xid", within), func(r *Record) (bool, string) {
		first := r.sent(request)
		if len(first) == 0 {
			return false, "no REQUEST"
		}
		for _, m := range r.sent(discover) {
			if d := m.At - first[0].At; d > 0 {
				return d <= within+r.Slack && m.TransactionID != first[0].TransactionID, "after " + seconds(d) + sameXID(m, first[0])
			}
		}
		return false, fmt.Sprintf("%d REQUEST, no DISCOVER", len(r.sent(request)))
	}}
}

func sameXID(a, b Message) string {
	if a.TransactionID == b.TransactionID {
		return ", same xid"
	}
	return ""
}

// leaves wants the address off the link, and a DISCOVER sent, within a time of
// the first NAK.
func leaves(addr netip.Addr, within time.Duration) Check {
	return Check{fmt.Sprintf("gives %v up within %v of the NAK", addr, within), func(r *Record) (bool, string) {
		said := r.said(nak)
		if len(said) == 0 {
			return false, "never asked for more"
		}
		at := said[0].At
		for _, s := range r.stays() {
			if s.Prefix.Addr() == addr && s.From < at && s.To > at+within+r.Slack {
				return false, "kept for " + upTo(s.To-at, r.Window-at)
			}
		}
		for _, m := range r.sent(discover) {
			if m.At >= at {
				return m.At <= at+time.Second+r.Slack, "DISCOVER after " + seconds(m.At-at)
			}
		}
		return false, "no DISCOVER"
	}}
}

// renews wants that the lease was asked for again, at least once: without that
// the row shows nothing.
var renews = Check{"asks for more at T1", func(r *Record) (bool, string) {
	n := len(extensions(r))
	if n == 0 {
		return false, "no renewal"
	}
	return true, fmt.Sprintf("%d renewals", n)
}}

// extensions are the REQUESTs of RENEWING and REBINDING.
func extensions(r *Record) []Message {
	return slices.DeleteFunc(r.sent(request), func(m Message) bool { return addrOf(m.ClientIPAddr).IsUnspecified() })
}

// ends wants the address gone when the time has passed that the last ACK gave,
// counted from the first REQUEST that it could have answered.
func ends(after time.Duration) Check {
	return Check{fmt.Sprintf("has no address %v after the REQUEST", after), func(r *Record) (bool, string) {
		first := r.sent(request)
		held := r.stays()
		if len(first) == 0 || len(held) == 0 {
			return false, "no lease"
		}
		from, to := first[0].At, held[0].To
		return to-from <= after+time.Second+r.Slack, "for " + upTo(to-from, r.Window-from)
	}}
}

// lasts wants that the kernel keeps addresses at least or at most that long.
func lasts(least, most time.Duration) Check {
	says := fmt.Sprintf("has a lifetime of %v at most", most)
	if least > 0 {
		says = fmt.Sprintf("has a lifetime of %v or more", least)
	}
	return Check{says, func(r *Record) (bool, string) {
		all := r.stays()
		for _, s := range all {
			if s.Valid < least || s.Valid > most {
				return false, "lifetime " + valid(s.Valid)
			}
		}
		if len(all) == 0 {
			return least == 0, "no address"
		}
		return true, "lifetime " + valid(all[0].Valid)
	}}
}

// quiet wants no message after the first ACK.
var quiet = Check{"is silent once it has a lease", func(r *Record) (bool, string) {
	acks := r.said(ack)
	if len(acks) == 0 {
		return true, ""
	}
	n := len(r.sent()) - len(slices.DeleteFunc(r.sent(), func(m Message) bool { return m.At > acks[0].At }))
	return n == 0, fmt.Sprintf("%d messages after the ACK", n)
}}

// via wants the default route through a router when the window ends, and no
// other; the zero Addr is no default route.
func via(router netip.Addr) Check {
	says := fmt.Sprintf("default route via %v", router)
	if !router.IsValid() {
		says = "no default route"
	}
	return Check{says, func(r *Record) (bool, string) {
		var got []netip.Addr
		for _, rt := range r.Last {
			if rt.Dst.Bits() == 0 && rt.Via.IsValid() && !slices.Contains(got, rt.Via) {
				got = append(got, rt.Via)
			}
		}
		ok := len(got) == 1 && got[0] == router || len(got) == 0 && !router.IsValid()
		if len(got) == 0 {
			return ok, "no default route"
		}
		return ok, "default via " + list(got)
	}}
}

// routes wants these routes through routers when the window ends, and no others
// but the default route.
func routes(want ...string) Check {
	return Check{"routes " + list(want), func(r *Record) (bool, string) {
		got := []string{}
		for _, rt := range r.Last {
			if rt.Dst.Bits() > 0 && !rt.Dst.Contains(host(50)) {
				got = append(got, fmt.Sprintf("%v via %v", rt.Dst, rt.Via))
			}
		}
		slices.Sort(got)
		got = slices.Compact(got)
		return slices.Equal(got, want), "routes " + list(got)
	}}
}

// neverVia wants that no route ever goes through a router.
func neverVia(router netip.Addr) Check {
	return Check{fmt.Sprintf("never a route via %v", router), func(r *Record) (bool, string) {
		for _, rt := range slices.Concat(r.Routes, r.Last) {
			if rt.Via == router {
				return false, fmt.Sprintf("%v via %v", rt.Dst, rt.Via)
			}
		}
		return true, ""
	}}
}

// mtu wants that what leaves by the default route is of that size at most.
func mtu(least, most int) Check {
	return Check{fmt.Sprintf("MTU from %d to %d", least, most), func(r *Record) (bool, string) {
		n := r.MTU
		for _, rt := range r.Last {
			if rt.Dst.Bits() == 0 {
				n = min(cmp.Or(rt.MTU, n), n)
			}
		}
		return least <= n && n <= most, fmt.Sprintf("MTU %d", n)
	}}
}

// asks wants that the last renewal by unicast went to a server.
func asks(server netip.Addr) Check {
	return Check{fmt.Sprintf("renews with %v in the end", server), func(r *Record) (bool, string) {
		var last netip.Addr
		for _, m := range extensions(r) {
			if m.Dst != netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
				last = m.Dst
			}
		}
		return last == server, fmt.Sprintf("last unicast to %v", last)
	}}
}

func addrOf(ip []byte) netip.Addr {
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return netip.IPv4Unspecified()
	}
	return a.Unmap()
}

// names are those of types of messages.
func names(types []dhcpv4.MessageType) string {
	if len(types) == 0 {
		return "messages"
	}
	return list(types)
}

func list[T any](all []T) string {
	if len(all) == 0 {
		return "nothing"
	}
	return some(all, func(v T) string { return fmt.Sprint(v) })
}

// some is a list, but for the middle of a long one.
func some[T any](all []T, text func(T) string) string {
	var b strings.Builder
	for i, v := range all {
		switch {
		case i >= 5 && i < len(all)-1:
			continue
		case i == len(all)-1 && len(all) > 6:
			b.WriteString(" ... ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(text(v))
	}
	return b.String()
}

// stays is who was on the link, and when.
func stays(all []stay) string {
	if len(all) == 0 {
		return "no address"
	}
	return some(all, func(s stay) string {
		if s.To >= lease.Infinite {
			return fmt.Sprintf("%v from %s", s.Prefix, seconds(s.From))
		}
		return fmt.Sprintf("%v from %s to %s", s.Prefix, seconds(s.From), seconds(s.To))
	})
}

// upTo is a duration, of which no more than most was seen.
func upTo(d, most time.Duration) string {
	if d > most {
		return "more than " + seconds(most)
	}
	return seconds(d)
}

func valid(d time.Duration) string {
	if d >= lease.Infinite {
		return "for ever"
	}
	return d.String()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
