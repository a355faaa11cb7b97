package agent

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func thousand(prefix string) map[string]*fakeKernel {
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprint(prefix, i))
	}
	return own(names...)
}

// inFlight counts the clients that have started and have no lease, and the most of
// them.
type inFlight struct {
	now, most, all int
	first, last    time.Duration
}

// A server that takes its time for each one never has more than so many waiting, and
// the first lease is as early as that of one link.
func TestMany_StartInTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var n inFlight
		var queue []*fakeClient
		begun := time.Now()
		w := newWorld(t, thousand("a"), func(w *world, cfg *Config) {
			cfg.Starting = 50
			w.lease = func(c *fakeClient) {
				w.mu.Lock()
				defer w.mu.Unlock()
				n.now++
				n.most = max(n.most, n.now)
				queue = append(queue, c)
			}
		})
		for n.all < 1000 {
			time.Sleep(2 * time.Millisecond) // what the server needs
			synctest.Wait()
			w.mu.Lock()
			if len(queue) == 0 {
				w.mu.Unlock()
				continue
			}
			c := queue[0]
			queue = queue[1:]
			n.now--
			n.all++
			w.mu.Unlock()
			c.get()
			if n.all == 1 {
				n.first = time.Since(begun)
			}
			n.last = time.Since(begun)
		}
		if n.most > 50 || n.first > 3*time.Millisecond || n.last > 2100*time.Millisecond {
			t.Errorf("%d at a time, the first after %v, all after %v", n.most, n.first, n.last)
		}
		w.notes = nil
		w.end()
	})
}

// Links behind which nobody answers keep others waiting, but not for long.
func TestMany_NobodyAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		begun := time.Now()
		var started int
		var last time.Duration
		w := newWorld(t, thousand("a"), func(w *world, _ *Config) {
			w.lease = func(*fakeClient) {
				w.mu.Lock()
				defer w.mu.Unlock()
				started++
				last = time.Since(begun)
			}
		})
		time.Sleep(200 * time.Millisecond)
		w.mu.Lock()
		early := started
		w.mu.Unlock()
		if early != firstWindow {
			t.Errorf("%d at first", early)
		}
		time.Sleep(30 * time.Second)
		w.mu.Lock()
		if started != 1000 || last > 10*time.Second {
			t.Errorf("%d started, the last after %v", started, last)
		}
		w.notes = nil
		w.mu.Unlock()
		w.end()
	})
}

// Links whose opening hangs keep the others waiting for no longer than one that gets
// no lease.
func TestMany_OpeningsThatHang(t *testing.T) {
	bubble(t, func(t *testing.T) {
		hang := make(chan struct{})
		w := newWorld(t, own("a0", "a1", "a2", "a3", "a4", "a5", "b0"), func(w *world, _ *Config) {
			w.opens = func(o *Opening) error {
				if o.Link.Name[0] == 'a' {
					<-hang
				}
				return nil
			}
		})
		time.Sleep(3 * DefaultTurn)
		if st := w.status("b0"); st.Phase != Running {
			t.Errorf("b0 is %v", st.Phase)
		}
		close(hang)
		synctest.Wait()
		w.end()
	})
}

// A link that goes before its turn has come is not opened, and one whose plan is
// another by then is opened by that.
func TestMany_NotWantedAnyMore(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0"), func(_ *world, cfg *Config) { cfg.Starting, cfg.Turn = 1, time.Second })
		k := w.kernels[""]
		for i, name := range []string{"b0", "c0", "d0"} {
			k.make(candidate(2+i, name))
		}
		k.remove(2)
		k.make(candidate(3, "e0"))
		k.remove(4)
		k.make(candidate(4, "d0"))
		time.Sleep(10 * time.Second)
		w.happened("open a0 by a", "start a0", "open d0 by d", "start d0", "open e0 by e", "start e0")
		w.end()
	})
}

// All clients end at the same time.
func TestMany_EndTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, thousand("a"), func(w *world, _ *Config) {
			w.ending = make(chan struct{})
			w.lease = func(c *fakeClient) { go c.get() }
		})
		time.Sleep(10 * time.Second)
		for _, st := range w.a.Links() {
			if st.Phase != Running {
				t.Fatalf("%s is %v", st.Link.Name, st.Phase)
			}
		}
		time.AfterFunc(time.Second, func() { close(w.ending) })
		begun := time.Now()
		w.notes = nil
		w.end()
		if d := time.Since(begun); d != time.Second {
			t.Errorf("it took %v", d)
		}
		if n := len(w.notes); n != 2000 {
			t.Errorf("%d ends", n)
		}
	})
}

func TestPacer(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	feed := func(p *pacer, d time.Duration, n int) {
		for range n {
			now = now.Add(10 * time.Millisecond)
			p.took(d, now)
		}
	}
	// A server that looks first whether anybody has the address is not overloaded.
	p := newPacer(64)
	feed(&p, 3*time.Second, 200)
	if p.window != 64 || p.turn(time.Second) != maxTurn {
		t.Errorf("window %v, turn %v", p.window, p.turn(time.Second))
	}
	// One that takes longer and longer is, and recovers.
	p = newPacer(64)
	feed(&p, 10*time.Millisecond, 100)
	if p.window != 64 || p.turn(250*time.Millisecond) != 250*time.Millisecond {
		t.Errorf("window %v, turn %v", p.window, p.turn(250*time.Millisecond))
	}
	feed(&p, time.Second, 50) // half a second: those were under way
	if p.window != 32 {
		t.Errorf("window %v", p.window)
	}
	feed(&p, time.Second, 1000)
	if p.window != minWindow {
		t.Errorf("window %v", p.window)
	}
	feed(&p, 20*time.Millisecond, 100)
	if p.window != 64 {
		t.Errorf("window %v", p.window)
	}
	// Never more than was said.
	p = newPacer(2)
	feed(&p, 10*time.Millisecond, 100)
	feed(&p, 2*time.Second, 100)
	if p.window != 2 {
		t.Errorf("window %v", p.window)
	}
}
