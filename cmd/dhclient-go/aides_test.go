package main

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A helper process is started for what it would do, and not for nothing.
func TestHelper_WhatItIsFor(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"eth0", "resolver"},
		{"eth0 --oneshot --resolv-conf x", "resolver"},
		{"eth0 --no-dns", ""},
		{"eth0 --dry-run", ""},
		{"eth0 --dry-run --script /bin/true", ""},
		{"eth0 --no-dns --script /bin/true", "scripts"},
		{"eth0 --script /bin/true", "resolver scripts"},
		{"eth0 --script /bin/true --script-env udhcpc --metric 7", "scripts"},
		{"eth0 --no-dns --set-hostname", "hostname"},
		{"eth0 --set-hostname --no-sandbox --script /bin/true", ""},
	} {
		o, err := parse(strings.Fields(c.args))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if cfg := o.forHelper(); cfg != nil {
			for _, is := range []struct {
				word string
				yes  bool
			}{{"resolver", cfg.Resolver != nil}, {"hostname", cfg.Hostname != nil}, {"scripts", len(cfg.Scripts) > 0}, {"program", cfg.Program != nil}} {
				if is.yes {
					got = append(got, is.word)
				}
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: for %q, want %q", c.args, got, c.want)
		}
	}
}

// helpers are the helper processes of a client.
func helpers(pid int) (list []int) {
	for _, child := range children(pid) {
		if n, err := strconv.Atoi(child); err == nil && isHelper(n) {
			list = append(list, n)
		}
	}
	return list
}

// The helper is killed: that is said, and the client keeps its lease, renews it
// and takes it back at the end.
func TestHelper_DiesAndTheClientGoesOn(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	script := s.script(t, "hook", `echo $DHCLIENT_GO_EVENT >>$D/seen`)
	p := s.start(t, "eth0", "--script", script, "--on-exit=remove", "-v")
	s.hasLine(t, "seen", "bound")
	if !strings.Contains(s.resolvConf(), "192.0.0.1") {
		t.Errorf("the resolver has %q", s.resolvConf())
	}
	all := helpers(p.cmd.Process.Pid)
	if len(all) != 1 {
		t.Fatalf("helpers %v", all)
	}
	if err := syscall.Kill(all[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.stderr.wait(t, "the helper process has ended")
	p.signal(t, syscall.SIGUSR1)
	waitFor(t, "a renewal", func() bool { return server.Received()[dhcpv4.MessageTypeRequest] > 1 })
	p.stdout.wait(t, "renew")
	if got := s.addresses(t, "eth0"); !strings.Contains(got, " 192.0.0.5/24 ") {
		t.Errorf("addresses: %s", got)
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	if got := s.addresses(t, "eth0"); got != "" {
		t.Errorf("addresses at the end: %s", got)
	}
	if n := strings.Count(p.stderr.String(), "the helper process has ended: "); n != 1 {
		t.Errorf("it is said %d times:\n%s", n, p.stderr)
	}
}

// A client that is killed leaves no helper behind.
func TestHelper_EndsWithTheClient(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.start(t, "eth0")
	p.stdout.wait(t, "eth0: 192.0.0.5/24 ")
	all := helpers(p.cmd.Process.Pid)
	if len(all) != 1 {
		t.Fatalf("helpers %v", all)
	}
	p.signal(t, syscall.SIGKILL)
	<-p.ended
	waitFor(t, "end of the helper", func() bool { return !isHelper(all[0]) })
}

// In one process all is done that a helper does.
func TestHelper_NoSandboxNeedsNone(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	script := s.script(t, "hook", `echo $DHCLIENT_GO_EVENT >>$D/seen`)
	p := s.start(t, "eth0", "--no-sandbox", "--script", script, "--on-exit=remove")
	s.hasLine(t, "seen", "bound")
	if all := helpers(p.cmd.Process.Pid); len(all) != 0 {
		t.Errorf("helpers %v", all)
	}
	if !strings.Contains(s.resolvConf(), "192.0.0.1") {
		t.Errorf("the resolver has %q", s.resolvConf())
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	if got := s.file("seen"); got != "bound\nstop\n" {
		t.Errorf("it saw %q", got)
	}
	if got, _ := filepath.Glob(filepath.Join(s.dir, "resolv.conf")); len(got) > 0 {
		t.Errorf("the resolver has at the end %q", s.resolvConf())
	}
}
