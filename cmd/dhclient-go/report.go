package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A reporter says on standard output what becomes of one link. What goes wrong
// is in the log.
type reporter struct {
	name, netns string
	out         io.Writer
	log         *slog.Logger
	o           *options
	// noServer is called when the schedule gives up, unless it is nil.
	noServer func()
	// super may be nil.
	super *supervisor

	// state is where the client is. held is the lease in use. by has declined several addresses in a row.
	state client.State
	held  *lease.Lease
	by    net.HardwareAddr
	times int
}

// event is the client's OnEvent.
func (r *reporter) event(ev client.Event) {
	switch {
	case r.o.voice != nil:
		if text := r.o.voice.event(ev); text != "" && r.o.aloud.Load() {
			fmt.Fprintln(r.out, text)
		}
	case r.o.quiet, r.o.pcap == toStdout:
	case r.o.json:
		r.writeJSON(ev)
	case r.o.dryRun:
	default:
		if text := r.line(ev); text != "" {
			fmt.Fprintf(r.out, "%s: %s\n", r.name, text)
		}
	}
	r.remember(ev)
	if r.super != nil {
		r.super.event(r.name, ev, r.status())
	}
	if _, ok := ev.(client.NoServer); (ok || isRefusal(ev)) && r.noServer != nil {
		r.noServer()
	}
}

// isRefusal says that a script has refused an address, after which a program that
// tries once has failed.
func isRefusal(ev client.Event) bool {
	d, ok := ev.(client.Declined)
	return ok && d.By == nil
}

// line is what a person wants to know of ev; empty for nothing.
func (r *reporter) line(ev client.Event) string {
	switch ev := ev.(type) {
	case client.Bound:
		if r.held != nil && r.held.Prefix() != ev.Lease.Prefix() {
			return describe(ev.Lease) + ", instead of " + prefix(r.held)
		}
		return describe(ev.Lease)
	case client.Renewed:
		if text := describe(ev.Lease); r.o.verbosity > 0 || text != describe(ev.Old) {
			return text + ", renewed"
		}
	case client.IPv6Only:
		return "no address: the network is IPv6-only"
	case client.Changed:
		if ev.What == client.ChangedStation { // of the rest the line of the renewal says what is new
			return fmt.Sprintf("the router's station was %s, and is %s", ev.Was, ev.Is)
		}
	case client.Released:
		return prefix(ev.Lease) + " released"
	case client.TookOver:
		return tookOver(ev.PID, ev.From, ev.Lease, "")
	case client.HandedOver:
		return "handed over to " + processWords(ev.PID, ev.Name)
	case client.Stopped:
		switch {
		case r.o.once():
		case ev.Lease != nil:
			return fmt.Sprintf("stopped; %s stays %s", prefix(ev.Lease), until(ev.Lease))
		case r.held != nil:
			return fmt.Sprintf("stopped; %s removed", prefix(r.held))
		}
	default:
	}
	return ""
}

// remember keeps what later lines and the hint need.
func (r *reporter) remember(ev client.Event) {
	switch ev := ev.(type) {
	case client.Transition:
		r.state = ev.To
	case client.Bound:
		r.held, r.by, r.times = ev.Lease, nil, 0
	case client.Renewed:
		r.held = ev.Lease
	case client.Changed:
		r.held = ev.Lease
	case client.Expired, client.Lost, client.Released, client.Refused:
		r.held = nil
	case client.Declined:
		r.held = nil
		if ev.By == nil {
			break // nobody has it: a script refuses it
		}
		if ev.By.String() != r.by.String() {
			r.by, r.times = ev.By, 0
		}
		if r.times++; r.times == 3 {
			r.log.Warn(fmt.Sprintf("%v has every address that is offered: it may answer for all; then use --acd=off", ev.By), "if", r.name)
		}
	default:
	}
}

// status is the link in a line, for systemd:
//
//	10.0.0.5/24 from 10.0.0.1, renews 14:03
func (r *reporter) status() string {
	l := r.held
	if l == nil {
		return fmt.Sprintf("no lease (%v)", r.state)
	}
	var b strings.Builder
	b.WriteString(prefix(l))
	if l.Server.IsValid() {
		fmt.Fprintf(&b, " from %v", l.Server)
	}
	switch renew := l.RenewAt(); {
	case renew.IsZero():
		b.WriteString(", lease without end")
	case lease.Now().Before(renew):
		fmt.Fprintf(&b, ", renews %s", clock(renew))
	default:
		fmt.Fprintf(&b, ", renewing, has it %s", until(l))
	}
	return b.String()
}

// clock is a time of today, or with its date.
func clock(at time.Time) string {
	if at.Sub(lease.Now()) < 20*time.Hour {
		return at.Local().Format("15:04")
	}
	return at.Local().Format("2006-01-02 15:04")
}

// describe is a lease in a line:
//
//	10.0.0.5/24 from 10.0.0.1, lease 12h, router 10.0.0.1, DNS 10.0.0.1
func describe(l *lease.Lease) string {
	var b strings.Builder
	b.WriteString(prefix(l))
	if l.Server.IsValid() {
		fmt.Fprintf(&b, " from %v", l.Server)
	}
	if l.IsInfinite() {
		b.WriteString(", lease without end")
	} else {
		fmt.Fprintf(&b, ", lease %s", span(l.Valid))
	}
	if router := l.Router(); router.IsValid() {
		fmt.Fprintf(&b, ", router %v", router)
	}
	if len(l.DNS) > 0 {
		fmt.Fprintf(&b, ", DNS %s", addrs(l.DNS))
	}
	if l.CaptivePortal != "" {
		fmt.Fprintf(&b, ", captive portal %s", l.CaptivePortal)
	}
	return b.String()
}

// prefix is the address with its length, where the server gave one.
func prefix(l *lease.Lease) string {
	if l.Bits == 0 {
		return l.Address.String()
	}
	return l.Prefix().String()
}

func addrs(list []netip.Addr) string {
	words := make([]string, len(list))
	for i, a := range list {
		words[i] = a.String()
	}
	return strings.Join(words, " ")
}

// until says when a lease ends.
func until(l *lease.Lease) string {
	at := l.ExpireAt()
	switch {
	case at.IsZero():
		return "for ever"
	case l.Remaining(lease.Now()) < 20*time.Hour:
		return "until " + at.Local().Format("15:04:05")
	}
	return "until " + at.Local().Format("2006-01-02 15:04")
}
