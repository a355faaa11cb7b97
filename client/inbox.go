package client

import "sync"

// maxPackets is how many messages may wait for the loop: a flood of valid
// looking ones is dropped here, not stored.
const maxPackets = 32

// An inbox is what the loop has to do, in order, from any goroutine. The loop is
// a goroutine that lives only while there is something to do, once it is open: a
// thousand clients that wait for T1 have none.
type inbox struct {
	mu      sync.Mutex
	jobs    []job
	packets int
	// loop does what take returns, until that is nothing; nil before open.
	loop            func()
	looping, closed bool
}

type job struct {
	packet bool
	do     func()
}

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
	b.start()
	return true
}

// open has loop do the jobs from now on, first before those that wait; false is that
// it was closed.
func (b *inbox) open(loop func(), first job) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.jobs = append([]job{first}, b.jobs...)
	b.loop = loop
	b.start()
	return true
}

// start starts the loop unless it runs; mu is held.
func (b *inbox) start() {
	if b.loop != nil && !b.looping {
		b.looping = true
		go b.loop()
	}
}

// take returns the jobs that wait. If there are none the loop has ended.
func (b *inbox) take() []job {
	b.mu.Lock()
	defer b.mu.Unlock()
	jobs := b.jobs
	b.jobs, b.packets = nil, 0
	b.looping = len(jobs) > 0
	return jobs
}

// close takes no more jobs and forgets those that wait.
func (b *inbox) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed, b.jobs = true, nil
}
