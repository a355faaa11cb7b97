package scale

import (
	"errors"
	"fmt"
	"time"
)

// darkness is how long all links are without carrier in a flap.
const darkness = 2 * time.Second

// A Storm is what all links of a client do at once.
type Storm struct {
	Client string
	Links  int
	// Renewals are those of all links, and T1 the time, in seconds, that the
	// server had told them.
	Renewals Wave
	T1       float64
	// Flap is what follows when all links have carrier again after 2 s, until
	// a server has acknowledged each address. Kept is how many had it all the
	// time.
	Flap Wave
	Kept int
	// Failed says what went wrong, if anything: what comes after it is zero.
	Failed string `json:",omitempty"`
}

// A Wave is what a server hears.
type Wave struct {
	// Seconds until the last client had its answer, from the first message.
	Seconds float64
	// Messages by the second, and the most in any one second.
	BySecond []int
	Messages int
	Burst    int
}

// storm runs a client until all links are bound, have renewed, and have come
// back from a loss of carrier.
func (l *lab) storm(c contender, t1, limit time.Duration) (s Storm, err error) {
	s = Storm{Client: c.name, Links: len(l.links), T1: t1.Seconds()}
	// With T2 at twice T1 a lost renewal is repeated after half of that.
	extra := []string{fmt.Sprintf("--dhcp-option-force=58,%.0f", t1.Seconds()), fmt.Sprintf("--dhcp-option-force=59,%.0f", 2*t1.Seconds())}
	if err := errors.Join(l.clean(), l.serve(pool{lease: "1h", extra: extra})); err != nil {
		return s, err
	}
	w, err := newWatch()
	if err != nil {
		return s, err
	}
	defer w.close()
	e, err := newEar()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, e.close()) }()
	r, err := l.start(c)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	if n, err := w.until(len(l.links), limit); err != nil || n < len(l.links) {
		return s, errors.Join(err, fmt.Errorf("%d of %d links bound: %s", n, len(l.links), r.out))
	}
	// The answers to the last REQUESTs may still be on their way.
	if s.Renewals, err = l.wave(e, time.Now().Add(time.Second), t1+limit); err != nil {
		return s, fmt.Errorf("renewals: %w: %s", err, r.out)
	}
	s.Flap, s.Kept, err = l.flap(e, w, limit)
	return s, err
}

// flap takes all carriers away, and gives them back.
func (l *lab) flap(e *ear, w *watch, limit time.Duration) (f Wave, kept int, err error) {
	all := make([]int, len(l.links))
	for i := range all {
		all[i] = i
	}
	if err := l.ports(all, "down"); err != nil {
		return f, 0, err
	}
	time.Sleep(darkness)
	began := time.Now()
	if err := l.ports(all, "up"); err != nil {
		return f, 0, err
	}
	if f, err = l.wave(e, began, limit); err != nil {
		return f, 0, fmt.Errorf("flap: %w", err)
	}
	kept, err = w.until(len(l.links), 0)
	return f, kept, err
}

// wave waits until every link has had an ACK since a moment, and says what the
// server heard until then.
func (l *lab) wave(e *ear, since time.Time, limit time.Duration) (v Wave, err error) {
	deadline := since.Add(limit)
	for {
		n, last := e.acked(since)
		if n < len(l.links) && time.Now().Before(deadline) {
			time.Sleep(alive)
			continue
		}
		heard := e.since(since, toServer)
		if n < len(l.links) || len(heard) == 0 {
			asked := map[[6]byte]bool{}
			for _, h := range heard {
				asked[h.client] = true
			}
			return v, fmt.Errorf("%d of %d links have had an answer in %v, and %d have asked, in %d messages; the server has lost %d",
				n, len(l.links), limit, len(asked), len(heard), l.serverDrops())
		}
		first := heard[0].at
		v.Seconds, v.Messages = last.Sub(first).Seconds(), len(heard)
		v.BySecond, v.Burst = perSecond(heard, first)
		return v, nil
	}
}
