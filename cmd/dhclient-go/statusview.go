package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// The most lines that counters of rejects and the history take.
const (
	rejectLines  = 8
	historyLines = 8
)

// status draws a link.
func (v *view) status(st *linkStatus) {
	v.head(st)
	if st.Lease != nil {
		v.bar(st.Lease)
		v.terms(st.Lease)
	}
	v.counts(&st.Counters)
	v.row("process", fmt.Sprintf("%d, dhclient-go %s", st.PID, st.Version))
	v.history(st.Events)
}

// head is the first line: the link, its state, and what that means now.
func (v *view) head(st *linkStatus) {
	what, since := v.headline(st)
	name, what := v.clean(st.where()), v.clean(what)
	used := columns(name) + 2 + columns(st.State) + 2
	head := v.paint(bold, name) + "  " + v.paint(colourOf(st), v.clean(st.State)) + "  "
	if room := v.width - used - columns(what) - columns(since); room >= 2 && since != "" {
		v.line(head + what + strings.Repeat(" ", room) + since)
		return
	}
	lines := wrap(what, v.width-used)
	v.line(head + lines[0])
	for _, line := range lines[1:] {
		v.line(strings.Repeat(" ", used) + line)
	}
	if since != "" {
		v.line(strings.Repeat(" ", used) + since)
	}
}

// where is the link and, in another network namespace, that.
func (st *linkStatus) where() string { return where(st.Interface, st.Netns) }

func where(name, netns string) string {
	if netns == "" {
		return name
	}
	return name + " in " + netns
}

func colourOf(st *linkStatus) string {
	switch {
	case st.Lease == nil:
		return red
	case st.State == "BOUND":
		return green
	}
	return yellow
}

// headline says what the state means, and since when it is so.
func (v *view) headline(st *linkStatus) (what, since string) {
	has := "no address"
	if l := st.Lease; l != nil {
		has = v.remains(l)
	}
	since = v.since(st.Since)
	switch {
	case st.NextTry != nil:
		next := fmt.Sprintf("%s; next try in %s, at %s", has, roughly(st.NextTry.Sub(v.now)+time.Second/2), v.clock(*st.NextTry, "15:04:05"))
		return next + colon(st.Reason), ""
	case st.State == "BOUND":
		if st.HeldSince != nil {
			since = v.since(*st.HeldSince)
		}
		return has, since
	case st.State == "SELECTING":
		if st.Lease != nil && standIn(st.Lease) != "" {
			has = fmt.Sprintf("%s, %s", prefix(st.Lease), standIn(st.Lease))
		}
		text := fmt.Sprintf("%s; asking for %s", has, roughly(v.now.Sub(st.Since)))
		if st.Unanswered > 0 {
			text += fmt.Sprintf(", %s unanswered", several(st.Unanswered, "DISCOVER"))
		}
		return text, ""
	case st.State == "WAITING" || st.State == "V6ONLY":
		return has + "; waits" + colon(st.Reason), ""
	}
	if doing := st.doing(); doing != "" {
		has += "; " + doing
	}
	return has, since
}

func (v *view) since(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return "since " + v.clock(at, "15:04:05")
}

// doing is what goes on in a state that says nothing to who has not read the RFC.
func (st *linkStatus) doing() string {
	switch {
	case st.State == stateAbsent:
		return "the interface does not exist; waiting for it"
	case st.State == "OFF":
		return "not running"
	case st.Link == linkMissing:
		return "the interface is gone; waiting for it"
	case st.Link == linkNoCarrier:
		return "no carrier"
	}
	switch st.State {
	case "RENEWING":
		return "asking its server for more"
	case "REBINDING":
		return "asking any server for more"
	case "REBOOTING":
		if st.Lease == nil {
			return "asking whether the stored lease is still good"
		}
		return "asking whether it is still good"
	case "REQUESTING":
		return "an offer is being accepted"
	case "CHECKING":
		return "asking whether another station has it"
	case "APPLYING":
		return "it is being put on the link"
	case "INIT":
		if st.Reason == "asked to release" {
			return "the lease was released; idle until renew"
		}
		return "about to ask"
	}
	return st.Reason
}

// remains is the address and how long it is ours.
func (v *view) remains(l *lease.Lease) string {
	if l.IsInfinite() {
		return prefix(l) + " for ever"
	}
	return fmt.Sprintf("%s for %s more", prefix(l), roughly(l.Remaining(v.now)))
}

func several(n uint64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// minBar is the fewest columns that a bar is worth.
const minBar = 20

// bar draws the lease from its beginning to its end, with where it is now, and
// below it T1 and T2.
func (v *view) bar(l *lease.Lease) {
	if l.IsInfinite() || l.Valid <= 0 {
		return
	}
	layout := "15:04"
	if l.Valid < 10*time.Minute {
		layout = "15:04:05"
	}
	begin, end := "  "+v.clock(l.Start, layout)+" ", " "+v.clock(l.ExpireAt(), layout)
	n := v.width - columns(begin) - columns(end)
	if n < minBar {
		return
	}
	place := func(d time.Duration) int {
		return int(min(max(float64(d)/float64(l.Valid), 0), 1) * float64(n-1))
	}
	at := place(v.now.Sub(l.Start))
	cells := slices.Repeat([]string{v.pen.over}, at)
	cells = append(cells, slices.Repeat([]string{v.pen.left}, n-at)...)
	cells[0], cells[n-1] = v.pen.begin, v.pen.end
	cells[place(l.T1)], cells[place(l.T2)] = v.pen.mark, v.pen.mark
	cells[at] = v.pen.now
	v.line(begin + strings.Join(cells, "") + end)
	t1, t2 := "T1 "+v.clock(l.RenewAt(), layout), "T2 "+v.clock(l.RebindAt(), layout)
	at2 := min(columns(begin)+place(l.T2), v.width-columns(t2))
	at1 := min(columns(begin)+place(l.T1), at2-2-columns(t1))
	if at1 < 0 {
		at1, at2 = columns(begin), columns(begin)+columns(t1)+2
	}
	v.line(strings.Repeat(" ", at1) + t1 + strings.Repeat(" ", at2-at1-columns(t1)) + t2)
}

// terms are what was configured by the lease.
func (v *view) terms(l *lease.Lease) {
	if l.Server.IsValid() {
		v.row("server", l.Server.String())
	}
	if len(l.Routes) > 0 {
		v.row("routes", strings.Join(routeTexts(l), ", "))
	}
	dns := []string{}
	if len(l.DNS) > 0 {
		dns = append(dns, addrs(l.DNS))
	}
	if search := searchOf(l); search != "" {
		dns = append(dns, "search "+search)
	}
	if len(dns) > 0 {
		v.row("DNS", strings.Join(dns, ", "))
	}
}

// searchOf are the domains that names are looked for in.
func searchOf(l *lease.Lease) string {
	if len(l.Search) > 0 {
		return strings.Join(l.Search, " ")
	}
	return l.Domain
}

func routeTexts(l *lease.Lease) (texts []string) {
	for _, r := range l.Routes {
		to := r.Dst.String()
		if r.Dst.Bits() == 0 {
			to = "default"
		}
		if r.Gateway.IsValid() && !r.Gateway.IsUnspecified() {
			to += " via " + r.Gateway.String()
		}
		texts = append(texts, to)
	}
	return texts
}

// counts are what was sent and received, and what was not used and why.
func (v *view) counts(c *linkCounters) {
	if text := counted(c.Sent); text != "" {
		v.row("sent", text)
	}
	if c.SendErrors > 0 {
		v.row("not sent", several(c.SendErrors, "message"))
	}
	if text := counted(c.Received); text != "" {
		v.row("received", text)
	}
	if text := counted(c.ARP); text != "" {
		v.row("ARP", text)
	}
	v.rejects(c.Rejected)
}

// counted is the counters by their names, in order.
func counted(m map[string]uint64) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if m[key] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", key, m[key]))
		}
	}
	return strings.Join(parts, ", ")
}

// rejects is a line for each reason, the most frequent first.
func (v *view) rejects(m map[string]uint64) {
	reasons := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return cmp.Or(cmp.Compare(m[b], m[a]), cmp.Compare(a, b))
	})
	key := "rejected"
	for i, why := range reasons {
		if i == rejectLines-1 && len(reasons) > rejectLines {
			v.row(key, fmt.Sprintf("%d reasons more: status --json has them", len(reasons)-i))
			return
		}
		v.row(key, fmt.Sprintf("%d %s", m[why], why))
		key = ""
	}
}

// history are the last events.
func (v *view) history(events []*eventLine) {
	events = events[max(0, len(events)-historyLines):]
	key := "history"
	for _, ev := range events {
		v.event(fmt.Sprintf("  %-*s", keyColumns-2, key), ev)
		key = ""
	}
}

// event writes a line, or more, for ev behind head.
func (v *view) event(head string, ev *eventLine) {
	head += v.clock(ev.Time, "15:04:05") + "  "
	for i, line := range wrap(v.happened(ev), max(v.width-columns(head), 10)) {
		if i > 0 {
			head = strings.Repeat(" ", columns(head))
		}
		v.line(head + line)
	}
}

// happened is ev in words.
func (v *view) happened(ev *eventLine) string {
	if ev.Event == "transition" {
		return v.clean(ev.From) + v.pen.to + v.clean(ev.To+colon(ev.Reason))
	}
	return v.clean(ev.words())
}
