package agent

import (
	"context"
	"flag"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/alarm"
)

var (
	churnLinks = flag.Int("churn.links", 200, "links of TestChurn (make churn has 1000)")
	churnTime  = flag.Duration("churn.time", 24*time.Hour, "how long TestChurn lasts, in virtual time")
	churnSeed  = flag.Uint64("churn.seed", 0, "what TestChurn draws from; 0 is another each time")
)

const (
	// churnEach is how often something befalls a link in a day.
	churnEach = 10
	// churnGrace is how long a link may be without a lease though its server
	// answers: the longest wait after a NAK, and what retransmissions take.
	churnGrace = 10 * time.Minute
)

// A day of a host whose links come, go, flap and are renamed, by themselves and
// all together, and whose servers vanish and forget. No address is in use a moment
// longer than its lease, no link is without one that could have it, no client asks
// more often than it may, and in the end nothing is left.
func TestChurn(t *testing.T) {
	seed := *churnSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-churn.seed %d", seed)
	defer alarm.Simulate()()
	links := *churnLinks
	if raceEnabled {
		links /= 5 // each takes several times as long
	}
	synctest.Test(t, func(t *testing.T) {
		d := newChurn(t, links, seed)
		a, err := New(Config{Plan: func(l Link) Plan { return churnPlan{d} }, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		a.open = func(*Namespace, *slog.Logger) (kernel, error) { return d.kernel, nil }
		ctx, stop := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- a.Run(ctx) }()
		synctest.Wait()
		d.live(*churnTime)
		if n := runtime.NumGoroutine(); n > 50 {
			t.Errorf("%d goroutines while %d links have nothing to do", n, links)
		}
		stop()
		if err := <-result; err != nil {
			t.Error(err)
		}
		// A goroutine that is left now fails the bubble.
		d.account(*churnTime)
	})
}

// live lets it all happen, and then rest.
func (d *churn) live(limit time.Duration) {
	end := time.Now().Add(limit)
	for each := limit / 4; each < limit; each += limit / 4 {
		d.later(each, d.blackout)
	}
	for hour := time.Hour; hour < limit; hour += time.Hour {
		d.later(hour, d.check)
	}
	for _, s := range d.servers {
		d.trouble(s, limit)
	}
	d.later(time.Minute, func() { // the first leases are the agent's to pace
		d.mu.Lock()
		defer d.mu.Unlock()
		d.burst = 0
	})
	mean := 24 * time.Hour / time.Duration(churnEach*len(d.slots))
	for d.step(end, mean) {
	}
	for d.step(time.Now().Add(24*time.Hour), 0) { // what was under way
	}
	for _, s := range d.servers {
		d.mu.Lock()
		s.up, s.since = true, min(s.since, d.now())
		d.mu.Unlock()
	}
	time.Sleep(churnGrace + time.Minute)
	synctest.Wait()
	d.check()
}

// step does what is next: something planned, or something at random if mean is not
// zero; false for nothing before end.
func (d *churn) step(end time.Time, mean time.Duration) bool {
	next := end
	if mean > 0 {
		next = time.Now().Add(time.Duration(d.rng.ExpFloat64() * float64(mean)))
	}
	slices.SortStableFunc(d.plans, func(a, b planned) int { return a.at.Compare(b.at) })
	switch {
	case len(d.plans) > 0 && !d.plans[0].at.After(next):
		p := d.plans[0]
		d.plans = d.plans[1:]
		time.Sleep(time.Until(p.at))
		p.do()
	case mean == 0 || !next.Before(end):
		return false
	default:
		time.Sleep(time.Until(next))
		d.befall()
	}
	return true
}

// trouble has a server vanish, and forget what it knew, a few times in a day.
func (d *churn) trouble(s *churnServer, limit time.Duration) {
	links := len(d.slots) / len(d.servers)
	for range max(1, int(3*limit/(24*time.Hour))) {
		down, gone := d.between(time.Minute, limit), d.between(5*time.Minute, 3*time.Hour)
		d.later(down, func() { d.setServer(s, false) })
		d.later(down+gone, func() { d.setServer(s, true) })
		d.later(d.between(time.Minute, limit), func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			clear(s.known)
			s.epoch++
		})
		// Who hears nothing asks once in 64 s, in the end.
		d.most += links * (40 + int(1.1*gone.Minutes()))
	}
}

// befall has something happen to one link.
func (d *churn) befall() {
	i := d.rng.IntN(len(d.slots))
	l := d.slots[i]
	d.events++
	d.most += 15
	switch p := d.rng.IntN(1000); {
	case l == nil: // it is gone
	case p < 450:
		d.setCarrier(l, false)
		d.later(d.between(10*time.Millisecond, 10*time.Minute), func() { d.setCarrier(l, true) })
	case p < 550:
		l.renames++
		d.kernel.make(l.candidate())
	default:
		d.remove(i)
		d.later(d.between(time.Millisecond, time.Hour), func() { d.appear(i) })
	}
}

// blackout takes all carriers away for a while, as a switch that starts anew.
func (d *churn) blackout() {
	d.most += 15 * len(d.slots)
	for _, l := range d.slots {
		if l != nil {
			d.setCarrier(l, false)
		}
	}
	d.later(5*time.Second, func() {
		for _, l := range d.slots {
			if l != nil {
				d.setCarrier(l, true)
			}
		}
	})
}

func (d *churn) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.rng.Int64N(int64(most-least)))
}

// check wants a lease on each link that could have one for long enough.
func (d *churn) check() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now, without := d.now(), 0
	for _, l := range d.slots {
		if l == nil || !l.carrier || !l.server.up || l.lease != nil {
			continue
		}
		since := max(l.since, l.server.since, l.bare)
		if now-since < churnGrace {
			continue
		}
		if without++; without == 1 {
			d.Errorf("after %v: %s has no lease, though it could since %v:\n%s", now, l.name(), since, strings.Join(l.past, "\n"))
		}
	}
	if without > 1 {
		d.Errorf("after %v: %d links have none", now, without)
	}
}

// account is what there is to say in the end.
func (d *churn) account(limit time.Duration) {
	links := len(d.slots)
	d.Logf("%d links, %v, %d events: %d messages, %d leases, %d refused, at most %d messages in a second", links, limit,
		d.events, d.sent, d.bound, d.naks, d.burst)
	// T1 is half an hour: 48 renewals a day, beside what was added for the rest.
	if most := d.most + int(limit.Hours()*2*1.1*float64(links)) + 15*links; d.sent > most {
		d.Errorf("%d messages, and no more than %d are to be expected", d.sent, most)
	}
	if d.bound < links || d.naks == 0 {
		d.Errorf("there were %d leases and %d refusals: too little has happened", d.bound, d.naks)
	}
}
