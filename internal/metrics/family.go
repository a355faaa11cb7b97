package metrics

import (
	"maps"
	"slices"

	"github.com/dhclient-go/dhclient-go/client"
)

// A Family is a metric.
type Family struct {
	Name string
	// Type is counter, gauge or histogram.
	Type string
	// Labels are the names of its labels, in the order in which they stand.
	Labels []string
	// Help is a line.
	Help string

	write func(e *encoder, r *Report)
}

const (
	counter   = "counter"
	gauge     = "gauge"
	histogram = "histogram"
)

// Families are all metrics that there are, in the order in which they are written.
func Families() []Family { return families[:] }

// What every process has, and every link.
var (
	ofProcess = []string{"process", "netns"}
	ofLink    = []string{"interface", "netns"}
)

var families = [...]Family{
	{"dhclient_go_build_info", gauge, []string{"process", "netns", "version", "goversion"},
		"Always 1: the version of the program, and of Go.",
		func(e *encoder, r *Report) { e.of(r, 1, r.Version, r.Go) }},
	{"dhclient_go_start_time_seconds", gauge, ofProcess,
		"When the process was started, in seconds since 1970.",
		func(e *encoder, r *Report) { e.of(r, unix(r.Started)) }},
	{"dhclient_go_links", gauge, []string{"process", "netns", "state"},
		"Links that the process serves, by the state of their client (RFC 2131 figure 5; ABSENT is waited for, RESTING has failed and is tried again, LEFT is served by another process).",
		func(e *encoder, r *Report) { e.by(r, states(r), knownStates) }},
	{"dhclient_go_leases", gauge, ofProcess,
		"Links that have a lease.",
		func(e *encoder, r *Report) { e.of(r, float64(leases(r))) }},
	{"dhclient_go_leases_bound_total", counter, ofProcess,
		"Leases that were taken into use, without those that were renewed.",
		func(e *encoder, r *Report) { e.of(r, float64(r.Bound)) }},
	{"dhclient_go_leases_renewed_total", counter, ofProcess,
		"Leases that were renewed.",
		func(e *encoder, r *Report) { e.of(r, float64(r.Renewed)) }},
	{"dhclient_go_leases_expired_total", counter, ofProcess,
		"Leases that came to their end, and were taken off the link.",
		func(e *encoder, r *Report) { e.of(r, float64(r.Expired)) }},
	{"dhclient_go_time_to_address_seconds", histogram, ofProcess,
		"Time from the start, from carrier or from the loss of a lease until there is an address.",
		func(e *encoder, r *Report) { e.histogram(r, &r.TimeToAddress) }},
	{"dhclient_go_messages_sent_total", counter, []string{"process", "netns", "type"},
		"DHCP messages that were sent, by their type.",
		func(e *encoder, r *Report) { e.by(r, r.Sent, []string{"DISCOVER", "REQUEST", "DECLINE", "RELEASE"}) }},
	{"dhclient_go_messages_retransmitted_total", counter, ofProcess,
		"DHCP messages that were sent again, since no answer came.",
		func(e *encoder, r *Report) { e.of(r, float64(r.Retransmitted)) }},
	{"dhclient_go_messages_received_total", counter, []string{"process", "netns", "type"},
		"DHCP messages that were received and understood, by their type.",
		func(e *encoder, r *Report) { e.by(r, r.Received, []string{"OFFER", "ACK", "NAK"}) }},
	{"dhclient_go_rejected_total", counter, []string{"process", "netns", "reason"},
		"Frames and messages that passed the kernel's filter and were not used, by the reason.",
		func(e *encoder, r *Report) { e.by(r, r.Rejected, nil) }},
	{"dhclient_go_naks_total", counter, ofProcess,
		"DHCPNAKs that were obeyed.",
		func(e *encoder, r *Report) { e.of(r, float64(r.Refused)) }},
	{"dhclient_go_declines_total", counter, ofProcess,
		"Addresses that were declined, since another station has them or a script refused them.",
		func(e *encoder, r *Report) { e.of(r, float64(r.Declined)) }},
	{"dhclient_go_arp_sent_total", counter, []string{"process", "netns", "type"},
		"ARP packets that were sent, by what they are for.",
		func(e *encoder, r *Report) { e.by(r, r.ARPSent, []string{"probe", "announcement", "router request"}) }},
	{"dhclient_go_arp_conflicts_total", counter, ofProcess,
		"ARP packets of other stations with an address of ours (RFC 5227 2.4).",
		func(e *encoder, r *Report) { e.of(r, float64(r.Conflicts)) }},
	{"dhclient_go_arp_defences_total", counter, ofProcess,
		"Conflicts that were answered by an announcement.",
		func(e *encoder, r *Report) { e.of(r, float64(r.Defences)) }},
	{"dhclient_go_send_errors_total", counter, []string{"process", "netns", "protocol"},
		"Packets that the kernel refused to send.",
		func(e *encoder, r *Report) {
			e.of(r, float64(r.SendErrors), "dhcp")
			e.of(r, float64(r.ARPErrors), "arp")
		}},
	{"dhclient_go_client_restarts_total", counter, ofProcess,
		"Clients of links that failed and were started again.",
		func(e *encoder, r *Report) { e.of(r, float64(r.Restarts)) }},
	{"dhclient_go_client_panics_total", counter, ofProcess,
		"Clients of links that panicked: faults of the program.",
		func(e *encoder, r *Report) { e.of(r, float64(r.Panics)) }},
	{"dhclient_go_lease_held", gauge, ofLink,
		"1 if the link has a lease, or else 0.",
		func(e *encoder, r *Report) { e.links(r, func(l *Link) (float64, bool) { return number(l.Held), true }) }},
	{"dhclient_go_lease_renewal_timestamp_seconds", gauge, ofLink,
		"When the lease of the link is to be renewed (T1), in seconds since 1970; +Inf for never.",
		func(e *encoder, r *Report) {
			e.links(r, func(l *Link) (float64, bool) { return unix(l.RenewAt), l.Held })
		}},
	{"dhclient_go_lease_expiry_timestamp_seconds", gauge, ofLink,
		"When the lease of the link ends, in seconds since 1970; +Inf for never.",
		func(e *encoder, r *Report) {
			e.links(r, func(l *Link) (float64, bool) { return unix(l.ExpireAt), l.Held })
		}},
}

// knownStates are written even where no link is in them.
var knownStates = []string{"OFF", "INIT", "WAITING", "SELECTING", "REQUESTING", "REBOOTING", "CHECKING", "APPLYING",
	"BOUND", "RENEWING", "REBINDING", "ABSENT"}

// states are the links of r by their state.
func states(r *Report) map[string]uint64 {
	m := map[string]uint64{}
	for i := range r.Links {
		m[r.Links[i].State]++
	}
	return m
}

func leases(r *Report) (n int) {
	for i := range r.Links {
		if r.Links[i].Held {
			n++
		}
	}
	return n
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// of writes a value of the process, with the values of the labels that it has
// besides.
func (e *encoder) of(r *Report, value float64, labels ...string) {
	e.sample("", append([]string{r.Process, r.Netns}, labels...), value)
}

// by writes a value for each key: those that are known, and what else there is.
func (e *encoder) by(r *Report, values map[string]uint64, known []string) {
	for _, key := range known {
		e.of(r, float64(values[key]), key)
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(known, key) {
			e.of(r, float64(values[key]), key)
		}
	}
}

// links writes a value for each link that has one.
func (e *encoder) links(r *Report, value func(*Link) (float64, bool)) {
	for i := range r.Links {
		if v, ok := value(&r.Links[i]); ok {
			e.sample("", []string{r.Links[i].Interface, r.Links[i].Netns}, v)
		}
	}
}

// histogram writes h, whose buckets have what is in those before them too.
func (e *encoder) histogram(r *Report, h *client.Histogram) {
	labels := []string{r.Process, r.Netns}
	var sum uint64
	for i, n := range h.Counts {
		sum += n
		bound := "+Inf"
		if i < len(client.TimeToAddressBounds) {
			bound = format(client.TimeToAddressBounds[i].Seconds())
		}
		e.sample("_bucket", append(labels[:2:2], bound), float64(sum))
	}
	e.sample("_sum", labels, h.Sum.Seconds())
	e.sample("_count", labels, float64(sum))
}
