package arpcheck

import (
	"sync"
	"time"
)

const (
	// turnsAtOnce is how many wait for nothing after a pause, and turnsApart how
	// long it is between those that come too fast.
	turnsAtOnce = 16
	turnsApart  = 10 * time.Millisecond
)

// Turns is for a process with the Detectors of many links: it spaces out those of
// their broadcasts that can wait, which are the second announcement of an address
// and a question for a router whose station is not known yet. A bridge hands each
// to every link, and they come just when other links wait for answers to their
// broadcasts. Sixteen wait for nothing, and the others until there are 100 in a
// second. The zero value is ready.
type Turns struct {
	mu sync.Mutex
	// due is when all that have come would have had their turns, one after the
	// other.
	due time.Duration
}

// wait is how long one that comes now waits for its turn; with nil, not at all.
func (t *Turns) wait(now time.Duration) time.Duration {
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.due = max(t.due, now) + turnsApart
	return max(0, t.due-now-turnsAtOnce*turnsApart)
}

// inTurn calls f in its turn. The lock is held, now or then.
func (t *task) inTurn(f func()) {
	if wait := t.d.turns.wait(t.d.clock()); wait > 0 {
		t.after(wait, f)
		return
	}
	f()
}
