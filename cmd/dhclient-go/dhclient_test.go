package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/cmd/dhclient-go/dhclientargs"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// Called as dhclient it goes to the background with the first lease, with its pid
// file written and its lease in the lease file.
func TestDhclient_BackgroundWithTheFirstLease(t *testing.T) {
	s := newStage(t, nil)
	p := s.exec(t, s.dhclient("-v", "eth0")...)
	p.exit(t, exitDone)
	p.stderr.contains(t, "DHCPDISCOVER on eth0 to 255.255.255.255 port 67\n", "DHCPREQUEST for 192.0.0.5 on eth0 to 255.255.255.255 port 67\n",
		"DHCPOFFER of 192.0.0.5 from 192.0.0.1\n", "DHCPACK of 192.0.0.5 from 192.0.0.1\n", "bound to 192.0.0.5 -- renewal in ")
	pid := s.inBackground(t)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if f := strings.Fields(string(stat)); err != nil || f[1] != "(dhclient)" || f[3] != "1" {
		t.Errorf("%.60s, %v", stat, err)
	}
	s.told(t, "PREINIT", "BOUND")
	for _, want := range []string{"lease {\n", "  interface \"eth0\";\n", "  fixed-address 192.0.0.5;\n", "  option routers 192.0.0.1;\n"} {
		if !strings.Contains(s.read("leases"), want) {
			t.Errorf("no %q in the lease file", want)
		}
	}
	end(t, pid)
	// SIGTERM leaves all as it is, and says nothing to the script.
	if s.sent(t, dhcpv4.MessageTypeRelease) != 0 {
		t.Error("SIGTERM releases")
	}
	s.told(t, "PREINIT", "BOUND")
}

// How it ends, or stays, where no server answers: the flags, and what its
// standard error has.
func TestDhclient_WithoutAServer(t *testing.T) {
	for _, c := range []struct {
		name, conf, args string
		code             int
		stays            bool
		stderr           string // what it matches
		events           []string
	}{
		{"-1", "timeout 1;", "-1 eth0", 2, false, `^dhclient: eth0: no lease: no server answered`, []string{"PREINIT"}},
		{"-1 -v", "timeout 1;", "-1 -v eth0", 2, false, `^DHCPDISCOVER (?s:.*)\nNo DHCPOFFERS received\.\n`, []string{"PREINIT"}},
		{"--timeout", "timeout 600;", "-1 --timeout 1 eth0", 2, false, `^dhclient: eth0: no lease`, []string{"PREINIT"}},
		{"the background when it is late", "timeout 1; retry 600;", "eth0", 0, true, `^$`, []string{"PREINIT", "FAIL"}},
		{"-q", "timeout 1; retry 600;", "-v -q eth0", 0, true, `^$`, []string{"PREINIT", "FAIL"}},
		{"-nw", "timeout 600;", "-nw eth0", 0, true, `^$`, []string{"PREINIT"}},
		{"-n", "", "-n", 0, false, `no interface`, nil},
		{"-6", "", "-6 eth0", 1, false, `-6: not supported: this client is for DHCPv4 only`, nil},
		{"-w without the interface", "timeout 1; retry 600;", "-w -1 eth7", 1, false, `eth7`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, silent)
			s.write(t, "conf", c.conf)
			p := s.exec(t, s.dhclient(strings.Fields(c.args)...)...)
			p.exit(t, c.code)
			if got := p.stderr.String(); !regexp.MustCompile(c.stderr).MatchString(got) {
				t.Errorf("stderr is %q, not %q", got, c.stderr)
			}
			s.told(t, c.events...)
			if !c.stays {
				if pid := s.readPid(); pid != 0 {
					t.Errorf("the pid file has %d", pid)
				}
				return
			}
			pid := s.inBackground(t)
			s.answers(t, func(c *dhcptest.Config) { c.Silent = false })
			if strings.Contains(c.conf, "retry") {
				end(t, pid) // it pauses
				return
			}
			s.told(t, append(c.events, "BOUND")...)
			end(t, pid)
		})
	}
}

// -r and -x end the process of the pid file. -r gives the lease back, once, and
// the script is told so; -x keeps it, and the next start asks for it again.
func TestDhclient_ReleaseAndStop(t *testing.T) {
	for _, c := range []struct {
		flag, reason string
		releases     int
		next         []string
	}{
		{"-r", "RELEASE", 1, []string{"PREINIT", "BOUND"}},
		{"-x", "STOP", 0, []string{"PREINIT", "REBOOT"}},
	} {
		t.Run(c.flag, func(t *testing.T) {
			s := newStage(t, nil)
			s.exec(t, s.dhclient("eth0")...).exit(t, exitDone)
			pid := s.inBackground(t)
			p := s.exec(t, s.dhclient("-v", c.flag, "eth0")...)
			p.exit(t, exitDone)
			if alive(pid) || s.readPid() != 0 {
				t.Error("the process or its pid file is still there")
			}
			want := []string{"PREINIT", "BOUND", c.reason}
			s.told(t, want...)
			if !strings.Contains(s.read("events"), c.reason+" old_ip_address=192.0.0.5\n") {
				t.Error("the script does not hear which address")
			}
			s.exec(t, s.dhclient("eth0")...).exit(t, exitDone)
			s.told(t, append(want, c.next...)...)
			if n := s.sent(t, dhcpv4.MessageTypeRelease); n != c.releases {
				t.Errorf("%d RELEASEs, not %d", n, c.releases)
			}
			end(t, s.inBackground(t))
		})
	}
}

// Without a process -r gives back what the lease file has.
func TestDhclient_ReleaseFromTheLeaseFile(t *testing.T) {
	s := newStage(t, nil)
	s.exec(t, s.dhclient("eth0")...).exit(t, exitDone)
	pid := s.inBackground(t)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	goes(t, pid)
	s.exec(t, s.dhclient("-r", "eth0")...).exit(t, exitDone)
	m := s.await(t, dhcpv4.MessageTypeRelease).DHCP
	if got := m.ClientIPAddr.String(); got != "192.0.0.5" {
		t.Errorf("it releases %s", got)
	}
	s.told(t, "PREINIT", "BOUND", "RELEASE")
	// What cannot be done is said.
	p := s.exec(t, s.dhclient("-r", "eth7")...)
	p.exit(t, exitRuntime)
	p.stderr.contains(t, `no link "eth7"`)
	// What is given back is not given back again.
	s.exec(t, s.dhclient("-r", "eth0")...).exit(t, exitDone)
	if n := s.sent(t, dhcpv4.MessageTypeRelease); n != 1 {
		t.Errorf("%d RELEASEs", n)
	}
}

// A restart asks for the lease of the file, and takes no for an answer.
func TestDhclient_RestartAsksForItsLease(t *testing.T) {
	s := newStage(t, nil)
	s.exec(t, s.dhclient("eth0")...).exit(t, exitDone)
	end(t, s.inBackground(t))
	s.exec(t, s.dhclient("eth0")...).exit(t, exitDone)
	end(t, s.inBackground(t))
	if n := s.sent(t, dhcpv4.MessageTypeDiscover); n != 1 {
		t.Errorf("%d DISCOVERs", n)
	}
	s.await(t, dhcpv4.MessageTypeRequest)
	m := s.await(t, dhcpv4.MessageTypeRequest).DHCP
	if !m.RequestedIPAddress().Equal(first.AsSlice()) || m.ServerIdentifier() != nil || !m.ClientIPAddr.IsUnspecified() {
		t.Errorf("no INIT-REBOOT (RFC 2131 table 4): %v", m)
	}
	s.answers(t, func(c *dhcptest.Config) {
		c.NakRequests, c.Ignore = true, []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover}
	})
	p := s.exec(t, s.dhclient("-d", "eth0")...)
	p.stderr.wait(t, "DHCPNAK from 192.0.0.1\n")
	s.answers(t, func(c *dhcptest.Config) { c.NakRequests, c.Ignore = false, nil })
	s.told(t, "PREINIT", "BOUND", "PREINIT", "REBOOT", "PREINIT", "EXPIRE", "PREINIT", "BOUND")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// -d stays in the foreground and speaks; --no-pid writes no pid file; -e adds to
// the environment of the script, from which ours is kept.
func TestDhclient_Foreground(t *testing.T) {
	s := newStage(t, nil)
	p := s.exec(t, s.dhclient("-d", "--no-pid", "-e", "IF_METRIC=7", "eth0")...)
	p.stderr.wait(t, "bound to 192.0.0.5 -- renewal in ")
	s.told(t, "PREINIT", "BOUND")
	if s.readPid() != 0 {
		t.Error("there is a pid file")
	}
	if e := s.read("events"); !strings.Contains(e, "BOUND IF_METRIC=7\n") || strings.Contains(e, "GORACE") {
		t.Error("not the environment of -e")
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
}

// A script that fails at BOUND declines the address; the next is better.
func TestDhclient_ScriptDeclines(t *testing.T) {
	s := newStage(t, nil)
	s.script(t, `test "$new_ip_address" != 192.0.0.5`)
	p := s.exec(t, s.dhclient("-d", "eth0")...)
	m := s.await(t, dhcpv4.MessageTypeDecline).DHCP
	if !m.RequestedIPAddress().Equal(first.AsSlice()) {
		t.Errorf("it declines %v", m.RequestedIPAddress())
	}
	p.stderr.wait(t, "bound to 192.0.0.6 -- renewal in ")
	if e := s.read("events"); !strings.Contains(e, "BOUND new_ip_address=192.0.0.6\n") {
		t.Error("the script is not told of the next")
	}
}

// Without a script we configure the link.
func TestDhclient_WithoutAScript(t *testing.T) {
	s := newStage(t, nil)
	without := func(args ...string) *process {
		argv := s.dhclient(args...)
		sf := slices.Index(argv, "-sf")
		return s.exec(t, append([]string{"unshare", "-m", "sh", "-c", fmt.Sprintf(
			`test ! -e %[1]s || mount --bind /dev/null %[1]s; exec "$@"`, dhclientargs.DefaultScript), "sh"},
			slices.Delete(argv, sf, sf+2)...)...)
	}
	without("-1", "eth0").exit(t, exitDone)
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, "192.0.0.5/24") || !strings.Contains(addr, "valid_lft 3") {
		t.Errorf("addresses: %s", addr)
	}
	without("-x", "eth0").exit(t, exitDone)
	if addr := s.addresses(t, "eth0"); addr != "" {
		t.Errorf("addresses after -x: %s", addr)
	}
}

// The commands of our own name know a client of another.
func TestDhclient_Commands(t *testing.T) {
	s := newStage(t, nil)
	s.exec(t, s.dhclient("eth0")...).exit(t, exitDone)
	p := s.exec(t, "dhclient-go", "status", "eth0")
	p.exit(t, exitDone)
	p.stdout.contains(t, "192.0.0.5/24")
	s.exec(t, "dhclient-go", "renew", "eth0").exit(t, exitDone)
	s.exec(t, "dhclient-go", "release", "eth0").exit(t, exitDone)
	s.await(t, dhcpv4.MessageTypeRelease)
	s.told(t, "PREINIT", "BOUND", "RENEW", "RELEASE")
	s.exec(t, "dhclient-go", "stop", "eth0").exit(t, exitDone)
	if s.readPid() != 0 {
		t.Error("the pid file is still there")
	}
}

// A signal ends a client whose script does not come to an end before the first
// message.
func TestDhclient_SignalEndsPreinit(t *testing.T) {
	s := newStage(t, nil)
	s.write(t, "script", "#!/bin/sh\ntouch "+s.path("began")+"\nexec sleep 1000\n")
	p := s.exec(t, s.dhclient("-d", "eth0")...)
	waitFor(t, "the script", func() bool { _, err := os.Stat(s.path("began")); return err == nil })
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	if n := s.sent(t, dhcpv4.MessageTypeDiscover); n != 0 {
		t.Errorf("%d DISCOVERs", n)
	}
}

// A second client is refused before its script could touch the link that another
// serves, and leaves the other's pid file.
func TestDhclient_SecondTouchesNothing(t *testing.T) {
	s := newStage(t, nil)
	s.exec(t, s.dhclient("eth0")...).exit(t, exitDone)
	pid := s.inBackground(t)
	for _, second := range [][]string{s.dhclient("eth0"), s.dhclient("-d", "eth0"), s.udhcpc("-f")} {
		p := s.exec(t, second...)
		p.exit(t, exitRuntime)
		p.stderr.contains(t, "serves this link already")
	}
	s.told(t, "PREINIT", "BOUND")
	if got := s.readPid(); got != pid {
		t.Errorf("the pid file has %d, not %d", got, pid)
	}
	s.exec(t, s.dhclient("-r", "eth0")...).exit(t, exitDone)
	s.told(t, "PREINIT", "BOUND", "RELEASE")
}
