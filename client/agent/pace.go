package agent

import "time"

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
	for len(a.queue) > 0 && a.opening < maxOpening && a.starting < a.cfg.Starting {
		m := a.queue[0]
		a.queue[0] = nil
		a.queue = a.queue[1:]
		m.queued = false
		if m.phase != Queued {
			continue // it is not wanted any more
		}
		a.opening++
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
	var turn *time.Timer
	turn = time.AfterFunc(m.a.cfg.Turn, func() { m.late(turn) })
	m.turn = turn
}

// yield gives the turn of m back; mu is held.
func (m *member) yield() {
	if m.turn != nil {
		m.turn.Stop()
		m.turn = nil
		m.a.starting--
	}
}

// late is called when a turn of m has lasted long enough.
func (m *member) late(turn *time.Timer) {
	m.a.mu.Lock()
	defer m.a.mu.Unlock()
	if m.turn == turn {
		m.yield()
		m.a.proceed()
	}
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
