package fsm

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// sends is the messages among actions.
func sends(actions []Action) (found []Message) {
	for _, a := range actions {
		if s, ok := a.(Send); ok {
			found = append(found, s.Message)
		}
	}
	return found
}

// silence starts a machine that nobody answers, and returns when it sent what.
func silence(cfg Config, seed uint64, until time.Duration) (at []time.Duration, sent []Message) {
	m := New(cfg, [2]uint64{seed, 7})
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	now := start
	actions := m.Step(now, Start{LinkUp: true})
	for now.Sub(start) < until {
		for _, msg := range sends(actions) {
			at, sent = append(at, now.Sub(start)), append(sent, msg)
		}
		now = m.Deadline()
		actions = m.Step(now, Tick{})
	}
	return at, sent
}

func TestRetransmission_RFC2131_4_1(t *testing.T) {
	const runs = 500
	for _, test := range []struct {
		schedule Retransmit
		nominal  []float64 // seconds
		spread   func(nominal float64) float64
	}{
		{Fast, []float64{1, 2, 4, 8, 16, 32, 64, 64, 64}, func(n float64) float64 { return min(n/10, 1) }},
		{RFC2131, []float64{4, 8, 16, 32, 64, 64, 64}, func(float64) float64 { return 1 }},
	} {
		gaps := make([][]float64, len(test.nominal))
		for seed := range uint64(runs) {
			at, _ := silence(Config{Retransmit: test.schedule}, seed, 10*time.Minute)
			for i := range gaps {
				gaps[i] = append(gaps[i], (at[i+1] - at[i]).Seconds())
			}
		}
		for i, nominal := range test.nominal {
			t.Run(fmt.Sprintf("schedule %d gap %d", test.schedule, i+1), func(t *testing.T) {
				uniform(t, gaps[i], nominal, test.spread(nominal))
			})
		}
	}
}

// uniform fails unless samples are what a uniform distribution of spread around
// centre would give (RTX-04): by their limits and by Kolmogorov and Smirnov.
func uniform(t *testing.T, samples []float64, centre, spread float64) {
	t.Helper()
	slices.Sort(samples)
	n := float64(len(samples))
	if low, high := samples[0], samples[len(samples)-1]; low < centre-spread || high > centre+spread {
		t.Fatalf("from %v to %v, want %v give or take %v", low, high, centre, spread)
	}
	worst := 0.0
	whole := 0
	for i, x := range samples {
		p := (x - centre + spread) / (2 * spread)
		worst = max(worst, math.Abs(p-float64(i)/n), math.Abs(p-float64(i+1)/n))
		if x == math.Trunc(x) {
			whole++
		}
	}
	if limit := 1.63 / math.Sqrt(n); worst > limit { // p = 0.01
		t.Errorf("not uniform: distance %.3f, want at most %.3f", worst, limit)
	}
	if whole > 1 {
		t.Errorf("%d of %v are whole seconds", whole, n)
	}
}

// TestRetransmission_RTX_03: half an hour without a server, and the cap holds.
func TestRetransmission_RTX_03(t *testing.T) {
	at, sent := silence(Config{Retransmit: RFC2131}, 1, 30*time.Minute)
	for i := 6; i < len(at); i++ {
		if gap := at[i] - at[i-1]; gap < 63*time.Second || gap > 65*time.Second {
			t.Errorf("gap %d is %v", i, gap)
		}
		if sent[i].XID != sent[0].XID {
			t.Errorf("message %d has another xid", i)
		}
	}
	if len(at) < 28 {
		t.Errorf("only %d messages in half an hour", len(at))
	}
}

// TestLockStep_RTX_06: fifty clients that start at one moment, as after a power
// failure, do not send their third retransmissions together.
func TestLockStep_RTX_06(t *testing.T) {
	const clients, third = 50, 3
	for _, schedule := range []Retransmit{Fast, RFC2131} {
		var sent []time.Time
		for seed := range uint64(clients) {
			at, _ := silence(Config{Retransmit: schedule}, seed, 2*time.Minute)
			sent = append(sent, time.Time{}.Add(at[third]))
		}
		slices.SortFunc(sent, time.Time.Compare)
		if n := busiest(sent, 100*time.Millisecond); n > clients*3/10 {
			t.Errorf("schedule %d: %d of %d clients sent within 100 ms", schedule, n, clients)
		}
	}
}

// TestRequestTries_RFC2131_3_1_5: as the RFC has it, four REQUESTs in a minute;
// on the fast schedule one more, soon after the first, if the server was quick
// with its OFFER (RFC 2131 4.1).
func TestRequestTries_RFC2131_3_1_5(t *testing.T) {
	for _, test := range []struct {
		schedule Retransmit
		took     time.Duration // from DISCOVER to OFFER
		want     []float64
	}{
		{Fast, 0, []float64{0, 0.5, 1.5, 3.5, 7.5, 15.5}},
		{Fast, 125 * time.Millisecond, []float64{0, 0.5, 1.5, 3.5, 7.5, 15.5}},
		{Fast, 200 * time.Millisecond, []float64{0, 0.8, 1.8, 3.8, 7.8, 15.8}},
		{Fast, 250 * time.Millisecond, []float64{0, 1, 3, 7, 15}},
		{Fast, 800 * time.Millisecond, []float64{0, 1, 3, 7, 15}},
		{RFC2131, 0, []float64{0, 4, 12, 28, 60}},
	} {
		w := newWorld(Config{HardwareAddr: station("a"), Retransmit: test.schedule})
		must(w.do(move{"start", w.now, Start{LinkUp: true}}))
		w = wait(w, 2) // only the last DISCOVER counts
		must(w.do(move{"offer", w.now.Add(test.took), Offer{w.xid, granted(addrA, server1, time.Hour)}}))
		start := w.now
		for i, at := range test.want {
			if got := w.now.Sub(start).Seconds(); math.Abs(got-at) > 0.3 {
				t.Errorf("schedule %d, offer after %v: step %d at %v s, want %v", test.schedule, test.took, i, got, at)
			}
			if state := w.m.State(); (state == Requesting) != (i < len(test.want)-1) {
				t.Errorf("schedule %d, offer after %v: %v after %d tries", test.schedule, test.took, state, i)
			}
			w = wait(w, 1)
		}
	}
}

// TestPrompt_RFC2131_4_1: the first of these delays is random too.
func TestPrompt_RFC2131_4_1(t *testing.T) {
	for took, nominal := range map[time.Duration]float64{0: 0.5, 200 * time.Millisecond: 0.8} {
		var gaps []float64
		for seed := range uint64(500) {
			m := New(Config{}, [2]uint64{seed, 9})
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			discover := sends(m.Step(now, Start{LinkUp: true}))[0]
			now = now.Add(took)
			m.Step(now, Offer{discover.XID, granted(addrA, server1, time.Hour)})
			gaps = append(gaps, m.Deadline().Sub(now).Seconds())
		}
		uniform(t, gaps, nominal, nominal/10)
	}
}

// TestPrompt_AfterFailure: who was refused, or found the address taken, is in no
// hurry for ten minutes.
func TestPrompt_AfterFailure(t *testing.T) {
	for name, fail := range map[string]func(w *world){
		"NAK": func(w *world) { must(w.do(move{"nak", w.now, Nak{XID: w.xid, Server: server1}})) },
		"conflict": func(w *world) {
			must(w.do(move{"ack", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, time.Hour)}}))
			must(w.do(move{"probed", w.now, Probed{Addr: addrA, By: station("c")}}))
		},
	} {
		for after, want := range map[time.Duration]float64{8 * time.Minute: 1, 11 * time.Minute: 0.5} {
			w := newWorld(Config{HardwareAddr: station("a")})
			must(w.do(move{"start", w.now, Start{LinkUp: true}}))
			must(w.do(move{"offer", w.now, Offer{w.xid, granted(addrA, server1, time.Hour)}}))
			fail(&w)
			for end := w.now.Add(after); w.now.Before(end); {
				w = wait(w, 1)
			}
			for w.m.State() != Selecting {
				w = wait(w, 1)
			}
			must(w.do(move{"offer", w.now, Offer{w.xid, granted(addrB, server2, time.Hour)}}))
			if gap := w.m.Deadline().Sub(w.now).Seconds(); math.Abs(gap-want) > want/10 {
				t.Errorf("%v after a %s: %v s to the next REQUEST, want %v", after, name, gap, want)
			}
		}
	}
}

// TestRetry_RFC2131_4_4_5 has the rows REN-09, REN-10 and REN-11: when a renewal
// is sent in a phase of which nobody hears.
func TestRetry_RFC2131_4_4_5(t *testing.T) {
	for _, test := range []struct {
		name       string
		start, end float64 // seconds from the start of the lease
		want       []float64
	}{
		{"REN-09 hour, RENEWING", 1800, 3150, []float64{1800, 2475, 2812.5, 2981.25, 3065.625, 3125.625}},
		{"REN-10 hour, REBINDING", 3150, 3600, []float64{3150, 3375, 3487.5, 3547.5}},
		{"two minutes, the last with the floor", 120, 240, []float64{120, 180}},
		{"just less than two minutes", 0, 119, []float64{0, 59.5, 89.25, 104.125, 111.5625, 116.5625}},
		{"REN-11 lease of 40 s, RENEWING", 20, 35, []float64{20, 27.5, 32.5}},
		{"REN-11 lease of 40 s, REBINDING", 35, 40, []float64{35, 37.5, 39.167}},
		{"REN-11 lease of 4 s", 2, 3.5, []float64{2, 3}},
		{"a phase of half a second", 1.5, 2, []float64{1.5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			zero := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			at := func(s float64) time.Time { return zero.Add(time.Duration(s * float64(time.Second))) }
			var got []float64
			for now := at(test.start); now.Before(at(test.end)); now = retry(now, at(test.start), at(test.end)) {
				got = append(got, now.Sub(zero).Seconds())
			}
			if !slices.EqualFunc(got, test.want, func(a, b float64) bool { return math.Abs(a-b) < 0.001 }) {
				t.Errorf("sent at %v\nwant %v", got, test.want)
			}
		})
	}
}

// TestRenewal_REN_11: a lease of 40 s with a lost REQUEST in each phase is kept,
// and takes six messages at most.
func TestRenewal_REN_11(t *testing.T) {
	for seed := range uint64(100) {
		w := newWorld(Config{HardwareAddr: station("a"), ACD: NoProbe})
		w.loud = true
		w.m.rng.Seed(seed, 1)
		must(w.do(move{"start", w.now, Start{LinkUp: true}}))
		must(w.do(move{"offer", w.now, Offer{w.xid, granted(addrA, server1, 40*time.Second)}}))
		must(w.do(move{"ack", w.now, Ack{XID: w.xid, Lease: granted(addrA, server1, 40*time.Second)}}))
		must(w.do(move{"applied", w.now, Applied{Seq: w.m.seq}}))
		renewing, rebinding, before := 0, 0, w.total.messages
		for ; w.m.Lease() != nil; w = wait(w, 1) {
			switch n := w.total.messages - before; w.m.State() {
			case Renewing:
				renewing = n
			case Rebinding:
				rebinding = n - renewing
			}
		}
		if renewing < 2 || rebinding < 2 || renewing+rebinding > 6 {
			t.Errorf("seed %d: %d in RENEWING, %d in REBINDING", seed, renewing, rebinding)
		}
	}
}

// TestRate_VAL_14: whatever a server grants, the messages of a while are few.
func TestRate_VAL_14(t *testing.T) {
	for _, test := range []struct {
		name    string
		valid   time.Duration
		t1      time.Duration
		refuses bool // with a NAK to each renewal
		most    int
	}{
		{"a second", time.Second, 0, false, 5},
		{"two seconds", 2 * time.Second, 0, false, 15},
		{"two seconds, refused", 2 * time.Second, 0, true, 15},
		{"an hour with T1 of a second", time.Hour, time.Second, false, 17},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(Config{HardwareAddr: station("a"), ACD: NoProbe})
			terms := granted(addrA, server1, test.valid)
			terms.T1 = test.t1
			must(w.do(move{"start", w.now, Start{LinkUp: true}}))
			for end := w.now.Add(12 * time.Second); w.now.Before(end); {
				mv := move{"tick", w.m.Deadline(), Tick{}}
				switch {
				case w.pending:
					mv = move{"applied", w.now, Applied{Seq: w.m.seq}}
				case w.m.State() == Selecting:
					mv = move{"offer", w.now, Offer{w.xid, terms}}
				case w.m.State() == Requesting:
					mv = move{"ack", w.now, Ack{XID: w.xid, Lease: terms}}
				case w.m.Listening() && w.answerable() && test.refuses:
					mv = move{"nak", w.now, Nak{XID: w.xid, Server: server1}}
				case w.m.Listening() && w.answerable():
					mv = move{"ack", w.now, Ack{XID: w.xid, Lease: terms}}
				}
				must(w.do(mv))
			}
			if w.total.messages > test.most {
				t.Errorf("%d messages in 12 s, want at most %d", w.total.messages, test.most)
			}
			t.Logf("%d messages", w.total.messages)
		})
	}
}

// TestXID_RFC2131_4_1: no xid is zero, each exchange has another, and so have
// clients that differ in nothing but chance.
func TestXID_RFC2131_4_1(t *testing.T) {
	seen := map[uint32]bool{}
	chance := rand.New(rand.NewPCG(8, 8))
	for range 1000 {
		m := New(Config{}, [2]uint64{chance.Uint64(), chance.Uint64()})
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		m.Step(now, Start{})
		for _, ev := range []Event{LinkUp{}, LinkDown{}, LinkUp{}, Renew{}} {
			for _, msg := range sends(m.Step(now, ev)) {
				if msg.XID == 0 || seen[msg.XID] {
					t.Fatalf("xid %08x again, or none", msg.XID)
				}
				seen[msg.XID] = true
			}
			now = now.Add(900 * time.Millisecond)
		}
	}
	if len(seen) != 2000 {
		t.Errorf("%d exchanges, want 2000", len(seen))
	}
}

// TestXID_NotZero gives a source whose next draw is zero.
func TestXID_NotZero(t *testing.T) {
	m := New(Config{}, [2]uint64{})
	m.rng = zeroNext()
	if probe := m.rng; probe.Uint64() != 0 {
		t.Fatal("the source does not give zero: PCG is not what it was")
	}
	if x := m.xid(); x == 0 {
		t.Error("an xid of zero")
	}
}

// zeroNext is the PCG whose next state has an upper half of zero, for which its
// output is zero: the step is undone with the inverse of its factor.
func zeroNext() rand.PCG {
	word := func(hi, lo uint64) *big.Int {
		n := new(big.Int).Lsh(new(big.Int).SetUint64(hi), 64)
		return n.Or(n, new(big.Int).SetUint64(lo))
	}
	factor := word(2549297995355413924, 4865540595714422341)
	summand := word(6364136223846793005, 1442695040888963407)
	modulus := new(big.Int).Lsh(big.NewInt(1), 128)
	state := new(big.Int).Sub(word(0, 1), summand)
	state.Mul(state, new(big.Int).ModInverse(factor, modulus)).Mod(state, modulus)
	hi := new(big.Int).Rsh(state, 64)
	return *rand.NewPCG(hi.Uint64(), new(big.Int).And(state, word(0, math.MaxUint64)).Uint64())
}

// TestSecs_MSG_20: secs never falls in an exchange, and stays at its greatest.
func TestSecs_MSG_20(t *testing.T) {
	at, sent := silence(Config{}, 3, 70000*time.Second)
	for i, msg := range sent {
		if want := min(int(at[i]/time.Second), math.MaxUint16); int(msg.Secs) != want {
			t.Fatalf("message at %v has secs %d", at[i], msg.Secs)
		}
	}
	if last := sent[len(sent)-1]; last.Secs != math.MaxUint16 {
		t.Errorf("after 70000 s secs is %d", last.Secs)
	}
}

// TestSecs_MSG_21: the first REQUEST has the secs of the DISCOVER, however long
// the offer took; the second its own.
func TestSecs_MSG_21(t *testing.T) {
	for late, gap := range map[time.Duration]time.Duration{0: 500 * time.Millisecond, 900 * time.Millisecond: time.Second, 3 * time.Second: time.Second} {
		w := newWorld(Config{HardwareAddr: station("a")})
		must(w.do(move{"start", w.now, Start{LinkUp: true}}))
		w = wait(w, 3) // secs 0, 1, 3, 7
		actions := w.m.Step(w.now.Add(late), Offer{w.xid, granted(addrA, server1, time.Hour)})
		if first := sends(actions); len(first) != 1 || first[0].Secs != 7 {
			t.Errorf("offer after %v: %v", late, first)
		}
		second := sends(w.m.Step(w.m.Deadline(), Tick{}))
		if want := int((7*time.Second + late + gap).Seconds()); len(second) != 1 || int(second[0].Secs) != want {
			t.Errorf("offer after %v: %v, want secs %d", late, second, want)
		}
	}
}

// TestBroadcastFlag_MSG_26: clear, then set after three DISCOVERs in vain, and
// in the REQUEST of that exchange.
func TestBroadcastFlag_MSG_26(t *testing.T) {
	_, sent := silence(Config{}, 5, 5*time.Minute)
	for i, msg := range sent {
		if msg.Broadcast != (i >= 3) {
			t.Errorf("DISCOVER %d: B is %v", i+1, msg.Broadcast)
		}
	}
	// A schedule that gives up sooner has to come to that as well.
	_, sent = silence(Config{Schedule: Schedule{Attempts: 2, Pause: time.Second}}, 5, time.Minute)
	for i, msg := range sent {
		if msg.Broadcast != (i >= 2) {
			t.Errorf("DISCOVER %d of a schedule of two: B is %v", i+1, msg.Broadcast)
		}
	}
	_, sent = silence(Config{Broadcast: true}, 5, time.Minute)
	if !sent[0].Broadcast {
		t.Error("asked for, and not set")
	}
	w := newWorld(Config{HardwareAddr: station("a")})
	must(w.do(move{"start", w.now, Start{LinkUp: true}}))
	w = wait(w, 3)
	if r := sends(w.m.Step(w.now, Offer{w.xid, granted(addrA, server1, time.Hour)})); !r[0].Broadcast {
		t.Error("the REQUEST does not have the flag of its DISCOVER")
	}
}

// TestNak_REQ_07: a server that offers and refuses for ever is asked less and
// less; after the first time, nobody waits.
func TestNak_REQ_07(t *testing.T) {
	for seed := range uint64(50) {
		w := newWorld(Config{HardwareAddr: station("a")})
		w.loud = true
		w.m.rng.Seed(seed, 2)
		must(w.do(move{"start", w.now, Start{LinkUp: true}}))
		start, cycles, last := w.now, 0, time.Duration(-1)
		for range 14 {
			if w.now.Sub(start) < 2*time.Minute {
				cycles++
			}
			must(w.do(move{"offer", w.now, Offer{w.xid, granted(addrA, server1, time.Hour)}}))
			must(w.do(move{"nak", w.now, Nak{XID: w.xid, Server: server1}}))
			waited := time.Duration(0)
			if w.m.State() == Waiting {
				waited = w.m.Deadline().Sub(w.now)
				w = wait(w, 1)
			}
			if last < 0 && waited != 0 || waited > 300*time.Second || waited < last && waited < 270*time.Second {
				t.Errorf("seed %d: %v after %v", seed, waited, last)
			}
			last = waited
		}
		if cycles > 12 {
			t.Errorf("seed %d: %d DISCOVERs in two minutes", seed, cycles)
		}
	}
}

// TestDecline_DEC_04_05: ten seconds at least after the first conflict, and
// longer after each; ten minutes of peace, and it begins anew.
func TestDecline_DEC_04_05(t *testing.T) {
	for seed := range uint64(50) {
		w := newWorld(Config{HardwareAddr: station("a")})
		w.loud = true
		w.m.rng.Seed(seed, 3)
		must(w.do(move{"start", w.now, Start{LinkUp: true}}))
		start, early := w.now, 0
		lowest := declineWait
		for i := range 9 {
			waited := conflict(&w, byte(i))
			if waited < min(lowest, 270*time.Second) || waited > min(lowest*11/10, 300*time.Second) {
				t.Errorf("seed %d: %v after conflict %d", seed, waited, i+1)
			}
			lowest *= 2
			if w.now.Sub(start) < 3*time.Minute {
				early++
			}
			w = wait(w, 1)
		}
		if early > 11 {
			t.Errorf("%d conflicts in three minutes", early)
		}
		must(w.do(move{"offer", w.now, Offer{w.xid, granted(addrB, server1, time.Hour)}}))
		must(w.do(move{"ack", w.now, Ack{XID: w.xid, Lease: granted(addrB, server1, time.Hour)}}))
		must(w.do(move{"probed", w.now, Probed{Addr: addrB}}))
		must(w.do(move{"applied", w.now, Applied{Seq: w.m.seq}}))
		must(w.do(move{"conflict", w.now.Add(11 * time.Minute), Conflict{Addr: addrB}}))
		if waited := w.m.Deadline().Sub(w.now); waited > 11*time.Second {
			t.Errorf("seed %d: %v after eleven minutes of peace", seed, waited)
		}
	}
}

// conflict has the machine acquire an address, find it taken, and returns how
// long it waits then.
func conflict(w *world, i byte) time.Duration {
	addr := netip.AddrFrom4([4]byte{10, 0, 1, i})
	must(w.do(move{"offer", w.now, Offer{w.xid, granted(addr, server1, time.Hour)}}))
	must(w.do(move{"ack", w.now, Ack{XID: w.xid, Lease: granted(addr, server1, time.Hour)}}))
	must(w.do(move{"probed", w.now, Probed{Addr: addr, By: station("c")}}))
	return w.m.Deadline().Sub(w.now)
}

// TestShunned_DEC_06: five minutes each, eight at a time, the oldest forgotten
// first.
func TestShunned_DEC_06(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	addr := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, i}) }
	var s shunned
	if s.has(netip.Addr{}, now) || s.has(addr(1), now) {
		t.Error("shuns before there was a conflict")
	}
	for i := range byte(8) {
		s.add(addr(i), now.Add(time.Duration(i)*time.Second))
	}
	for i := range byte(8) {
		end := now.Add(time.Duration(i)*time.Second + 5*time.Minute)
		if !s.has(addr(i), end.Add(-1)) || s.has(addr(i), end) {
			t.Errorf("address %d is not shunned for five minutes", i)
		}
	}
	s.add(addr(0), now.Add(10*time.Second)) // again: not the oldest any more
	s.add(addr(9), now.Add(11*time.Second))
	at := now.Add(12 * time.Second)
	if !s.has(addr(0), at) || !s.has(addr(9), at) || s.has(addr(1), at) || !s.has(addr(2), at) {
		t.Error("not the oldest was forgotten")
	}
}

// TestTimes_RFC2131_4_4_5 has the rows REN-04 and VAL-15: what becomes of T1 and
// T2, without fuzz.
func TestTimes_RFC2131_4_4_5(t *testing.T) {
	const second = time.Second
	for _, test := range []struct{ valid, t1, t2, wantT1, wantT2 time.Duration }{
		{3600 * second, 0, 0, 1800 * second, 3150 * second},
		{3600 * second, 9000 * second, 8000 * second, 1800 * second, 3150 * second},
		{3600 * second, 3600 * second, 3600 * second, 1800 * second, 3150 * second},
		{3600 * second, 1800 * second, 100 * second, 1800 * second, 3150 * second},
		{3600 * second, 900 * second, 900 * second, 1800 * second, 3150 * second},
		{3600 * second, 900 * second, 0, 900 * second, 3150 * second},
		{3600 * second, 0, 2700 * second, 2700 * second * 4 / 7, 2700 * second},
		{3600 * second, 3300 * second, 0, 1800 * second, 3150 * second},
		{3600 * second, 3150 * second, 0, 1800 * second, 3150 * second},
		{3600 * second, 900 * second, 4000 * second, 900 * second, 3150 * second},
		{3600 * second, 600 * second, 1200 * second, 600 * second, 1200 * second},
		{45 * second, 15 * second, 30 * second, 15 * second, 30 * second},
		{second, 0, 0, second / 2, second * 7 / 8},
		{0x80000000 * second, 0, 0, 0x40000000 * second, 0x70000000 * second},
		{0xfffffffe * second, 0, 0, 0x7fffffff * second, 0xfffffffe*second - 0xfffffffe*second/8},
		{lease.Infinite, 10 * second, 20 * second, 0, 0},
	} {
		for k := range 20 {
			m := New(Config{}, [2]uint64{uint64(k), 4})
			l := lease.Lease{Valid: test.valid, T1: test.t1, T2: test.t2}
			m.setTimes(&l)
			fuzz := min(max(test.wantT1/20, second), test.wantT1/4)
			if d := (l.T1 - test.wantT1).Abs(); d > fuzz+1 || l.T2 != test.wantT2 {
				t.Errorf("lease %v, T1 %v, T2 %v: %v, %v, want %v, %v", test.valid, test.t1, test.t2, l.T1, l.T2, test.wantT1, test.wantT2)
			}
			if !l.IsInfinite() && !(0 < l.T1 && l.T1 < l.T2 && l.T2 < l.Valid) {
				t.Errorf("%v, %v, %v are not in order", l.T1, l.T2, l.Valid)
			}
		}
	}
}

// TestFuzz_REN_03: clients that start together do not renew together.
func TestFuzz_REN_03(t *testing.T) {
	var samples []float64
	m := New(Config{}, [2]uint64{1, 5})
	for range 500 {
		l := lease.Lease{Valid: time.Hour}
		m.setTimes(&l)
		samples = append(samples, l.T1.Seconds())
	}
	uniform(t, samples, 1800, 90)
}

func TestNames(t *testing.T) {
	names := map[string]string{
		Off.String(): "OFF", Init.String(): "INIT", Waiting.String(): "WAITING", Selecting.String(): "SELECTING",
		Requesting.String(): "REQUESTING", Rebooting.String(): "REBOOTING", Checking.String(): "CHECKING",
		Applying.String(): "APPLYING", BoundState.String(): "BOUND", Renewing.String(): "RENEWING",
		Rebinding.String(): "REBINDING", V6Only.String(): "V6ONLY", Discover.String(): "DISCOVER", Request.String(): "REQUEST",
		Decline.String(): "DECLINE", ReleaseType.String(): "RELEASE", InformType.String(): "INFORM", MessageType(0).String(): "message",
	}
	for got, want := range names {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
