package fsm

import (
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// selecting is SELECTING: DISCOVER was sent.
type selecting struct {
	exchange
	// best is the offer to take when pick has come; spare is one to take if
	// no better one comes before the next DISCOVER is due.
	best, spare *lease.Lease
	pick        time.Time
	// until is when the schedule gives up; zero for never, or if it did.
	until time.Time
	// stored is a lease that may be used for want of a server, and may be on
	// the link already; vouched says that its router was seen.
	stored  *lease.Lease
	vouched bool
	// asked says that its router is asked sooner than after storedAfter, since the
	// schedule gives up.
	asked bool
	// linkLocals is how many addresses others had since the schedule gave up.
	linkLocals int
	// rapid says that the exchange asks for a Rapid Commit.
	rapid bool
}

func (selecting) name() State         { return Selecting }
func (selecting) lease() *lease.Lease { return nil }

func (s selecting) deadline() time.Time {
	if s.best != nil {
		return earliest(s.next, s.pick, s.until)
	}
	return earliest(s.next, s.until)
}

func (s selecting) send(m *Machine, now time.Time) state {
	if s.tries == 0 {
		s.began = now
		s.pick = now.Add(m.cfg.SelectTimeout)
		if d := m.cfg.Schedule.Timeout; d > 0 {
			s.until = now.Add(d)
		}
	}
	s = s.rapidly(m, now)
	s.exchange = s.elapsed(now)
	if s.tries >= broadcastAfter {
		s.broadcast = true
	}
	s.exchange = s.transmit(m, now, Message{Type: Discover, RequestedIP: m.wanted(now), RapidCommit: s.rapid})
	if s.tries > storedAfter && s.stored != nil && !s.vouched {
		m.askRouter(s.stored)
	}
	return s
}

// wanted is the address to ask for in a DISCOVER, if any.
func (m *Machine) wanted(now time.Time) netip.Addr {
	for _, a := range []netip.Addr{m.hint, m.cfg.RequestIP} {
		if a.IsValid() && !m.shunned.has(a, now) {
			return m.wish(a)
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
		return s.tick(m, now)
	case Renew:
		// Now, and not when a long back-off is over.
		if !now.Before(m.linkStart.Add(linkGap)) {
			m.linkStart, s.tries = now, 0
			return s.send(m, now)
		}
	case Offer:
		return s.offered(m, now, ev)
	case Ack:
		return s.committed(m, now, ev)
	case Nak:
		m.ignore("not an offer")
	case Reached:
		return s.reached(m, ev)
	case Probed:
		return s.probed(m, now, ev)
	case Applied:
		last := s.stored
		if s.stored = m.appliedStored(last, ev); s.stored == nil && last != nil && last == m.cfg.Fallback {
			return s.failed(m, now)
		}
	}
	return s
}

func (s selecting) tick(m *Machine, now time.Time) state {
	if l := s.best; l != nil && due(s.pick, now) {
		return m.request(now, s, l)
	}
	late := due(s.until, now)
	if !late && !due(s.next, now) {
		return s
	}
	if l := s.spare; l != nil && !m.shunned.has(l.Address, now) {
		return m.request(now, s, l)
	}
	s.spare = nil
	if n := m.cfg.Schedule.Attempts; late || n > 0 && s.tries >= n {
		return s.giveUp(m, now)
	}
	return s.send(m, now)
}

// giveUp sends nothing for a while. What was sent last may still be answered,
// and a lease of the configuration may be used meanwhile.
func (s selecting) giveUp(m *Machine, now time.Time) state {
	if s.asksFirst(m) {
		s.asked = true
		s.next = now.Add(time.Second)
		s.until = s.next
		return s
	}
	s.asked = false
	wait := max(m.cfg.Schedule.Pause, time.Second)
	s.next, s.until, s.tries = now.Add(wait), time.Time{}, 0
	s.broadcast = true // what was sent was in vain, if less than broadcastAfter
	if m.occupied() {
		return s // a stored lease does for now: nothing has failed
	}
	if m.probing.IsValid() {
		return s.failed(m, now)
	}
	l := m.fallback(now)
	if l == nil || l.Expired(now) || m.shunned.has(l.Address, now) {
		return s.failed(m, now)
	}
	m.takeOff(ReasonLost) // what may be left of one that is stored, and not used
	s.stored, s.vouched, s.linkLocals = l, true, 0
	if m.cfg.ACD == NoProbe {
		return s.useStored(m)
	}
	m.probe(l.Address)
	return s
}

// occupied says that the address of a lease is on the link, or is about to be, or
// may be there by another client's doing. That of one that is only stored is not: the
// host may be elsewhere by now.
func (m *Machine) occupied() bool {
	l := m.onLink
	return l != nil && (m.used || m.found || m.pending != nil || l.IsInfinite() && !l.Server.IsValid())
}

// asksFirst asks the router of a stored lease whether this is its network, before a
// lease of the configuration is used: a server has given that one, and its time is
// not over (RFC 2131 3.2(3)).
func (s selecting) asksFirst(m *Machine) bool {
	l := s.stored
	if l == nil || l == m.cfg.Fallback || s.asked || s.vouched || s.tries > storedAfter || m.occupied() ||
		l.RouterMAC.IsZero() || m.cfg.Fallback == nil && !m.cfg.LinkLocal {
		return false
	}
	m.askRouter(l)
	return true
}

// failed says that there is no lease, and that none is asked for until next.
func (s selecting) failed(m *Machine, now time.Time) state {
	m.note(Notice{Kind: NoServer, Wait: s.next.Sub(now)})
	return s
}

func (s selecting) offered(m *Machine, now time.Time, ev Offer) state {
	switch {
	case ev.XID != s.xid:
		m.ignore("offer of another exchange")
	case m.shunned.has(ev.Lease.Address, now):
		m.ignore("offer of an address in conflict")
	case m.lacks(ev.Lease):
		m.ignore("offer without an option that is required")
	case ev.Lease.Valid == 0 || ev.Lease.Server == m.mute:
		if s.spare == nil {
			s.spare = ev.Lease
		}
	case !due(s.pick, now):
		if s.best == nil || m.better(now, ev.Lease, s.best) {
			s.best = ev.Lease
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
	case s.vouched || s.tries <= storedAfter && !s.asked:
	case m.used:
		m.vouchedFor(l, s.vouched, ev.By)
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
	last := s.stored
	s.stored = m.probedStored(now, s.stored, ev)
	switch {
	case s.stored == nil && last != nil && last == m.cfg.Fallback:
		return s.conflicted(m, now)
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
		m.lose(LostToAnother, l)
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
	m.putOn(s.stored, ReasonStored)
	return s
}

// appliedStored takes the outcome of useStored, and returns what is left of l.
func (m *Machine) appliedStored(l *lease.Lease, ev Applied) *lease.Lease {
	switch {
	case m.onLink == nil:
	case !m.used:
		m.note(Notice{Kind: ApplyFailed, Lease: m.onLink, Err: ev.Err})
		m.withdraw()
		m.takeOff(ReasonLost)
		return nil
	case ev.Err == nil && !m.probing.IsValid():
		m.do(Announce{m.onLink.Address})
	}
	return l
}
