package fsm

import (
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// bound is BOUND: the lease is in use, and no message matters until T1.
type bound struct {
	held *lease.Lease
	// retried is set when a refresh of the link failed once.
	retried bool
}

func (bound) name() State           { return BoundState }
func (s bound) deadline() time.Time { return s.held.RenewAt() }
func (s bound) lease() *lease.Lease { return s.held }

func (s bound) step(m *Machine, now time.Time, ev Event) state {
	switch ev := ev.(type) {
	case Tick:
		switch {
		case due(s.held.RebindAt(), now):
			return m.rebind(now, m.begin(now), s.held)
		case due(s.held.RenewAt(), now):
			return m.renew(now, s.held)
		}
	case Renew:
		if ev.Rebind {
			return m.rebind(now, m.begin(now), s.held)
		}
		return m.renew(now, s.held)
	case Applied:
		if ev.Err != nil {
			return s.misfit(m, now, ev.Err)
		}
	case Probed:
		return m.probedInUse(now, s, ev)
	case Reached:
		return s.reached(m, ev)
	case ForceRenew:
		return s.forced(m, now, ev)
	case Offer, Ack, Nak:
		m.ignore("no exchange under way")
	}
	return s
}

// misfit is a refresh of the link that failed. The address that is there keeps
// its old lifetime, so one more try is all that can be done, unless it is gone.
func (s bound) misfit(m *Machine, now time.Time, err error) state {
	m.note(Notice{Kind: ApplyFailed, Lease: s.held, Err: err})
	switch {
	case !s.retried:
		s.retried = true
		m.putOn(s.held, ReasonRefresh)
	case m.gone:
		m.note(Notice{Kind: Lost, Lease: s.held, Text: "the kernel has ended it"})
		m.withdraw()
		m.takeOff(ReasonLost)
		return waiting{until: now.Add(misfitWait)}
	}
	return s
}

// reached learns the router's hardware address (RFC 4436 2.1).
func (s bound) reached(m *Machine, ev Reached) state {
	if ev.Router != s.held.Router() || ev.By == s.held.RouterMAC {
		return s
	}
	l, old := *s.held, s.held
	l.RouterMAC = ev.By
	s.held = &l
	if !old.RouterMAC.IsZero() {
		m.note(Notice{Kind: OtherStation, Lease: &l, Old: old, Addr: ev.Router, MAC: ev.By})
	}
	m.last, m.onLink = &l, &l
	m.do(Save{&l})
	return s
}

// renew asks the server that gave the lease for more (RFC 2131 4.4.5). A lease
// whose server is unknown can only be rebound.
func (m *Machine) renew(now time.Time, l *lease.Lease) state {
	if !l.Server.IsValid() {
		return m.rebind(now, m.begin(now), l)
	}
	return renewing{m.begin(now), l, now}.send(m, now)
}

func (m *Machine) rebind(now time.Time, x exchange, l *lease.Lease) state {
	return rebinding{x, l, now}.send(m, now)
}

// renewing is RENEWING: the server that gave the lease is asked for more.
type renewing struct {
	exchange
	held  *lease.Lease
	since time.Time
}

func (renewing) name() State           { return Renewing }
func (s renewing) lease() *lease.Lease { return s.held }

func (s renewing) deadline() time.Time { return earliest(s.next, s.held.RebindAt()) }

func (s renewing) send(m *Machine, now time.Time) state {
	s.exchange = m.requestAgain(s.exchange, now, s.held, s.held.Server, s.since, s.held.RebindAt())
	return s
}

func (s renewing) step(m *Machine, now time.Time, ev Event) state {
	switch ev := ev.(type) {
	case Tick:
		switch {
		case due(s.held.RebindAt(), now):
			// The same acquisition: secs goes on, the xid is a new one.
			x := m.begin(now)
			x.began = s.began
			return m.rebind(now, x, s.held)
		case due(s.next, now):
			return s.send(m, now)
		}
	case Renew:
		switch {
		case ev.Rebind:
			return m.rebind(now, m.begin(now), s.held)
		case !now.Before(m.requestSent.Add(requestGap)):
			return s.send(m, now)
		}
	case Nak:
		// Only its own server may take a lease away from us while it could
		// be asked; anybody could forge the rest.
		if ev.Server != s.held.Server {
			m.ignore("NAK of a server that was not asked")
			return s
		}
		return m.renewalAnswer(now, s, s.exchange, s.held, ev)
	default:
		return m.renewalAnswer(now, s, s.exchange, s.held, ev)
	}
	return s
}

// rebinding is REBINDING: any server is asked for more.
type rebinding struct {
	exchange
	held  *lease.Lease
	since time.Time
}

func (rebinding) name() State           { return Rebinding }
func (s rebinding) lease() *lease.Lease { return s.held }

func (s rebinding) send(m *Machine, now time.Time) state {
	s.exchange = m.requestAgain(s.exchange, now, s.held, broadcast, s.since, s.held.ExpireAt())
	return s
}

func (s rebinding) step(m *Machine, now time.Time, ev Event) state {
	switch ev := ev.(type) {
	case Tick:
		if due(s.next, now) {
			return s.send(m, now)
		}
	case Renew:
		if !now.Before(m.requestSent.Add(requestGap)) {
			return s.send(m, now)
		}
	default:
		return m.renewalAnswer(now, s, s.exchange, s.held, ev)
	}
	return s
}

// requestAgain sends the REQUEST of RENEWING or REBINDING, and sets when to
// repeat it. Never more than one goes out in a requestGap, so that a lease of a
// second does not become a flood: one that is due too early waits.
func (m *Machine) requestAgain(x exchange, now time.Time, l *lease.Lease, dst netip.Addr, start, end time.Time) exchange {
	if at := m.requestSent.Add(requestGap); now.Before(at) {
		x.next = at
		if x.tries == 0 {
			x.sent = at
		}
		return x
	}
	if x.tries > 0 && !now.Before(m.requestSent.Add(answerTime)) {
		// What is granted now counts from now (RFC 2131 4.4.5). Counted from
		// T1, a lease that the server made shorter would be over already; and
		// with a new xid no answer to the first REQUEST is taken for this.
		x.xid, x.sent = m.xid(), now
	}
	m.requestSent = now
	x = x.elapsed(now)
	x = x.transmit(m, now, renewal(l, dst))
	x.next = retry(now, start, end)
	if end.IsZero() { // an infinite lease that was asked to renew
		x.next = now.Add(renewFloor)
	}
	return x
}

// renewalAnswer handles what RENEWING and REBINDING have in common; s is the
// state as it is.
func (m *Machine) renewalAnswer(now time.Time, s state, x exchange, held *lease.Lease, ev Event) state {
	switch ev := ev.(type) {
	case Ack:
		if ev.XID != x.xid {
			m.ignore("ACK of another exchange")
			return s
		}
		m.learn(ev, true)
		return m.renewed(now, s, x, held, ev.Lease)
	case Nak:
		if ev.XID != x.xid {
			m.ignore("NAK of another exchange")
			return s
		}
		return m.refused(now, ev)
	case Applied:
		if ev.Err != nil {
			m.note(Notice{Kind: ApplyFailed, Lease: held, Err: ev.Err})
		}
	case Probed: // an optimistic probe that outlasted T1
		return m.probedInUse(now, s, ev)
	case Offer:
		m.ignore("late offer")
	}
	return s
}

// renewReason is that of a lease that was renewed in state s.
func renewReason(s state) Reason {
	if s.name() == Rebinding {
		return ReasonRebind
	}
	return ReasonRenew
}

// renewed takes an ACK to a renewal: the same address goes on without an
// interruption; another one starts over with the conflict check.
func (m *Machine) renewed(now time.Time, s state, x exchange, held, ack *lease.Lease) state {
	same := ack.Address == held.Address
	base := held
	if !same {
		base = basics(held)
	}
	l, err := m.terms(now, ack, base, x.sent)
	if err != "" {
		m.ignore(err)
		return s
	}
	if !same {
		return m.check(now, l, ReasonBound)
	}
	l.RouterMAC = held.RouterMAC
	if l.Router() != held.Router() {
		l.RouterMAC = lease.HardwareAddr{}
	}
	m.last = l
	m.do(Save{l})
	m.putOn(l, renewReason(s))
	m.note(Notice{Kind: Renewed, Lease: l, Old: held})
	// A router that is known is asked whether it still is, the station itself
	// first: once in renewFloor, lest who gives leases of a second has us ask as
	// often.
	if r := l.Router(); r.IsValid() && (l.RouterMAC.IsZero() || l.Start.Sub(held.Start) >= renewFloor) {
		m.do(CheckRouter{Source: l.Address, Router: r, MAC: l.RouterMAC})
	}
	return bound{held: l}
}
