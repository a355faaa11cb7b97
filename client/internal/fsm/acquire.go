package fsm

import (
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// start begins with the stored lease, if it may still be ours: verified by
// INIT-REBOOT while it lasts (RFC 2131 3.2), else as a hint.
func (m *Machine) start(now time.Time, ev Start) state {
	m.linkUp = ev.LinkUp
	l := ev.Lease
	if l != nil && !m.isOurs(l) {
		// It was given to somebody else: nothing of it may stay in use.
		m.onLink = l
		m.takeOff(ReasonLost)
		l = nil
	}
	if l != nil {
		m.giver = l.Server
	}
	if l != nil && (l.Expired(now) || l.Start.After(now)) {
		m.onLink = l
		m.takeOff(ReasonExpire)
		m.hint = l.Address
		l = nil
	}
	switch {
	case l != nil:
		// The process before us may have left it on the link.
		m.onLink, m.last, m.found = l, l, ev.OnLink
		s := rebooting{stored: l}
		if ev.InUse && ev.OnLink {
			s.useAt = now
			if m.linkUp {
				s.useAt = now.Add(heirWait)
			}
		}
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
