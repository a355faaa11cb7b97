package client

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A panic, wherever it is, ends the client with an error and nothing else: the
// sockets are closed, and what is on the link stays, as after a crash.
func TestPanic_EndsTheClientAlone(t *testing.T) {
	for name, c := range map[string]struct {
		arm func(*rig)
		act func(*rig)
	}{
		"in OnEvent": {
			act: func(r *rig) { r.client.Renew() },
			arm: func(r *rig) {
				r.cfg.OnEvent = func(ev Event) {
					if s, ok := ev.(Transition); ok && s.To.String() == "RENEWING" {
						panic("the cause")
					}
				}
			},
		},
		"in OptionFilter, of the transport's goroutine": {
			act: func(r *rig) { r.client.Renew() },
			arm: func(r *rig) {
				messages := 0
				r.cfg.OptionFilter = func(options map[uint8][]byte) map[uint8][]byte {
					if messages++; messages == 3 {
						panic("the cause")
					}
					return options
				}
			},
		},
		"in a Configurator, of the worker's": {
			act: func(r *rig) { r.client.Renew() },
			arm: func(r *rig) { r.cfg.AfterApply = []Configurator{&fuse{left: 1}} },
		},
		"in the Logger, also in telling of that": {
			act: func(r *rig) { r.cfg.Logger.Handler().(*brittle).broken.Store(true); r.client.Renew() },
			arm: func(r *rig) { r.cfg.Logger = slog.New(&brittle{Handler: slog.DiscardHandler}) },
		},
		"in the detector, told by who calls it": {
			act: func(r *rig) { r.client.Panicked("the cause", nil) },
			arm: func(*rig) {},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.cfg.OnExit = Release
				c.arm(r)
				client := r.run()
				r.pass(time.Second)
				if client.Lease() == nil {
					t.Fatal("no lease")
				}
				c.act(r)
				r.pass(time.Second)
				select {
				case err := <-r.done:
					if p := (*PanicError)(nil); !errors.As(err, &p) || p.Value != "the cause" || p.Interface != "eth0" {
						t.Errorf("Run returned %v", err)
					}
				default:
					t.Fatal("Run goes on")
				}
				if r.onTheLink() == nil || r.stored == nil || slices.Contains(r.types(), "RELEASE") {
					t.Error("the lease is not as it was")
				}
				if r.journal[len(r.journal)-1] != "close" {
					t.Errorf("the sockets are open: %v", r.journal)
				}
				if _, err := client.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "the cause") {
					t.Errorf("Wait returned %v", err)
				}
				client.Renew()
				r.cancel() // which changes nothing any more
				r.pass(time.Minute)
			})
		})
	}
}

// A brittle Handler panics whatever it is told, from a moment on.
type brittle struct {
	slog.Handler
	broken atomic.Bool
}

func (b *brittle) Enabled(context.Context, slog.Level) bool { return true }
func (b *brittle) WithAttrs([]slog.Attr) slog.Handler       { return b }

func (b *brittle) Handle(context.Context, slog.Record) error {
	if b.broken.Load() {
		panic("the cause")
	}
	return nil
}

// A fuse is a Configurator that panics when it has been called often enough.
type fuse struct{ left int }

func (f *fuse) Apply(context.Context, *lease.Lease, []*lease.Lease) error {
	if f.left--; f.left < 0 {
		panic("the cause")
	}
	return nil
}

// Clients that wait have no goroutine, however many there are.
func TestStart_NoGoroutineWhileIdle(t *testing.T) {
	const clients = 50
	synctest.Test(t, func(t *testing.T) {
		var rigs []*rig
		ended := make(chan error, clients)
		ctx, cancel := context.WithCancel(t.Context())
		before := runtime.NumGoroutine()
		for range clients {
			r := newRig(t)
			r.cfg.LinkWatcher = subscriber{watcher{r}}
			c := r.make()
			if err := c.Start(ctx, func(err error) { ended <- err }); err != nil {
				t.Fatal(err)
			}
			rigs = append(rigs, r)
		}
		rigs[0].pass(time.Minute)
		if n := runtime.NumGoroutine() - before; n > 0 {
			t.Errorf("%d goroutines for %d clients", n, clients)
		}
		for _, r := range rigs {
			if r.client.State() != fsm.BoundState {
				t.Fatalf("%v", r.client.State())
			}
		}
		rigs[7].setLink(func(s *LinkState) { s.Carrier = false })
		if got := rigs[7].client.State(); got != fsm.Rebooting {
			t.Errorf("without carrier: %v", got)
		}
		cancel()
		for range clients {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		if err := rigs[0].client.Start(ctx, func(error) {}); err == nil {
			t.Error("it was started twice")
		}
	})
}

// Stop ends what Start began, as the end of its context does: what was asked before
// is done before.
func TestStop_EndsWhatStartBegan(t *testing.T) {
	for _, before := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			r.cfg.OnExit = Release
			c := r.make()
			ended := make(chan error, 1)
			if before {
				c.Stop()
			}
			if err := c.Start(context.Background(), func(err error) { ended <- err }); err != nil {
				t.Fatal(err)
			}
			if !before {
				r.pass(time.Second)
				if c.Lease() == nil {
					t.Fatal("no lease")
				}
				c.Stop()
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			c.Stop() // once more
			if got := slices.Contains(r.types(), "RELEASE"); got == before {
				t.Errorf("RELEASE: %v, in %v", got, r.types())
			}
		})
	}
}

// A subscriber is a watcher of the rig that needs no goroutine.
type subscriber struct{ watcher }

func (s subscriber) Subscribe(f func(LinkState)) (func(), error) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.onLink = f
	return func() {}, nil
}
