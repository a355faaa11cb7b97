// Package fsm is the DHCPv4 client of RFC 2131 as a pure function: Step takes
// the time and an event, and returns what to do. It does no I/O, reads no
// clock, logs nothing and starts nothing, so that years of leases run in a
// test in milliseconds and every path can be explored.
//
// machine.go has what holds in every state. The states are in the order of a
// lease's life: acquire.go (INIT, WAITING), select.go, request.go, reboot.go,
// verify.go (CHECKING, APPLYING) and hold.go (BOUND, RENEWING, REBINDING).
// exchange.go has the retransmission schedules, terms.go what is made of a
// server's answer.
//
// # The most that is sent
//
// A client sends no more than this, whoever is on the link, with the right xid
// in all that he says, and an answer to every ARP request:
//
//	within              1 s   10 s   60 s
//	DHCP messages         8     18     80
//	ARP probes            9     39    192   three for each address given
//	ARP announcements     7     27    134   two for each address used, and defences
//	  of those, defences  1      1      6
//	ARP router requests  15     65    320   three for each lease, five to verify one
//
// It takes leases of a second or two to have that many sent: they are honoured,
// but no lease is asked for again within a second, and none that has ended
// within ten of the beginning of the last (requestGap, restartGap). Each NAK
// makes the next wait longer, and so does each DECLINE, whatever comes between
// (failureMemory). A server that gives an hour sees two messages in it.
//
// A link that comes and goes, or an operator who asks again and again, may have
// 8 messages sent in each second (linkGap), and no more.
//
// TestMost_SEC_05 searches for the worst; what it has found is 6, 17 and 72
// messages, and an address given 2, 11 and 61 times.
package fsm

import (
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A Machine is one client on one link. It is a value: a copy goes its own way.
type Machine struct {
	cfg   Config
	rng   rand.PCG
	state state

	linkUp bool
	// onLink is the lease that the link was last told to have; nil for none.
	// Whatever the state, it is taken off when it expires.
	onLink *lease.Lease
	// used says that onLink was put there by us, and is there; found that it was
	// there at the start, and nothing was done about it since.
	used, found bool
	// pending is the lease of an Apply that is not answered, nil for none, and
	// gone says that the address was taken away meanwhile. kernelEnd is the end
	// of the lease that the link was last known to have.
	pending   *lease.Lease
	gone      bool
	kernelEnd time.Time
	seq       uint64 // of the last Apply
	// probing is the address that a probe runs for, if any: at most one does,
	// and it may outlast the state that began it.
	probing netip.Addr

	hint    netip.Addr   // an address to ask for: the last one we had
	last    *lease.Lease // the last lease that was bound
	mute    netip.Addr   // a server that offered and did not acknowledge
	giver   netip.Addr   // the server of the lease that was held last
	shunned shunned

	// In a row: they set the back-off. deaf counts servers that offered and did
	// not acknowledge.
	naks, declines, misfits, deaf int
	// linkLocals is how many addresses of our own choice others had.
	linkLocals int

	// nonce and replay are of the server of the lease in use (RFC 6704).
	nonce  Nonce
	replay uint64

	lastNak, lastDecline time.Time
	acquireBegan         time.Time
	requestSent          time.Time
	linkStart            time.Time

	actions []Action
	// event is what Step or a deadline has brought about; nil between Steps.
	event Event
}

// A state is one of figure 5's, holding just what has meaning there. step
// handles an event and returns the state that follows; deadline is when it
// wants a Tick, zero for never; lease is the lease it holds or verifies, nil
// for none.
//
//sumtype:decl
type state interface {
	step(m *Machine, now time.Time, ev Event) state
	deadline() time.Time
	lease() *lease.Lease
	name() State
}

// New returns a machine that waits for Start. Seed must be unpredictable: the
// xids that come of it are all that tells a reply from a forgery.
func New(cfg Config, seed [2]uint64) Machine {
	return Machine{cfg: cfg, rng: *rand.NewPCG(seed[0], seed[1]), state: off{}}
}

// Step handles ev at now and returns what is to be done, in order. It first
// does what a passed deadline demands: an ACK read after a suspend cannot
// revive a lease that is over.
func (m *Machine) Step(now time.Time, ev Event) []Action {
	m.catchUp(now)
	m.event = ev
	if !m.common(now, ev) {
		m.become(m.state.step(m, now, ev))
	}
	m.catchUp(now)
	actions := m.actions
	m.actions, m.event = nil, nil
	return actions
}

// Deadline is when Step wants a Tick; the zero Time for never. It is never in
// the past of the last Step.
func (m *Machine) Deadline() time.Time {
	return earliest(m.state.deadline(), expiry(m.onLink), expiry(m.state.lease()))
}

// State names the current state.
func (m *Machine) State() State { return m.state.name() }

// Lease is the lease in use: its address is on the link, by our doing; nil for
// none.
func (m *Machine) Lease() *lease.Lease {
	if !m.used {
		return nil
	}
	return m.onLink
}

// Arriving is the lease of the Apply under way; nil for none.
func (m *Machine) Arriving() *lease.Lease { return m.pending }

// Found is the lease that a process before this one may have left on the link,
// as long as nothing was done about it; nil for none.
func (m *Machine) Found() *lease.Lease {
	if m.used || m.seq > 0 {
		return nil
	}
	return m.onLink
}

// Heritage is the lease that another process can go on from: that in use, or one
// that is verified or put on the link just now; nil for none. A lease of the
// configuration is none, for no server has given it.
func (m *Machine) Heritage() *lease.Lease {
	if l := m.held(); l != m.cfg.Fallback {
		return l
	}
	return nil
}

// Probing says that a conflict probe runs.
func (m *Machine) Probing() bool { return m.probing.IsValid() }

// Listening says whether any message could matter now: a bound client is deaf, but
// for a FORCERENEW that it can tell from a forged one.
func (m *Machine) Listening() bool {
	switch m.State() {
	case Selecting, Requesting, Rebooting, Renewing, Rebinding:
		return true
	}
	return m.ForceRenewKey() != Nonce{}
}

// Awaits is the exchange that awaits an answer, and whether that is an OFFER or
// else an ACK or NAK; ok is false where there is none. Any other message would
// be ignored by Step, so that who reads a flood may leave it away.
func (m *Machine) Awaits() (xid uint32, offer, ok bool) {
	switch s := m.state.(type) {
	case selecting:
		return s.xid, true, true
	case requesting:
		return s.xid, false, true
	case rebooting:
		return s.xid, false, s.tries > 0
	case renewing:
		return s.xid, false, true
	case rebinding:
		return s.xid, false, true
	case off, initial, waiting, checking, applying, bound, v6only:
	}
	return 0, false, false
}

// catchUp does what passed deadlines demand. Each state answers a Tick with a
// deadline in the future or with another state, and no chain of them is longer
// than BOUND, RENEWING, REBINDING, expiry.
func (m *Machine) catchUp(now time.Time) {
	for range 8 {
		if m.Deadline().After(now) || m.Deadline().IsZero() {
			return
		}
		m.event = Tick{}
		switch l := m.state.lease(); {
		case l != nil && l.Expired(now):
			m.event = over{}
			m.become(m.expire(now, l))
		case m.onLink != nil && m.onLink.Expired(now):
			m.note(Notice{Kind: Expired, Lease: m.onLink})
			if m.state.lease() == nil { // else a probe for that one may run
				m.withdraw()
			}
			m.takeOff(ReasonExpire)
		case due(m.state.deadline(), now):
			m.become(m.state.step(m, now, Tick{}))
		default:
			return
		}
	}
}

// common handles the events that mean the same in every state, and says that
// it did.
func (m *Machine) common(now time.Time, ev Event) bool {
	if m.state.name() == Off {
		return false // Start is all that means anything
	}
	if m.rejected(ev) {
		return true
	}
	switch ev := ev.(type) {
	case Stop:
		m.arrived(ev.There)
		m.become(m.stop(ev.Keep))
	case Release:
		m.arrived(ev.There)
		m.become(m.release())
	case LinkDown:
		m.linkUp = false
		if ev.Gone {
			// What an Apply did to it, or will yet say that it did, is gone too.
			m.used, m.found = false, false
			m.pending, m.gone, m.kernelEnd = nil, false, time.Time{}
			m.seq++
		}
		m.become(m.unplugged())
	case LinkUp:
		if m.linkUp {
			return true
		}
		m.linkUp = true
		m.naks, m.misfits, m.deaf = 0, 0, 0
		return false
	case NewHardwareAddr:
		m.become(m.newHardwareAddr(now, ev))
	case AddressGone:
		m.become(m.addressGone(now, ev))
	case Conflict:
		if m.onLink != nil && m.onLink.Address == ev.Addr {
			m.become(m.decline(now, m.onLink, ev.By))
		}
	case Applied:
		if ev.Seq != m.seq {
			return true // another Apply has replaced that one
		}
		m.applied(ev)
		return false
	case Probed:
		if ev.Addr != m.probing {
			return true // a probe that was withdrawn
		}
		m.probing = netip.Addr{}
		return false
	default:
		return false
	}
	return true
}

// applied notes the outcome of the last Apply.
func (m *Machine) applied(ev Applied) {
	m.used = m.onLink != nil && (m.used || ev.Err == nil)
	if m.pending != nil && ev.Err == nil {
		m.gone, m.kernelEnd = false, m.pending.ExpireAt()
	}
	m.pending = nil
}

// arrived notes, before the lease is given up, that its address is on the link:
// a script may have put it there long before it ends and its Apply with it.
func (m *Machine) arrived(there bool) { m.used = m.used || there && m.pending != nil }

func (m *Machine) become(next state) {
	from, to := m.state.name(), next.name()
	m.state = next
	if from != to {
		m.note(Notice{Kind: Transition, From: from, To: to, Text: why(from, to, m.event)})
	}
}

// stop ends the machine, doing with the lease what the configuration says, unless
// it is to be kept. What stays on the link is the kernel's from here on.
func (m *Machine) stop(keep bool) state {
	m.dropLinkLocal()
	switch exit := m.cfg.OnExit; {
	case keep || exit == Keep:
		m.withdraw()
	case exit == Remove:
		m.withdraw()
		m.takeOff(ReasonStop)
	default:
		m.release()
	}
	m.note(Notice{Kind: Stopped, Lease: m.Lease()})
	m.onLink, m.used, m.pending = nil, false, nil
	return off{}
}

// release gives the lease back (RFC 2131 4.4.6) and waits to be told to renew.
// An address that is not on the link by our doing cannot be the source of a
// RELEASE, unless the configuration has it so: that lease is only given up, and
// the server gets it back when it ends.
func (m *Machine) release() state {
	l := m.held()
	switch {
	case l == nil:
		m.withdraw()
	case (m.used || m.cfg.OnExit == GiveBackFound && m.found && l == m.onLink) && l.Server.IsValid():
		// RFC 2131 table 5: secs is 0, no option 50.
		m.do(Send{Message{Type: ReleaseType, XID: m.xid(), CIAddr: l.Address, ServerID: l.Server, Dst: l.Server}})
		m.withdraw()
		m.takeOff(ReasonRelease)
		m.do(Save{nil})
		m.note(Notice{Kind: Released, Lease: l, Server: l.Server})
	default:
		m.withdraw()
		m.takeOff(ReasonRelease)
		text := "given up without a RELEASE"
		if l == m.cfg.Fallback {
			text = FallbackEnds
		}
		m.note(Notice{Kind: Lost, Lease: l, Text: text})
	}
	m.forget()
	return initial{idle: true}
}

// held is the lease that the state holds or verifies, else that on the link;
// nil for none.
func (m *Machine) held() *lease.Lease {
	if l := m.state.lease(); l != nil {
		return l
	}
	return m.onLink
}

// unplugged is what follows a loss of carrier: a lease stays, with its address
// on the link, and is verified when carrier returns (RFC 2131 3.7).
func (m *Machine) unplugged() state {
	var l *lease.Lease
	switch s := m.state.(type) {
	case off, waiting, initial, v6only:
		return s
	case selecting:
		l = s.stored
	case requesting:
		l = s.stored
	case rebooting, checking, applying, bound, renewing, rebinding:
		l = s.lease()
	}
	m.withdraw()
	if m.unplug(l) {
		return initial{}
	}
	next := rebooting{stored: l}
	if s, ok := m.state.(rebooting); ok && m.found {
		next.useAt = s.useAt
	}
	return next
}

// newHardwareAddr drops all that was obtained under the old address.
func (m *Machine) newHardwareAddr(now time.Time, ev NewHardwareAddr) state {
	if ev.Addr == m.cfg.HardwareAddr {
		return m.state
	}
	m.cfg.HardwareAddr = ev.Addr
	m.cfg.ClientID = ev.ClientID
	if s, ok := m.state.(initial); ok && s.idle {
		return s
	}
	m.lose("hardware address changed", m.held())
	return m.again(now)
}

// addressGone is what follows when somebody takes our address off: it is their
// decision, so the lease is not used again at once. The kernel does the same a
// moment before the lease ends, which is no more than the end.
func (m *Machine) addressGone(now time.Time, ev AddressGone) state {
	if m.onLink == nil || m.onLink.Address != ev.Addr {
		return m.state
	}
	l := m.onLink
	if end := m.kernelEnd; m.pending != nil && !end.IsZero() && !now.Before(end.Add(-kernelRounding)) {
		// The kernel has ended the lease before this one, whose Apply sets the
		// address anew.
		m.gone = true
		return m.state
	}
	if l.Remaining(now) <= kernelRounding {
		if s := m.state.lease(); s != nil && s != l && s.Remaining(now) > kernelRounding {
			// Its successor has been granted, and is probed yet.
			m.note(Notice{Kind: Expired, Lease: l})
			m.takeOff(ReasonExpire)
			return m.state
		}
		return m.expire(now, l)
	}
	m.note(Notice{Kind: Lost, Lease: l, Text: "address removed by another program"})
	m.withdraw()
	m.takeOff(ReasonLost)
	return waiting{until: now.Add(removedWait)}
}

// expire ends a lease: at once, whatever runs (RFC 2131 4.4.5).
func (m *Machine) expire(now time.Time, l *lease.Lease) state {
	m.note(Notice{Kind: Expired, Lease: l})
	m.withdraw()
	m.takeOff(ReasonExpire)
	m.hint = l.Address
	// A server that gives leases of a second must not make us send without
	// end: one acquisition in restartGap. The end of an older lease, that a
	// start found stored, is no such server's doing.
	if until := m.acquireBegan.Add(restartGap); now.Before(until) && !l.Start.Before(m.acquireBegan) {
		return waiting{until: until}
	}
	return m.restart(now)
}

// lose gives up l, nil for none, because of reason: what is on the link, and
// what is remembered.
func (m *Machine) lose(reason string, l *lease.Lease) {
	if l != nil {
		m.note(Notice{Kind: Lost, Lease: l, Text: reason})
	}
	m.withdraw()
	m.takeOff(ReasonLost)
	if l != nil && l != m.cfg.Fallback { // which was never stored
		// Last: a process that is killed must find what it left on the link.
		m.do(Save{nil})
	}
	m.forget()
}

// probe starts the conflict probe of addr, in the place of what ran before.
func (m *Machine) probe(addr netip.Addr) {
	m.probing = addr
	m.do(Probe{addr})
}

// withdraw ends probe and defence.
func (m *Machine) withdraw() {
	m.probing = netip.Addr{}
	m.do(Withdraw{})
}

// takeOff removes our configuration from the link, if there may be any.
func (m *Machine) takeOff(why Reason) {
	if m.onLink == nil {
		return
	}
	m.onLink, m.used, m.found = nil, false, false
	m.pending, m.gone, m.kernelEnd = nil, false, time.Time{}
	m.seq++
	m.do(Apply{Seq: m.seq, Why: why})
}

// putOn makes the link have l; if it has another lease already, then one of the
// same address.
func (m *Machine) putOn(l *lease.Lease, why Reason) {
	m.onLink, m.found, m.pending = l, false, l
	m.seq++
	m.do(Apply{Seq: m.seq, Lease: l, Why: why})
}

// forget drops the address that the next DISCOVER would ask for.
func (m *Machine) forget() { m.hint, m.last = netip.Addr{}, nil }

func (m *Machine) do(a Action) {
	if m.actions == nil {
		m.actions = make([]Action, 0, 8) // what most steps have, made once
	}
	m.actions = append(m.actions, a)
}

func (m *Machine) note(n Notice) { m.do(Notify{n}) }

func (m *Machine) ignore(reason string) { m.note(Notice{Kind: Ignored, Text: reason}) }

// xid draws a transaction id (RFC 2131 4.1), never 0.
func (m *Machine) xid() uint32 {
	for {
		if x := uint32(m.rng.Uint64() >> 32); x != 0 {
			return x
		}
	}
}

// jitter draws from [-d, d], uniformly.
func (m *Machine) jitter(d time.Duration) time.Duration {
	n, _ := bits.Mul64(m.rng.Uint64(), uint64(2*d+1))
	return time.Duration(n) - d
}

// off is a machine that was not started, or has stopped.
type off struct{}

func (off) name() State         { return Off }
func (off) deadline() time.Time { return time.Time{} }
func (off) lease() *lease.Lease { return nil }

func (s off) step(m *Machine, now time.Time, ev Event) state {
	if start, ok := ev.(Start); ok {
		return m.start(now, start)
	}
	return s
}

func due(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }

func expiry(l *lease.Lease) time.Time {
	if l == nil {
		return time.Time{}
	}
	return l.ExpireAt()
}

// earliest is the first of times that is not zero.
func earliest(times ...time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
