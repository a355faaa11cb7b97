package client

import (
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// TimeToAddressBounds are the bounds of Stats.TimeToAddress, in order. They tell
// apart what happens: a server on the same host, one on the network, the conflict
// probe of 200 ms, that of RFC 5227, and each step of the retransmissions.
var TimeToAddressBounds = [...]time.Duration{
	5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute,
}

// A Histogram counts times by how long they were.
type Histogram struct {
	// Counts has how many were no longer than each of TimeToAddressBounds and
	// longer than the one before it; the last element has those longer than all.
	Counts [len(TimeToAddressBounds) + 1]uint64
	// Sum is all of them together.
	Sum time.Duration
}

func (h *Histogram) observe(d time.Duration) {
	i := 0
	for i < len(TimeToAddressBounds) && d > TimeToAddressBounds[i] {
		i++
	}
	h.Counts[i]++
	h.Sum += d
}

// A progress is what Stats needs to know of what came before. The loop has it.
type progress struct {
	// since is when the client began to look for an address; zero while it has
	// one, is idle, or has no link to look on.
	since time.Time
	// last is the type of the last message that was sent in this state; 0 for
	// none.
	last fsm.MessageType
}

// measure follows what ev has made of the machine at now.
func (c *Client) measure(ev fsm.Event, now time.Time, actions []fsm.Action) {
	p := &c.progress
	if _, ok := ev.(fsm.LinkUp); ok && seeks(c.machine.State()) {
		p.since = now // REBOOTING waits for that, and stays what it is
	}
	for _, a := range actions {
		n, ok := a.(fsm.Notify)
		if !ok || n.Notice.Kind != fsm.Transition {
			continue
		}
		p.last = 0
		switch to := n.Notice.To; {
		case seeks(to) && p.since.IsZero():
			p.since = now
		case to == fsm.BoundState && !p.since.IsZero():
			c.stats.arrived(now.Sub(p.since))
			p.since = time.Time{}
		case !seeks(to):
			p.since = time.Time{}
		}
	}
}

// seeks says that in s an address is on its way.
func seeks(s fsm.State) bool {
	switch s {
	case fsm.Waiting, fsm.Selecting, fsm.Requesting, fsm.Rebooting, fsm.Checking, fsm.Applying:
		return true
	}
	return false
}
