package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// script writes a shell script; the directory of the site is $D in it.
func (s *site) script(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(s.dir, name)
	// What another test starts meanwhile would hold it open for writing.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\nD="+s.dir+"\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// file is what a file of the site's directory has, empty for none.
func (s *site) file(name string) string {
	b, _ := os.ReadFile(filepath.Join(s.dir, name))
	return string(b)
}

// hasLine waits until a file has a line that begins so, and returns all lines.
func (s *site) hasLine(t *testing.T, name, prefix string) []string {
	t.Helper()
	var all []string
	waitFor(t, "a line with "+prefix+" in "+name, func() bool {
		all = strings.Split(strings.TrimSuffix(s.file(name), "\n"), "\n")
		return slices.ContainsFunc(all, func(l string) bool { return strings.HasPrefix(l, prefix) })
	})
	return all
}

// Programs are run in their order, each told by a document on its standard input
// while our own configurator does its work; a renewal that changes nothing is no
// news. What they print is in the log.
func TestScript_JSON(t *testing.T) {
	s := newSite(t)
	server := s.link(t, func(c *dhcptest.Config) {
		c.Options = map[uint8][]byte{224: []byte("$(touch x)\n")}
	})
	one := s.script(t, "one", `cat >>$D/doc; echo "one $DHCLIENT_GO_EVENT $PWD $#" >>$D/seen; echo hello`)
	two := s.script(t, "two", `ip -4 -o addr show dev eth0 | grep -c 192.0.0.5/24 >>$D/seen; echo two >>$D/seen`)
	p := s.start(t, "eth0", "--script", one, "--script="+two, "--on-exit=remove", "-v")
	s.hasLine(t, "seen", "two")
	p.signal(t, syscall.SIGUSR1)
	waitFor(t, "a renewal", func() bool { return server.Received()[dhcpv4.MessageTypeRequest] > 1 })
	p.stdout.wait(t, "renew")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	if got, want := s.file("seen"), "one bound / 0\n1\ntwo\none stop / 0\n0\ntwo\n"; got != want {
		t.Errorf("they saw\n%s\nwant\n%s", got, want)
	}
	p.stderr.contains(t, "(script "+one+", text hello)")
	var docs []hook.Document
	for d := json.NewDecoder(strings.NewReader(s.file("doc"))); d.More(); {
		var doc hook.Document
		if err := d.Decode(&doc); err != nil {
			t.Fatal(err)
		}
		docs = append(docs, doc)
	}
	if len(docs) != 2 || docs[0].Lease == nil || docs[0].OldLease != nil || docs[1].Lease != nil || docs[1].OldLease == nil {
		t.Fatalf("documents: %s", s.file("doc"))
	}
	if a := docs[0].Lease.Prefix().String(); a != "192.0.0.5/24" || string(docs[0].Lease.Options[224]) != "$(touch x)\n" {
		t.Errorf("the lease is %v with %q", a, docs[0].Lease.Options[224])
	}
}

// Scripts that are told as dhclient's configure the link: ours does not, but
// has the kernel end what they add with the lease.
func TestScript_Dhclient(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	path := s.script(t, "script", `echo "$reason $new_ip_address $new_routers metric $IF_METRIC asked $requested_domain_search" >>$D/seen
case $reason in
BOUND) ip addr add $new_ip_address/$new_subnet_mask dev $interface;;
STOP) ip addr del $old_ip_address/$old_subnet_mask dev $interface;;
esac`)
	p := s.start(t, "--no-dns=", "eth0", "--script", path, "--script-env=dhclient")
	p.exit(t, exitUsage)
	p = s.exec(t, "dhclient-go", "eth0", "--lease-dir", s.dir, "--script", path, "--script-env", "dhclient", "--metric", "7", "--on-exit", "remove")
	p.stdout.wait(t, "eth0: 192.0.0.5/24 ")
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, " 192.0.0.5/24 ") || strings.Contains(addr, "forever") {
		t.Errorf("addresses: %s", addr)
	}
	if routes := s.IP(t, "route"); strings.Contains(routes, "default") || strings.Contains(routes, "proto dhcp") {
		t.Errorf("routes: %s", routes)
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	want := "PREINIT   metric 7 asked \nBOUND 192.0.0.5 192.0.0.1 metric 7 asked 1\nSTOP   metric 7 asked 1\n"
	if got := s.file("seen"); got != want {
		t.Errorf("it saw\n%s\nwant\n%s", got, want)
	}
	if addr := s.addresses(t, "eth0"); addr != "" {
		t.Errorf("addresses at the end: %s", addr)
	}
}

func TestScript_Udhcpc(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	path := s.script(t, "script", `echo "$1 $ip $mask $router" >>$D/seen
[ "$1" = bound ] && ip addr add $ip/$mask dev $interface
exit 3`)
	p := s.exec(t, "dhclient-go", "eth0", "--lease-dir", s.dir, "--script", path, "--script-env", "udhcpc", "-1")
	p.exit(t, exitDone)
	if got, want := s.file("seen"), "deconfig   \nbound 192.0.0.5 24 192.0.0.1\n"; got != want {
		t.Errorf("it saw\n%s\nwant\n%s", got, want)
	}
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, " 192.0.0.5/24 ") || strings.Contains(addr, "forever") {
		t.Errorf("addresses: %s", addr)
	}
}

// A program that does not end is ended, with what it has started; those behind it
// are run, and the lease is not worse for it.
func TestScript_Timeout(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	slow := s.script(t, "slow", `echo $$ >>$D/pid; sleep 1000 & echo $! >>$D/pid; wait`)
	next := s.script(t, "next", `echo ran >>$D/after`)
	p := s.start(t, "eth0", "--script", slow, "--script", next, "--script-timeout", "200ms")
	p.stdout.wait(t, line0)
	p.stderr.wait(t, "a script has failed: did not end within 200ms, and was made to (script "+slow+", event bound)")
	for _, line := range strings.Fields(s.file("pid")) {
		waitFor(t, "the end of process "+line, func() bool {
			var pid int
			_, err := fmt.Sscan(line, &pid)
			return err == nil && !alive(pid)
		})
	}
	waitFor(t, "the program behind it", func() bool { return s.file("after") == "ran\n" })
	if !strings.Contains(s.addresses(t, "eth0"), "192.0.0.5/24") {
		t.Errorf("the one behind it: %q, addresses %q", s.file("after"), s.addresses(t, "eth0"))
	}
}

// A path that is none of a program is named at the start, before anything is
// done. It is one of the directory that we are started in.
func TestScript_Paths(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	plain := filepath.Join(s.dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.refuses(t,
		refusal{"eth0 --script /nowhere/x", "dhclient-go: --script: stat /nowhere/x: no such file or directory\n"},
		refusal{"eth0 --script " + plain, "dhclient-go: --script: " + plain + " is not a file that can be executed\n"},
		refusal{"eth0 -b --script " + s.dir, "dhclient-go: --script: " + s.dir + " is not a file that can be executed\n"},
	)
	if got := server.Received(); len(got) != 0 {
		t.Errorf("the server got %v", got)
	}
	s.script(t, "here", `echo ran >>$D/ran`)
	p := s.exec(t, "sh", "-c", "cd "+s.dir+" && exec dhclient-go eth0 --no-dns --lease-dir . --script ./here --timeout 20 -b --pid-file pid")
	p.exit(t, exitDone)
	waitFor(t, "a run", func() bool { return s.file("ran") == "ran\n" })
	var pid int
	if _, err := fmt.Sscan(s.file("pid"), &pid); err != nil {
		t.Fatal(err)
	}
	end(t, pid)
}

// A dry run runs nothing.
func TestScript_DryRun(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	path := s.script(t, "script", `echo ran >>$D/ran`)
	for _, mode := range []string{"json", "dhclient", "udhcpc"} {
		p := s.exec(t, "dhclient-go", "eth0", "--dry-run", "--script", path, "--script-env", mode)
		p.exit(t, exitDone)
	}
	if s.file("ran") != "" {
		t.Error("it ran")
	}
}

// A script that refuses the address has it declined; the next one is another.
func TestScript_Declines(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	path := s.script(t, "script", `[ "$reason $new_ip_address" != "BOUND 192.0.0.5" ] || exit 1
[ "$reason" != BOUND ] || ip addr add $new_ip_address/24 dev $interface`)
	p := s.exec(t, "dhclient-go", "eth0", "--lease-dir", s.dir, "--script", path, "--script-env", "dhclient", "-1")
	p.exit(t, exitDone)
	p.stdout.wait(t, "eth0: 192.0.0.6/24 ")
	if n := server.Received()[dhcpv4.MessageTypeDecline]; n != 1 {
		t.Errorf("%d DECLINEs", n)
	}
}
