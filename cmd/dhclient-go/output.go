package main

import (
	"errors"
	"io"
	"log/slog"
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
	entries chan *entry
	done    chan struct{}

	mu     sync.Mutex
	to     sink
	closed bool
	// err is why the first line that was lost was.
	err error
}

// An entry is a line, or nothing but the wish to know that those before it are
// written.
type entry struct {
	to          sink
	level       slog.Level
	stamp, text string
	written     chan struct{}
}

// A sink takes lines: text, with the time before it if that is wanted.
type sink interface {
	put(level slog.Level, stamp, text string) error
}

// plain is a sink that has no levels.
type plain struct{ io.Writer }

func (p plain) put(_ slog.Level, stamp, text string) error {
	_, err := p.Write([]byte(stamp + text))
	return err
}

var errSlowReader = errors.New("nobody reads it")

func newOutput(w io.Writer) *output {
	o := &output{to: plain{unpiped(w)}, entries: make(chan *entry, outputQueue), done: make(chan struct{})}
	go o.run()
	return o
}

func (o *output) run() {
	defer close(o.done)
	for e := range o.entries {
		if e.written != nil {
			close(e.written)
			continue
		}
		if err := e.to.put(e.level, e.stamp, e.text); err != nil {
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
	o.record(slog.LevelInfo, "", string(line))
	return len(line), nil
}

// record takes one line and never waits. The stamp is the time, for where no
// other stands before the line.
func (o *output) record(level slog.Level, stamp, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue(&entry{to: o.to, level: level, stamp: stamp, text: text})
}

// queue says whether e was taken; mu is held.
func (o *output) queue(e *entry) bool {
	if o.closed {
		return false
	}
	select {
	case o.entries <- e:
		return true
	default:
		o.lose(errSlowReader)
		return false
	}
}

// divert has the lines from now on go elsewhere, and waits until those before
// them are written, for grace at most.
func (o *output) divert(to sink, grace time.Duration) {
	e := &entry{written: make(chan struct{})}
	o.mu.Lock()
	o.to = to
	taken := o.queue(e)
	o.mu.Unlock()
	if !taken {
		return
	}
	limit := time.NewTimer(grace)
	defer limit.Stop()
	select {
	case <-e.written:
	case <-limit.C:
	}
}

// close waits until all is written, for grace at most. The error says why not
// all was: where lines are only news, there is nothing to do about it.
func (o *output) close(grace time.Duration) error {
	o.mu.Lock()
	if !o.closed {
		o.closed = true
		close(o.entries)
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
