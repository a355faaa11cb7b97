package fsm

import (
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// rebooting is INIT-REBOOT and REBOOTING: a lease that we had is being
// verified, and stays on the link, if it is there, until there is evidence
// against it. Without an exchange it waits for the link.
type rebooting struct {
	exchange
	stored *lease.Lease
	// vouched says that its router was seen since the link came up (RFC 4436
	// 2.1).
	vouched bool
	// until is when the schedule asks for it no longer; zero for after a
	// number of tries.
	until time.Time
	// useAt is when stored, which another process has handed over in use, is
	// used without the word of a server; zero for never.
	useAt time.Time
}

func (rebooting) name() State           { return Rebooting }
func (s rebooting) deadline() time.Time { return earliest(s.next, s.until, s.useAt) }
func (s rebooting) lease() *lease.Lease { return s.stored }

func (s rebooting) send(m *Machine, now time.Time) state {
	if s.tries == 0 {
		s.exchange = m.begin(now)
		m.acquireBegan, m.linkStart = now, now
		if d := m.cfg.Schedule.Reboot; d > 0 {
			s.until = now.Add(d)
		}
		m.askRouter(s.stored)
	}
	s.exchange = s.elapsed(now)
	m.requestSent = now
	// RFC 2131 4.3.2: option 50, no ciaddr, no option 54.
	s.exchange = s.transmit(m, now, Message{Type: Request, RequestedIP: s.stored.Address})
	return s
}

func (s rebooting) step(m *Machine, now time.Time, ev Event) state {
	switch ev := ev.(type) {
	case Tick:
		switch {
		case due(s.useAt, now):
			return s.goOn(m)
		case due(s.until, now):
			return s.unanswered(m, now)
		case !due(s.next, now):
			return s
		case s.tries < rebootTries || !s.until.IsZero():
			return s.send(m, now)
		}
		return s.unanswered(m, now)
	case LinkUp:
		if m.used {
			// A link that was taken down has lost its routes.
			m.putOn(m.onLink, ReasonRefresh)
		}
		// A flap within linkGap of the last one waits its turn.
		if until := m.linkStart.Add(linkGap); now.Before(until) {
			s.next = until
			return s
		}
		return s.send(m, now)
	case Ack:
		if ev.XID != s.xid || s.tries == 0 {
			m.ignore("ACK of another exchange")
			return s
		}
		if m.prefersV6Only(ev.Lease) {
			return m.withoutV4(now, ev.Lease)
		}
		l, err := m.terms(now, ev.Lease, basics(s.stored), s.sent)
		if err != "" {
			m.ignore(err)
			return s
		}
		if m.used && !s.vouched && l.Address == s.stored.Address {
			m.note(Notice{Kind: Verified, Lease: l, Server: l.Server})
		}
		if s.vouched && l.Router() == s.stored.Router() {
			l.RouterMAC = s.stored.RouterMAC // for a link that is lost before it has been asked anew
		}
		m.learn(ev, false)
		return m.check(now, l, ReasonReboot)
	case Nak:
		if ev.XID != s.xid || s.tries == 0 {
			m.ignore("NAK of another exchange")
			return s
		}
		return m.refused(now, ev)
	case Reached:
		return s.reached(m, now, ev)
	case Applied:
		if ev.Err != nil {
			m.note(Notice{Kind: ApplyFailed, Lease: s.stored, Err: ev.Err})
		}
	case Offer:
		m.ignore("late offer")
	}
	return s
}

// goOn uses a lease that was handed over as the process before did: silence is no
// evidence against it (RFC 2131 3.2(3)), and who has it in use is to stop for no
// more than that. A server goes on to be asked.
func (s rebooting) goOn(m *Machine) state {
	s.useAt = time.Time{}
	m.note(Notice{Kind: UsingStored, Lease: s.stored})
	m.putOn(s.stored, ReasonRefresh)
	return s
}

func (s rebooting) reached(m *Machine, now time.Time, ev Reached) state {
	switch {
	case ev.Router != s.stored.Router() || s.stored.RouterMAC.IsZero() || s.tries == 0:
	case ev.By == s.stored.RouterMAC:
		m.vouchedFor(s.stored, s.vouched, ev.By)
		s.vouched = true
	default:
		m.note(Notice{Kind: RouterChanged, Addr: ev.Router, MAC: ev.By})
		m.lose("another network", s.stored)
		return m.restart(now)
	}
	return s
}

// unanswered is when no server knows the lease, or none is there. Silence is no
// evidence against it: a server with no record must be silent (RFC 2131 3.2(2)).
func (s rebooting) unanswered(m *Machine, now time.Time) state {
	if m.used && s.vouched {
		return m.check(now, s.stored, ReasonReboot)
	}
	m.hint = s.stored.Address
	if m.onLink != nil && m.cfg.ACD != NoProbe {
		// It may stay there while nobody objects (RFC 5227 2.1: a link that
		// comes up is a reason to probe).
		m.probe(s.stored.Address)
	}
	return m.discover(now, s.stored)
}

// vouchedFor says, the first time, that the router of l is here: the address on
// the link goes on to be good, whatever time a server takes (RFC 4436 2.1).
func (m *Machine) vouchedFor(l *lease.Lease, before bool, by lease.HardwareAddr) {
	if m.used && !before {
		m.note(Notice{Kind: Verified, Lease: l, MAC: by})
	}
}
