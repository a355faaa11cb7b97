package fsm

import (
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// rapidTries is how many DISCOVERs ask for a Rapid Commit. A relay or a server
// that drops what it does not know must not keep the client from an address; and
// a lease counts from the first of them (RFC 2131 4.4.1), which must not be long
// ago. It is when replies begin to be asked for as broadcasts, so that one new
// exchange does for both.
const rapidTries = broadcastAfter

// rapidly has the next DISCOVER ask for a Rapid Commit or not, if the
// configuration wants it at all. Both beginning and giving up are a new exchange:
// no ACK to what was asked before counts any more. A search that begins anew before
// rapidTries, since the schedule gives up sooner, is one without.
func (s selecting) rapidly(m *Machine, now time.Time) selecting {
	if m.cfg.RapidCommit && (s.tries == 0 || s.tries == rapidTries) {
		s.rapid = s.tries == 0 && !s.rapid
		s.xid, s.sent = m.xid(), now
		s.best, s.spare = nil, nil
	}
	return s
}

// committed takes an ACK to a DISCOVER (RFC 4039 3.1): it counts if that asked
// for one, and if the ACK says so too. A lease that no server puts its name to
// could be neither renewed nor declined.
func (s selecting) committed(m *Machine, now time.Time, ev Ack) state {
	switch l := ev.Lease; {
	case !s.rapid || !ev.Rapid:
		m.ignore("not an offer")
	case ev.XID != s.xid:
		m.ignore("ACK of another exchange")
	case !l.Server.IsValid():
		m.ignore("ACK without a server")
	case m.shunned.has(l.Address, now):
		m.ignore("ACK of an address in conflict")
	case m.lacks(l):
		m.ignore("ACK without an option that is required")
	case m.prefersV6Only(l):
		return m.withoutV4(now, l)
	default:
		l, err := m.terms(now, l, &lease.Lease{}, s.sent)
		if err != "" {
			m.ignore(err)
			return s
		}
		m.requestSent = s.last // it was the REQUEST, too
		m.learn(ev, false)
		return m.check(now, l, ReasonBound)
	}
	return s
}

// AwaitsCommit says that an ACK with option 80 is awaited too, where Awaits has
// an OFFER.
func (m *Machine) AwaitsCommit() bool {
	s, ok := m.state.(selecting)
	return ok && s.rapid
}
