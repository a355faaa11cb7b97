package main

import (
	"errors"
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
	// err is why the first line that was lost was.
	err error
}

var errSlowReader = errors.New("nobody reads it")

func newOutput(w io.Writer) *output {
	o := &output{w: w, lines: make(chan []byte, outputQueue), done: make(chan struct{})}
	go o.run()
	return o
}

func (o *output) run() {
	defer close(o.done)
	for line := range o.lines {
		if _, err := o.w.Write(line); err != nil {
			o.mu.Lock()
			o.lose(err)
			o.mu.Unlock()
		}
	}
}

// lose notes why a line was lost; mu is held.
func (o *output) lose(err error) {
	if o.err == nil {
		o.err = err
	}
}

// Write takes a copy of one line, and never fails.
func (o *output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		select {
		case o.lines <- append([]byte(nil), line...):
		default:
			o.lose(errSlowReader)
		}
	}
	return len(line), nil
}

// close waits until all is written, for grace at most. The error says why not
// all was: where lines are only news, there is nothing to do about it.
func (o *output) close(grace time.Duration) error {
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
		return errSlowReader
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}
