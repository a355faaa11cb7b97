package hostile

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// has wants the address, and no other, on the link when the window ends.
func has(prefix string) Check {
	want := netip.MustParsePrefix(prefix)
	return Check{"ends with " + prefix, func(r *Record) (bool, string) {
		if held := r.at(r.Window); len(held) != 1 || held[0] != want {
			return false, inTheEnd(held)
		}
		return true, since(r, want)
	}}
}

func inTheEnd(held []netip.Prefix) string {
	if len(held) == 0 {
		return "no address in the end"
	}
	return list(held) + " in the end"
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

// ends wants the first address gone that long after the first REQUEST, when the
// lease of the scene is over.
func ends(brief, full time.Duration) Check {
	return Check{"has no address when the lease is over", func(r *Record) (bool, string) {
		first, held := r.sent(request), r.stays()
		if len(first) == 0 || len(held) == 0 {
			return false, "no lease"
		}
		from, to := first[0].At, held[0].To
		return to-from <= of(r.Form, brief, full)+time.Second+r.Slack, "held for " + upTo(to-from, r.Window-from)
	}}
}

// covered wants that no address outlives its lease: there is an ACK at least so
// often while it is on the link.
func covered(valid time.Duration) Check {
	return Check{fmt.Sprintf("no address longer than %v without an ACK", valid), func(r *Record) (bool, string) {
		for _, s := range r.stays() {
			last := s.From
			for _, m := range append(r.said(ack), Message{At: min(s.To, r.Window)}) {
				if m.At < s.From || m.At > s.To {
					continue
				}
				if gap := m.At - last; gap > valid+time.Second+r.Slack {
					return false, fmt.Sprintf("%v for %s without an ACK", s.Prefix, seconds(gap))
				}
				last = m.At
			}
		}
		return true, ""
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

// flaps wants that no more than n times an address came to the link.
func flaps(n int) Check {
	return Check{"no address that comes and goes", func(r *Record) (bool, string) {
		all := len(r.stays())
		return all <= n, fmt.Sprintf("%d times an address", all)
	}}
}

// oneOf wants one of these addresses in the end, and no other.
func oneOf(ends ...int) Check {
	return Check{"ends with one of the addresses", func(r *Record) (bool, string) {
		held := r.at(r.Window)
		ok := len(held) == 1 && held[0].Bits() == 24 && slices.ContainsFunc(ends, func(n int) bool { return held[0].Addr() == host(n) })
		return ok, inTheEnd(held)
	}}
}
