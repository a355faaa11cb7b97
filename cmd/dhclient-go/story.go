package main

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/control"
)

// storyLength is how many events of a link are remembered.
const storyLength = 32

// A story is what has become of one link, for the commands that ask. It is nil
// where nobody can ask, and its methods do nothing then.
type story struct {
	name, netns string
	// length is how many events are remembered, of those that are more than a step
	// from one state to the next; 0 is storyLength of all.
	length int
	// news are the events as they come: those of the whole fleet.
	news *control.Feed[*eventLine]

	mu    sync.Mutex
	state client.State
	since time.Time
	// why is the reason for the state, or while it is WAITING for that wait,
	// which ends at next.
	why  string
	next time.Time
	// held is the lease in use, and heldSince when its address came.
	held      *lease.Lease
	heldSince time.Time
	// heard is how many DISCOVERs were sent before those that now wait for an
	// answer.
	heard uint64
	// past are the last events, without their leases.
	past []pastEvent
	// awaiting are told of what comes.
	awaiting []*outcome
}

// An outcome is what came of something that was asked of a client.
type outcome struct {
	// judge says whether an event is it, whether that is good, and what it is
	// in words.
	judge func(line *eventLine) (is, good bool, text string)
	good  bool
	text  string
	done  chan struct{}
}

// event remembers ev. discovers is how many DISCOVERs were sent so far.
func (s *story) event(ev client.Event, discovers func() uint64) {
	if _, ok := ev.(client.Ignored); ok || s == nil {
		return // whoever can send us packets could have us forget the rest
	}
	line := jsonOf(ev)
	s.mu.Lock()
	line.Time, line.Interface, line.Netns = lease.Now(), s.name, s.netns
	s.remember(ev, line.Time)
	if t, ok := ev.(client.Transition); ok && t.From.String() == "SELECTING" {
		s.heard = discovers()
	}
	s.keep(&line)
	s.awaiting = slices.DeleteFunc(s.awaiting, func(o *outcome) bool { return o.see(&line) })
	s.mu.Unlock()
	s.news.Publish(&line)
}

// remember is what status needs of ev; mu is held.
func (s *story) remember(ev client.Event, now time.Time) {
	switch ev := ev.(type) {
	case client.Transition:
		s.state, s.since = ev.To, now
		if ev.To.String() != "WAITING" && ev.To.String() != "V6ONLY" {
			s.why, s.next = ev.Why, time.Time{}
		} else if !s.next.After(now) {
			s.why = ev.Why
		}
	case client.UsingStored:
		s.held, s.heldSince = ev.Lease, now
	case client.Bound:
		if s.held == nil || s.held.Address != ev.Lease.Address {
			s.heldSince = now
		}
		s.held = ev.Lease
	case client.Renewed:
		s.held = ev.Lease
	case client.Changed:
		s.held = ev.Lease
	case client.Expired, client.Lost, client.Released:
		s.held = nil
	case client.Refused:
		s.held = nil
		s.wait(now, ev.Wait, "refused by NAK"+quoted(ev.Message))
	case client.Declined:
		s.held = nil
		why := "the address cannot be used here"
		if ev.By != nil {
			why = "station " + ev.By.String() + " has " + ev.Lease.Address.String()
		}
		s.wait(now, ev.Wait, why)
	case client.ApplyFailed:
		if ev.Wait > 0 {
			s.held = nil
			s.wait(now, ev.Wait, "the link cannot be configured: "+ev.Err.Error())
		}
	case client.NoServer:
		s.wait(now, ev.Wait, "no server has answered")
	case client.IPv6Only:
		s.held = nil
		s.wait(now, ev.Wait, "the network is IPv6-only")
	default:
	}
}

// wait notes a back-off, which may begin before or after the event that says so.
func (s *story) wait(now time.Time, d time.Duration, why string) {
	if d > 0 {
		s.next, s.why = now.Add(d), why
	}
}

func quoted(message string) string {
	if message == "" {
		return ""
	}
	return `: "` + oneLine(message) + `"`
}

// keep adds line to the past: without its leases, which would be kept in memory
// as long; mu is held.
func (s *story) keep(line *eventLine) {
	if s.length > 0 && line.Event == "transition" {
		return
	}
	if n := cmp.Or(s.length, storyLength); len(s.past) == n {
		copy(s.past, s.past[1:])
		s.past = s.past[:n-1]
	}
	s.past = append(s.past, pastOf(line))
}

// A pastEvent is an event that is remembered. Most say nothing but of which lease
// they are, in a third of an eventLine.
type pastEvent struct {
	at         time.Time
	link, name string
	address    netip.Prefix
	// more is the line of one that says more.
	more *eventLine
}

// pastOf is what is remembered of line.
func pastOf(line *eventLine) pastEvent {
	short := *line
	if l := line.Lease; l != nil {
		short.Address, short.Lease, short.OldLease = prefix(l), nil, nil
	}
	p := pastEvent{at: line.Time, link: line.Interface, name: line.Event}
	if l := line.Lease; l != nil {
		p.address = l.Prefix()
	}
	if *p.line(line.Netns) != short {
		p.more = &short
	}
	return p
}

// line is it as a line again.
func (p *pastEvent) line(netns string) *eventLine {
	if p.more != nil {
		return p.more
	}
	l := &eventLine{Time: p.at, Interface: p.link, Netns: netns, Event: p.name}
	if p.address.IsValid() {
		l.Address = p.address.String()
	}
	return l
}

// events are the last ones; mu is held.
func (s *story) events() (all []*eventLine) {
	for i := range s.past {
		all = append(all, s.past[i].line(s.netns))
	}
	return all
}

// rename has what is to come be told under another name.
func (s *story) rename(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name = name
}

// await returns what will come of something, by judge.
func (s *story) await(judge func(*eventLine) (is, good bool, text string)) *outcome {
	o := &outcome{judge: judge, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaiting = append(s.awaiting, o)
	return o
}

// forget is for an outcome that nobody waits for any more.
func (s *story) forget(o *outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaiting = slices.DeleteFunc(s.awaiting, func(other *outcome) bool { return other == o })
}

// see says that the outcome is there.
func (o *outcome) see(line *eventLine) bool {
	is, good, text := o.judge(line)
	if is {
		o.good, o.text = good, text
		close(o.done)
	}
	return is
}
