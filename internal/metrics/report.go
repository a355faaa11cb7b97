package metrics

import (
	"math"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
)

// A Report is what a process says. In JSON it is without its links, which go each
// by itself: see Part.
type Report struct {
	// Process is what the process is called, the same after a restart: its first
	// link, or agent. Netns is where its links are, as --netns has it.
	Process string `json:"process"`
	Netns   string `json:"netns,omitempty"`
	// Version is that of the program, and Go that of what has compiled it.
	Version string `json:"version"`
	Go      string `json:"go"`
	// Started is when the process was.
	Started time.Time `json:"started"`
	Totals
	Links []Link `json:"-"`
}

// A Link is what is said of each link.
type Link struct {
	Interface string `json:"interface"`
	// Netns is where the link is, as the process calls that; empty for its own.
	Netns string `json:"netns,omitempty"`
	// State is that of RFC 2131 figure 5 or of package client, or ABSENT.
	State string `json:"state"`
	// Held says that there is a lease. RenewAt and ExpireAt are points of time on
	// the clock on the wall; both are zero for a lease without an end.
	Held     bool      `json:"held,omitempty"`
	RenewAt  time.Time `json:"renew_at,omitzero"`
	ExpireAt time.Time `json:"expire_at,omitzero"`
}

// A Part is a Report as it goes over a control socket: first the Report, then each
// of its links.
type Part struct {
	Report *Report `json:"report,omitempty"`
	Link   *Link   `json:"link,omitempty"`
}

// Parts are those of r.
func (r *Report) Parts() []Part {
	parts := []Part{{Report: r}}
	for i := range r.Links {
		parts = append(parts, Part{Link: &r.Links[i]})
	}
	return parts
}

// Totals are counts that do not go down while a process lives, summed over its
// links, those too that are gone.
type Totals struct {
	// Bound, Renewed, Expired, Refused, Declined, Sent, Received, Retransmitted
	// and SendErrors are those of client.Stats.
	Bound         uint64            `json:"bound"`
	Renewed       uint64            `json:"renewed"`
	Expired       uint64            `json:"expired"`
	Refused       uint64            `json:"refused"`
	Declined      uint64            `json:"declined"`
	Sent          map[string]uint64 `json:"sent,omitempty"`
	Received      map[string]uint64 `json:"received,omitempty"`
	Retransmitted uint64            `json:"retransmitted"`
	SendErrors    uint64            `json:"send_errors"`
	// Rejected is that too, with frames of ARP as "arp: " and why.
	Rejected map[string]uint64 `json:"rejected,omitempty"`
	// TimeToAddress is that too.
	TimeToAddress client.Histogram `json:"time_to_address"`
	// ARPSent counts ARP packets by what they are for; ARPErrors those that the
	// kernel refused. Conflicts and Defences are those of RFC 5227 2.4.
	ARPSent   map[string]uint64 `json:"arp_sent,omitempty"`
	ARPErrors uint64            `json:"arp_errors"`
	Conflicts uint64            `json:"conflicts"`
	Defences  uint64            `json:"defences"`
	// Restarts is how often clients had to be started again, and Panics how often
	// of those since they had panicked.
	Restarts uint64 `json:"restarts"`
	Panics   uint64 `json:"panics"`
}

// Add adds what o has counted.
func (t *Totals) Add(o *Totals) {
	for _, n := range []struct {
		to   *uint64
		more uint64
	}{
		{&t.Bound, o.Bound}, {&t.Renewed, o.Renewed}, {&t.Expired, o.Expired}, {&t.Refused, o.Refused},
		{&t.Declined, o.Declined}, {&t.Retransmitted, o.Retransmitted}, {&t.SendErrors, o.SendErrors},
		{&t.ARPErrors, o.ARPErrors}, {&t.Conflicts, o.Conflicts}, {&t.Defences, o.Defences},
		{&t.Restarts, o.Restarts}, {&t.Panics, o.Panics},
	} {
		*n.to += n.more
	}
	addTo(&t.Sent, o.Sent)
	addTo(&t.Received, o.Received)
	addTo(&t.Rejected, o.Rejected)
	addTo(&t.ARPSent, o.ARPSent)
	for i, n := range o.TimeToAddress.Counts {
		t.TimeToAddress.Counts[i] += n
	}
	t.TimeToAddress.Sum += o.TimeToAddress.Sum
}

// maxKeys is how many values a label may have: there are about fifty reasons to
// reject a message, and a Transport of another may have any number.
const maxKeys = 100

// otherKey is the rest.
const otherKey = "other"

func addTo(to *map[string]uint64, more map[string]uint64) {
	if *to == nil {
		*to = make(map[string]uint64, len(more))
	}
	for key, n := range more {
		if _, ok := (*to)[key]; !ok && len(*to) >= maxKeys {
			key = otherKey
		}
		(*to)[key] += n
	}
}

// unix is a point of time as Prometheus has it: seconds since 1970. None is never.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return math.Inf(1)
	}
	return float64(t.UnixMilli()) / 1000
}
