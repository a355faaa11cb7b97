package relay

import (
	"container/heap"
	"slices"
	"sync"
	"time"
)

const (
	// queueFrames and queueOctets bound what is under way on one way: the
	// frames of a second at a rate at which no test sends for long.
	queueFrames = 4096
	queueOctets = 32 << 20
)

// A queue is what is under way on one way.
type queue struct {
	mu     sync.Mutex
	heap   byTime
	octets int
	seq    int
	held   []*item
	// news wakes who waits for the front of the queue; it holds one word.
	news chan struct{}
}

// item is a frame that leaves at a time.
type item struct {
	Packet
	at    time.Time
	seq   int
	index int // in the heap, -1 after it left
}

// put has a frame leave at a time, and those that were held back right after
// it. It is false if the queue is full.
func (q *queue) put(p Packet, at time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.add(p, at) == nil {
		return false
	}
	for _, it := range q.held {
		if it.index >= 0 && at.Before(it.at) {
			q.seq++
			it.at, it.seq = at, q.seq
			heap.Fix(&q.heap, it.index)
		}
	}
	q.held = nil
	return true
}

// hold has a frame leave after the next one that is put, or at a time if none
// comes.
func (q *queue) hold(p Packet, at time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	it := q.add(p, at)
	if it == nil {
		return false
	}
	q.held = append(slices.DeleteFunc(q.held, func(it *item) bool { return it.index < 0 }), it)
	return true
}

// add is nil if the queue is full. It is locked.
func (q *queue) add(p Packet, at time.Time) *item {
	if len(q.heap) >= queueFrames || q.octets+len(p.Raw) > queueOctets {
		return nil
	}
	q.seq++
	it := &item{Packet: p, at: at, seq: q.seq}
	heap.Push(&q.heap, it)
	q.octets += len(p.Raw)
	select {
	case q.news <- struct{}{}:
	default:
	}
	return it
}

// take returns the frame that is due, or else when one will be: never, if that
// is zero.
func (q *queue) take(now time.Time) (p Packet, ok bool, next time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.heap) == 0 {
		return Packet{}, false, time.Time{}
	}
	if at := q.heap[0].at; at.After(now) {
		return Packet{}, false, at
	}
	it := heap.Pop(&q.heap).(*item)
	q.octets -= len(it.Raw)
	return it.Packet, true, time.Time{}
}

// byTime is a heap.
type byTime []*item

func (h byTime) Len() int { return len(h) }
func (h byTime) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return h[i].seq < h[j].seq
}
func (h byTime) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}
func (h *byTime) Push(x any) {
	it := x.(*item)
	it.index = len(*h)
	*h = append(*h, it)
}
func (h *byTime) Pop() any {
	old := *h
	it := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	it.index = -1
	return it
}
