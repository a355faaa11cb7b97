package agent

import "time"

const (
	// firstWindow is how many clients are started at first, and minWindow the
	// fewest that are at any time, unless Config.Starting is less.
	firstWindow = 8
	minWindow   = 8
	// goodDelay is how much longer than the shortest a lease may take before no
	// more are started at a time, and badDelay before fewer are: clients ask again
	// after a second, which makes it worse.
	goodDelay = 500 * time.Millisecond
	badDelay  = 900 * time.Millisecond
	// maxTurn is the longest that a client without a lease keeps others waiting.
	maxTurn = 4 * time.Second
)

// A pacer says how many clients may be on their way to their first lease, by how
// long that takes: a server that is asked by too many, or a bridge that hands each
// broadcast to a thousand ports, takes longer and longer, and then all ask again.
// What counts is not how long a lease takes, as a server may look first whether
// anybody has the address, but how much longer than it need take (as in TCP Vegas,
// Brakmo and Peterson 1995).
type pacer struct {
	window, most float64
	// least is the shortest that a lease has taken, usual what it takes on average,
	// and cut when window was made smaller.
	least, usual time.Duration
	cut          time.Time
}

func newPacer(most int) pacer {
	return pacer{window: float64(min(most, firstWindow)), most: float64(most)}
}

// room says that one more may start beside n.
func (p *pacer) room(n int) bool { return n < int(p.window) }

// took notes at now that a lease took d.
func (p *pacer) took(d time.Duration, now time.Time) {
	if p.least == 0 || d < p.least {
		p.least = d
	}
	if p.usual == 0 {
		p.usual = d
	}
	p.usual += (d - p.usual) / 8
	switch late := d - p.least; {
	case late < goodDelay:
		p.window = min(p.window+1, p.most)
	case late > badDelay && now.Sub(p.cut) > d:
		// Those that are under way were started before.
		p.cut = now
		p.window = max(p.window/2, min(minWindow, p.most))
	}
}

// silence notes that one has got no lease in its turn. Where nobody has, there is
// nobody whom more would be too many for.
func (p *pacer) silence() {
	if p.least == 0 {
		p.window = min(p.window+1, p.most)
	}
}

// turn is how long a client keeps others waiting that has no lease, shortest at
// least.
func (p *pacer) turn(shortest time.Duration) time.Duration {
	return min(max(2*p.usual, shortest), max(maxTurn, shortest))
}

// A turn is the place of a client among those that start.
type turn struct {
	begun time.Time
	timer *time.Timer
}

// enqueue has m wait for its turn; mu is held.
func (a *Agent) enqueue(m *member) {
	if !m.queued {
		m.queued = true
		a.queue = append(a.queue, m)
	}
	a.proceed()
}

// proceed opens what is next, as far as there is room; mu is held.
func (a *Agent) proceed() {
	a.proceedReturning() // they have addresses that somebody uses
	for len(a.queue) > 0 && a.opening < maxOpening && a.pace.room(a.starting) {
		m := a.queue[0]
		a.queue[0] = nil
		a.queue = a.queue[1:]
		m.queued = false
		if m.phase != Queued {
			continue // it is not wanted any more
		}
		a.opening++
		m.opens = true
		m.takeTurn()
		m.by = m.plan
		m.enter(Preparing)
		plan, o := m.plan, m.opening()
		a.running.Go(func() { m.start(plan, o) })
	}
}

// takeTurn takes a place among those who start; mu is held.
func (m *member) takeTurn() {
	m.a.starting++
	t := &turn{begun: time.Now()}
	t.timer = time.AfterFunc(m.a.pace.turn(m.a.cfg.Turn), func() { m.late(t) })
	m.turn, m.asks = t, t.begun
}

// yield gives the turn of m back; mu is held.
func (m *member) yield() {
	if m.turn != nil {
		m.turn.timer.Stop()
		m.turn = nil
		m.a.starting--
	}
}

// opened gives up the place among those who are put together; mu is held.
func (m *member) opened() {
	if m.opens {
		m.opens = false
		m.a.opening--
	}
}

// late is called when a turn of m has lasted long enough.
func (m *member) late(t *turn) {
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	if m.turn == t {
		m.opened() // a program that hangs is no other link's
		m.a.pace.silence()
		m.yield()
		m.a.proceed()
	}
}

// acknowledged notes how long the lease took that m has got; mu is held.
func (m *member) acknowledged() {
	if m.asks.IsZero() {
		return // it is not the first
	}
	now := time.Now()
	m.a.pace.took(now.Sub(m.asks), now)
	m.asks = time.Time{}
}

// later calls f soon, in a goroutine that may wait for the kernel.
func (a *Agent) later(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closing >= maxClosing {
		a.ended = append(a.ended, f)
		return
	}
	a.closing++
	a.running.Go(func() {
		for f != nil {
			f()
			f = a.nextEnded()
		}
	})
}

// nextEnded is what is to be called next; nil for nothing.
func (a *Agent) nextEnded() (f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ended) == 0 {
		a.closing--
		return nil
	}
	f, a.ended = a.ended[0], a.ended[1:]
	return f
}
