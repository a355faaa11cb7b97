package fsm

import (
	"container/heap"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/maphash"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// hostile are the ways on from w that belong to whoever can send on the link: a
// station that answers for every server, with the right xid, and for every
// address. What it does not do at once it does when the client sends again.
func (w *world) hostile() (moves []move) {
	add := func(name string, ev Event) { moves = append(moves, move{name, w.now, ev}) }
	switch w.m.State() {
	case Selecting:
		add("offer", Offer{w.xid, granted(addrA, server1, time.Hour)})
	case Requesting, Rebooting, Renewing, Rebinding:
		for _, a := range []netip.Addr{addrA, addrB} {
			for _, d := range []time.Duration{time.Second, 2 * time.Second, time.Hour} {
				add(fmt.Sprintf("ack %v for %v", a, d), Ack{XID: w.xid, Lease: granted(a, server1, d)})
			}
		}
		add("nak", Nak{XID: w.xid, Server: server1})
	default:
	}
	if w.probing.IsValid() {
		add("probed", Probed{Addr: w.probing})
		add("probed, conflict", Probed{Addr: w.probing, By: station("c")})
	}
	if w.pending {
		add("applied", Applied{Seq: w.m.seq})
	}
	if w.asked {
		add("reached", Reached{Router: gateway, By: station("r")})
		add("reached, other", Reached{Router: gateway, By: station("s")})
	}
	if w.link != nil {
		add("conflict", Conflict{Addr: w.link.Address, By: station("c")})
	}
	if d := w.m.Deadline(); !d.IsZero() {
		moves = append(moves, move{"tick", d, Tick{}})
	}
	return moves
}

// A race looks for the fastest way to have the most sent: for each number that
// was sent, the worlds that sent them soonest go on, up to a width.
type race struct {
	count func(tally) int
	width int
	seed  maphash.Seed
	// lanes are by how many were sent; first is who sent as many soonest.
	lanes []lane
	first []runner
	trail []step // how each world was reached
}

// A runner is a world, and how long after the start it was reached.
type runner struct {
	after time.Duration
	world world
	trail int32
}

// A lane has the worlds in which one number was sent, the soonest first.
type lane struct {
	queue []runner
	seen  map[uint64]time.Duration
}

func (l *lane) Len() int           { return len(l.queue) }
func (l *lane) Less(i, j int) bool { return l.queue[i].after < l.queue[j].after }
func (l *lane) Swap(i, j int)      { l.queue[i], l.queue[j] = l.queue[j], l.queue[i] }
func (l *lane) Push(x any)         { l.queue = append(l.queue, x.(runner)) }
func (l *lane) Pop() any {
	x := l.queue[len(l.queue)-1]
	l.queue = l.queue[:len(l.queue)-1]
	return x
}

// add puts a runner into lane n, unless its world was there as soon.
func (r *race) add(n int, at runner, from step) {
	for len(r.lanes) <= n {
		r.lanes = append(r.lanes, lane{seen: map[uint64]time.Duration{}})
		r.first = append(r.first, runner{after: never})
	}
	m := &at.world.m
	b := binary.AppendVarint(nil, int64(m.naks))
	b = at.world.essence(binary.AppendVarint(b, int64(m.declines)))
	key, l := maphash.Bytes(r.seed, b), &r.lanes[n]
	if before, ok := l.seen[key]; ok && before <= at.after {
		return
	}
	l.seen[key] = at.after
	r.trail = append(r.trail, from)
	at.trail = int32(len(r.trail) - 1)
	if at.after < r.first[n].after {
		r.first[n] = at
	}
	heap.Push(l, at)
}

const never = time.Duration(math.MaxInt64)

// run has everybody run for a time.
func (r *race) run(limit time.Duration) error {
	for n := 0; n < len(r.lanes); n++ {
		for left := r.width; left > 0 && r.lanes[n].Len() > 0; {
			from := heap.Pop(&r.lanes[n]).(runner)
			if from.after > 0 { // nobody who has just started is left behind
				left--
			}
			for _, mv := range from.world.hostile() {
				next := runner{after: from.after + mv.at.Sub(from.world.now), world: from.world}
				if next.after >= limit {
					continue
				}
				was := r.count(next.world.total)
				if err := next.world.do(mv); err != nil {
					return fmt.Errorf("%w\nafter %s, %s", err, r.path(from.trail), mv.name)
				}
				r.add(n+r.count(next.world.total)-was, next, step{from.trail, fmt.Sprintf("%v %s", next.after, mv.name)})
			}
		}
		r.lanes[n] = lane{} // it may be large
	}
	return nil
}

// most is what was sent within a window that begins with the race.
func (r *race) most(window time.Duration) (n int, path string) {
	for i, f := range r.first {
		if f.after < window {
			n = i
		}
	}
	return n, r.path(r.first[n].trail)
}

func (r *race) path(i int32) string {
	var names []string
	for ; i >= 0; i = r.trail[i].parent {
		names = append(names, r.trail[i].move)
	}
	slices.Reverse(names)
	return strings.Join(names, ", ")
}

// starts are the worlds in which a race begins: all that a hostile station can
// reach in a few moves, of a client that starts with and without a lease, and
// whose timers are as early as chance makes them.
func starts(t *testing.T, cfg Config, depth int) *explorer {
	cfg.HardwareAddr = station("a")
	fresh, stored := newWorld(cfg), newWorld(cfg)
	fresh.hasty, stored.hasty = true, true
	must(fresh.do(move{"start", fresh.now, Start{LinkUp: true}}))
	must(stored.do(move{"start", stored.now, Start{LinkUp: true, Lease: remembered(stored.now, 10*time.Minute)}}))
	e := newExplorer(fresh)
	e.add(stored, step{-1, "stored"}, true)
	var all []found
	for range depth {
		level := e.level
		e.level = nil
		all = append(all, level...)
		for i := range level {
			for _, mv := range level[i].world.hostile() {
				next := level[i].world
				if err := next.do(mv); err != nil {
					t.Fatalf("%v\nafter %s%s", err, e.path(level[i].trail), mv.name)
				}
				e.add(next, step{level[i].trail, mv.name}, true)
			}
		}
	}
	e.level = all
	return e
}

// TestMost_SEC_05: what a station can have the client send that answers all it
// says, for every server and every address, with leases as short as they can
// be, stays within the bounds of the package comment. The moves are searched for
// the worst; -most=15000 searches wider, for minutes.
func TestMost_SEC_05(t *testing.T) {
	width, full := *mostWidth, !raceEnabled && !testing.Short()
	if !full {
		width /= 4
	}
	for _, row := range []struct {
		what  string
		acd   ACD
		count func(tally) int
		bound map[time.Duration]int
	}{
		{"messages", ProbeFirst, func(t tally) int { return t.messages }, mostMessages},
		{"messages, unprobed", NoProbe, func(t tally) int { return t.messages }, mostMessages},
		{"probes", ProbeFirst, func(t tally) int { return t.probes }, mostActions},
		{"announcements", NoProbe, func(t tally) int { return t.announcements }, mostActions},
		{"router requests", NoProbe, func(t tally) int { return t.questions }, mostActions},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			from := starts(t, Config{ACD: row.acd}, 9)
			r := &race{count: row.count, width: width, seed: maphash.MakeSeed()}
			for _, f := range from.level {
				f.world.sent = [burst]time.Time{}
				r.add(0, runner{world: f.world}, step{-1, from.path(f.trail) + "here"})
			}
			if err := r.run(time.Minute); err != nil {
				t.Fatal(err)
			}
			for window, bound := range row.bound {
				n, path := r.most(window)
				if n > bound {
					t.Errorf("%d within %v, want at most %d:\n%s", n, window, bound, path)
				}
				if full && n < bound/2 {
					t.Errorf("%d within %v: the search is blind", n, window)
				}
				t.Logf("%d within %v", n, window)
			}
		})
	}
}

var mostWidth = flag.Int("most", 1000, "how many ways the search for the most messages follows")

// The bounds of the package comment. Each action is of two to five packets.
var (
	mostMessages = map[time.Duration]int{time.Second: burst - 1, 10 * time.Second: 18, time.Minute: 80}
	mostActions  = map[time.Duration]int{time.Second: 3, 10 * time.Second: 13, time.Minute: 64}
)
