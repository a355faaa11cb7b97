package fsm

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// The inhabitants of a world: two addresses, two servers, a router at two
// stations.
var (
	addrA, addrB     = netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")
	server1, server2 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	gateway          = netip.MustParseAddr("10.0.0.254")
	errBusy          = errors.New("busy")
)

// burst messages are one more than a second may have: the REQUEST of a stored
// lease and its NAK, a DISCOVER and two REQUESTs with a NAK, which is answered at
// once the first time, and another DISCOVER and REQUEST with a DECLINE.
const burst = 9

// A world is a machine, and what its actions have made of what is around it:
// the link, the conflict detector, and the servers, good and bad. It is a value,
// so that every way on from it can be tried. It knows nothing of the machine's
// inside but what it compares in check.
type world struct {
	m       Machine
	now     time.Time
	entropy int  // of the quiet sources, the one that is used
	loud    bool // leaves the jitter as it is
	hasty   bool // takes the least of it

	link     *lease.Lease // of the last Apply, whether or not it was answered
	applied  bool         // the link was seen to have link's address
	pending  bool         // an Apply waits for its answer
	ends     time.Time    // when the kernel takes the address off by itself
	probing  netip.Addr   // the detector probes this address
	defended netip.Addr   // or announces and defends this one
	asked    bool         // a router was asked who it is
	carrier  bool
	stopped  bool

	xid, oldXID uint32 // of the exchange, and of the one before
	// may holds, for A and B, until when a server at most granted it; said
	// whether it was ever offered, granted or stored.
	may   [2]time.Time
	said  [2]bool
	sent  [burst]time.Time // when the last messages were sent, the newest first
	total tally            // of all that was sent
}

// A tally counts what a machine has caused to be sent.
type tally struct {
	// messages are DHCP's; the others are actions, each of which is some ARP
	// packets.
	messages, probes, announcements, questions int
}

// newWorld is a world before Start.
func newWorld(cfg Config) world {
	return world{m: New(cfg, [2]uint64{1, 2}), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func index(a netip.Addr) int {
	if a == addrB {
		return 1
	}
	return 0
}

// A move is an event at a time.
type move struct {
	name string
	at   time.Time
	ev   Event
}

// do makes a move, and fails if it breaks what must always hold.
func (w *world) do(mv move) error {
	w.now = mv.at
	w.expect(mv.ev)
	before := *w
	switch {
	case w.hasty:
		w.m.rng = hastySources()[w.entropy%4]
	case !w.loud:
		quiet(&w.m, w.entropy%4)
	}
	actions := w.m.Step(w.now, mv.ev)
	for _, a := range actions {
		if err := w.perform(a); err != nil {
			return fmt.Errorf("%s: %w", describe(a), err)
		}
	}
	if err := w.check(); err != nil {
		return err
	}
	return w.judge(&before, mv.ev)
}

// expect takes note of what an event allows.
func (w *world) expect(ev Event) {
	grant := func(l *lease.Lease, until time.Time) {
		i := index(l.Address)
		w.said[i] = true
		if until.After(w.may[i]) {
			w.may[i] = until
		}
	}
	switch ev := ev.(type) {
	case Start:
		w.carrier = ev.LinkUp
		if l := ev.Lease; l != nil {
			w.link = l // the process before may have left it there
			grant(l, l.Start.Add(l.Valid))
		}
	case Offer:
		w.said[index(ev.Lease.Address)] = true
	case Ack:
		grant(ev.Lease, w.now.Add(max(ev.Lease.Valid, time.Hour)))
	case LinkDown:
		w.carrier = false
		if ev.Gone {
			w.applied, w.pending = false, false
		}
	case LinkUp:
		w.carrier = true
	case Applied:
		if ev.Seq == w.m.seq {
			w.pending = false
			w.applied = w.link != nil && (w.applied || ev.Err == nil)
			if w.link != nil && ev.Err == nil {
				w.ends = w.link.ExpireAt()
			}
		}
	case Probed:
		if ev.Addr == w.probing {
			w.probing = netip.Addr{}
		}
	case Stop:
		w.stopped = true
	}
}

// perform does an action, and fails if it must not be.
func (w *world) perform(action Action) error {
	switch a := action.(type) {
	case Send:
		return w.send(a.Message)
	case Apply:
		w.pending = true
		if a.Lease == nil {
			w.link, w.applied, w.ends = nil, false, time.Time{}
			return nil
		}
		w.applied = w.applied && w.link.Address == a.Lease.Address
		w.link = a.Lease
		return w.entitled(a.Lease)
	case Probe:
		w.total.probes++
		w.probing, w.defended = a.Addr, netip.Addr{}
	case Announce:
		w.total.announcements++
		w.probing, w.defended = netip.Addr{}, a.Addr
	case Withdraw:
		w.probing, w.defended = netip.Addr{}, netip.Addr{}
	case CheckRouter:
		w.total.questions++
		w.asked = true
		if !a.Router.IsValid() || !a.Source.IsValid() {
			return errors.New("nobody to ask")
		}
	case Save:
		if w.link != nil && !w.link.Expired(w.now) && (a.Lease == nil || a.Lease.Address != w.link.Address) {
			return errors.New("whoever kills us now leaves an address on the link that is not stored")
		}
		if a.Lease != nil {
			return w.entitled(a.Lease)
		}
	case Notify:
	}
	return nil
}

// entitled says whether l may be used now.
func (w *world) entitled(l *lease.Lease) error {
	switch {
	case l.Expired(w.now):
		return errors.New("the lease is over")
	case !l.IsInfinite() && l.ExpireAt().After(w.may[index(l.Address)]):
		return errors.New("the lease lasts longer than anybody granted")
	case l.T1 < 0 || l.T2 < l.T1 || l.T2 > l.Valid:
		return errors.New("the times of the lease are not in order")
	}
	return nil
}

// send takes a message, and fails if it may not be sent now (RFC 2131 tables 4
// and 5), or is one too many.
func (w *world) send(m Message) error {
	copy(w.sent[1:], w.sent[:])
	w.sent[0] = w.now
	w.total.messages++
	switch {
	case w.stopped && m.Type != ReleaseType:
		return errors.New("sent after Stop")
	case m.XID == 0:
		return errors.New("no xid")
	case !w.sent[burst-1].IsZero() && w.now.Sub(w.sent[burst-1]) < time.Second:
		return errors.New("more messages in a second than any exchange has")
	case m.RequestedIP.IsValid() && !w.said[index(m.RequestedIP)]:
		return errors.New("asks for an address that nobody ever said")
	case m.CIAddr.IsValid() && (w.link == nil || w.link.Address != m.CIAddr || w.link.Expired(w.now)):
		return errors.New("ciaddr is not on the link")
	case m.CIAddr.IsValid() && m.RequestedIP.IsValid():
		return errors.New("ciaddr and option 50")
	case m.Dst != broadcast && !m.CIAddr.IsValid():
		return errors.New("unicast from nowhere")
	case w.m.cfg.Anonymous && m.RequestedIP.IsValid() && !m.ServerID.IsValid():
		return errors.New("an anonymous client tells an address that it had")
	case m.RapidCommit && (m.Type != Discover || !w.m.cfg.RapidCommit):
		return errors.New("a Rapid Commit that is not to be asked for")
	}
	switch m.Type {
	case Discover:
		if m.ServerID.IsValid() || m.CIAddr.IsValid() {
			return errors.New("a DISCOVER names a server or a client")
		}
	case Request:
		if !m.CIAddr.IsValid() && !m.RequestedIP.IsValid() {
			return errors.New("a REQUEST for nothing")
		}
		if m.CIAddr.IsValid() && m.ServerID.IsValid() {
			return errors.New("a renewal names a server")
		}
	case Decline, ReleaseType:
		if !m.ServerID.IsValid() || m.Secs != 0 || m.Broadcast {
			return errors.New("no server, or secs, or flags")
		}
		return nil
	}
	if m.XID != w.xid {
		w.oldXID, w.xid = w.xid, m.XID
		w.entropy++
	}
	return nil
}

// check is what must hold after every Step.
func (w *world) check() error {
	m := &w.m
	state, held, deadline := m.State(), m.Lease(), m.Deadline()
	switch {
	case w.link != nil && !w.stopped && w.entitled(w.link) != nil:
		return fmt.Errorf("on the link: %w", w.entitled(w.link))
	case w.link != nil && !w.stopped && (m.onLink == nil || m.onLink.Address != w.link.Address):
		return errors.New("the machine does not know what is on the link")
	case !deadline.IsZero() && !deadline.After(w.now):
		return errors.New("the deadline is past")
	case w.stopped != (state == Off):
		return errors.New("Stop and OFF are not the same")
	case w.stopped && !deadline.IsZero():
		return errors.New("a deadline after Stop")
	case held != nil && (w.link == nil || !w.applied || held.Address != w.link.Address):
		return errors.New("Lease is not on the link")
	case w.defended.IsValid() && (w.link == nil || w.link.Address != w.defended):
		return errors.New("an address is defended that is not on the link")
	case w.defended.IsValid() && !w.carrier, w.probing.IsValid() && !w.carrier:
		return errors.New("a probe or a defence without a link")
	case m.probing != w.probing, m.Probing() != w.probing.IsValid():
		return errors.New("the machine does not know what is probed")
	case w.link != nil && !w.link.IsInfinite() && !w.stopped && deadline.IsZero():
		return errors.New("a lease that nobody will end")
	}
	return w.checkState(state, held)
}

// checkState is what must hold in each state, and that each can be left.
func (w *world) checkState(state State, held *lease.Lease) error {
	l := w.m.state.lease()
	switch state {
	case Off, Init, Waiting, V6Only:
		if w.link != nil && !w.stopped || l != nil {
			return errors.New("a lease in a state that has none")
		}
	case Selecting, Requesting:
		if w.m.state.deadline().IsZero() || !w.carrier {
			return errors.New("waits for ever")
		}
		if w.link != nil && !w.keepsStored() {
			return errors.New("nobody knows what is on the link")
		}
	case Rebooting:
		s := w.m.state.(rebooting)
		s.useAt = time.Time{} // which is no message
		if l == nil || w.carrier == s.deadline().IsZero() {
			return errors.New("REBOOTING waits for ever, or without a link")
		}
	case Checking:
		if w.probing != l.Address {
			return errors.New("CHECKING without a probe")
		}
	case Applying:
		if !w.pending || w.link != l {
			return errors.New("APPLYING without an Apply")
		}
	case BoundState, Renewing, Rebinding:
		if held == nil || held != l || held != w.m.onLink || !w.carrier {
			return errors.New("in use and not on the link")
		}
		if !w.probing.IsValid() && w.defended != l.Address {
			return errors.New("in use and not defended")
		}
	}
	return nil
}

// keepsStored says that the state knows the address on the link: by the lease
// that is there, or by one that a server gave since.
func (w *world) keepsStored() bool {
	var stored *lease.Lease
	switch s := w.m.state.(type) {
	case selecting:
		stored = s.stored
	case requesting:
		stored = s.stored
	}
	return stored != nil && stored.Address == w.m.onLink.Address
}

// judge is what an event must have led to.
func (w *world) judge(before *world, ev Event) error {
	if err := w.idle(before, ev); err != nil {
		return err
	}
	if err := w.patient(before, ev); err != nil {
		return err
	}
	gone := func(a netip.Addr) bool { return w.link == nil || w.link.Address != a }
	switch ev := ev.(type) {
	case Conflict:
		if !before.stopped && !gone(ev.Addr) {
			return errors.New("an address in conflict stays")
		}
	case Probed:
		if before.m.probing == ev.Addr && !ev.By.IsZero() && !gone(ev.Addr) {
			return errors.New("an address in conflict stays")
		}
	case AddressGone:
		// Unless the kernel has ended the old lease while a new one is set.
		byKernel := before.pending && !before.ends.IsZero() && !w.now.Before(before.ends.Add(-2*time.Second))
		if !before.stopped && !byKernel && !gone(ev.Addr) && w.m.State() != Off {
			return errors.New("an address that was taken away stays")
		}
	case Nak:
		counts := before.m.State() == Rebinding || before.m.State() == Rebooting ||
			before.m.State() == Renewing && before.link != nil && ev.Server == before.link.Server
		if counts && ev.XID == before.xid && w.m.State() == before.m.State() && w.sent == before.sent && before.carrier && before.answerable() {
			return errors.New("a NAK that counts did not")
		}
	case ForceRenew:
		counts := before.m.State() == BoundState && before.m.nonce != Nonce{} && ev.Replay > before.m.replay
		if !counts && w.sent != before.sent && w.now.Before(before.m.Deadline()) {
			return errors.New("a FORCERENEW that does not count did")
		}
	case NewHardwareAddr:
		if w.link != nil && !w.stopped && ev.Addr != before.m.cfg.HardwareAddr {
			return errors.New("an address of another client stays")
		}
	}
	return nil
}

// patient fails if silence, or the end of a machine that another goes on from, has
// touched the link where it must not.
func (w *world) patient(before *world, ev Event) error {
	if w.link == before.link {
		return nil
	}
	l, state := before.link, before.m.State()
	switch ev := ev.(type) {
	case Stop:
		if ev.Keep && w.now.Equal(before.now) && !(before.m.cfg.LinkLocal && l == before.m.cfg.Fallback) {
			return errors.New("what another process goes on from was touched")
		}
	case Tick:
		unknown := l != nil && l == before.m.onLink && l.IsInfinite() && !l.Server.IsValid() && l != before.m.cfg.Fallback
		if unknown && (state == Rebooting || state == Selecting || state == Requesting) {
			return errors.New("silence has touched an address that another client has left")
		}
	}
	return nil
}

// idle fails if a message changed anything that was not awaited.
func (w *world) idle(before *world, ev Event) error {
	xid, offer, ok := before.m.Awaits()
	var got uint32
	isOffer := false
	commits := before.m.AwaitsCommit()
	switch ev := ev.(type) {
	case Offer:
		got, isOffer = ev.XID, true
	case Ack:
		got, isOffer = ev.XID, commits && ev.Rapid
	case Nak:
		got = ev.XID
	default:
		return nil
	}
	if due(before.m.Deadline(), w.now) || ok && xid == got && offer == isOffer {
		return nil
	}
	if w.m.State() != before.m.State() || w.total != before.total || w.m.seq != before.m.seq {
		return errors.New("a message that was not awaited has an effect")
	}
	return nil
}

// answerable says that the exchange has sent its message.
func (w *world) answerable() bool {
	switch s := w.m.state.(type) {
	case rebooting:
		return s.tries > 0
	case renewing:
		return s.tries > 0
	case rebinding:
		return s.tries > 0
	}
	return true
}

func describe(a Action) string {
	p := newPlayer()
	return p.show(a)
}
