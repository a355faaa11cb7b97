package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A barrier has servers answer no DISCOVER before each of n has one.
type barrier struct {
	arrived chan struct{}
	open    chan struct{}
}

func newBarrier(n int) *barrier {
	b := &barrier{make(chan struct{}, n), make(chan struct{})}
	go func() {
		for range n {
			select {
			case <-b.arrived:
			case <-time.After(patience):
				return
			}
		}
		close(b.open)
	}()
	return b
}

// script is for one server.
func (b *barrier) script() func(*dhcpv4.DHCPv4, []dhcptest.Reply) []dhcptest.Reply {
	heard := false
	return func(req *dhcpv4.DHCPv4, out []dhcptest.Reply) []dhcptest.Reply {
		if req.MessageType() != dhcpv4.MessageTypeDiscover {
			return out
		}
		if !heard {
			heard = true
			b.arrived <- struct{}{}
		}
		select {
		case <-b.open:
			return out
		case <-time.After(patience):
			return nil
		}
	}
}

// All links are asked at once: servers that wait for each other are no problem,
// so slow ones take the time of one.
func TestWait_AsksAllAtOnce(t *testing.T) {
	s := newSite(t)
	b := newBarrier(3)
	for range 3 {
		script := b.script()
		s.link(t, func(c *dhcptest.Config) { c.Script = script })
	}
	p := s.start(t, "eth0", "eth1", "eth2", "-1", "--timeout=20s")
	p.exit(t, exitDone)
	for _, link := range []string{"eth0", "eth1", "eth2"} {
		p.stdout.contains(t, link+": 192.0.")
	}
}

// The first link with a lease is served from there on. The clients of the others
// end at once, whatever they are about, and nothing stays on their links.
func TestWaitFirst(t *testing.T) {
	s := newSite(t)
	first := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	second := s.link(t, func(c *dhcptest.Config) { c.Ignore = []dhcpv4.MessageType{dhcpv4.MessageTypeRequest} })
	third := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	p := s.start(t, "eth0", "eth1", "eth2", "eth9", "--wait=first", "--wait-link", "-v")
	waitFor(t, "a REQUEST", func() bool { return second.Received()[dhcpv4.MessageTypeRequest] > 0 })
	waitFor(t, "a DISCOVER", func() bool { return total(third) > 0 })
	if err := first.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
		t.Fatal(err)
	}
	p.stdout.wait(t, line0)
	p.stderr.wait(t, "eth0: this link has the first lease; the others are given up\n")
	for _, name := range []string{"eth1", "eth2"} {
		p.stderr.wait(t, name+": stopped\n")
	}
	for _, server := range []*dhcptest.Server{second, third} {
		if err := server.Configure(func(c *dhcptest.Config) { c.Silent, c.Ignore = false, nil }); err != nil {
			t.Fatal(err)
		}
	}
	p.signal(t, syscall.SIGUSR1)
	p.stdout.wait(t, "renewed\n")
	for _, name := range []string{"eth1", "eth2"} {
		if got := s.addresses(t, name); got != "" {
			t.Errorf("%s has %s", name, got)
		}
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") {
		t.Errorf("eth0 has %q", got)
	}
}

// A lease that another link has in place already, with programs still at work for
// it, is given back to its server.
func TestWaitFirst_LoserWithALease(t *testing.T) {
	s := newSite(t)
	first := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	second := s.link(t, nil)
	slow := s.script(t, "slow", `doc=$(cat)
case $DHCLIENT_GO_EVENT$doc in bound*eth1*) echo bound >>$D/seen; exec sleep 60;; esac`)
	for _, once := range []bool{true, false} {
		args := []string{"eth0", "eth1", "--wait=first", "--script", slow}
		if once {
			args = append(args, "-1")
		}
		before := second.Received()[dhcpv4.MessageTypeRelease]
		p := s.start(t, args...)
		s.hasLine(t, "seen", "bound")
		if got := s.addresses(t, "eth1"); !strings.Contains(got, "192.0.1.5/24") {
			t.Errorf("eth1 has %q", got)
		}
		if err := first.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
			t.Fatal(err)
		}
		p.stdout.wait(t, line0)
		p.stdout.wait(t, "eth1: 192.0.1.5/24 released\n")
		if !once {
			waitFor(t, "the end of the address", func() bool { return s.addresses(t, "eth1") == "" })
			p.signal(t, syscall.SIGTERM)
		}
		p.exit(t, exitDone)
		waitFor(t, "RELEASE", func() bool { return second.Received()[dhcpv4.MessageTypeRelease] > before })
		if got := s.addresses(t, "eth1"); got != "" {
			t.Errorf("eth1 has %s", got)
		}
		if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") {
			t.Errorf("eth0 has %q", got)
		}
		if err := first.Configure(func(c *dhcptest.Config) { c.Silent = true }); err != nil {
			t.Fatal(err)
		}
		s.IP(t, "addr", "flush", "dev", "eth0")
		if err := os.RemoveAll(filepath.Join(s.dir, "seen")); err != nil {
			t.Fatal(err)
		}
	}
}

// applies counts what is set, and what is taken away.
type applies struct{ set, removed int }

func (a *applies) Apply(_ context.Context, next *lease.Lease, _ []*lease.Lease) error {
	if next == nil {
		a.removed++
	} else {
		a.set++
	}
	return nil
}

// What belongs to the host is not set for a link any more once another has won; what
// was set before that is taken away.
func TestWaitFirst_HostIsTheWinners(t *testing.T) {
	o := newOptions()
	f := &fleet{o: o, log: slog.New(slog.DiscardHandler)}
	alone := &berth{o: o}
	if c := (&applies{}); f.onlyFirst(alone, c) != client.Configurator(c) {
		t.Error("without --wait first there is no race")
	}
	o.waitFirst = true
	first, second := &berth{o: o, name: "first"}, &berth{o: o, name: "second"}
	var own, other applies
	a, b := f.onlyFirst(first, &own), f.onlyFirst(second, &other)
	apply := func(next *lease.Lease) {
		for _, c := range []client.Configurator{a, b} {
			if err := c.Apply(t.Context(), next, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	apply(&lease.Lease{})
	f.berths = []*berth{first}
	f.win(first)
	apply(&lease.Lease{})
	apply(nil)
	if own != (applies{2, 1}) || other != (applies{1, 1}) {
		t.Errorf("the winner's %+v, the other's %+v", own, other)
	}
}

// One shot with --wait any leaves no address that was not told of.
func TestWaitAny_OneShotLeavesNoStrangers(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	second := s.link(t, func(c *dhcptest.Config) { c.Ignore = []dhcpv4.MessageType{dhcpv4.MessageTypeRequest} })
	p := s.start(t, "eth0", "eth1", "-1", "--wait=any")
	p.exit(t, exitDone)
	if p.stdout.String() != line0 || s.addresses(t, "eth1") != "" {
		t.Errorf("stdout %q, eth1 has %s, its server got %v", p.stdout, s.addresses(t, "eth1"), second.Received())
	}
}
