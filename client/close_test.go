package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Close of a client that runs ends it as its context does, and Run returns: what is to
// be taken back at the end is.
func TestClose_EndsRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.OnExit = Release
		client := r.make()
		done := make(chan error, 1)
		go func() { done <- client.Run(t.Context()) }()
		if _, err := client.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		}
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Fatal("Run has not returned")
		}
		if last := r.types(); last[len(last)-1] != "RELEASE" || r.onTheLink() != nil {
			t.Errorf("it has sent %q, and left %v", last, r.onTheLink())
		}
	})
}

// One that is closed before it runs does not run, whatever its context.
func TestRun_AfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		client := r.make()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- client.Run(ctx) }()
		time.Sleep(2 * time.Minute)
		select {
		case err := <-done:
			if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		default:
			t.Fatal("Run has not returned, though its context has ended")
		}
	})
}
