package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// program writes a program for init, that says in a file what it was told and
// what the links have, and then does what is given.
func (s *stage) program(t *testing.T, then string) string {
	t.Helper()
	s.write(t, "program", fmt.Sprintf(`#!/bin/sh
{ env | grep '^DHCP4_'; ip -4 -o addr; echo "arguments $*"; echo ready; } >>%s
%s
`, s.path("told"), then))
	return s.path("program")
}

// init starts the command init with these arguments.
func (s *stage) init(t *testing.T, args ...string) *process {
	t.Helper()
	return s.start(t, append([]string{"init"}, args...)...)
}

// runs waits until the program of init runs.
func (s *stage) runs(t *testing.T) {
	t.Helper()
	waitFor(t, "the program", func() bool { return strings.HasSuffix(s.read("told"), "ready\n") })
}

// start puts flags behind the command's name.
func (s *stage) start(t *testing.T, args ...string) *process {
	t.Helper()
	own := []string{"--lease-dir", s.path("leases.d"), "--resolv-conf", s.path("resolv.conf"), "--control-dir", s.path("control"), "--acd", "off"}
	return s.exec(t, slices.Concat([]string{"dhclient-go"}, args[:1], own, args[1:])...)
}

// The program has the lease, and its words; when it ends the lease is given back
// and the exit code is its own.
func TestInit_LeaseProgramRelease(t *testing.T) {
	s := newStage(t, func(c *dhcptest.Config) { c.Domain = "site.example" })
	s.IP(t, "link", "set", "lo", "down")
	p := s.init(t, "eth0", "--", s.program(t, "exit 7"), "a", "b c")
	p.exit(t, 7)
	told := s.read("told")
	for _, want := range []string{
		"DHCP4_INTERFACE=eth0\n", "DHCP4_ADDRESS=192.0.0.5\n", "DHCP4_PREFIX=24\n", "DHCP4_NETMASK=255.255.255.0\n",
		"DHCP4_GATEWAY=192.0.0.1\n", "DHCP4_DNS=192.0.0.1\n", "DHCP4_DOMAIN=site.example\n", "DHCP4_SERVER=192.0.0.1\n",
		"DHCP4_LEASE_SECONDS=3600\n", "inet 192.0.0.5/24", "inet 127.0.0.1/8", "arguments a b c\n",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("the program is not told %q:\n%s", want, told)
		}
	}
	if n := s.sent(t, dhcpv4.MessageTypeRelease); n != 1 {
		t.Errorf("%d RELEASEs", n)
	}
	if got := s.addresses(t, "eth0"); got != "" {
		t.Errorf("left on the link: %s", got)
	}
	if out := p.stdout.String(); out != "" {
		t.Errorf("standard output is the program's, but has %q", out)
	}
}

// Every signal goes to the program, and none to the client: what stops is the
// program.
func TestInit_SignalsAreThePrograms(t *testing.T) {
	s := newStage(t, nil)
	p := s.init(t, "eth0", "--", s.program(t, `
trap 'echo usr1 >>'$0.log USR1; trap 'echo winch >>'$0.log WINCH; trap 'echo term >>'$0.log'; exit 9' TERM
echo trapped >>$0.log
while :; do sleep 0.02; done`))
	s.runs(t)
	for _, sig := range []syscall.Signal{0, syscall.SIGUSR1, syscall.SIGWINCH, syscall.SIGTERM} {
		if sig != 0 {
			p.signal(t, sig)
		}
		words := map[syscall.Signal]string{0: "trapped", syscall.SIGUSR1: "usr1", syscall.SIGWINCH: "winch", syscall.SIGTERM: "term"}
		waitFor(t, words[sig], func() bool { return strings.Contains(s.read("program.log"), words[sig]) })
	}
	p.exit(t, 9)
	if n := s.sent(t, dhcpv4.MessageTypeRequest); n != 1 {
		t.Errorf("SIGUSR1 was the client's too: %d REQUESTs", n)
	}
	if n := s.sent(t, dhcpv4.MessageTypeRelease); n != 1 {
		t.Errorf("%d RELEASEs", n)
	}
}

// A program that dies of a signal gives 128 and its number; one that is not there
// 127, and one that cannot be executed 126, before anything is sent.
func TestInit_ExitCodes(t *testing.T) {
	s := newStage(t, nil)
	s.init(t, "eth0", "--", s.program(t, "kill -KILL $$")).exit(t, 128+9)
	before := s.sent(t, dhcpv4.MessageTypeDiscover)
	p := s.init(t, "eth0", "--", s.path("missing"))
	p.exit(t, 127)
	p.stderr.contains(t, "missing", "no such file or directory")
	if err := os.WriteFile(s.path("data"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s.init(t, "eth0", "--", s.path("data")).exit(t, 126)
	// An interpreter that is missing is named, that of a script or a dynamic loader.
	s.write(t, "script", "#! /nowhere/python3 -u\nprint()\n")
	p = s.init(t, "eth0", "--", s.path("script"))
	p.exit(t, 126)
	p.stderr.contains(t, "dhclient-go: /nowhere/python3, the interpreter of "+s.path("script")+", does not exist\n")
	if n := s.sent(t, dhcpv4.MessageTypeDiscover); n != before {
		t.Errorf("%d DISCOVERs for programs that are not there", n-before)
	}
	// The kernel refuses it only when it is run: the lease is given back.
	s.write(t, "nonsense", "\x7fELF")
	s.init(t, "eth0", "--", s.path("nonsense")).exit(t, 126)
	if n := s.sent(t, dhcpv4.MessageTypeRelease); n != 2 {
		t.Errorf("%d RELEASEs", n)
	}
}

// The interpreter of a program is what the kernel looks for, whatever the file is.
func TestInterpreter(t *testing.T) {
	elf := func(class byte, offset, length uint64) string {
		head := make([]byte, 64+56)
		copy(head, "\x7fELF")
		head[4] = class
		o := binary.NativeEndian
		o.PutUint64(head[32:], 64)
		o.PutUint16(head[54:], 56)
		o.PutUint16(head[56:], 1)
		o.PutUint32(head[64:], 3)
		o.PutUint64(head[64+8:], offset)
		o.PutUint64(head[64+32:], length)
		return string(head) + "/lib64/ld.so\x00"
	}
	for name, c := range map[string]struct{ file, want string }{
		"script":          {"#!/bin/sh -e\nexit", "/bin/sh"},
		"blanks":          {"#! \t/usr/bin/env\tperl", "/usr/bin/env"},
		"no interpreter":  {"#!\n", ""},
		"empty":           {"", ""},
		"program":         {elf(2, 120, 13), "/lib64/ld.so"},
		"of 32 bits":      {elf(1, 120, 13), ""},
		"beyond its end":  {elf(2, 1000, 13), ""},
		"far beyond":      {elf(2, 1<<63, 13), ""},
		"a long name":     {elf(2, 120, 1<<40), ""},
		"cut in its head": {elf(2, 120, 13)[:70], ""},
	} {
		f := strings.NewReader(c.file)
		if got := cmp.Or(scriptInterpreter(f), elfInterpreter(f)); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}

// What the program leaves behind is buried when it has ended, also where init is
// not process 1.
func TestInit_BuriesOrphans(t *testing.T) {
	s := newStage(t, nil)
	p := s.init(t, "eth0", "--", s.program(t, fmt.Sprintf(`
sh -c 'sleep 1000 & echo $! >%[1]s' # its parent has ended
read -r go <%[2]s`, s.path("orphan"), s.fifo(t, "go"))))
	var orphan int
	waitFor(t, "an orphan", func() bool {
		orphan, _ = strconv.Atoi(strings.TrimSpace(s.read("orphan")))
		return orphan > 0 && parent(orphan) == p.cmd.Process.Pid
	})
	if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "its burial", func() bool { return syscall.Kill(orphan, 0) != nil })
	s.write(t, "go", "\n")
	p.exit(t, 0)
}

// fifo makes a FIFO.
func (s *stage) fifo(t *testing.T, name string) string {
	t.Helper()
	if err := syscall.Mkfifo(s.path(name), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.path(name)
}

// parent is that of a process; 0 if there is none.
func parent(pid int) int {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, rest, _ := strings.Cut(string(b), ") ")
	if f := strings.Fields(rest); len(f) > 1 {
		ppid, _ := strconv.Atoi(f[1])
		return ppid
	}
	return 0
}

// Without a lease in time the command fails, and a program that runs already is
// ended.
func TestInit_NoLease(t *testing.T) {
	s := newStage(t, silent)
	p := s.init(t, "eth0", "--timeout", "1", "--", s.program(t, "exit 0"))
	p.exit(t, exitNoLease)
	p.stderr.contains(t, "no lease within 1s")
	if s.read("told") != "" {
		t.Errorf("the program was run")
	}
	p = s.init(t, "eth0", "--timeout", "1", "--before-lease", "--", s.program(t, "trap 'echo term >>$0.log; exit 5' TERM; while :; do sleep 0.02; done"))
	p.exit(t, exitNoLease)
	if got := s.read("program.log"); got != "term\n" || strings.Contains(s.read("told"), "DHCP4_") {
		t.Errorf("the program is told %q, and then %q", s.read("told"), got)
	}
}

// The program can be run all the same, and a lease that comes later is used.
func TestInit_RunsWithoutALease(t *testing.T) {
	s := newStage(t, silent)
	p := s.init(t, "eth0", "--timeout", "1", "--on-failure", "run", "--", s.program(t, "read -r go <"+s.fifo(t, "go")+"; exit 3"))
	s.runs(t)
	if told := s.read("told"); strings.Contains(told, "DHCP4_") {
		t.Errorf("the program is told %q", told)
	}
	s.answers(t, func(c *dhcptest.Config) { c.Silent = false })
	waitFor(t, "the address", func() bool { return strings.Contains(s.addresses(t, "eth0"), "192.0.0.5/24") })
	s.write(t, "go", "\n")
	p.exit(t, 3)
}

// It is also run where no link can be opened: another client serves it.
func TestInit_RunsWithoutALink(t *testing.T) {
	s := newStage(t, nil)
	first := s.start(t, "eth0")
	first.stdout.wait(t, "lease 1h")
	p := s.init(t, "eth0", "--on-failure", "run", "--", s.program(t, "exit 3"))
	p.exit(t, 3)
	p.stderr.wait(t, "serves this link already")
	if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") {
		t.Errorf("the other client's address: %q", got)
	}
}

// A fallback address is used if nobody has it, and gives way to a lease.
func TestInit_Fallback(t *testing.T) {
	s := newStage(t, silent)
	p := s.init(t, "eth0", "--acd", "50ms", "--timeout", "1", "--on-failure", "fallback=192.0.0.77/24,192.0.0.1", "--",
		s.program(t, "exit 4"))
	p.exit(t, 4)
	if told := s.read("told"); !strings.Contains(told, "DHCP4_ADDRESS=192.0.0.77\n") || !strings.Contains(told, "inet 192.0.0.77/24") {
		t.Errorf("the program is told %q", told)
	}
	if got := s.addresses(t, "eth0"); got != "" {
		t.Errorf("left on the link: %s", got)
	}
	if err := p.stderr.String(); strings.Contains(err, "given up") {
		t.Errorf("it says %q", err)
	}
	s.squat(t, 0, "192.0.0.77", [6]byte{2, 0, 0, 0, 0, 0x77})
	p = s.init(t, "eth0", "--acd", "50ms", "--timeout", "1", "--on-failure", "fallback=192.0.0.77/24", "--", s.program(t, "exit 4"))
	p.exit(t, exitNoLease)
	p.stderr.contains(t, "dhclient-go: eth0: no lease within 1s: another station has the fallback 192.0.0.77\n")
	// What cannot be sent on is not waited for.
	for link, why := range map[string]string{"eth9": "the interface does not exist", "eth0": "the interface has no carrier"} {
		s.far[0].IP(t, "link", "set", "eth0", "down")
		start := time.Now()
		p = s.init(t, link, "--timeout", "1", "--on-failure", "fallback=192.0.0.77/24", "--", s.program(t, "exit 4"))
		p.exit(t, exitNoLease)
		p.stderr.contains(t, "dhclient-go: "+link+": no lease within 1s: "+why+"\n")
		if d := time.Since(start); d > fallbackProbe {
			t.Errorf("%s: it took %v", link, d)
		}
	}
}

// A signal before there is a program stops the command, as it would the program.
func TestInit_StoppedBeforeTheProgram(t *testing.T) {
	s := newStage(t, silent)
	p := s.init(t, "eth0", "--", s.program(t, "exit 0"))
	s.await(t, dhcpv4.MessageTypeDiscover)
	p.attends(t)
	p.signal(t, syscall.SIGTERM)
	p.exit(t, 128+int(syscall.SIGTERM))
	if s.read("told") != "" {
		t.Errorf("the program was run")
	}
}

// If the helper is killed the program goes on, and its end is still the end.
func TestInit_HelperIsKilled(t *testing.T) {
	s := newStage(t, nil)
	p := s.init(t, "eth0", "--", s.program(t, "echo $$ >$0.pid; read -r go <"+s.fifo(t, "go")+"; exit 6"))
	s.runs(t)
	var pid int
	waitFor(t, "its number", func() bool {
		pid, _ = strconv.Atoi(strings.TrimSpace(s.read("program.pid")))
		return pid > 0
	})
	if err := syscall.Kill(parent(pid), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "another parent", func() bool { return parent(pid) == p.cmd.Process.Pid })
	s.write(t, "go", "\n")
	p.exit(t, 6)
	if n := s.sent(t, dhcpv4.MessageTypeRelease); n != 1 {
		t.Errorf("%d RELEASEs", n)
	}
}

// Without a helper nobody may send the program a signal from within the sandbox:
// that it was not stopped is said, and no success.
func TestInit_HelperIsKilledBeforeAStop(t *testing.T) {
	if !offered() {
		t.Skip("a program that is built with cgo has no sandbox")
	}
	s := newStage(t, nil)
	p := s.init(t, "eth0", "--", s.program(t, "echo $$ >$0.pid; read -r go <"+s.fifo(t, "go")+"; exit 6"))
	s.runs(t)
	var pid int
	waitFor(t, "its number", func() bool {
		pid, _ = strconv.Atoi(strings.TrimSpace(s.read("program.pid")))
		return pid > 0
	})
	if err := syscall.Kill(parent(pid), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "another parent", func() bool { return parent(pid) == p.cmd.Process.Pid })
	p.signal(t, syscall.SIGTERM)
	p.stderr.wait(t, "goes on: it cannot be sent a signal")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil { // it has our pipes
		t.Error(err)
	}
	p.exit(t, 128+int(syscall.SIGTERM))
}

// Another command stops the client, and not the program.
func TestInit_ClientIsStopped(t *testing.T) {
	s := newStage(t, nil)
	p := s.init(t, "eth0", "--", s.program(t, "read -r go <"+s.fifo(t, "go")+"; exit 8"))
	s.runs(t)
	s.exec(t, "dhclient-go", "stop", "--control-dir", s.path("control")).exit(t, 0)
	if got := s.addresses(t, "eth0"); got != "" {
		t.Errorf("left on the link: %s", got)
	}
	s.write(t, "go", "\n")
	p.exit(t, 8)
}

// A program that is called init takes the kernel's command line: no "--".
func TestInit_CalledByItsName(t *testing.T) {
	s := newStage(t, nil)
	s.exec(t, "init", "--lease-dir", s.path("leases.d"), "--no-dns", "--acd=off", "eth0", s.program(t, "exit 2"), "--on-exit").exit(t, 2)
	if told := s.read("told"); !strings.Contains(told, "arguments --on-exit\n") {
		t.Errorf("the program is told %q", told)
	}
}

// With several links each has variables of its own, and the first those without
// its name.
func TestInit_SeveralLinks(t *testing.T) {
	s := newStage(t, nil)
	s.link(t, nil)
	s.link(t, silent)
	start := time.Now()
	p := s.init(t, "eth1", "eth0", "--", s.program(t, "exit 0"))
	p.exit(t, 0)
	told := s.read("told")
	for _, want := range []string{"DHCP4_ADDRESS=192.0.1.5\n", "DHCP4_ETH1_ADDRESS=192.0.1.5\n", "DHCP4_ETH0_ADDRESS=192.0.0.5\n"} {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in %q", want, told)
		}
	}
	// One link is enough where that is said, and the program has it.
	p = s.init(t, "eth2", "eth1", "--wait", "any", "--timeout", "20", "--", s.program(t, "exit 0"))
	p.exit(t, 0)
	if time.Since(start) > 20*time.Second {
		t.Error("it has waited for the silent link")
	}
}
