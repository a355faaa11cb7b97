package fsm

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// TestWalk goes far where TestExplore goes everywhere: random moves, with real
// jitter, and times in between. What a server, a link and an operator can do at
// their worst is bounded in the long run too. In CI it takes the same ways each
// time, so that what fails there is the change; -rapid.checks=60000 goes far.
func TestWalk(t *testing.T) {
	if os.Getenv("CI") == "true" {
		if err := flag.Set("rapid.seed", "4436"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		var sent []time.Time
		for range rapid.IntRange(100, 1000).Draw(t, "steps") {
			mv := choose(&w, rapid.Uint64().Draw(t, "dice"))
			if err := w.do(mv); err != nil {
				t.Fatalf("%s: %v", mv.name, err)
			}
			for len(sent) < w.total.messages {
				sent = append(sent, w.now)
			}
		}
		if n := busiest(sent, time.Minute); n > mostMessages[time.Minute] {
			t.Fatalf("%d messages in a minute", n)
		}
		if err := w.do(move{"stop", w.now, Stop{}}); err != nil {
			t.Fatal(err)
		}
		if err := w.do(move{"tick", w.now.Add(24 * time.Hour), Tick{}}); err != nil {
			t.Fatal(err)
		}
	})
}

// choose takes a move other than stop: one time in two what goes well, else
// anything, and one time in four after a pause.
func choose(w *world, dice uint64) move {
	r := rand.New(rand.NewPCG(dice, 0))
	moves := slices.DeleteFunc(w.moves(), func(mv move) bool { return strings.HasPrefix(mv.name, "stop") })
	if r.IntN(2) == 0 {
		good := []string{"offer A", "rapid ack A", "ack A", "probed", "applied", "reached", "tick", "linkup"}
		moves = slices.DeleteFunc(moves, func(mv move) bool { return !slices.Contains(good, mv.name) })
	}
	mv := moves[r.IntN(len(moves))]
	if r.IntN(4) == 0 {
		mv.at = mv.at.Add(time.Duration(r.Int64N(int64(20 * time.Second))))
	}
	return mv
}

// busiest is the most of times, which are in order, that lie within window.
func busiest(times []time.Time, window time.Duration) (most int) {
	first := 0
	for i, at := range times {
		for at.Sub(times[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

func drawWorld(t *rapid.T) world {
	w := newWorld(Config{
		HardwareAddr: station("a"),
		RequestIP:    addrA,
		ACD:          rapid.SampledFrom([]ACD{ProbeFirst, Optimistic, NoProbe}).Draw(t, "acd"),
		OnExit:       rapid.SampledFrom([]OnExit{Keep, Remove, GiveBack}).Draw(t, "on exit"),
		Retransmit:   rapid.SampledFrom([]Retransmit{Fast, RFC2131}).Draw(t, "retransmit"),
		Broadcast:    rapid.Bool().Draw(t, "broadcast"),
		RapidCommit:  rapid.Bool().Draw(t, "rapid commit"),
		Anonymous:    rapid.IntRange(0, 3).Draw(t, "anonymous") == 3,
		V6Only:       rapid.Bool().Draw(t, "IPv6-only"),
		StartDelay:   time.Duration(rapid.IntRange(0, 2).Draw(t, "start delay")) * time.Second,
	})
	if rapid.Bool().Draw(t, "schedule") {
		seconds := func(what string, most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, what)) * time.Second
		}
		w.m.cfg.Schedule = Schedule{Initial: seconds("initial", 5), Max: seconds("max", 20), Timeout: seconds("timeout", 90),
			Pause: seconds("pause", 30), Reboot: seconds("reboot", 10), Attempts: rapid.IntRange(0, 4).Draw(t, "attempts")}
		w.m.cfg.SelectTimeout = seconds("select timeout", 5)
		switch {
		case rapid.Bool().Draw(t, "fallback"):
			w.m.cfg.Fallback = fallback()
		case rapid.Bool().Draw(t, "link-local"):
			w.m.cfg.LinkLocal = true
		}
	}
	w.loud, w.said[0] = true, true
	w.m.rng.Seed(rapid.Uint64().Draw(t, "seed"), 0)
	start := Start{LinkUp: rapid.Bool().Draw(t, "link")}
	if rapid.Bool().Draw(t, "stored") {
		start.Lease = remembered(w.now, time.Duration(rapid.IntRange(-5, 65).Draw(t, "age"))*time.Minute)
	}
	if err := w.do(move{"start", w.now, start}); err != nil {
		t.Fatal(err)
	}
	return w
}

// FuzzStep takes its input for a walk: a byte for each move, two for a lease
// whose times no server should give.
func FuzzStep(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{0x00, 0, 4, 13, 13})
	f.Add([]byte{0x15, 0, 4, 250, 66, 7, 9, 200, 1, 2, 255, 9, 8, 7, 6, 5, 4, 3, 2, 1})
	f.Add([]byte{0x2e, 16, 16, 16, 16, 16, 16, 16, 16, 14, 13})
	for _, walk := range walks {
		f.Add(spell(f, walk.name, walk.config, walk.moves))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) == 0 || len(in) > 300 {
			return
		}
		w, start := fuzzWorld(in[0])
		must(w.do(start))
		done := ""
		for i := 1; i < len(in); i++ {
			moves := w.moves()
			mv := moves[int(in[i])%len(moves)]
			if in[i] >= 250 && i+2 < len(in) {
				mv = move{"odd ack", w.now, Ack{XID: w.xid, Lease: odd(in[i+1], in[i+2])}}
				i += 2
			}
			done += mv.name + " > "
			if err := w.do(mv); err != nil {
				t.Fatalf("%v\nafter %s", err, done)
			}
			if w.stopped {
				return
			}
		}
	})
}

// odd is a lease of A with times from very short to longer than time.
func odd(x, y byte) *lease.Lease {
	l := granted(addrA, server1, min(time.Second<<(x&31)+time.Duration(x>>5)*time.Second, lease.Infinite))
	l.T1, l.T2 = time.Second<<(y&15), time.Second<<(y>>4)
	return l
}

// TestCopy_Design_3: a Machine is a value, and what a copy does is its own.
func TestCopy_Design_3(t *testing.T) {
	w := newWorld(Config{HardwareAddr: station("a")})
	must(w.do(move{"start", w.now, Start{LinkUp: true}}))
	original := bind(w)
	want := fmt.Sprint(original.essence(nil), original.m.rng)
	other := wait(original, 12)
	must(other.do(move{"conflict", other.now, Conflict{Addr: addrA}}))
	if got := fmt.Sprint(original.essence(nil), original.m.rng); got != want {
		t.Error("a step of the copy changed the original")
	}
}
