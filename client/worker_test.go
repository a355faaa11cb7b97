package client

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// hanging is a program that sets name servers, and never ends by itself.
type hanging struct{}

func (hanging) Apply(ctx context.Context, _ *lease.Lease, _ []*lease.Lease) error {
	<-ctx.Done()
	return ctx.Err()
}

// An address that was given back goes, whatever runs when the client stops.
func TestStopRemovesBehindWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.OnExit = Release
		r.cfg.AfterApply = []Configurator{hanging{}}
		r.applyTime = 450 * time.Millisecond // more than stopGrace
		r.run()
		r.pass(time.Second)
		if r.onTheLink() == nil {
			t.Fatal("no lease")
		}
		if took := r.stop(); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		if r.onTheLink() != nil {
			t.Error("the address is still on the link")
		}
	})
}

// slowStore is a disk that is busy.
type slowStore struct{ *rig }

func (s slowStore) Save(ctx context.Context, l *lease.Lease) error {
	time.Sleep(2 * time.Second)
	return s.rig.Save(ctx, l)
}

// An address that was refused goes at once, whatever the disk does.
func TestRemovalDoesNotWaitForStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.LeaseStore = slowStore{r}
		c := r.run()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.refuseAll()
		c.Renew()
		r.pass(100 * time.Millisecond)
		if r.onTheLink() != nil {
			t.Error("the address is on the link 100 ms after the NAK")
		}
		r.pass(3 * time.Second)
		r.stop()
		if r.stored != nil {
			t.Error("the lease is still stored")
		}
	})
}

// A removal that fails is at least told.
func TestRemovalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		cfg := &Config{Configurator: configuratorFunc(func(*lease.Lease) error { return errors.New("the kernel said no") })}
		w := newWorker(cfg, slog.New(slog.NewTextHandler(&out, nil)), func(uint64, error) {}, func() {}, func(any, []byte) {})
		w.queueApply(1, nil, ReasonLost)
		w.finish(time.Second)
		if !strings.Contains(out.String(), "cannot take the lease off the link") || !strings.Contains(out.String(), "the kernel said no") {
			t.Errorf("it says %q", out.String())
		}
	})
}

// What fails at each renewal is told once, and again when it has worked in
// between.
func TestAfterApplyFailsAgain(t *testing.T) {
	var out bytes.Buffer
	var err error
	cfg := &Config{AfterApply: []Configurator{configuratorFunc(func(*lease.Lease) error { return err })}}
	w := newWorker(cfg, slog.New(slog.NewTextHandler(&out, nil)), func(uint64, error) {}, func() {}, func(any, []byte) {})
	for i, s := range []struct {
		err   error
		warns int
	}{
		{errors.New("read-only"), 1}, {errors.New("read-only"), 1}, {nil, 1}, {nil, 1}, {errors.New("full"), 2},
	} {
		err = s.err
		w.queueApply(uint64(i), &lease.Lease{Address: offered}, ReasonBound)
		w.finish(time.Second)
		if got := strings.Count(out.String(), "after the lease was applied"); got != s.warns {
			t.Errorf("step %d: %d warnings, want %d", i, got, s.warns)
		}
	}
}

// slowToSet hangs with a lease, and is quick without.
type slowToSet struct{ hanging }

func (s slowToSet) Apply(ctx context.Context, next *lease.Lease, prev []*lease.Lease) error {
	if next == nil {
		return nil
	}
	return s.hanging.Apply(ctx, next, prev)
}

// A program that a removal cuts short has not failed: nobody wants any more what
// it would have done.
func TestRemovalCutsShortWithoutAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		cfg := &Config{AfterApply: []Configurator{slowToSet{}}}
		w := newWorker(cfg, slog.New(slog.NewTextHandler(&out, nil)), func(uint64, error) {}, func() {}, func(any, []byte) {})
		w.queueApply(1, &lease.Lease{Address: offered}, ReasonBound)
		synctest.Wait()
		w.queueApply(2, nil, ReasonLost)
		w.finish(time.Second)
		if got := out.String(); got != "" {
			t.Errorf("it says %q", got)
		}
	})
}

// An address that was refused goes at once (RFC 2131 3.1(5)), whatever a program
// that sets name servers waits for.
func TestRemovalDoesNotWaitForHooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.AfterApply = []Configurator{hanging{}}
		c := r.run()
		r.pass(time.Second)
		if c.Lease() == nil {
			t.Fatal("no lease")
		}
		r.refuseAll()
		c.Renew()
		r.pass(100 * time.Millisecond)
		if r.onTheLink() != nil {
			t.Error("the address is on the link 100 ms after the NAK")
		}
		r.stop()
	})
}

// refuseAll has the server answer each REQUEST with NAK, and nothing else.
func (r *rig) refuseAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(m sentMessage) []*dhcpv4.DHCPv4 {
		if m.MessageType() != dhcpv4.MessageTypeRequest {
			return nil
		}
		return []*dhcpv4.DHCPv4{reply(m, dhcpv4.MessageTypeNak, noAddr, dhcpv4.OptServerIdentifier(server1.AsSlice()))}
	}
}
