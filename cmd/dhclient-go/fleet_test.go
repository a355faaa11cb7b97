package main

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A link that refuses every lease.
type stubborn struct{ err error }

func (s stubborn) Apply(_ context.Context, next *lease.Lease, _ []*lease.Lease) error {
	if next == nil {
		return nil
	}
	return s.err
}

// A plug is a link that never changes.
type plug struct{}

func (plug) State() (client.LinkState, error) {
	return client.LinkState{Index: 7, Name: "eth0", HardwareAddr: lease.HardwareAddr{2, 0, 0, 0, 0, 1}, MTU: 1500, Carrier: true}, nil
}

func (p plug) Watch(ctx context.Context, f func(client.LinkState)) error {
	s, err := p.State()
	f(s)
	<-ctx.Done()
	return err
}

// newFakeFleet is a fleet of one link on a network in memory, without a
// namespace.
func newFakeFleet(t *testing.T, o *options, apply error) *fleet {
	t.Helper()
	server, err := dhcptest.NewServer(dhcptest.Config{
		ServerID: gateway, Network: netip.MustParsePrefix("192.0.2.0/24"),
		First: netip.MustParseAddr("192.0.2.5"), Last: netip.MustParseAddr("192.0.2.9"),
	})
	if err != nil {
		t.Fatal(err)
	}
	wire := dhcptest.NewLink(server)
	cfg := client.Config{Interface: "eth0", LinkWatcher: plug{}, Configurator: stubborn{apply}}
	cfg.OpenTransport = func(at client.LinkState, receive func([]byte, netip.Addr)) (client.Transport, error) {
		return wire.Open(at, receive)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	f := &fleet{o: o, out: &log, log: newLogger(o, &log)}
	b := f.newBerth("eth0")
	b.link = &link{name: "eth0", client: c, watcher: plug{}}
	close(b.ready)
	f.berths = []*berth{b}
	return f
}

// An address that cannot be put on the link ends one shot at once, and says so.
func TestRun_AddressThatTheLinkRefuses(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{{errors.New("it broke"), exitRuntime}, {syscall.EPERM, exitCapability}} {
		o := newOptions()
		o.oneshot, o.timeout = true, patience
		f := newFakeFleet(t, o, tt.err)
		if err := f.run(t.Context(), func() {}); exitCode(err) != tt.code || !errors.Is(err, tt.err) {
			t.Errorf("%v, exit code %d, want %d", err, exitCode(err), tt.code)
		}
	}
}

// A client that cannot begin ends the command, with the reason.
func TestRun_ClientThatCannotBegin(t *testing.T) {
	for _, timeout := range []bool{false, true} {
		o := newOptions()
		if timeout {
			o.timeout = patience
		}
		f := newFakeFleet(t, o, nil)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		// It can be run once only.
		if err := f.berths[0].link.client.Run(ended); err != nil {
			t.Fatal(err)
		}
		if err := f.run(t.Context(), func() {}); exitCode(err) != exitRuntime {
			t.Errorf("timeout %v: %v", timeout, err)
		}
	}
}

// Before anything was sent there is nothing to blame but silence.
func TestWhy(t *testing.T) {
	o := newOptions()
	f := newFakeFleet(t, o, nil)
	if got := f.berths[0].link.why(nil); got != "no server answered (0 DISCOVERs sent)" {
		t.Error(got)
	}
	f.each(func(l *link) { l.close() })
}
