package metrics

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
)

var began = time.Unix(1700000000, 500e6)

// report has something of everything.
func report() *Report {
	r := &Report{Process: "eth0", Version: "1.2", Go: "go1.26", Started: began}
	r.Bound, r.Renewed, r.Expired, r.Refused, r.Declined = 1, 2, 3, 4, 5
	r.Sent = map[string]uint64{"DISCOVER": 6, "REQUEST": 7, "INFORM": 8}
	r.Received = map[string]uint64{"OFFER": 9}
	r.Retransmitted, r.SendErrors, r.ARPErrors, r.Conflicts, r.Defences = 10, 11, 12, 13, 14
	r.Rejected = map[string]uint64{"frame: port": 15, "broken options": 16}
	r.ARPSent = map[string]uint64{"probe": 17}
	r.Restarts, r.Panics = 18, 19
	r.TimeToAddress = client.Histogram{Sum: 90 * time.Second}
	r.TimeToAddress.Counts[0], r.TimeToAddress.Counts[5], r.TimeToAddress.Counts[len(client.TimeToAddressBounds)] = 1, 2, 3
	r.Links = []Link{
		{Interface: "eth1", State: "SELECTING"},
		{Interface: "eth0", State: "BOUND", Held: true, RenewAt: began.Add(time.Hour), ExpireAt: began.Add(2 * time.Hour)},
		{Interface: "eth0", Netns: "blue", State: "BOUND", Held: true},
	}
	return r
}

func TestText_Values(t *testing.T) {
	all := check(t, Text([]*Report{report()}))
	for _, c := range []struct {
		want   float64
		name   string
		labels []string
	}{
		{1, "build_info", []string{"process=eth0", "version=1.2", "goversion=go1.26"}},
		{1700000000.5, "start_time_seconds", nil},
		{2, "links", []string{"state=BOUND"}}, {1, "links", []string{"state=SELECTING"}}, {0, "links", []string{"state=RENEWING"}},
		{2, "leases", nil},
		{1, "leases_bound_total", nil}, {2, "leases_renewed_total", nil}, {3, "leases_expired_total", nil},
		{4, "naks_total", nil}, {5, "declines_total", nil},
		{6, "messages_sent_total", []string{"type=DISCOVER"}}, {8, "messages_sent_total", []string{"type=INFORM"}}, {0, "messages_sent_total", []string{"type=RELEASE"}},
		{9, "messages_received_total", []string{"type=OFFER"}}, {0, "messages_received_total", []string{"type=NAK"}},
		{10, "messages_retransmitted_total", nil},
		{11, "send_errors_total", []string{"protocol=dhcp"}}, {12, "send_errors_total", []string{"protocol=arp"}},
		{13, "arp_conflicts_total", nil}, {14, "arp_defences_total", nil},
		{15, "rejected_total", []string{"reason=frame: port"}}, {16, "rejected_total", []string{"reason=broken options"}},
		{17, "arp_sent_total", []string{"type=probe"}}, {0, "arp_sent_total", []string{"type=announcement"}},
		{18, "client_restarts_total", nil}, {19, "client_panics_total", nil},
		{1, "time_to_address_seconds_bucket", []string{"le=0.005"}}, {1, "time_to_address_seconds_bucket", []string{"le=0.1"}},
		{3, "time_to_address_seconds_bucket", []string{"le=0.25"}}, {3, "time_to_address_seconds_bucket", []string{"le=300"}},
		{6, "time_to_address_seconds_bucket", []string{"le=+Inf"}}, {90, "time_to_address_seconds_sum", nil}, {6, "time_to_address_seconds_count", nil},
		{0, "lease_held", []string{"interface=eth1"}}, {1, "lease_held", []string{"interface=eth0", "netns=blue"}},
		{1700003600.5, "lease_renewal_timestamp_seconds", []string{"interface=eth0", "netns="}},
		{1700007200.5, "lease_expiry_timestamp_seconds", []string{"interface=eth0", "netns="}},
		{math.Inf(1), "lease_expiry_timestamp_seconds", []string{"interface=eth0", "netns=blue"}},
	} {
		if got := value(t, all, "dhclient_go_"+c.name, c.labels...); got != c.want {
			t.Errorf("%s %v: %v, not %v", c.name, c.labels, got, c.want)
		}
	}
	for _, s := range all {
		if strings.HasPrefix(s.name, "dhclient_go_lease_") && s.labels["interface"] == "eth1" && s.name != "dhclient_go_lease_held" {
			t.Errorf("a link without a lease has %+v", s)
		}
	}
}

func TestText_Labels(t *testing.T) {
	r := report()
	r.Process, r.Netns = "a\\b\"c\nd", "/proc/1/ns/\xff\xfenet"
	r.Links = []Link{{Interface: "e\xc3", State: "new"}, {Interface: "e\u00e9}", State: "new", Netns: `\n`}}
	all := check(t, Text([]*Report{r}))
	if value(t, all, "dhclient_go_leases", "process="+r.Process, `netns=/proc/1/ns/\xff\xfenet`) != 0 {
		t.Error("leases")
	}
	value(t, all, "dhclient_go_lease_held", `interface=e\xc3`, "netns=")
	value(t, all, "dhclient_go_lease_held", "interface=e\u00e9}", `netns=\n`)
	if value(t, all, "dhclient_go_links", "state=new") != 2 {
		t.Error("a state that nobody knew is left out")
	}
}

func TestText_OneOfEach(t *testing.T) {
	bound := Link{Interface: "eth0", State: "BOUND", Held: true, ExpireAt: began}
	a := &Report{Process: "eth0", Started: began.Add(time.Hour), Totals: Totals{Bound: 1, Sent: map[string]uint64{"DISCOVER": 1}},
		Links: []Link{{Interface: "eth0", State: "OFF"}, {Interface: "eth1", State: "INIT"}}}
	b := &Report{Process: "eth0", Started: began, Totals: Totals{Bound: 2, Sent: map[string]uint64{"DISCOVER": 5}}, Links: []Link{bound, {Interface: "eth1", State: "INIT"}}}
	c := &Report{Process: "eth0", Netns: "blue", Started: began, Links: []Link{{Interface: "eth0", State: "OFF"}, {Interface: "eth0", Netns: "blue", State: "OFF"}}}
	all := check(t, Text([]*Report{a, b, c}))
	for name, want := range map[string]float64{
		"leases_bound_total": 3, "start_time_seconds": 1700000000.5, "leases": 1, "lease_expiry_timestamp_seconds": 1700000000.5,
	} {
		labels := []string{"netns="}
		if got := value(t, all, "dhclient_go_"+name, labels...); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if value(t, all, "dhclient_go_messages_sent_total", "netns=", "type=DISCOVER") != 6 || value(t, all, "dhclient_go_links", "netns=", "state=OFF") != 0 ||
		value(t, all, "dhclient_go_links", "netns=blue", "state=OFF") != 1 || value(t, all, "dhclient_go_lease_held", "interface=eth0", "netns=") != 1 {
		t.Error("sums")
	}
	if a.Bound != 1 || len(a.Links) != 2 || a.Sent["DISCOVER"] != 1 {
		t.Errorf("the report was changed: %+v", a)
	}
	if text := Text(nil); len(text) != 0 {
		t.Errorf("of no process: %q", text)
	}
}

func TestTotals_AddBoundsTheLabels(t *testing.T) {
	var sum Totals
	more := Totals{Rejected: map[string]uint64{}}
	for i := range 3 * maxKeys {
		more.Rejected[fmt.Sprint("reason ", i)] = 1
	}
	sum.Add(&more)
	if len(sum.Rejected) != maxKeys+1 || sum.Rejected[otherKey] != 2*maxKeys {
		t.Errorf("%d reasons, %d others", len(sum.Rejected), sum.Rejected[otherKey])
	}
}

// A report that has gone over the socket and back is the same, and so is one added
// to nothing: no field is forgotten.
func TestReport_Parts(t *testing.T) {
	r := report()
	var back Report
	for i, part := range r.Parts() {
		b, err := json.Marshal(part)
		if err != nil {
			t.Fatal(err)
		}
		var p Part
		if err := json.Unmarshal(b, &p); err != nil || (p.Report != nil) != (i == 0) || (p.Link != nil) != (i > 0) {
			t.Fatalf("%s: %v", b, err)
		}
		if p.Report != nil {
			back = *p.Report
		} else {
			back.Links = append(back.Links, *p.Link)
		}
	}
	if want, got := Text([]*Report{r}), Text([]*Report{&back}); string(want) != string(got) {
		t.Errorf("%s\nis not\n%s", got, want)
	}
}

func TestFamilies_Names(t *testing.T) {
	for _, f := range Families() {
		if !regexp.MustCompile(`^dhclient_go_[a-z_]+$`).MatchString(f.Name) || f.Help == "" || strings.ContainsAny(f.Help, "\\\n") {
			t.Errorf("%+v", f)
		}
		if (f.Type == counter) != strings.HasSuffix(f.Name, "_total") || !slices.Contains([]string{counter, gauge, histogram}, f.Type) {
			t.Errorf("%s is no name for a %s", f.Name, f.Type)
		}
	}
	all := check(t, Text([]*Report{report()}))
	for _, f := range Families() {
		if !slices.ContainsFunc(all, func(s series) bool { return strings.HasPrefix(s.name, f.Name) }) {
			t.Errorf("%s is not written", f.Name)
		}
	}
}

// A thousand links are no more than three series for each.
func TestText_ManyLinks(t *testing.T) {
	r := report()
	few := strings.Count(string(Text([]*Report{r})), "\n")
	for i := range 1000 {
		r.Links = append(r.Links, Link{Interface: fmt.Sprint("veth", i), State: "BOUND", Held: true, RenewAt: began, ExpireAt: began})
	}
	if n := strings.Count(string(Text([]*Report{r})), "\n") - few; n != 3000 {
		t.Errorf("%d lines more", n)
	}
}
