package fsm

import (
	"math"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

const (
	maxBackoff   = 64 * time.Second // RFC 2131 4.1
	leastBackoff = time.Second
	requestTries = 4 // RFC 2131 3.1(5)
	// promptGap is the least time that a server has for an ACK.
	promptGap   = 500 * time.Millisecond
	rebootTries = 2
	// heirWait is how long a server may take to confirm or refuse a lease that
	// another process has handed over in use, before that goes on to be used: one
	// that is near answers in less, and programs wait for it.
	heirWait = 500 * time.Millisecond
	// broadcastAfter unanswered DISCOVERs, replies are asked for as
	// broadcasts: some relays and ipvlan deliver nothing else.
	broadcastAfter = 3
	// storedAfter unanswered DISCOVERs, a stored lease is good enough, if the
	// router vouches for it (RFC 2131 3.7, RFC 4436).
	storedAfter = 4

	renewFloor = 60 * time.Second // RFC 2131 4.4.5
	// shortPhase is where renewFloor leaves no second try: one lost packet
	// must not lose a short lease.
	shortPhase = 2 * renewFloor
	// requestGap is the least time between two REQUESTs of a held lease.
	requestGap = time.Second
	// answerTime after a REQUEST of a held lease no answer to it is expected
	// any more: to send it again is to ask anew.
	answerTime = 10 * time.Second

	declineWait = 10 * time.Second // RFC 2131 3.1(5)
	nakWait     = 2 * time.Second
	misfitWait  = 10 * time.Second
	deafWait    = 30 * time.Second
	maxWait     = 300 * time.Second
	removedWait = 10 * time.Second
	// failureMemory after the last NAK or DECLINE the next one is the first
	// again. It is longer than the longest wait.
	failureMemory  = 10 * time.Minute
	restartGap     = 10 * time.Second
	linkGap        = time.Second
	kernelRounding = 2 * time.Second
	// verdictTime is longer than any probe: after ten conflicts one waits up to
	// 60 s before it begins (RFC 5227 2.1.1), and takes 30 s at most.
	verdictTime = 2 * time.Minute
)

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// An exchange is a request that awaits its answer.
type exchange struct {
	xid uint32
	// began is when the client began to acquire or renew: secs counts from
	// here (RFC 2131 2).
	began time.Time
	// sent is when the message that awaits an answer was first sent: the
	// lease counts from here (RFC 2131 4.4.1).
	sent time.Time
	// last is when it was last sent.
	last time.Time
	// secs is what the last message said.
	secs uint16
	// broadcast is the B flag of the next message.
	broadcast bool
	tries     int
	next      time.Time
}

func (x exchange) deadline() time.Time { return x.next }

// begin starts an exchange with a new xid (RFC 2131 4.1).
func (m *Machine) begin(now time.Time) exchange {
	return exchange{xid: m.xid(), began: now, sent: now, broadcast: m.cfg.Broadcast}
}

// transmit sends msg once more, and sets when to do it again.
func (x exchange) transmit(m *Machine, now time.Time, msg Message) exchange {
	msg.XID, msg.Secs, msg.Broadcast = x.xid, x.secs, x.broadcast
	if !msg.Dst.IsValid() {
		msg.Dst = broadcast
	}
	m.do(Send{msg})
	x.last = now
	x.next = now.Add(m.backoff(x.tries))
	x.tries++
	return x
}

// elapsed is the exchange with its secs brought up to now, saturating.
func (x exchange) elapsed(now time.Time) exchange {
	x.secs = uint16(min(max(0, now.Sub(x.began)/time.Second), math.MaxUint16))
	return x
}

// backoff is how long to wait for an answer after n tries before (RFC 2131 4.1).
func (m *Machine) backoff(n int) time.Duration {
	base := time.Second
	if m.cfg.Retransmit == RFC2131 {
		base = 4 * time.Second
	}
	most := maxBackoff
	given := m.cfg.Schedule
	if given.Initial > 0 {
		base = given.Initial
	}
	if given.Max > 0 {
		most = given.Max
	}
	d := max(min(base<<min(n, 6), most), leastBackoff)
	spread := time.Second
	if m.cfg.Retransmit == Fast || given.Initial > 0 {
		spread = min(spread, d/10)
	}
	return d + m.jitter(spread)
}

// prompt is how long to wait for an ACK before the first REQUEST is sent once
// more, ahead of the schedule; zero for not at all. Delays are to follow what is
// known of the network between client and server (RFC 2131 4.1), and that is how
// soon the OFFER came after discovered, the last DISCOVER: a server that took
// longer than a quarter of a second is not hurried. (An OFFER that answers an
// earlier DISCOVER looks sooner than it is, which costs one message.) After a
// NAK or a conflict there is no hurry either.
func (m *Machine) prompt(now, discovered time.Time) time.Duration {
	d := max(4*now.Sub(discovered), promptGap)
	if m.cfg.Retransmit != Fast || m.cfg.Schedule.Initial > 0 || d >= time.Second || m.failedLately(now) {
		return 0
	}
	return d + m.jitter(d/10)
}

// failedLately says that a NAK or a conflict is remembered.
func (m *Machine) failedLately(now time.Time) bool {
	return m.naks > 0 && now.Sub(m.lastNak) <= failureMemory ||
		m.declines > 0 && now.Sub(m.lastDecline) <= failureMemory
}

// wait is a back-off that doubles from first, after n failures before, and is
// up to 10 % longer than that, but never longer than maxWait.
func (m *Machine) wait(first time.Duration, n int) time.Duration {
	d := min(first<<min(n, 8), maxWait*10/11)
	// Only ever longer: RFC 2131 3.1(5) has 10 s as the least.
	return d + (m.jitter(d/20) + d/20)
}

// retry is when to repeat a REQUEST that was sent at now in a phase from start
// to end (T1 to T2, or T2 to expiry): half the time that is left, but no less
// than a floor (RFC 2131 4.4.5).
func retry(now, start, end time.Time) time.Time {
	floor := renewFloor
	if phase := end.Sub(start); phase < shortPhase {
		floor = min(max(phase/3, time.Second), 5*time.Second)
	}
	return now.Add(max(end.Sub(now)/2, floor))
}

// shunned remembers addresses that were in conflict, so that they are not
// asked for again for a while. Most links never have one. For the sake of Machine's
// copies it is not changed in place.
type shunned []struct {
	addr  netip.Addr
	until time.Time
}

const maxShunned = 8

const shunTime = 5 * time.Minute

func (s *shunned) add(addr netip.Addr, now time.Time) {
	all := make(shunned, maxShunned)
	copy(all, *s)
	oldest := 0
	for i := range all {
		if all[i].addr == addr {
			oldest = i
			break
		}
		if all[i].until.Before(all[oldest].until) {
			oldest = i
		}
	}
	all[oldest].addr, all[oldest].until = addr, now.Add(shunTime)
	*s = all
}

func (s shunned) has(addr netip.Addr, now time.Time) bool {
	for i := range s {
		if s[i].addr == addr && now.Before(s[i].until) {
			return true
		}
	}
	return false
}

// renewal is the REQUEST of RENEWING and REBINDING: ciaddr, and neither option
// 50 nor 54 (RFC 2131 4.3.2).
func renewal(l *lease.Lease, dst netip.Addr) Message {
	return Message{Type: Request, CIAddr: l.Address, Dst: dst}
}
