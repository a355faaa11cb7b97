package relay

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A Relay carries frames between two links until it is closed.
type Relay struct {
	links [2]*link
	lanes [2]*lane
	stop  chan struct{}
	wait  sync.WaitGroup
	once  sync.Once
}

// Stats counts the frames of one way.
type Stats struct {
	// Received came in. Sent left, of those that Rewrite made of them and
	// their copies; Refused is what the kernel would not send: the link was
	// down, or the frame longer than its MTU.
	Received, Sent, Refused uint64
	// Lost, Duplicated and Reordered had that luck. Overflowed found the
	// queue full.
	Lost, Duplicated, Reordered, Overflowed uint64
}

// New starts a relay between two links of this thread's network namespace. Both
// are up, have no address, and belong to nobody else.
func New(a, b string, seed uint64) (*Relay, error) {
	r := &Relay{stop: make(chan struct{})}
	for i, name := range []string{a, b} {
		l, err := openLink(name)
		if err != nil {
			if i == 1 {
				r.links[0].close()
			}
			return nil, fmt.Errorf("relay between %s and %s: %w", a, b, err)
		}
		r.links[i] = l
	}
	for way := range r.lanes {
		l := &lane{
			from: r.links[way], to: r.links[1-way],
			rng:   rand.New(rand.NewPCG(seed, uint64(way))),
			queue: queue{news: make(chan struct{}, 1)},
		}
		l.faults.Store(&Faults{})
		r.lanes[way] = l
		r.wait.Go(func() { l.read(r.stop) })
		r.wait.Go(func() { l.write(r.stop) })
	}
	return r, nil
}

// Start is New in a namespace, for a test: the relay is closed when it ends. If
// it fails, the seed is in its log, and what became of the frames.
func Start(t testing.TB, ns *nettest.NS, a, b string, seed uint64) *Relay {
	t.Helper()
	var r *Relay
	ns.Do(t, func() {
		var err error
		if r, err = New(a, b, seed); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("relay in %s with seed %d: %v %+v, %v %+v", ns.Name, seed, AToB, r.Stats(AToB), BToA, r.Stats(BToA))
		}
	})
	return r
}

// Set changes the faults of one way, for frames that come from now on.
func (r *Relay) Set(w Way, f Faults) { r.lanes[w].faults.Store(&f) }

// SetBoth changes the faults of both ways. They share f.Rewrite.
func (r *Relay) SetBoth(f Faults) {
	r.Set(AToB, f)
	r.Set(BToA, f)
}

// Stats returns the counts of one way so far.
func (r *Relay) Stats(w Way) Stats {
	l := r.lanes[w]
	l.counts.Lock()
	defer l.counts.Unlock()
	return l.stats
}

// Close ends the relay, and drops what is under way. It returns what ended a way
// before that, if anything did. Closing twice is harmless.
func (r *Relay) Close() error {
	r.once.Do(func() {
		close(r.stop)
		for _, l := range r.links {
			l.close()
		}
	})
	r.wait.Wait()
	return errors.Join(r.lanes[AToB].err, r.lanes[BToA].err)
}

// A lane is one way of a relay.
type lane struct {
	from, to *link
	faults   atomic.Pointer[Faults]
	rng      *rand.Rand // of read
	queue    queue
	err      error // of read, once it has ended

	counts sync.Mutex
	stats  Stats
}
