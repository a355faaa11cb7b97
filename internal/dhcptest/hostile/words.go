package hostile

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

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
		case i >= 3 && i < len(all)-1:
			continue
		case i == len(all)-1 && len(all) > 4:
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

// way is where a route leads, and by which router.
func way(r Route) string {
	if !r.Via.IsValid() {
		return r.Dst.String() + " on the link"
	}
	return fmt.Sprintf("%v via %v", r.Dst, r.Via)
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
