package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOutput_WritesAllInOrder(t *testing.T) {
	var b bytes.Buffer
	o := newOutput(&b)
	var want strings.Builder
	line := make([]byte, 0, 8)
	for i := range 100 {
		// The caller's buffer is its own again when Write returns.
		line = fmt.Appendf(line[:0], "%d\n", i)
		want.Write(line)
		if n, err := o.Write(line); n != len(line) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	for range 2 {
		if err := o.close(time.Minute); err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if n, err := o.Write([]byte("late\n")); n != 5 || err != nil {
		t.Fatalf("Write after close: %d, %v", n, err)
	}
	if b.String() != want.String() {
		t.Errorf("%q", b.String())
	}
}

// A log that has a time of its own gets lines without ours, and levels; what was
// written before it came is where it was.
type noted struct{ text strings.Builder }

func (n *noted) put(level slog.Level, stamp, text string) error {
	fmt.Fprintf(&n.text, "%v %s", level, text)
	return nil
}

func TestOutput_Divert(t *testing.T) {
	var b bytes.Buffer
	o := newOutput(&b)
	log := slog.New(&lineHandler{w: o, level: slog.LevelInfo, times: true})
	log.Warn("here")
	var there noted
	o.divert(&there, patience)
	// It has returned: what was before is written.
	if got := b.String(); !strings.HasSuffix(got, " warning: here\n") || len(got) != len("15:04:05.000 warning: here\n") {
		t.Errorf("%q", got)
	}
	log.Error("there")
	fmt.Fprintln(o, "news")
	if err := o.close(patience); err != nil {
		t.Error(err)
	}
	if got := there.text.String(); got != "ERROR error: there\nINFO news\n" {
		t.Errorf("%q", got)
	}
	if strings.Contains(b.String(), "there") {
		t.Errorf("%q", b.String())
	}
	o.divert(&there, 0) // too late, and no harm
}

// Who diverts does not wait for a reader that has stopped either.
func TestOutput_DivertsFromAStoppedReader(t *testing.T) {
	for _, lines := range []int{10, 2 * outputQueue} {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			o := newOutput(w)
			begin := time.Now()
			for range lines {
				fmt.Fprintln(o, "line")
			}
			o.divert(&noted{}, outputGrace)
			if d := time.Since(begin); d > outputGrace {
				t.Errorf("%d lines: it took %v", lines, d)
			}
			_ = r.Close()
			_ = o.close(outputGrace)
			synctest.Wait()
		})
	}
}

// A reader that has stopped holds nobody up: not while it runs, not at the end.
func TestOutput_NeverWaitsForItsReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := make(stuckWriter)
		o := newOutput(stuck)
		began := time.Now()
		for range 10 * outputQueue {
			_, _ = o.Write([]byte("x\n"))
		}
		if d := time.Since(began); d != 0 {
			t.Errorf("Write waited %v", d)
		}
		if err := o.close(outputGrace); err == nil {
			t.Error("close does not say that lines were lost")
		}
		if d := time.Since(began); d != outputGrace {
			t.Errorf("close waited %v, not %v", d, outputGrace)
		}
		close(stuck)
	})
}

// A stuckWriter takes nothing until it is closed.
type stuckWriter chan struct{}

func (s stuckWriter) Write(b []byte) (int, error) {
	<-s
	return len(b), nil
}
