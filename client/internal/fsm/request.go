package fsm

import (
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// request accepts an offer. The first REQUEST has the secs of the DISCOVER
// before it (RFC 2131 3.1(3)).
func (m *Machine) request(now time.Time, s selecting, offer *lease.Lease) state {
	if m.prefersV6Only(offer) {
		return m.withoutV4(now, offer)
	}
	x := s.exchange
	x.sent, x.tries = now, 0
	r := requesting{x, offer, s.stored}.send(m, now)
	if d := m.prompt(now, s.last); d > 0 {
		// Not one of the tries: who answers late has as long as ever.
		r.next, r.tries = now.Add(d), 0
	}
	return r
}

// requesting is REQUESTING: the offer was accepted.
type requesting struct {
	exchange
	offer *lease.Lease
	// stored is selecting's, should this come to nothing.
	stored *lease.Lease
}

func (requesting) name() State         { return Requesting }
func (requesting) lease() *lease.Lease { return nil }

func (s requesting) send(m *Machine, now time.Time) requesting {
	m.requestSent = now
	s.exchange = s.transmit(m, now, Message{
		Type: Request, RequestedIP: s.offer.Address, ServerID: s.offer.Server,
	})
	return s
}

func (s requesting) step(m *Machine, now time.Time, ev Event) state {
	switch ev := ev.(type) {
	case Tick:
		if !due(s.next, now) {
			return s
		}
		if s.tries < requestTries {
			s.exchange = s.elapsed(now)
			return s.send(m, now)
		}
		return s.unanswered(m, now)
	case Probed:
		s.stored = m.probedStored(now, s.stored, ev)
	case Applied:
		s.stored = m.appliedStored(s.stored, ev)
	case Ack:
		if ev.XID != s.xid {
			m.ignore("ACK of another exchange")
			return s
		}
		l, err := m.terms(now, ev.Lease, basics(s.offer), s.sent)
		if err != "" {
			m.ignore(err)
			return s
		}
		m.learn(ev, false)
		return m.check(now, l, ReasonBound)
	case Nak:
		if ev.XID != s.xid {
			m.ignore("NAK of another exchange")
			return s
		}
		if ev.Server != s.offer.Server {
			m.ignore("NAK of a server that was not chosen")
			return s
		}
		return m.refused(now, ev)
	case Offer:
		m.ignore("late offer")
	}
	return s
}

// refused is what follows a NAK (RFC 2131 3.1(5)): nothing of the lease stays,
// and the first restart is at once.
func (m *Machine) refused(now time.Time, ev Nak) state {
	// To have been bound for a moment resets nothing: who gives leases of two
	// seconds and takes them back would have us send without end.
	if now.Sub(m.lastNak) > failureMemory {
		m.naks = 0
	}
	var wait time.Duration
	if m.naks > 0 {
		wait = m.wait(nakWait, m.naks-1)
	}
	m.naks++
	m.lastNak = now
	m.note(Notice{Kind: Refused, Server: ev.Server, Text: ev.Message, Wait: wait, Lease: m.onLink})
	if m.onLink != nil || m.probing.IsValid() {
		m.withdraw()
		m.takeOff(ReasonNak)
	}
	// Last: a process that is killed must find what it left on the link.
	m.do(Save{nil})
	m.forget()
	if wait > 0 {
		return waiting{until: now.Add(wait)}
	}
	return m.restart(now)
}

// unanswered starts over: at once the first time, since another server may be
// there, and then less and less often. RFC 2131 3.1(5) has five messages a minute
// for a server that offers and does not acknowledge, or not so that it is of use.
func (s requesting) unanswered(m *Machine, now time.Time) state {
	m.mute = s.offer.Server
	m.note(Notice{Kind: Unanswered, Server: s.offer.Server})
	m.deaf++
	if m.deaf == 1 {
		return m.discover(now, s.stored)
	}
	x := m.begin(now)
	x.next = now.Add(m.wait(deafWait, m.deaf-2))
	return selecting{exchange: x, stored: s.stored}
}
