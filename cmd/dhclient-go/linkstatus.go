package main

import (
	"os"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A linkStatus is how a link is: the line that `status --json` prints. What there
// is not is left out.
type linkStatus struct {
	// Time is the time of the process, which all others here are measured
	// with: it goes on while the clock on the wall is set.
	Time      time.Time `json:"time"`
	Interface string    `json:"interface"`
	// Netns is where the link is, as --netns of its process has it.
	Netns   string `json:"netns,omitempty"`
	PID     int    `json:"pid"`
	Version string `json:"version"`
	// State is that of RFC 2131 figure 5 or of package client, or ABSENT while
	// the interface is waited for; since then, and why in a few words.
	State  string    `json:"state"`
	Since  time.Time `json:"since,omitzero"`
	Reason string    `json:"reason,omitempty"`
	// Link is up, no carrier, or missing.
	Link string `json:"link"`
	// NextTry is when a back-off ends.
	NextTry *time.Time `json:"next_try,omitempty"`
	// Unanswered are the DISCOVERs that nobody has answered.
	Unanswered uint64 `json:"unanswered,omitempty"`
	// Lease is in use since HeldSince. Its times are here once more, as times.
	Lease     *lease.Lease `json:"lease,omitempty"`
	HeldSince *time.Time   `json:"held_since,omitempty"`
	RenewAt   *time.Time   `json:"renew_at,omitempty"`
	RebindAt  *time.Time   `json:"rebind_at,omitempty"`
	ExpiresAt *time.Time   `json:"expires_at,omitempty"`
	Counters  linkCounters `json:"counters"`
	// Agent says that an agent serves the link. Restarts is how often its client
	// has failed there, Panics how often of them with a fault of the program, and
	// Error how the last time.
	Agent    bool   `json:"agent,omitempty"`
	Restarts uint64 `json:"restarts,omitempty"`
	Panics   uint64 `json:"panics,omitempty"`
	Error    string `json:"error,omitempty"`
	// Events are the last ones, as --json has them, but with the address in
	// the place of the leases.
	Events []*eventLine `json:"events,omitempty"`
}

// linkCounters count since the client was started, by what is counted.
type linkCounters struct {
	Sent       map[string]uint64 `json:"sent,omitempty"`
	SendErrors uint64            `json:"send_errors,omitempty"`
	Received   map[string]uint64 `json:"received,omitempty"`
	Rejected   map[string]uint64 `json:"rejected,omitempty"`
	ARP        map[string]uint64 `json:"arp,omitempty"`
}

const (
	linkUp        = "up"
	linkNoCarrier = "no carrier"
	linkMissing   = "missing"
	// stateAbsent is the state of an interface that is waited for.
	stateAbsent = "ABSENT"
)

// status is how the link of b is.
func (b *berth) status() *linkStatus {
	st := newLinkStatus(b.netns)
	st.Interface = b.name
	var l *link
	select {
	case <-b.ready:
		l = b.link
		st.Link = l.presence()
		st.Counters = l.counters()
	default:
	}
	b.story.fill(st)
	if l == nil {
		st.State = stateAbsent
		return st
	}
	if now := l.client.Lease(); now != nil && st.Lease != nil && now.Address == st.Lease.Address && now.Start.Equal(st.Lease.Start) {
		st.Lease = now // it may know its router's station meanwhile
	}
	return st
}

// newLinkStatus is the status of a link of which nothing is known.
func newLinkStatus(netns string) *linkStatus {
	return &linkStatus{Time: lease.Now(), Netns: netns, PID: os.Getpid(), Version: versionNumber(), Link: linkMissing}
}

// fill fills in what the story has.
func (s *story) fill(st *linkStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st.State, st.Since, st.Reason = s.state.String(), s.since, s.why
	if s.next.After(lease.Now()) {
		st.NextTry = some(s.next)
	}
	if st.State == "SELECTING" {
		st.Unanswered = st.Counters.Sent["DISCOVER"] - s.heard
	}
	if l := s.held; l != nil {
		st.Lease, st.HeldSince = l, some(s.heldSince)
		st.RenewAt, st.RebindAt, st.ExpiresAt = some(l.RenewAt()), some(l.RebindAt()), some(l.ExpireAt())
	}
	st.Events = append(st.Events, s.events()...)
}

// some is nil for no time.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// presence says whether the link is there.
func (l *link) presence() string {
	now, err := l.watcher.State()
	switch {
	case err != nil:
		return "" // nobody knows
	case now.Index == 0:
		return linkMissing
	case !now.Carrier:
		return linkNoCarrier
	}
	return linkUp
}

func (l *link) counters() linkCounters {
	s := l.client.Stats()
	c := linkCounters{Sent: s.Sent, SendErrors: s.SendErrors, Received: s.Received, Rejected: s.Rejected}
	if l.detector != nil {
		c.ARP = arpCounts(l.detector.Stats())
		for key, n := range c.ARP {
			if n == 0 {
				delete(c.ARP, key)
			}
		}
	}
	return c
}
