package main

import (
	"log/slog"
	"maps"
	"slices"

	"github.com/dhclient-go/dhclient-go/arpcheck"
)

// logCounted writes, when the client of b has ended, what it sent, received and
// rejected: with -v, a line. A flood that left no other trace is seen here.
func (f *fleet) logCounted(b *berth) {
	s := b.link.client.Stats()
	groups := []any{
		"if", b.name,
		counts("sent", s.Sent), counts("received", s.Received), counts("rejected", s.Rejected),
	}
	if s.SendErrors > 0 {
		groups = append(groups, "send_errors", s.SendErrors)
	}
	if b.link.detector != nil {
		groups = append(groups, counts("arp", arpCounts(b.link.detector.Stats())))
	}
	f.log.Info("counted", groups...)
}

// counts are counters in the order of their names, without those that are zero.
func counts(name string, m map[string]uint64) slog.Attr {
	var attrs []any
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if m[key] > 0 {
			attrs = append(attrs, slog.Uint64(key, m[key]))
		}
	}
	return slog.Group(name, attrs...)
}

func arpCounts(s arpcheck.Stats) map[string]uint64 {
	m := map[string]uint64{
		"probes": s.Probes, "announcements": s.Announcements, "router requests": s.RouterRequests,
		"conflicts": s.Conflicts, "defences": s.Defences, "send errors": s.SendErrors,
		"rejected: no room in the queue": s.Overrun,
	}
	for why, n := range s.Dropped {
		m["rejected: "+why.String()] = n
	}
	return m
}
