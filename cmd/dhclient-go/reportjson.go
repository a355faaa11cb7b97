package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// An eventLine is an event for programs: one line of JSON. What an event has
// not is left out.
type eventLine struct {
	Time      time.Time    `json:"time"`
	Interface string       `json:"interface"`
	Netns     string       `json:"netns,omitempty"`
	Event     string       `json:"event"`
	From      string       `json:"from,omitempty"`
	To        string       `json:"to,omitempty"`
	Lease     *lease.Lease `json:"lease,omitempty"`
	OldLease  *lease.Lease `json:"old_lease,omitempty"`
	Address   string       `json:"address,omitempty"`
	Server    string       `json:"server,omitempty"`
	Router    string       `json:"router,omitempty"`
	Station   string       `json:"station,omitempty"`
	Reason    string       `json:"reason,omitempty"`
	// What has changed: it was Was, and is Is.
	What string `json:"what,omitempty"`
	Was  string `json:"was,omitempty"`
	Is   string `json:"is,omitempty"`
	// PID and Name are the process that the link was taken over from, or is handed
	// over to.
	PID  int    `json:"pid,omitempty"`
	Name string `json:"name,omitempty"`
	// Wait is the seconds until the next try.
	Wait float64 `json:"wait_seconds,omitempty"`
	// Count is how many events are missing here; only watch leaves some out.
	Count uint64 `json:"count,omitempty"`
}

// writeJSON writes the line of ev.
func (r *reporter) writeJSON(ev client.Event) {
	if _, ok := ev.(client.Ignored); ok && r.o.verbosity == 0 {
		return // whoever can send us packets could fill a disk with it
	}
	line := jsonOf(ev)
	line.Time, line.Interface, line.Netns = lease.Now(), r.name, r.netns
	b, err := json.Marshal(line)
	if err != nil {
		r.log.Error("encode an event", "if", r.name, "err", err)
		return
	}
	_, _ = r.out.Write(append(b, '\n'))
}

// jsonOf is ev without time and place.
func jsonOf(ev client.Event) eventLine {
	switch ev := ev.(type) {
	case client.Transition:
		return eventLine{Event: "transition", From: ev.From.String(), To: ev.To.String(), Reason: ev.Why}
	case client.Bound:
		return eventLine{Event: "bound", Lease: ev.Lease, OldLease: ev.Old}
	case client.Renewed:
		return eventLine{Event: "renewed", Lease: ev.Lease, OldLease: ev.Old}
	case client.Expired:
		return eventLine{Event: "expired", Lease: ev.Lease}
	case client.Refused:
		return eventLine{Event: "refused", Lease: ev.Lease, Server: text(ev.Server), Reason: ev.Message, Wait: ev.Wait.Seconds()}
	case client.Declined:
		return eventLine{Event: "declined", Lease: ev.Lease, Station: ev.By.String(), Wait: ev.Wait.Seconds()}
	case client.Lost:
		return eventLine{Event: "lost", Lease: ev.Lease, Reason: ev.Reason}
	case client.Released:
		return eventLine{Event: "released", Lease: ev.Lease}
	case client.Unanswered:
		return eventLine{Event: "unanswered", Server: text(ev.Server)}
	case client.UsingStored:
		return eventLine{Event: "using_stored", Lease: ev.Lease, Reason: standIn(ev.Lease)}
	case client.RouterChanged:
		return eventLine{Event: "router_changed", Router: text(ev.Router), Station: ev.By.String()}
	case client.Changed:
		return eventLine{Event: "changed", Lease: ev.Lease, What: string(ev.What), Was: ev.Was, Is: ev.Is}
	case client.OtherServer:
		return eventLine{Event: "other_server", Server: text(ev.Server), Was: text(ev.First)}
	case client.Verified:
		l := eventLine{Event: "verified", Lease: ev.Lease, Server: text(ev.Server)}
		if ev.By != nil {
			l.Station = ev.By.String()
		}
		return l
	case client.ApplyFailed:
		return eventLine{Event: "apply_failed", Lease: ev.Lease, Reason: ev.Err.Error(), Wait: ev.Wait.Seconds()}
	case client.ProbeFailed:
		return eventLine{Event: "probe_failed", Address: text(ev.Addr), Reason: ev.Err.Error()}
	case client.NoServer:
		return eventLine{Event: "no_server", Wait: ev.Wait.Seconds()}
	case client.IPv6Only:
		return eventLine{Event: "ipv6_only", Server: text(ev.Server), Wait: ev.Wait.Seconds()}
	case client.TookOver:
		return eventLine{Event: "took_over", PID: ev.PID, Name: ev.From, Lease: ev.Lease}
	case client.HandedOver:
		return eventLine{Event: "handed_over", PID: ev.PID, Name: ev.Name, Lease: ev.Lease}
	case client.Stopped:
		return eventLine{Event: "stopped", Lease: ev.Lease}
	case client.Ignored:
		return eventLine{Event: "ignored", Reason: ev.Reason}
	}
	return eventLine{Event: fmt.Sprintf("%T", ev)}
}

// text is a without the words that netip has for none.
func text(a interface {
	IsValid() bool
	String() string
}) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// writeLease writes what a dry run got: the lease's public form, with the
// interface as its first field.
func writeLease(w io.Writer, name string, l *lease.Lease) error {
	type plain struct {
		Interface string `json:"interface"`
	}
	head, err := json.Marshal(plain{name})
	if err != nil {
		return fmt.Errorf("encode the interface: %w", err)
	}
	body, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode the lease: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, append(append(head[:len(head)-1], ','), body[1:]...), "", "  "); err != nil {
		return fmt.Errorf("encode the lease: %w", err)
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// standIn is what takes the place of a lease where no server answers, if it never
// was one.
func standIn(l *lease.Lease) string {
	switch {
	case l.Server.IsValid() || !l.IsInfinite():
		return ""
	case l.Address.IsLinkLocalUnicast():
		return "link-local address"
	}
	return "fallback"
}
