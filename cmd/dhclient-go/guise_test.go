package main

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A stage is a site where the program is called by another's name, with a script
// that writes down what it is told.
type stage struct {
	*site
	server *dhcptest.Server
	wire   *nettest.Sniffer
	marks  uint8 // of sent
}

// newStage is a site with one link, eth0, whose frames are recorded.
func newStage(t *testing.T, change func(*dhcptest.Config)) *stage {
	t.Helper()
	s := &stage{site: newSite(t)}
	s.server = s.link(t, change)
	s.wire = nettest.Capture(t, s.far[0], "eth0")
	s.script(t, "")
	s.write(t, "conf", "timeout 60;\n")
	t.Cleanup(func() {
		if pid := s.readPid(); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("%s\n%s", s.read("events"), s.read("leases"))
		}
	})
	return s
}

// silent is a server that does not answer.
func silent(c *dhcptest.Config) { c.Silent = true }

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// read is what a file has, nothing if there is none.
func (s *stage) read(name string) string {
	b, _ := os.ReadFile(s.path(name))
	return string(b)
}

// script makes the script: it writes down the event and its environment, a line
// each with the event before it, puts the address on the link or takes it off,
// and ends as the shell does with what is told.
func (s *stage) script(t *testing.T, then string) {
	t.Helper()
	s.write(t, "script", fmt.Sprintf(`#!/bin/sh
event=${1:-$reason}
env | sort | sed "s/^/$event /" >>%[1]s
case $event in
BOUND | REBOOT | TIMEOUT | bound) ip addr replace "${new_ip_address-$ip}/24" dev "$interface" ;;
PREINIT | EXPIRE | RELEASE | STOP | deconfig) ip -4 addr flush dev "$interface" ;;
esac
echo "$event ." >>%[1]s
%[2]s
`, s.path("events"), then))
}

// events are what the script was told, in order.
func (s *stage) events() (list []string) {
	for line := range strings.Lines(s.read("events")) {
		if event, ok := strings.CutSuffix(line, " .\n"); ok {
			list = append(list, event)
		}
	}
	return list
}

// told waits until the script was told these events and no others before them.
func (s *stage) told(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	waitFor(t, fmt.Sprintf("the script is told %q", want), func() bool {
		got = s.events()
		return len(got) >= len(want)
	})
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the script is told %q, not %q", got, want)
	}
}

// dhclient is the command line of dhclient with the files of the stage.
func (s *stage) dhclient(args ...string) []string {
	return append([]string{"dhclient", "-sf", s.path("script"), "-lf", s.path("leases"), "-pf", s.pidFile(), "-cf", s.path("conf")}, args...)
}

// udhcpc is the command line of udhcpc with the files of the stage.
func (s *stage) udhcpc(args ...string) []string {
	return append([]string{"udhcpc", "-i", "eth0", "-s", s.path("script"), "-p", s.pidFile()}, args...)
}

// await waits for the next message of that type on the wire.
func (s *stage) await(t *testing.T, of dhcpv4.MessageType) frame.Frame {
	t.Helper()
	return s.wire.WaitFor(t, patience, frame.IsDHCP(of))
}

// sent counts the messages of a type that have been on the wire until now: who
// records it may be behind what the script says, so the server's host first asks
// for an address that nobody has, and that is waited for.
func (s *stage) sent(t *testing.T, of dhcpv4.MessageType) int {
	t.Helper()
	s.marks++
	mark := netip.AddrFrom4([4]byte{192, 0, 0, 100 + s.marks})
	s.far[0].Do(t, func() {
		c, err := net.Dial("udp4", netip.AddrPortFrom(mark, 9).String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := c.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
	})
	// Not WaitFor, which would go on from here.
	marked := func(f frame.Frame) bool { return f.ARP != nil && f.ARP.TargetIP == mark }
	waitFor(t, "the mark on the wire", func() bool { return len(s.wire.Matching(marked)) > 0 })
	return len(s.wire.Matching(frame.IsDHCP(of)))
}

// answers has the server answer from now on.
func (s *stage) answers(t *testing.T, change func(*dhcptest.Config)) {
	t.Helper()
	if err := s.server.Configure(change); err != nil {
		t.Fatal(err)
	}
}

// idle says that neither a process nor its helper has another: no script runs.
func idle(pid int) bool {
	for _, child := range children(pid) {
		number, err := strconv.Atoi(child)
		if err != nil || !isHelper(number) || len(children(number)) > 0 {
			return false
		}
	}
	return syscall.Kill(pid, 0) == nil
}

// isHelper says that a process is the helper of a client.
func isHelper(pid int) bool {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return string(name) == "dhclient-helper\n"
}

// children are the numbers of a process's.
func children(pid int) (list []string) {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range threads {
		b, _ := os.ReadFile(path)
		list = append(list, strings.Fields(string(b))...)
	}
	return list
}

// goes waits for the end of a process, with all of its threads: they hold what
// was open.
func goes(t *testing.T, pid int) {
	t.Helper()
	waitFor(t, "end of the process", func() bool { return syscall.Kill(pid, 0) != nil })
}

var first = netip.MustParseAddr("192.0.0.5")
