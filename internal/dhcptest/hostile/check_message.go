package hostile

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

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

// refuses wants that nothing is accepted that the first server offered, who lies:
// a REQUEST names the second, or there is none.
var refuses = Check{"accepts nothing of the liar", func(r *Record) (bool, string) {
	for _, m := range r.sent(request) {
		s, a := addrOf(m.ServerIdentifier()), addrOf(m.RequestedIPAddress())
		if s != host(2) && addrOf(m.ClientIPAddr).IsUnspecified() {
			return false, fmt.Sprintf("REQUEST of %v from %v", a, s)
		}
	}
	return true, ""
}}

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

// broadcasts wants a REQUEST to all servers for the address that it has.
var broadcasts = Check{"asks all servers at T2", func(r *Record) (bool, string) {
	for _, m := range extensions(r) {
		if m.Dst == toAll.Addr() {
			return true, ""
		}
	}
	return false, "no REBIND"
}}

// discoversAgain wants a DISCOVER after the first ACK.
var discoversAgain = Check{"sends DISCOVER again", func(r *Record) (bool, string) {
	acks := r.said(ack)
	for _, m := range r.sent(discover) {
		if len(acks) > 0 && m.At > acks[0].At {
			return true, ""
		}
	}
	return false, "no DISCOVER"
}}

// quiet wants no message after the first ACK.
var quiet = Check{"is silent once it has a lease", func(r *Record) (bool, string) {
	acks := r.said(ack)
	if len(acks) == 0 {
		return true, ""
	}
	n := len(r.sent()) - len(slices.DeleteFunc(r.sent(), func(m Message) bool { return m.At > acks[0].At }))
	return n == 0, fmt.Sprintf("%d messages after the ACK", n)
}}

// asks wants that the last renewal by unicast went to a server.
func asks(server netip.Addr) Check {
	return Check{fmt.Sprintf("renews with %v in the end", server), func(r *Record) (bool, string) {
		var last netip.Addr
		for _, m := range extensions(r) {
			if m.Dst != toAll.Addr() {
				last = m.Dst
			}
		}
		return last == server, fmt.Sprintf("last unicast to %v", last)
	}}
}
