package fsm

import (
	"cmp"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/maphash"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// fallback is a lease that an administrator has written down.
func fallback() *lease.Lease {
	return &lease.Lease{Address: addrB, Bits: 24, Start: newWorld(Config{}).now, Valid: lease.Infinite,
		Routes: []lease.Route{{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: gateway}}}
}

// roots are where the exploration begins: each way to be configured, and the
// states that are too far from the start to be reached in a few moves.
func roots() map[string]world {
	all := map[string]world{}
	for name, cfg := range map[string]Config{
		"probe first, keep":       {},
		"optimistic, remove":      {ACD: Optimistic, OnExit: Remove},
		"no probe, release":       {ACD: NoProbe, OnExit: GiveBack, Retransmit: RFC2131},
		"rapid commit, IPv6-only": {RapidCommit: true, V6Only: true},
		"link-local, anonymous":   {LinkLocal: true, Anonymous: true, Schedule: Schedule{Attempts: 2, Pause: 20 * time.Second}},
		"schedule, fallback": {SelectTimeout: 2 * time.Second, Fallback: fallback(), Schedule: Schedule{
			Initial: 3 * time.Second, Max: 3 * time.Second, Attempts: 3, Timeout: 20 * time.Second, Pause: 20 * time.Second, Reboot: 10 * time.Second,
		}},
	} {
		cfg.HardwareAddr = station("a")
		start := func(ev Start) world {
			w := newWorld(cfg)
			must(w.do(move{"start", w.now, ev}))
			return w
		}
		searching := start(Start{LinkUp: true})
		all[name+": start"] = searching
		all[name+": start without link"] = start(Start{})
		now := newWorld(cfg).now
		stored := start(Start{LinkUp: true, Lease: remembered(now, 10*time.Minute)})
		all[name+": stored"] = stored
		all[name+": no server"] = wait(stored, 6)
		if cfg.LinkLocal {
			own := wait(searching, 2)
			all[name+": probing"] = own
			must(own.do(move{"probed", own.now, Probed{Addr: own.probing}}))
			must(own.do(move{"applied", own.now, Applied{Seq: own.m.seq}}))
			all[name+": in use"] = own
			continue
		}
		if cfg.RapidCommit {
			without := stored
			must(without.do(move{"ack", stored.now, Ack{XID: stored.xid, Lease: v6Only(addrA)}}))
			all[name+": without IPv4"] = without
			nonce := searching
			must(nonce.do(move{"ack", nonce.now, Ack{XID: nonce.xid, Lease: granted(addrA, server1, time.Hour), Rapid: true, Nonce: Nonce{1}, Replay: 7}}))
			must(nonce.do(move{"probed", nonce.now, Probed{Addr: addrA}}))
			must(nonce.do(move{"applied", nonce.now, Applied{Seq: nonce.m.seq}}))
			all[name+": bound with a nonce"] = nonce
			continue // the states beyond are the same without it
		}
		all[name+": handed over"] = start(Start{LinkUp: true, OnLink: true, InUse: true, Lease: remembered(now, 10*time.Minute)})
		all[name+": taken over"] = start(Start{LinkUp: true, OnLink: true, Lease: foundOnLink(now)})
		offered := searching
		must(offered.do(move{"offer", offered.now, Offer{offered.xid, granted(addrA, server1, time.Hour)}}))
		all[name+": requesting"] = offered
		refused := searching // the first NAK is answered at once, the second is waited for
		for range 2 {
			must(refused.do(move{"offer", refused.now, Offer{refused.xid, granted(addrA, server1, time.Hour)}}))
			must(refused.do(move{"nak", refused.now, Nak{XID: refused.xid, Server: server1}}))
		}
		all[name+": waiting"] = refused
		acked := offered
		must(acked.do(move{"ack", acked.now, Ack{XID: acked.xid, Lease: granted(addrA, server1, time.Hour)}}))
		all[name+": "+strings.ToLower(acked.m.State().String())] = acked
		bound := bind(searching)
		all[name+": bound"] = bound
		all[name+": renewing"] = wait(bound, 1)
		all[name+": rebinding"] = wait(bound, 8)
		down := bound
		must(down.do(move{"linkdown", down.now.Add(time.Minute), LinkDown{}}))
		must(down.do(move{"linkup", down.now.Add(time.Minute), LinkUp{}}))
		all[name+": carrier back"] = down
		all[name+": carrier back, no server"] = wait(down, 2)
	}
	return all
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// wait lets n deadlines pass.
func wait(w world, n int) world {
	for range n {
		must(w.do(move{"tick", w.m.Deadline(), Tick{}}))
	}
	return w
}

// bind lets all go well until BOUND.
func bind(w world) world {
	must(w.do(move{"offer", w.now, Offer{w.xid, granted(addrA, server1, time.Hour)}}))
	must(w.do(move{"ack", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, time.Hour)}}))
	if w.probing.IsValid() {
		must(w.do(move{"probed", w.now, Probed{Addr: addrA}}))
	}
	must(w.do(move{"applied", w.now, Applied{Seq: w.m.seq}}))
	must(w.do(move{"reached", w.now, Reached{Router: gateway, By: station("r")}}))
	return w
}

// exploreDepth goes deeper by hand: each more takes seven times as long.
var exploreDepth = flag.Int("explore", 0, "depth of TestExplore; 0 is 6, with extensions or under the race detector 5")

// TestExplore tries every sequence of moves up to a depth, from every root, and
// checks after each what must always hold. Two worlds that differ in nothing
// that matters later are one.
func TestExplore(t *testing.T) {
	depth := cmp.Or(*exploreDepth, 6)
	if *exploreDepth == 0 && (raceEnabled || testing.Short()) {
		depth = 5
	}
	for name, root := range roots() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			depth := depth
			switch cfg := root.m.cfg; {
			case *exploreDepth != 0:
			case cfg.RapidCommit || cfg.LinkLocal:
				depth = min(depth, 5) // the roots are close to what they are for
			}
			if *exploreDepth == 0 && strings.HasSuffix(name, ": handed over") {
				depth = min(depth, 5) // the rest is as after carrier came back
			}
			e := newExplorer(root)
			if err := e.run(depth); err != nil {
				t.Error(err)
			}
			t.Logf("%d worlds, %d moves", len(e.visited), e.moves)
		})
	}
}

// An explorer searches breadth-first.
type explorer struct {
	visited map[uint64]struct{}
	moves   int
	trail   []step // how each world was reached
	level   []found
	seed    maphash.Seed
	buf     []byte
}

type step struct {
	parent int32
	move   string
}

type found struct {
	world world
	trail int32
}

func newExplorer(root world) *explorer {
	e := &explorer{visited: map[uint64]struct{}{}, seed: maphash.MakeSeed()}
	e.add(root, step{-1, "root"}, true)
	return e
}

// add takes a world, unless it is known; goOn says whether to go on from there.
func (e *explorer) add(w world, s step, goOn bool) {
	e.buf = w.essence(e.buf[:0])
	key := maphash.Bytes(e.seed, e.buf)
	if _, ok := e.visited[key]; ok {
		return
	}
	e.visited[key] = struct{}{}
	if !goOn {
		return
	}
	e.trail = append(e.trail, s)
	e.level = append(e.level, found{w, int32(len(e.trail) - 1)})
}

func (e *explorer) run(depth int) error {
	for left := depth; left > 0; left-- {
		level := e.level
		e.level = nil
		for i := range level {
			from := &level[i]
			for _, mv := range from.world.moves() {
				e.moves++
				next := from.world
				if err := next.do(mv); err != nil {
					return fmt.Errorf("%w\nafter %s%s", err, e.path(from.trail), mv.name)
				}
				e.add(next, step{from.trail, mv.name}, left > 1)
			}
		}
	}
	return nil
}

// path is how a world was reached.
func (e *explorer) path(i int32) string {
	var names []string
	for ; i >= 0; i = e.trail[i].parent {
		names = append(names, e.trail[i].move)
	}
	var s strings.Builder
	for i := range names {
		s.WriteString(names[len(names)-1-i])
		s.WriteString(" > ")
	}
	return s.String()
}

// essence is all of w that matters for what comes after: times relative to now,
// xids by the role they have, and counters as far as they make a difference.
func (w *world) essence(b []byte) []byte {
	m := &w.m
	b = append(b, byte(m.State()), flags(m.linkUp, m.used, w.applied, w.pending, w.asked, w.stopped),
		flags(m.found, m.gone))
	b = w.addLease(w.addTime(b, m.kernelEnd), m.pending)
	naks, declines := m.naks, m.declines
	if w.now.Sub(m.lastNak) > failureMemory {
		naks = 0
	}
	if w.now.Sub(m.lastDecline) > failureMemory {
		declines = 0
	}
	b = append(b, byte(min(naks, 2)), byte(min(declines, 2)), byte(min(m.misfits, 2)), byte(min(m.deaf, 2)))
	b = append(b, m.cfg.HardwareAddr[5], byte(min(m.linkLocals, maxLinkLocal)), m.nonce[0], flags(m.onLink != nil && m.onLink == m.cfg.Fallback))
	for _, a := range []netip.Addr{m.probing, w.probing, w.defended, m.hint, m.mute} {
		b = addAddr(b, a)
	}
	b = w.addAge(b, m.acquireBegan, restartGap)
	b = w.addAge(b, m.linkStart, linkGap)
	b = w.addAge(b, m.requestSent, requestGap)
	for _, at := range w.sent {
		b = w.addAge(b, at, time.Second)
	}
	for i := range m.shunned {
		if s := &m.shunned[i]; w.now.Before(s.until) {
			b = w.addTime(addAddr(b, s.addr), s.until)
		}
	}
	b = w.addLease(w.addLease(b, m.onLink), w.link)
	return w.addState(b)
}

func (w *world) addState(b []byte) []byte {
	switch s := w.m.state.(type) {
	case off:
	case initial:
		b = append(w.addTime(b, s.until), flags(s.idle))
	case waiting:
		b = w.addTime(w.addTime(b, s.until), s.atLeast)
	case v6only:
		b = w.addTime(b, s.until)
	case selecting:
		b = append(w.addExchange(b, s.exchange), flags(s.vouched, s.rapid), byte(s.linkLocals))
		b = w.addAge(b, s.last, time.Second/4) // what prompt looks at
		b = w.addLease(w.addLease(w.addLease(b, s.spare), s.stored), s.best)
		b = w.addTime(b, s.until)
		if w.now.Before(s.pick) {
			b = w.addTime(b, s.pick)
		}
	case requesting:
		b = w.addLease(w.addLease(w.addExchange(b, s.exchange), s.offer), s.stored)
	case rebooting:
		b = append(w.addExchange(b, s.exchange), flags(s.vouched))
		b = w.addTime(w.addTime(w.addLease(b, s.stored), s.until), s.useAt)
	case checking:
		b = w.addTime(w.addLease(b, s.acked), s.until)
	case applying:
		b = append(w.addLease(b, s.acked), flags(s.retried))
	case bound:
		b = append(w.addLease(b, s.held), flags(s.retried))
	case renewing:
		b = w.addTime(w.addLease(w.addExchange(b, s.exchange), s.held), s.since)
	case rebinding:
		b = w.addTime(w.addLease(w.addExchange(b, s.exchange), s.held), s.since)
	}
	return b
}

func (w *world) addExchange(b []byte, x exchange) []byte {
	b = append(b, byte(min(x.tries, 6)), flags(x.xid == w.xid, x.xid == w.oldXID, x.broadcast))
	return w.addTime(w.addTime(b, x.next), x.sent)
}

func (w *world) addLease(b []byte, l *lease.Lease) []byte {
	if l == nil {
		return append(b, 0)
	}
	b = addAddr(addAddr(append(b, 1, l.RouterMAC[5]), l.Address), l.Server)
	b = binary.AppendVarint(b, int64(l.Valid/time.Millisecond))
	b = binary.AppendVarint(b, int64(l.T1/w.grain()))
	return w.addTime(b, l.Start)
}

// addTime adds t relative to now; what is a grain apart is the same.
func (w *world) addTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, 0)
	}
	return binary.AppendVarint(append(b, 1), int64(t.Sub(w.now)/w.grain()))
}

func (w *world) grain() time.Duration {
	if w.hasty {
		return 50 * time.Millisecond // more than the sources of chance differ by
	}
	return time.Millisecond
}

// addAge adds how long ago t is, if that is within limit.
func (w *world) addAge(b []byte, t time.Time, limit time.Duration) []byte {
	if t.IsZero() || w.now.Sub(t) >= limit {
		return append(b, 0)
	}
	return w.addTime(b, t)
}

func addAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return append(b, 0)
	}
	return append(b, a.AsSlice()[3])
}

func flags(bits ...bool) (b byte) {
	for i, set := range bits {
		if set {
			b |= 1 << i
		}
	}
	return b
}
