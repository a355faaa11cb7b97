package fsm

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// start begins with the stored lease, if it may still be ours: verified by
// INIT-REBOOT while it lasts (RFC 2131 3.2), else as a hint.
func (m *Machine) start(now time.Time, ev Start) state {
	m.linkUp = ev.LinkUp
	l := ev.Lease
	if l != nil && (l.HardwareAddr != m.cfg.HardwareAddr || !bytes.Equal(l.ClientID, m.cfg.ClientID)) {
		// It was given to somebody else: nothing of it may stay in use.
		m.onLink = l
		m.takeOff()
		l = nil
	}
	if l != nil && (l.Expired(now) || l.Start.After(now)) {
		m.onLink = l
		m.takeOff()
		m.hint = l.Address
		l = nil
	}
	switch {
	case l != nil:
		// The process before us may have left it on the link.
		m.onLink, m.last = l, l
		s := rebooting{stored: l}
		switch {
		case !m.linkUp:
			return s
		case m.cfg.StartDelay > 0:
			s.next = now.Add(m.cfg.StartDelay)
			return s
		}
		return s.send(m, now)
	case m.cfg.StartDelay > 0:
		return initial{until: now.Add(m.cfg.StartDelay)}
	}
	return m.restart(now)
}

// restart begins an acquisition, now or when there is a link.
func (m *Machine) restart(now time.Time) state {
	if !m.linkUp {
		return initial{}
	}
	return m.discover(now, nil)
}

// discover sends the first DISCOVER of an acquisition. stored is a lease to fall
// back on, nil for none.
func (m *Machine) discover(now time.Time, stored *lease.Lease) state {
	m.acquireBegan, m.linkStart = now, now
	return selecting{exchange: m.begin(now), stored: stored}.send(m, now)
}

// again is restart for what may come in any number, as a link that flaps: one
// start in linkGap.
func (m *Machine) again(now time.Time) state {
	if until := m.linkStart.Add(linkGap); now.Before(until) {
		return initial{until: until}
	}
	return m.restart(now)
}

// initial is INIT, waiting: for the link, for the start delay, for the gap
// between two starts, or, idle, for somebody to say Renew.
type initial struct {
	until time.Time
	idle  bool
}

func (initial) name() State           { return Init }
func (s initial) deadline() time.Time { return s.until }
func (initial) lease() *lease.Lease   { return nil }

func (s initial) step(m *Machine, now time.Time, ev Event) state {
	switch ev.(type) {
	case Tick:
		if due(s.until, now) {
			return m.restart(now)
		}
	case LinkUp:
		if !s.idle && s.until.IsZero() {
			return m.again(now)
		}
	case Renew:
		return m.again(now)
	case Offer, Ack, Nak:
		m.ignore("no exchange under way")
	}
	return s
}

// waiting is a back-off. From atLeast on, other events than time may end it.
type waiting struct{ until, atLeast time.Time }

func (waiting) name() State           { return Waiting }
func (s waiting) deadline() time.Time { return s.until }
func (waiting) lease() *lease.Lease   { return nil }

func (s waiting) step(m *Machine, now time.Time, ev Event) state {
	switch ev.(type) {
	case Tick:
		if due(s.until, now) {
			return m.restart(now)
		}
	case LinkUp, Renew:
		// Maybe another network, which the back-off is not about; but the
		// ten seconds after a DECLINE hold (RFC 2131 3.1(5)).
		if !now.Before(s.atLeast) {
			return m.again(now)
		}
	case Offer, Ack, Nak:
		m.ignore("no exchange under way")
	}
	return s
}

// selecting is SELECTING: DISCOVER was sent.
type selecting struct {
	exchange
	// spare is an offer to take if no better one comes before the next
	// DISCOVER is due.
	spare *lease.Lease
	// stored is a lease that may be used for want of a server, and may be on
	// the link already; vouched says that its router was seen.
	stored  *lease.Lease
	vouched bool
}

func (selecting) name() State         { return Selecting }
func (selecting) lease() *lease.Lease { return nil }

func (s selecting) send(m *Machine, now time.Time) state {
	s.exchange = s.elapsed(now)
	if s.tries >= broadcastAfter {
		s.broadcast = true
	}
	s.exchange = s.transmit(m, now, Message{Type: Discover, RequestedIP: m.wanted(now)})
	if s.tries > storedAfter && s.stored != nil && !s.vouched {
		m.askRouter(s.stored)
	}
	return s
}

// wanted is the address to ask for in a DISCOVER, if any.
func (m *Machine) wanted(now time.Time) netip.Addr {
	for _, a := range []netip.Addr{m.hint, m.cfg.RequestIP} {
		if a.IsValid() && !m.shunned.has(a, now) {
			return a
		}
	}
	return netip.Addr{}
}

// askRouter asks whether this is the network that l is from (RFC 4436 2.1).
func (m *Machine) askRouter(l *lease.Lease) {
	if r := l.Router(); r.IsValid() && !l.RouterMAC.IsZero() {
		m.do(CheckRouter{Source: l.Address, Router: r, MAC: l.RouterMAC})
	}
}

func (s selecting) step(m *Machine, now time.Time, ev Event) state {
	if s.stored != nil && s.stored.Expired(now) {
		s.stored = nil
	}
	switch ev := ev.(type) {
	case Tick:
		if !due(s.next, now) {
			return s
		}
		if l := s.spare; l != nil && !m.shunned.has(l.Address, now) {
			return m.request(now, s, l)
		}
		s.spare = nil
		return s.send(m, now)
	case Renew:
		// Now, and not when a long back-off is over.
		if !now.Before(m.linkStart.Add(linkGap)) {
			m.linkStart, s.tries = now, 0
			return s.send(m, now)
		}
	case Offer:
		return s.offered(m, now, ev)
	case Ack, Nak:
		m.ignore("not an offer")
	case Reached:
		return s.reached(m, ev)
	case Probed:
		return s.probed(m, now, ev)
	case Applied:
		s.stored = m.appliedStored(s.stored, ev)
	}
	return s
}

func (s selecting) offered(m *Machine, now time.Time, ev Offer) state {
	switch {
	case ev.XID != s.xid:
		m.ignore("offer of another exchange")
	case m.shunned.has(ev.Lease.Address, now):
		m.ignore("offer of an address in conflict")
	case ev.Lease.Valid == 0 || ev.Lease.Server == m.mute:
		if s.spare == nil {
			s.spare = ev.Lease
		}
	default:
		return m.request(now, s, ev.Lease)
	}
	return s
}

func (s selecting) reached(m *Machine, ev Reached) state {
	l := s.stored
	switch {
	case l == nil || ev.Router != l.Router() || l.RouterMAC.IsZero():
	case ev.By != l.RouterMAC:
		// The same addresses, another network.
		m.note(Notice{Kind: RouterChanged, Addr: ev.Router, MAC: ev.By})
		m.lose("another network", l)
		s.stored = nil
	case s.vouched || s.tries <= storedAfter:
	case m.used:
		s.vouched = true
	case m.cfg.ACD == NoProbe:
		return s.useStored(m)
	default:
		s.vouched = true
		m.probe(l.Address)
	}
	return s
}

func (s selecting) probed(m *Machine, now time.Time, ev Probed) state {
	s.stored = m.probedStored(now, s.stored, ev)
	switch {
	case s.stored == nil || m.used || !s.vouched:
	case ev.Err != nil:
		s.vouched = false // the next DISCOVER asks again
	default:
		return s.useStored(m)
	}
	return s
}

// probedStored takes what a probe says of a lease that no server has confirmed,
// and returns what is left of it.
func (m *Machine) probedStored(now time.Time, l *lease.Lease, ev Probed) *lease.Lease {
	switch {
	case l == nil:
	case !ev.By.IsZero():
		m.shunned.add(l.Address, now)
		m.lose("another host has the address", l)
		return nil
	case m.used:
		m.do(Announce{l.Address})
	}
	return l
}

// useStored puts the stored lease on the link, and goes on looking for a
// server (RFC 2131 3.2(3), 3.7).
func (s selecting) useStored(m *Machine) state {
	s.vouched = true
	m.note(Notice{Kind: UsingStored, Lease: s.stored})
	m.putOn(s.stored)
	return s
}

// appliedStored takes the outcome of useStored, and returns what is left of l.
func (m *Machine) appliedStored(l *lease.Lease, ev Applied) *lease.Lease {
	switch {
	case m.onLink == nil:
	case !m.used:
		m.note(Notice{Kind: ApplyFailed, Lease: m.onLink, Err: ev.Err})
		m.withdraw()
		m.takeOff()
		return nil
	case ev.Err == nil && !m.probing.IsValid():
		m.do(Announce{m.onLink.Address})
	}
	return l
}

// request accepts an offer. The first REQUEST has the secs of the DISCOVER
// before it (RFC 2131 3.1(3)).
func (m *Machine) request(now time.Time, s selecting, offer *lease.Lease) state {
	x := s.exchange
	x.sent, x.tries = now, 0
	return requesting{x, offer, s.stored}.send(m, now)
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

func (s requesting) send(m *Machine, now time.Time) state {
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
		m.mute = s.offer.Server
		m.note(Notice{Kind: Unanswered, Server: s.offer.Server})
		return m.discover(now, s.stored)
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
		return m.check(now, l)
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
	var wait time.Duration
	if m.naks > 0 {
		wait = m.wait(nakWait, m.naks-1)
	}
	m.naks++
	m.note(Notice{Kind: Refused, Server: ev.Server, Text: ev.Message, Wait: wait, Lease: m.onLink})
	m.do(Save{nil})
	if m.onLink != nil {
		m.withdraw()
		m.takeOff()
	}
	m.forget()
	if wait > 0 {
		return waiting{until: now.Add(wait)}
	}
	return m.restart(now)
}

// rebooting is INIT-REBOOT and REBOOTING: a lease that we had is being
// verified, and stays on the link, if it is there, until there is evidence
// against it. Without an exchange it waits for the link.
type rebooting struct {
	exchange
	stored *lease.Lease
	// vouched says that its router was seen since the link came up (RFC 4436
	// 2.1).
	vouched bool
}

func (rebooting) name() State           { return Rebooting }
func (s rebooting) lease() *lease.Lease { return s.stored }

func (s rebooting) send(m *Machine, now time.Time) state {
	if s.tries == 0 {
		s.exchange = m.begin(now)
		m.acquireBegan, m.linkStart = now, now
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
		case !due(s.next, now):
			return s
		case s.tries < rebootTries:
			return s.send(m, now)
		}
		return s.unanswered(m, now)
	case LinkUp:
		if m.used {
			// A link that was taken down has lost its routes.
			m.putOn(m.onLink)
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
		l, err := m.terms(now, ev.Lease, basics(s.stored), s.sent)
		if err != "" {
			m.ignore(err)
			return s
		}
		return m.check(now, l)
	case Nak:
		if ev.XID != s.xid || s.tries == 0 {
			m.ignore("NAK of another exchange")
			return s
		}
		return m.refused(now, ev)
	case Reached:
		return s.reached(m, now, ev)
	case Offer:
		m.ignore("late offer")
	}
	return s
}

func (s rebooting) reached(m *Machine, now time.Time, ev Reached) state {
	switch {
	case ev.Router != s.stored.Router() || s.stored.RouterMAC.IsZero() || s.tries == 0:
	case ev.By == s.stored.RouterMAC:
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
		return m.check(now, s.stored)
	}
	m.hint = s.stored.Address
	if m.onLink != nil && m.cfg.ACD != NoProbe {
		// It may stay there while nobody objects (RFC 5227 2.1: a link that
		// comes up is a reason to probe).
		m.probe(s.stored.Address)
	}
	return m.discover(now, s.stored)
}
