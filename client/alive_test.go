package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A client whose loop runs is alive, whatever the server does; one whose loop
// hangs is not, and one that has ended says so.
func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.run()
		ask := func() error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			return c.Alive(ctx)
		}
		if err := ask(); err != nil {
			t.Errorf("before there is a lease: %v", err)
		}
		r.pass(time.Minute)
		if err := ask(); err != nil {
			t.Errorf("with a lease: %v", err)
		}
		busy := make(chan struct{})
		c.inbox.put(job{do: func() { <-busy }})
		if err := ask(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a loop that hangs: %v", err)
		}
		close(busy)
		if err := ask(); err != nil {
			t.Errorf("with a loop that goes on: %v", err)
		}
		r.stop()
		if err := ask(); !errors.Is(err, ErrClosed) {
			t.Errorf("after its end: %v", err)
		}
	})
}
