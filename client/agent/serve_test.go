package agent

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// asked has Serve run, and returns what it has returned when it has.
func (w *world) asked(ctx context.Context, ns Namespace, name, plan string) <-chan error {
	done := make(chan error, 1)
	go func() {
		l, err := w.a.Serve(ctx, ns, name, fakePlan{w, plan})
		if err == nil && l == nil {
			err = errors.New("no lease and no error")
		}
		done <- err
	}()
	synctest.Wait()
	return done
}

func TestServe_WaitsForTheLease(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("x0"), nil)
		done := w.asked(t.Context(), Namespace{}, "x0", "cni")
		w.happened("open x0 by cni", "start x0")
		time.Sleep(time.Minute)
		select {
		case err := <-done:
			t.Fatalf("it has not waited: %v", err)
		default:
		}
		w.client("x0").get()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if st := w.status("x0"); !st.Asked || st.Lease == nil {
			t.Errorf("%+v", st)
		}
		// Once more, and once more by another plan, which takes its place.
		if err := <-w.asked(t.Context(), Namespace{}, "x0", "cni"); err != nil {
			t.Error(err)
		}
		w.happened()
		w.a.Reload(w.byLetter) // which is not about it
		w.happened()
		again := w.asked(t.Context(), Namespace{}, "x0", "other")
		w.happened("end x0", "apart x0", "open x0 by other", "start x0")
		w.client("x0").get()
		if err := <-again; err != nil {
			t.Error(err)
		}
		for range 2 { // the second finds nothing, which is no error
			if err := w.a.Drop(t.Context(), "", "x0", true); err != nil {
				t.Error(err)
			}
		}
		w.happened("release x0", "end x0", "apart x0")
		w.end()
	})
}

// What goes wrong is told to who waits, when he has waited long enough.
func TestServe_Fails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		fault := errors.New("held by another process")
		w := newWorld(t, own("x0"), func(w *world, _ *Config) { w.opens = func(*Opening) error { return fault } })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := <-w.asked(ctx, Namespace{}, "x0", "cni"); !errors.Is(err, fault) {
			t.Error(err)
		}
		if d := w.status("x0").Restarts; d < 4 {
			t.Errorf("it was tried %d times", d)
		}
		if _, err := w.a.Serve(t.Context(), Namespace{}, "y7", fakePlan{w, "cni"}); !errors.Is(err, ErrNoLink) {
			t.Error(err)
		}
		// While it is waited for the link goes.
		w.opens = nil
		done := w.asked(t.Context(), Namespace{}, "x0", "other")
		w.kernels[""].remove(1)
		if err := <-done; !errors.Is(err, ErrNoLink) {
			t.Error(err)
		}
		w.end()
		if _, err := w.a.Serve(t.Context(), Namespace{}, "x0", nil); !errors.Is(err, ErrStopped) {
			t.Error(err)
		}
	})
}

// That the agent ends is not that the link is gone: who keeps a record of it goes on
// with it next time.
func TestServe_TheAgentEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("x0", "x1"), nil)
		waits := w.asked(t.Context(), Namespace{}, "x0", "cni")
		w.opens = func(*Opening) error { return errors.New("a fault") }
		rests := w.asked(t.Context(), Namespace{}, "x1", "cni")
		w.end()
		for _, done := range []<-chan error{waits, rests} {
			if err := <-done; !errors.Is(err, ErrStopped) || errors.Is(err, ErrNoLink) {
				t.Error(err)
			}
		}
	})
}

// A link that has just been made is found before the kernel's word of it is read.
func TestServe_NewLink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own(), nil)
		k := w.kernels[""]
		k.mu.Lock()
		k.links[4] = candidate(4, "x4")
		k.mu.Unlock()
		w.asked(t.Context(), Namespace{}, "x4", "cni")
		k.make(candidate(4, "x4"))
		w.happened("open x4 by cni", "start x4")
		w.end()
	})
}

// A namespace that only Serve has named is closed with its last link; the plan
// function is not asked about it.
func TestServe_ForeignNamespace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, map[string]*fakeKernel{"": newKernel()}, func(w *world, _ *Config) {
			w.lease = func(c *fakeClient) { go c.get() }
		})
		k := newKernel("a0", "a1")
		w.kernels["/run/netns/pod"] = k
		closed := 0
		pod := Namespace{Name: "/run/netns/pod", Close: func() { closed++ }}
		if err := <-w.asked(t.Context(), Namespace{Name: "/run/netns/none"}, "a0", "cni"); err == nil {
			t.Error("there is such a namespace")
		}
		for _, name := range []string{"a0", "a1"} {
			if err := <-w.asked(t.Context(), pod, name, "cni"); err != nil {
				t.Error(err)
			}
		}
		w.happened("open a0 by cni", "start a0", "open a1 by cni", "start a1")
		if err := w.a.Drop(t.Context(), pod.Name, "a0", false); err != nil || k.closed {
			t.Error(err, k.closed)
		}
		w.happened("end a0", "apart a0")
		k.remove(2) // the container has ended without a word
		w.happened("end a1", "apart a1")
		if !k.closed || closed != 2 { // one was given back when it was not needed
			t.Errorf("closed: %v, %d", k.closed, closed)
		}
		w.end()
	})
}

// Who is not served by Serve any more is what the plan function makes of it.
func TestDrop_ToThePlan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0", "b0"), func(w *world, _ *Config) { w.lease = func(c *fakeClient) { go c.get() } })
		for _, plan := range []string{"a", "other"} {
			if err := <-w.asked(t.Context(), Namespace{}, "a0", plan); err != nil {
				t.Error(err)
			}
		}
		w.happened("open a0 by a", "start a0", "end a0", "apart a0", "open a0 by other", "start a0", "open b0 by b", "start b0")
		if err := w.a.Drop(t.Context(), "", "a0", false); err != nil {
			t.Error(err)
		}
		w.happened("end a0", "apart a0", "open a0 by a", "start a0")
		if err := w.a.Drop(t.Context(), "", "b0", true); err != nil { // which Serve has not begun
			t.Error(err)
		}
		w.happened()
		w.end()
	})
}

// A link is ended by its plan, whatever its name is by now, and only by the last one
// that it was asked to be served by.
func TestDropPlan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("x0"), nil)
		w.asked(t.Context(), Namespace{}, "x0", "first")
		w.asked(t.Context(), Namespace{}, "x0", "second")
		w.happened("open x0 by first", "start x0", "end x0", "apart x0", "open x0 by second", "start x0")
		w.client("x0").end <- errors.New("a fault")
		w.happened("end x0", "apart x0")
		renamed := candidate(1, "x0")
		renamed.Name = "y0"
		w.kernels[""].make(renamed)
		if err := w.a.DropPlan(t.Context(), "", fakePlan{w, "first"}, true); err != nil || !w.status("y0").Asked {
			t.Errorf("dropped by the plan before: %v", err)
		}
		if err := w.a.DropPlan(t.Context(), "", fakePlan{w, "second"}, true); err != nil {
			t.Error(err)
		}
		w.happened("renamed x0 to y0", "open y0 by y", "start y0")
		w.end()
	})
}

// What is opened is the link that is meant, and not one that has got its name while it
// waited for its turn.
func TestOpening_MeansTheLink(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("x0", "x1"), func(w *world, _ *Config) {
			w.opens = func(o *Opening) error {
				if o.Config.Index != o.Link.Index || !o.Config.Fixed {
					w.Errorf("%s, with index %d, is to be opened as %+v", o.Link.Name, o.Link.Index, o.Config)
				}
				return nil
			}
		})
		w.asked(t.Context(), Namespace{}, "x1", "cni")
		w.happened("open x1 by cni", "start x1")
		w.end()
	})
}

// A client that does not end is waited for as long as the caller has time.
func TestDrop_Waits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("x0"), func(w *world, _ *Config) {
			w.ending = make(chan struct{})
			w.lease = func(c *fakeClient) { go c.get() }
		})
		if err := <-w.asked(t.Context(), Namespace{}, "x0", "cni"); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.a.Drop(ctx, "", "x0", false); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		close(w.ending)
		w.end()
	})
}
