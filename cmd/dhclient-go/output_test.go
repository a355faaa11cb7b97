package main

import (
	"bytes"
	"fmt"
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
