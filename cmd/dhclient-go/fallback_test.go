package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// A fallback has no end in the kernel, and no lease file tells of it: what a process
// has left of it, by keeping it or by being killed, goes when the next one has a
// lease. An address of the same kind that an administrator has set stays.
func TestFallback_LeftByAnotherProcess(t *testing.T) {
	s := newSite(t)
	server := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	fallback := []string{"--fallback", "192.0.0.77/24,192.0.0.9", "--fallback-after=1s", "--acd=50ms"}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		p := s.start(t, append(fallback, "eth0")...)
		p.stderr.wait(t, "using the fallback")
		waitFor(t, "the fallback", func() bool { return strings.Contains(s.addresses(t, "eth0"), "192.0.0.77/24") })
		p.signal(t, sig)
		<-p.ended
	}
	s.IP(t, "addr", "add", "192.0.0.78/24", "dev", "eth0")
	if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.77/24") {
		t.Fatalf("nothing is left: %s", got)
	}
	left := s.IP(t, "-4", "route", "show", "proto", "dhcp")
	if err := server.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{append(fallback, "--metric=7"), nil} {
		s.start(t, append(args, "eth0", "-1")...).exit(t, exitDone)
		got, routes := s.addresses(t, "eth0"), s.IP(t, "route", "show", "default")
		if !strings.Contains(got, "192.0.0.5/24") || !strings.Contains(got, "192.0.0.78/24") || strings.Contains(got, "192.0.0.77") {
			t.Errorf("%v: addresses:\n%s", args, got)
		}
		if strings.Contains(routes, "192.0.0.9") || strings.Count(routes, "default") != 1 {
			t.Errorf("%v: default routes:\n%s", args, routes)
		}
		// As it was left, for the next.
		s.IP(t, "addr", "add", "192.0.0.77/24", "dev", "eth0", "noprefixroute")
		for line := range strings.Lines(left) {
			s.IP(t, append([]string{"route", "append", "proto", "dhcp"}, strings.Fields(line)...)...)
		}
	}
}

// So it is when another process takes over from who uses a fallback, and has none.
func TestFallback_TakenOver(t *testing.T) {
	s := newSite(t)
	server := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	p := s.start(t, "eth0", "--fallback", "192.0.0.77/24,192.0.0.9", "--fallback-after=1s", "--acd=50ms")
	waitFor(t, "the fallback", func() bool { return strings.Contains(s.addresses(t, "eth0"), "192.0.0.77/24") })
	if err := server.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
		t.Fatal(err)
	}
	s.start(t, "eth0", "--takeover", "-1").exit(t, exitDone)
	p.exit(t, exitDone)
	got, routes := s.addresses(t, "eth0"), s.IP(t, "route", "show", "default")
	if !strings.Contains(got, "192.0.0.5/24") || strings.Contains(got, "192.0.0.77") || strings.Count(routes, "default") != 1 {
		t.Errorf("%s\n%s", got, routes)
	}
}

// A stored lease that is neither on the link nor of any use here, since neither server
// nor router answers, does not keep the fallback from being used.
func TestFallback_DespiteAStoredLease(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	s.start(t, "eth0", "-1").exit(t, exitDone)
	s.IP(t, "addr", "flush", "dev", "eth0") // as after a boot
	s.far[0].IP(t, "addr", "flush", "dev", "eth0")
	if err := server.Configure(func(c *dhcptest.Config) { c.Silent = true }); err != nil {
		t.Fatal(err)
	}
	p := s.start(t, "eth0", "--fallback", "192.0.0.77/24,192.0.0.9", "--fallback-after=1s", "--acd=50ms")
	p.stderr.wait(t, "using the fallback")
	waitFor(t, "the fallback", func() bool { return strings.Contains(s.addresses(t, "eth0"), "192.0.0.77/24") })
}
