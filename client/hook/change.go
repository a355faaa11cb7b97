package hook

import (
	"bytes"
	"maps"
	"slices"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// changed says that b is another lease than a, nil for none, in more than its
// times: those change with each renewal, and are nobody's news.
func changed(a, b *lease.Lease) bool {
	if a == nil || b == nil {
		return a != b
	}
	times := map[uint8]bool{optLeaseTime: true, optRenewTime: true, optRebindTime: true, 53: true}
	steady := func(l *lease.Lease) map[uint8][]byte {
		kept := maps.Clone(l.Options)
		maps.DeleteFunc(kept, func(code uint8, _ []byte) bool { return times[code] })
		return kept
	}
	return a.Prefix() != b.Prefix() || a.Server != b.Server || a.Broadcast != b.Broadcast || a.MTU != b.MTU ||
		a.Domain != b.Domain || a.Hostname != b.Hostname || a.CaptivePortal != b.CaptivePortal ||
		a.NextServer != b.NextServer || a.ServerName != b.ServerName || a.BootFile != b.BootFile ||
		!slices.Equal(a.Routes, b.Routes) || !slices.Equal(a.DNS, b.DNS) || !slices.Equal(a.Search, b.Search) || !slices.Equal(a.NTP, b.NTP) ||
		!maps.EqualFunc(steady(a), steady(b), bytes.Equal)
}
