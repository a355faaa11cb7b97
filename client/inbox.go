package client

import "sync"

// maxPackets is how many messages may wait for the loop: a flood of valid
// looking ones is dropped here, not stored.
const maxPackets = 32

// An inbox is what the loop has to do, in order, from any goroutine.
type inbox struct {
	mu      sync.Mutex
	jobs    []job
	packets int
	closed  bool
	// ready holds a token while there are jobs.
	ready chan struct{}
}

type job struct {
	packet bool
	do     func()
}

func newInbox() *inbox { return &inbox{ready: make(chan struct{}, 1)} }

// put adds a job and says whether it was taken; after close, nothing is.
func (b *inbox) put(j job) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || (j.packet && b.packets >= maxPackets) {
		return false
	}
	if j.packet {
		b.packets++
	}
	b.jobs = append(b.jobs, j)
	select {
	case b.ready <- struct{}{}:
	default:
	}
	return true
}

// take returns the jobs that wait.
func (b *inbox) take() []job {
	b.mu.Lock()
	defer b.mu.Unlock()
	jobs := b.jobs
	b.jobs, b.packets = nil, 0
	return jobs
}

func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.jobs = true, nil
}
