package main

import (
	"io"
	"sync"
	"time"
)

const (
	// outputQueue is how many lines wait for a slow reader; more are lost.
	outputQueue = 256
	// outputGrace is how long the last lines may take at the end.
	outputGrace = 100 * time.Millisecond
)

// An output writes in its own goroutine: a terminal that is stopped or a pipe
// that nobody reads must not keep a lease from being renewed.
type output struct {
	w     io.Writer
	lines chan []byte
	done  chan struct{}

	mu     sync.Mutex
	closed bool
}

func newOutput(w io.Writer) *output {
	o := &output{w: w, lines: make(chan []byte, outputQueue), done: make(chan struct{})}
	go o.run()
	return o
}

func (o *output) run() {
	defer close(o.done)
	for line := range o.lines {
		// Nothing can be done where nothing can be said.
		_, _ = o.w.Write(line)
	}
}

// Write takes a copy of one line, and never fails.
func (o *output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		select {
		case o.lines <- append([]byte(nil), line...):
		default: // the reader is too slow
		}
	}
	return len(line), nil
}

// close waits until all is written, for grace at most.
func (o *output) close(grace time.Duration) {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.lines)
	}
	o.mu.Unlock()
	limit := time.NewTimer(grace)
	defer limit.Stop()
	select {
	case <-o.done:
	case <-limit.C:
	}
}
