package agent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// bubble runs f in virtual time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func own(names ...string) map[string]*fakeKernel {
	return map[string]*fakeKernel{"": newKernel(names...)}
}

func TestLinks_ComeAndGo(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0", "x0"), nil)
		k := w.kernels[""]
		w.happened("open a0 by a", "start a0")
		k.make(candidate(3, "a1"))
		k.make(candidate(4, "x1"))
		k.make(candidate(3, "a1")) // said twice, as while it comes up
		w.happened("open a1 by a", "start a1")
		k.remove(1)
		k.remove(4)
		k.remove(99)
		w.happened("end a0", "apart a0")
		if all := w.a.Links(); len(all) != 1 || all[0].Link.Name != "a1" || all[0].Phase != Running {
			t.Errorf("%+v", all)
		}
		w.end()
		w.happened("end a1", "apart a1")
	})
}

// A name is not the link: with the same plan nothing is touched, and with another
// the client is another.
func TestLinks_Renamed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0"), nil)
		k := w.kernels[""]
		w.happened("open a0 by a", "start a0")
		k.make(candidate(1, "a9"))
		w.happened("renamed a0 to a9")
		k.make(candidate(1, "b0"))
		w.happened("renamed a0 to b0", "end a0", "apart a0", "open b0 by b", "start b0")
		k.make(candidate(1, "x0"))
		w.happened("end b0", "apart b0")
		k.make(candidate(1, "b1"))
		// The next client is to find what the last one has left.
		w.happened("renamed b0 to b1", "open b1 by b", "start b1")
		w.client("b1").end <- errors.New("a fault")
		w.happened("end b1", "apart b1")
		k.make(candidate(1, "b2"))
		w.happened("renamed b1 to b2")
		w.end()
	})
}

// An index or a name that is used again is another link, which waits until the
// client of the old one has ended: they would meet at the lock, and at the lease.
func TestLinks_IndexAndNameUsedAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0", "a1"), func(w *world, _ *Config) { w.ending = make(chan struct{}) })
		k := w.kernels[""]
		w.happened("open a0 by a", "start a0", "open a1 by a", "start a1")
		k.remove(1)
		again := candidate(7, "a0") // the name
		k.make(again)
		other := candidate(9, "c0") // the index, and no word of the end of a1
		other.Index = 2
		k.make(other)
		w.happened()
		close(w.ending)
		synctest.Wait()
		w.mu.Lock()
		notes := strings.Join(w.notes, ",")
		w.mu.Unlock()
		for _, want := range []string{"apart a0,open a0 by a,start a0", "apart a1,open c0 by c,start c0"} {
			if n := strings.Count(notes, strings.Split(want, ",")[1]); n != 1 {
				t.Errorf("%s: %d times in %s", want, n, notes)
			}
		}
		for _, pair := range [][2]string{{"apart a0", "open a0 by a"}, {"apart a1", "open c0 by c"}} {
			if strings.Index(notes, pair[0]) > strings.Index(notes, pair[1]) {
				t.Errorf("%s is before %s: %s", pair[1], pair[0], notes)
			}
		}
		w.notes = nil
		w.end()
	})
}

// A link may get another address, and stays the same.
func TestLinks_HardwareAddress(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0"), nil)
		c := candidate(1, "a0")
		c.HardwareAddr[5] = 77
		w.kernels[""].make(c)
		w.happened("open a0 by a", "start a0")
		w.end()
	})
}

func TestLinks_MoveToAnotherNamespace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, map[string]*fakeKernel{"": newKernel("a0"), "blue": newKernel()}, nil)
		w.happened("open a0 by a", "start a0")
		w.kernels[""].remove(1)
		w.kernels["blue"].make(candidate(1, "a0"))
		w.happened("end a0", "apart a0", "open a0 by a", "start a0")
		st := w.status("a0")
		if st.Link.Netns != "blue" {
			t.Errorf("%+v", st.Link)
		}
		if d, err := st.Link.Driver(); d != "driver of a0" || err != nil {
			t.Errorf("%q, %v", d, err)
		}
		w.end()
	})
}

// When the kernel has lost some news there is a list of all.
func TestLinks_Resync(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0", "a1"), nil)
		w.happened("open a0 by a", "start a0", "open a1 by a", "start a1")
		k := w.kernels[""]
		k.news <- news{all: true, changes: []netcfg.LinkChange{{Candidate: candidate(2, "a1")}, {Candidate: candidate(5, "b0")}}}
		w.happened("end a0", "apart a0", "open b0 by b", "start b0")
		w.end()
	})
}

// Only what has changed is touched.
func TestReload(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0", "b0", "c0", "x0"), nil)
		w.happened("open a0 by a", "start a0", "open b0 by b", "start b0", "open c0 by c", "start c0")
		plan := func(l Link) Plan {
			switch l.Name {
			case "b0":
				return nil
			case "c0":
				return fakePlan{w, "other"}
			case "x0":
				return fakePlan{w, "x"}
			}
			return fakePlan{w, "a"}
		}
		w.a.Reload(plan)
		synctest.Wait()
		w.mu.Lock()
		notes := fmt.Sprint(w.notes)
		w.notes = nil
		w.mu.Unlock()
		for _, want := range []string{"apart b0", "open c0 by other", "open x0 by x"} {
			if !strings.Contains(notes, want) {
				t.Errorf("no %q in %s", want, notes)
			}
		}
		if strings.Contains(notes, "a0") || strings.Contains(notes, "open b0") {
			t.Errorf("touched: %s", notes)
		}
		// What appears later goes by the new one too.
		w.kernels[""].make(candidate(9, "d0"))
		w.happened("open d0 by a", "start d0")
		w.end()
	})
}

// A client that fails is started again, later and later, and no other hears of it.
func TestFault_IsRestarted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0", "b0"), nil)
		w.happened("open a0 by a", "start a0", "open b0 by b", "start b0")
		for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			want *= time.Second
			w.client("a0").end <- fmt.Errorf("fault %d", i)
			w.happened("end a0", "apart a0")
			st := w.status("a0")
			if st.Phase != Resting || st.Restarts != uint64(i+1) || st.Err == nil || st.Err.Error() != fmt.Sprint("fault ", i) {
				t.Fatalf("%+v", st)
			}
			if d := time.Until(st.Retry); d < want*3/4 || d > want*5/4 {
				t.Errorf("after fault %d: %v, not about %v", i, d, want)
			}
			time.Sleep(time.Until(st.Retry))
			w.happened("open a0 by a", "start a0")
		}
		// One that has lived for a minute begins anew.
		time.Sleep(maxRest)
		w.client("a0").end <- errors.New("fault")
		synctest.Wait()
		if d := time.Until(w.status("a0").Retry); d > 2*time.Second {
			t.Errorf("it waits for %v", d)
		}
		w.notes = nil
		w.end()
		w.happened("end b0", "apart b0")
	})
}

// A panic, in the client or in who puts it together, is the end of nothing else.
func TestFault_Panics(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		w := newWorld(t, own("a0", "b0", "p0"), func(w *world, cfg *Config) {
			w.opens = func(o *Opening) error {
				if o.Link.Name == "a0" && broken.Load() {
					panic("at the opening")
				}
				return nil
			}
			cfg.Plan = func(l Link) Plan {
				if l.Name == "p0" {
					panic("in the plan")
				}
				return w.byLetter(l)
			}
		})
		st := w.status("a0")
		if st.Phase != Resting || st.Panics != 1 || !errors.As(st.Err, new(*client.PanicError)) {
			t.Errorf("%+v", st)
		}
		broken.Store(false)
		time.Sleep(2 * time.Second)
		if st := w.status("a0"); st.Phase != Running || st.Panics != 1 {
			t.Errorf("%+v", st)
		}
		w.client("b0").end <- &client.PanicError{Interface: "b0", Value: "in the client"}
		synctest.Wait()
		if st := w.status("b0"); st.Panics != 1 || st.Restarts != 1 {
			t.Errorf("%+v", st)
		}
		if n := len(w.a.Links()); n != 2 {
			t.Errorf("%d links", n)
		}
		w.notes = nil
		w.end()
	})
}

// Who cannot be opened is tried again; a link that is gone meanwhile is not.
func TestFault_OpenFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0", "b0"), func(w *world, _ *Config) {
			w.opens = func(*Opening) error { return errors.New("held by another") }
		})
		w.happened("open a0 by a", "open b0 by b")
		w.kernels[""].remove(2)
		time.Sleep(1300 * time.Millisecond)
		w.happened("open a0 by a")
		// Another plan is another chance, at once.
		w.kernels[""].make(candidate(1, "c0"))
		w.happened("open c0 by c")
		if n := len(w.a.Links()); n != 1 {
			t.Errorf("%d links", n)
		}
		w.end()
		w.happened()
	})
}

func TestFault_StartFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0"), func(w *world, _ *Config) { w.startErr = errors.New("no timer") })
		w.happened("open a0 by a", "start a0", "close a0", "apart a0")
		if st := w.status("a0"); st.Phase != Resting || st.Err == nil {
			t.Errorf("%+v", st)
		}
		w.end()
	})
}

// A link that was handed over is another process's, until its plan is another.
func TestHandedOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0"), nil)
		w.client("a0").end <- nil
		w.happened("open a0 by a", "start a0", "end a0", "apart a0")
		time.Sleep(time.Hour)
		w.happened()
		if st := w.status("a0"); st.Phase != Left || st.Restarts != 0 {
			t.Errorf("%+v", st)
		}
		w.kernels[""].make(candidate(1, "b0"))
		w.happened("open b0 by b", "start b0")
		w.end()
	})
}

// What is not wanted any more when it has been put together is not started.
func TestStop_WhileLinksAreOpened(t *testing.T) {
	bubble(t, func(t *testing.T) {
		open := make(chan struct{})
		w := newWorld(t, own("a0", "b0"), func(w *world, _ *Config) {
			w.opens = func(*Opening) error { <-open; return nil }
		})
		w.stop()
		synctest.Wait()
		close(open)
		w.end2()
		w.mu.Lock()
		defer w.mu.Unlock()
		if notes := fmt.Sprint(w.notes); strings.Contains(notes, "start") || strings.Count(notes, "close") != 2 || strings.Count(notes, "apart") != 2 {
			t.Errorf("%s", notes)
		}
	})
}

func (w *world) end2() {
	w.Helper()
	if err := <-w.result; err != nil {
		w.Error(err)
	}
}

func TestRun_NamespaceIsLost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, own("a0"), nil)
		k := w.kernels[""]
		k.fail = errors.New("no more news")
		k.news <- news{}
		if err := <-w.result; !errors.As(err, new(*FollowError)) || !strings.Contains(err.Error(), "no more news") {
			t.Error(err)
		}
		w.happened("open a0 by a", "start a0", "end a0", "apart a0")
	})
}

func TestRun_Errors(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{Starting: -1}, {Turn: -1}, {Namespaces: []Namespace{{}, {}}}} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v is fine", cfg)
		}
	}
	a, err := New(Config{Namespaces: []Namespace{{Name: "no", Do: func(func() error) error { return errors.New("cannot enter") }}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Serve(t.Context(), Namespace{}, "eth0", nil); !errors.Is(err, ErrStopped) {
		t.Error(err)
	}
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "network namespace of no: cannot enter") {
		t.Error(err)
	}
	if err := a.Run(context.Background()); err == nil {
		t.Error("it runs twice")
	}
}
