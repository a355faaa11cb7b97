package helper

import (
	"errors"
	"testing"
	"time"
)

// What is asked of a helper before it is executed is answered after.
func TestPrepare_RequestsWait(t *testing.T) {
	t.Parallel()
	p := Program{Path: program(t, "exit 5"), Args: []string{"program"}}
	j := &journal{}
	h, err := Prepare(Config{Program: &p}, j.logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close(patience) })
	if h.PID() != 0 {
		t.Errorf("it has process %d", h.PID())
	}
	ran := make(chan error, 1)
	go func() {
		q, err := h.Run(p)
		if err == nil {
			status, werr := q.Wait(soon(t))
			if err = werr; err == nil && status.ExitStatus() != 5 {
				err = errors.New(j.String())
			}
		}
		ran <- err
	}()
	eventually(t, "the request waits", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.calls) > 0
	})
	for range 2 {
		if err := h.Execute(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// One that is closed before, or cannot be executed, has ended.
func TestPrepare_NeverExecuted(t *testing.T) {
	t.Parallel()
	for _, closed := range []bool{true, false} {
		h, err := Prepare(Config{Program: &Program{Path: "/bin/true", Args: []string{"true"}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if closed {
			h.Close(time.Second)
		} else {
			h.path = "/nonexistent"
		}
		if err := h.Execute(); err == nil {
			t.Error("it was executed")
		}
		select {
		case <-h.Done():
		case <-time.After(patience):
			t.Fatal("it has not ended")
		}
		if _, err := h.Run(*h.cfg.Program); !errors.Is(err, ErrLost) {
			t.Errorf("a request: %v", err)
		}
		h.Close(time.Second)
	}
}
