package arpcheck

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// A lockedBuffer is a log that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// What passes the filter and means nothing is counted by reason, and at debug
// level it is a line.
func TestLinkRejectedIsVisible(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	c := newCable(t, Config{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	got := collect()
	c.d.Probe(ours, got.done)
	c.send(t, c.probe())                                                                // our own, reflected
	c.send(t, arpFrame{op: 1, dst: c.self, sha: c.other, spa: zero, tpa: ours}.bytes()) // who tracks devices
	if a := got.wait(t); a.by != nil || a.err != nil {
		t.Fatalf("probed: %v, %v", a.by, a.err)
	}
	if s := c.d.Stats(); s.Dropped[Own] != 1 || s.Dropped[Poll] != 1 {
		t.Errorf("dropped %v", s.Dropped)
	}
	for _, reason := range []Reason{Own, Poll} {
		if n := strings.Count(log.String(), `msg="ARP packet rejected" reason=`+reason.String()+"\n"); n != 1 {
			t.Errorf("%v: %d lines in\n%s", reason, n, log.String())
		}
	}
}

// What a loop in the network sends back to us, as fast as it can, takes no
// memory.
func TestEchoCostsNoMemory(t *testing.T) {
	d, err := newDetector(3, self.addr(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	d.link = &fakeLink{d: d}
	d.job = &probe{task: task{d: d}, address: ours}
	for _, frame := range [][]byte{probeOf(self, ours), announcedBy(self, ours), replyOf(self, ours, zero)} {
		if n := testing.AllocsPerRun(100, func() { d.handle(frame) }); n != 0 {
			t.Errorf("% x: %v allocations", frame, n)
		}
	}
	if d.job == nil || d.count.dropped[Own].Load() != 303 {
		t.Errorf("dropped %d as our own, job %v", d.count.dropped[Own].Load(), d.job)
	}
}
