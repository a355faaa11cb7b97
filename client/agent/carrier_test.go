package agent

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
)

// A fakeLink is a link whose carrier the test sets.
type fakeLink struct {
	f         func(client.LinkState)
	cancelled bool
}

func (l *fakeLink) State() (client.LinkState, error)                    { return client.LinkState{}, nil }
func (l *fakeLink) Watch(context.Context, func(client.LinkState)) error { return nil }
func (l *fakeLink) Subscribe(f func(client.LinkState)) (cancel func(), e error) {
	l.f = f
	return func() { l.cancelled = true }, nil
}

func carrierState(up bool, changes uint32) client.LinkState {
	return client.LinkState{Index: 1, Carrier: up, CarrierChanges: changes}
}

// watched has the client of each link watch it, and what it was told in told.
func (w *world) watched(links map[string]*fakeLink, told func(name string, s client.LinkState), cancels map[string]func()) func(*Opening) error {
	return func(o *Opening) error {
		l := &fakeLink{}
		name := o.Link.Name
		cancel, err := o.Paced(l).(client.LinkSubscriber).Subscribe(func(s client.LinkState) { told(name, s) })
		w.mu.Lock()
		defer w.mu.Unlock()
		links[name], cancels[name] = l, cancel
		return err
	}
}

// A thousand links have carrier again at once. They ask in turn, and all are told
// at once when it is lost.
func TestCarrier_ReturnsInTurn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		links, cancels := map[string]*fakeLink{}, map[string]func(){}
		var asking []string
		up, down, most := 0, 0, 0
		w := newWorld(t, thousand("a"), func(w *world, cfg *Config) {
			cfg.Starting = 50
			w.lease = func(c *fakeClient) { go c.get() }
			w.opens = w.watched(links, func(name string, s client.LinkState) {
				w.mu.Lock()
				defer w.mu.Unlock()
				switch {
				case !s.Carrier:
					down++
				case s.CarrierChanges > 1:
					asking = append(asking, name)
					up++
					most = max(most, len(asking))
				}
			}, cancels)
		})
		time.Sleep(20 * time.Second) // all have their lease
		for _, l := range links {
			l.f(carrierState(true, 1))
		}
		for _, l := range links {
			l.f(carrierState(false, 2))
		}
		if synctest.Wait(); down != 1000 {
			t.Errorf("%d are told that carrier is lost", down)
		}
		for _, l := range links {
			l.f(carrierState(true, 3))
		}
		begun := time.Now()
		for up < 1000 || len(asking) > 0 {
			time.Sleep(2 * time.Millisecond) // what the server needs for one
			synctest.Wait()
			w.mu.Lock()
			if len(asking) == 0 {
				w.mu.Unlock()
				continue
			}
			c := w.clients[asking[0]]
			asking = asking[1:]
			w.mu.Unlock()
			c.on(client.Transition{To: stateCalled("APPLYING")})
		}
		if d := time.Since(begun); most > 50 || most < 10 || d > 3*time.Second {
			t.Errorf("%d at a time, all after %v", most, d)
		}
		w.notes = nil
		w.end()
	})
}

// What waits for its turn is told as it is by then: carrier that is lost again was
// never there, and of several losses the last counts.
func TestCarrier_IsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		links, cancels := map[string]*fakeLink{}, map[string]func(){}
		var told []string
		w := newWorld(t, own("a0", "a1"), func(w *world, cfg *Config) {
			cfg.Starting, cfg.Turn = 1, time.Second
			w.opens = w.watched(links, func(name string, s client.LinkState) {
				w.mu.Lock()
				defer w.mu.Unlock()
				told = append(told, fmt.Sprintf("%s%t%d", name, s.Carrier, s.CarrierChanges))
			}, cancels)
		})
		want := func(list ...string) {
			t.Helper()
			synctest.Wait()
			w.mu.Lock()
			defer w.mu.Unlock()
			if fmt.Sprint(told) != fmt.Sprint(list) {
				t.Errorf("told %q, not %q", told, list)
			}
			told = nil
		}
		time.Sleep(5 * time.Second) // nobody answers: both have had their turns
		a0, a1 := links["a0"], links["a1"]
		a0.f(carrierState(true, 1))
		a1.f(carrierState(true, 1))
		want("a0true1", "a1true1")
		a0.f(carrierState(true, 3)) // a short loss is one
		want("a0true3")
		a1.f(carrierState(false, 2))
		a1.f(carrierState(true, 3)) // it is a0's turn
		want("a1false2")
		a1.f(carrierState(false, 4))
		a1.f(carrierState(true, 5))
		a1.f(carrierState(true, 7))
		want("a1false4")
		time.Sleep(time.Second)
		want("a1true7")
		a0.f(carrierState(true, 5))
		a0.f(carrierState(false, 6))
		time.Sleep(3 * time.Second)
		want("a0false6")
		// One that has ended is told nothing more, and keeps nobody.
		a1.f(carrierState(true, 9))
		a0.f(carrierState(true, 7))
		want("a1true9")
		cancels["a0"]()
		time.Sleep(3 * time.Second)
		a0.f(carrierState(false, 8))
		want()
		if !a0.cancelled {
			t.Error("the link is still watched")
		}
		w.notes = nil
		w.end()
	})
}
