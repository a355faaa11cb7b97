package control

import (
	"context"
	"sync"
)

// queueLength is how many values wait for a slow reader; more are dropped.
const queueLength = 64

// A Feed hands values to all who have subscribed, and waits for none of them.
// The zero Feed is ready; while nobody listens a value costs nothing.
type Feed[T any] struct {
	mu     sync.Mutex
	subs   map[*Subscription[T]]bool
	closed bool
}

// A Subscription are the values of a Feed from some moment on.
type Subscription[T any] struct {
	feed *Feed[T]
	news chan struct{}
	// The feed's lock holds for these.
	queue   []T
	dropped uint64
	closed  bool
}

// Subscribe returns the values from now on. It must be ended.
func (f *Feed[T]) Subscribe() *Subscription[T] {
	s := &Subscription[T]{feed: f, news: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subs == nil {
		f.subs = map[*Subscription[T]]bool{}
	}
	f.subs[s], s.closed = true, f.closed
	return s
}

// Publish hands v to all.
func (f *Feed[T]) Publish(v T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.subs {
		// Once some are missing the rest waits until that was said.
		if len(s.queue) >= queueLength || s.dropped > 0 {
			s.dropped++
		} else {
			s.queue = append(s.queue, v)
		}
		s.wake()
	}
}

// Close says that nothing will come any more.
func (f *Feed[T]) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for s := range f.subs {
		s.closed = true
		s.wake()
	}
}

func (s *Subscription[T]) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// Next waits for the next value, or else for the number of those that were
// dropped; ok is false when there is nothing more, or ctx has ended.
func (s *Subscription[T]) Next(ctx context.Context) (v T, dropped uint64, ok bool) {
	for {
		if v, dropped, ok, closed := s.take(); ok || closed {
			return v, dropped, ok
		}
		select {
		case <-s.news:
		case <-ctx.Done():
			// What is there already is worth a look.
			v, dropped, ok, _ := s.take()
			return v, dropped, ok
		}
	}
}

func (s *Subscription[T]) take() (v T, dropped uint64, ok, closed bool) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	switch {
	case len(s.queue) > 0:
		v, s.queue = s.queue[0], s.queue[1:]
		return v, 0, true, false
	case s.dropped > 0:
		dropped, s.dropped = s.dropped, 0
		return v, dropped, true, false
	}
	return v, 0, false, s.closed
}

// End ends it.
func (s *Subscription[T]) End() {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	delete(s.feed.subs, s)
}
