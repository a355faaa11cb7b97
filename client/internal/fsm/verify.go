package fsm

import (
	"errors"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// check is what follows an ACK: the address is probed before its first use
// (RFC 2131 3.1(5), RFC 5227 2.1), unless the configuration says otherwise.
// If the address is in use already it stays so meanwhile.
func (m *Machine) check(now time.Time, l *lease.Lease, why Reason) state {
	switch {
	case m.onLink == nil:
	case m.onLink.Address == l.Address:
		// Shorter terms hold at once, longer ones when they are applied,
		// whatever comes between.
		if l.Remaining(now) < m.onLink.Remaining(now) {
			m.onLink = l
		}
	default:
		m.note(Notice{Kind: Lost, Lease: m.onLink, Text: AnotherAddress})
		m.withdraw()
		m.takeOff(ReasonLost)
	}
	// Stored before it is used: a process that is killed must find what it
	// left on the link.
	m.do(Save{l})
	if m.cfg.ACD != NoProbe {
		m.probe(l.Address)
	}
	if m.cfg.ACD != ProbeFirst || m.used {
		return m.apply(l, why)
	}
	return checking{l, now.Add(verdictTime), why}
}

func (m *Machine) apply(l *lease.Lease, why Reason) state {
	m.putOn(l, why)
	return applying{acked: l, why: why}
}

// checking is CHECKING: the conflict probe runs, and the address is not used.
type checking struct {
	acked *lease.Lease
	// until is when a detector that says nothing has failed.
	until time.Time
	why   Reason
}

func (checking) name() State           { return Checking }
func (s checking) deadline() time.Time { return s.until }
func (s checking) lease() *lease.Lease { return s.acked }

func (s checking) step(m *Machine, now time.Time, ev Event) state {
	switch ev := ev.(type) {
	case Tick:
		if due(s.until, now) {
			m.withdraw()
			m.unprobed(Probed{Addr: s.acked.Address, Err: errNoVerdict})
			return m.apply(s.acked, s.why)
		}
	case Probed:
		if !ev.By.IsZero() {
			return m.decline(now, s.acked, ev.By)
		}
		m.unprobed(ev)
		return m.apply(s.acked, s.why)
	case Offer, Ack, Nak:
		m.ignore("the exchange is over")
	}
	return s
}

var errNoVerdict = errors.New("the conflict detector does not answer")

// unprobed says so if a probe failed. The server's word is right enough: the
// probe was to be sure.
func (m *Machine) unprobed(ev Probed) {
	if ev.Err != nil {
		m.note(Notice{Kind: ProbeFailed, Addr: ev.Addr, Err: ev.Err})
	}
}

// applying is APPLYING: the link is being made to match.
type applying struct {
	acked   *lease.Lease
	why     Reason
	retried bool
}

func (applying) name() State           { return Applying }
func (applying) deadline() time.Time   { return time.Time{} }
func (s applying) lease() *lease.Lease { return s.acked }

func (s applying) step(m *Machine, now time.Time, ev Event) state {
	switch ev := ev.(type) {
	case Applied:
		switch {
		case ev.Err == nil:
			return m.bind(s.acked)
		case ev.Refused && !m.used:
			m.note(Notice{Kind: ApplyFailed, Lease: s.acked, Err: ev.Err})
			return m.decline(now, s.acked, lease.HardwareAddr{})
		case !s.retried:
			s.retried = true
			m.note(Notice{Kind: ApplyFailed, Lease: s.acked, Err: ev.Err})
			m.putOn(s.acked, s.why)
			return s
		}
		wait := m.wait(misfitWait, m.misfits)
		m.misfits++
		m.note(Notice{Kind: ApplyFailed, Lease: s.acked, Err: ev.Err, Wait: wait})
		m.withdraw()
		m.takeOff(ReasonLost)
		return waiting{until: now.Add(wait)}
	case Probed: // an optimistic probe
		if !ev.By.IsZero() {
			return m.decline(now, s.acked, ev.By)
		}
		m.unprobed(ev)
	case Offer, Ack, Nak:
		m.ignore("the exchange is over")
	}
	return s
}

// bind is the entry to BOUND for a lease that is on the link now.
func (m *Machine) bind(l *lease.Lease) state {
	old := m.last
	m.last, m.giver = l, l.Server
	m.misfits, m.deaf = 0, 0
	m.mute = noServer
	m.note(Notice{Kind: Bound, Lease: l, Old: old})
	if !m.probing.IsValid() {
		m.verified(l)
	}
	return bound{held: l}
}

// probedInUse takes the end of an optimistic probe, in state s.
func (m *Machine) probedInUse(now time.Time, s state, ev Probed) state {
	if !ev.By.IsZero() {
		return m.decline(now, s.lease(), ev.By)
	}
	m.unprobed(ev)
	m.verified(s.lease())
	return s
}

// verified announces an address that nobody else has, and learns who its router
// is, for the day when the link comes back and must be told from another.
func (m *Machine) verified(l *lease.Lease) {
	m.do(Announce{l.Address})
	if r := l.Router(); r.IsValid() {
		m.do(CheckRouter{Source: l.Address, Router: r})
	}
}

// decline tells the server that another host has the address (RFC 2131 3.1(5)),
// or, with no station, that this one does not want it, and waits before the next
// try.
func (m *Machine) decline(now time.Time, l *lease.Lease, by lease.HardwareAddr) state {
	// An address that was probed well and lost later counts with the others
	// (RFC 5227 2.1.1): to have been bound for a moment resets nothing.
	if now.Sub(m.lastDecline) > failureMemory {
		m.declines = 0
	}
	wait := m.wait(declineWait, m.declines)
	m.declines++
	m.lastDecline = now
	m.shunned.add(l.Address, now)
	m.withdraw()
	m.takeOff(ReasonConflict)
	if l.Server.IsValid() {
		text := "refused by the host"
		if !by.IsZero() {
			text = "address in use by " + by.String()
		}
		m.do(Send{Message{
			Type: Decline, XID: m.xid(), Dst: broadcast,
			RequestedIP: l.Address, ServerID: l.Server,
			Text: text,
		}})
	}
	if l != m.cfg.Fallback { // which was never stored, and what is may hold yet
		m.do(Save{nil})
	}
	m.note(Notice{Kind: Declined, Lease: l, Addr: l.Address, Server: l.Server, MAC: by, Wait: wait})
	m.forget()
	return waiting{until: now.Add(wait), atLeast: now.Add(declineWait)}
}
