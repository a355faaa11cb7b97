package main

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A process that runs a program is not taken over from, and goes on.
func TestTakeover_InitRefuses(t *testing.T) {
	s := newStage(t, nil)
	p := s.init(t, "eth0", "--", s.program(t, "read -r go <"+s.fifo(t, "go")))
	s.runs(t)
	q := s.start(t, "eth0", "--takeover")
	q.exit(t, exitRuntime)
	q.stderr.contains(t, fmt.Sprintf("process %d", p.cmd.Process.Pid), "keeps the link: its program (init) would end")
	if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") {
		t.Errorf("the address is %q", got)
	}
	s.write(t, "go", "\n")
	p.exit(t, 0)
}

// Who may not serve the link cannot end who serves it.
func TestTakeover_UserWithoutRights(t *testing.T) {
	s := newStage(t, nil)
	p := s.start(t, "eth0")
	p.stdout.wait(t, "lease 1h")
	path, err := exec.LookPath("dhclient-go")
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("setpriv", "--reuid=65534", "--clear-groups", "true").Run(); err == nil {
		const public = "/run/takeover/dhclient-go"
		s.exec(t, "install", "-D", path, public).exit(t, 0)
		path = public
		s.exec(t, "setpriv", "--reuid=65534", "--clear-groups", path, "eth0", "--takeover").exit(t, exitCapability)
	}
	s.exec(t, "setpriv", "--bounding-set=-all", "--inh-caps=-all", path, "eth0", "--takeover").exit(t, exitCapability)
	if p.hasEnded() || !strings.Contains(s.addresses(t, "eth0"), "192.0.0.5/24") {
		t.Error("the client has ended")
	}
}

// hasEnded says that the process is no more.
func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// In the background and with --oneshot it is the same, as for a process that waits
// for its lease still; that fails, for it gets none.
func TestTakeover_Modes(t *testing.T) {
	s := newStage(t, silent)
	waits := s.start(t, "eth0", "--oneshot")
	s.await(t, dhcpv4.MessageTypeDiscover)
	behind := s.startBackground(t, plainly, "eth0", "--takeover", "--control-dir", s.path("control"), "--on-exit", "remove")
	waits.exit(t, exitRuntime)
	waits.stderr.contains(t, errHanded.Error())
	s.await(t, dhcpv4.MessageTypeDiscover)
	mute(t, s.server, false)
	behind.exit(t, exitDone)
	first := s.inBackground(t)

	s.start(t, "eth0", "--takeover", "--oneshot").exit(t, exitDone)
	waitFor(t, "the end of the one before", func() bool { return !alive(first) })
	if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") {
		t.Errorf("the address is %q", got)
	}
	if pid := s.readPid(); pid != 0 {
		t.Errorf("the pid file has %d", pid)
	}
	if n := s.sent(t, dhcpv4.MessageTypeRelease); n != 0 {
		t.Errorf("%d RELEASEs", n)
	}
}

// Of several links one is handed over, and the others go on; with the last the
// process ends.
func TestTakeover_OneOfSeveral(t *testing.T) {
	s := newStage(t, nil)
	s.link(t, nil)
	p := s.start(t, "eth0", "eth1", "--on-exit", "release")
	p.stdout.wait(t, "eth0: 192.0.0.5/24")
	p.stdout.wait(t, "eth1: 192.0.1.5/24")
	q := s.start(t, "eth1", "--takeover")
	q.stdout.wait(t, "eth1: 192.0.1.5/24")
	p.stdout.wait(t, "eth1: stopped; 192.0.1.5/24 stays")
	if out, _ := s.ask(t, exitDone, "status", "--json", "--control-dir", s.path("control"), "eth0"); !strings.Contains(out, fmt.Sprintf(`"pid":%d,`, p.cmd.Process.Pid)) {
		t.Errorf("eth0 is not served by the first any more: %s", out)
	}
	r := s.start(t, "eth0", "--takeover", "--json")
	p.exit(t, exitDone)
	r.stdout.wait(t, `"event":"took_over","lease":{"address":"192.0.0.5/24"`)
	r.stdout.wait(t, fmt.Sprintf(`,"pid":%d,"name":"dhclient-go"}`, p.cmd.Process.Pid))
	r.stdout.wait(t, `"event":"bound"`)
	for link, want := range map[string]string{"eth0": "192.0.0.5/24", "eth1": "192.0.1.5/24"} {
		if got := s.addresses(t, link); !strings.Contains(got, want) {
			t.Errorf("%s has %q", link, got)
		}
	}
}

// One that needs several links takes none over if one cannot be had: no link is left
// without a client.
func TestTakeover_AllOrNothing(t *testing.T) {
	s := newStage(t, nil)
	s.link(t, nil)
	p := s.start(t, "eth0")
	p.stdout.wait(t, "eth0: 192.0.0.5/24")
	q := s.init(t, "eth1", "--", s.program(t, "read -r go <"+s.fifo(t, "go")))
	s.runs(t)
	r := s.start(t, "eth0", "eth1", "--takeover")
	r.exit(t, exitRuntime)
	r.stderr.contains(t, "eth1: process ", "its program (init) would end")
	if p.hasEnded() {
		t.Error("eth0 is without a client")
	}
	r = s.start(t, "eth0", "eth1", "--takeover", "--wait", "any")
	p.exit(t, exitDone)
	r.stdout.wait(t, "eth0: 192.0.0.5/24 from")
	r.stderr.wait(t, "error: eth1: process ")
	s.write(t, "go", "\n")
	q.exit(t, 0)
}

// The pid file goes before another process has the link, and what that writes in
// its place stays, even with the same number (of another PID namespace).
func TestTakeover_PidFile(t *testing.T) {
	o := newOptions()
	o.pidFile = filepath.Join(t.TempDir(), "pid")
	f := &fleet{o: o, stop: func() {}}
	b := f.newBerth("eth0")
	f.berths = []*berth{b}
	f.pid.write(o, slog.New(slog.DiscardHandler))
	if _, err := os.Stat(o.pidFile); err != nil {
		t.Fatal(err)
	}
	f.handed(b)
	if _, err := os.Stat(o.pidFile); err == nil {
		t.Error("it is there still when the link is handed over")
	}
	var next pidFile
	next.write(o, slog.New(slog.DiscardHandler))
	f.pid.remove()
	if _, err := os.Stat(o.pidFile); err != nil {
		t.Error("that of the next process was removed")
	}
}

// init takes over like any, and its program has the lease.
func TestTakeover_ByInit(t *testing.T) {
	s := newStage(t, nil)
	p := s.start(t, "eth0", "--on-exit", "release")
	p.stdout.wait(t, "lease 1h")
	q := s.init(t, "eth0", "--takeover", "--", s.program(t, "exit 7"))
	p.exit(t, exitDone)
	q.exit(t, 7)
	if told := s.read("told"); !strings.Contains(told, "DHCP4_ADDRESS=192.0.0.5\n") {
		t.Errorf("the program is told %q", told)
	}
	if n := s.sent(t, dhcpv4.MessageTypeRelease); n != 1 {
		t.Errorf("%d RELEASEs, not that of init alone", n)
	}
}

// The real clients of other kinds, with a lease of the link, are told to a person who
// wants to take it over; nothing is sent and nothing changed.
func TestTakeover_FromOtherKinds(t *testing.T) {
	for path, args := range map[string][]string{
		"/usr/sbin/udhcpc":   {"-f", "-i", "eth0", "-s", "/bin/true"},
		"/usr/sbin/dhclient": {"-d", "-sf", "/bin/true", "-lf", "/dev/null", "-cf", "/dev/null", "-pf", "/dev/null", "eth0"},
	} {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat(path); err != nil && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			s := newStage(t, nil)
			s.IP(t, "link", "set", "eth0", "up")
			other := s.exec(t, append([]string{path}, args...)...)
			waitFor(t, "a lease for it", func() bool { return s.server.Received()[dhcpv4.MessageTypeRequest] > 0 })
			before := total(s.server)
			p := s.start(t, "eth0", "--takeover")
			p.exit(t, exitRuntime)
			p.stderr.contains(t, fmt.Sprintf("eth0: %s (process %d) serves this link: stop it first\n", name, other.cmd.Process.Pid))
			if got := total(s.server); got != before {
				t.Errorf("%d messages were sent", got-before)
			}
		})
	}
}

// A lease that was taken over goes on to be used where no server answers by then:
// the program runs with it, the address stays, and a server goes on to be asked.
func TestTakeover_NoServer(t *testing.T) {
	s := newStage(t, nil)
	p := s.start(t, "eth0", "--on-exit", "release")
	p.stdout.wait(t, "lease 1h")
	mute(t, s.server, true)
	q := s.start(t, "eth0", "--takeover", "--timeout", "2", "--on-exit", "remove")
	q.stderr.wait(t, "it stays in use")
	s.await(t, dhcpv4.MessageTypeDiscover)
	r := s.init(t, "eth0", "--takeover", "--timeout", "300ms", "--", s.program(t, "read -r go <"+s.fifo(t, "go")+"; exit 7"))
	s.runs(t)
	if told := s.read("told"); !strings.Contains(told, "DHCP4_ADDRESS=192.0.0.5\n") || !strings.Contains(told, "inet 192.0.0.5/24") {
		t.Errorf("the program is told %q", told)
	}
	p.exit(t, exitDone)
	q.exit(t, exitDone)
	mute(t, s.server, false)
	r.stderr.wait(t, "eth0: 192.0.0.5/24 from 192.0.0.1, lease 1h")
	s.write(t, "go", "\n")
	r.exit(t, 7)
}

// A script that configures the link, and clears it before it is used, is not asked
// to do that to an address that is in use.
func TestTakeover_ScriptKeepsTheAddress(t *testing.T) {
	for _, end := range []syscall.Signal{0, syscall.SIGKILL} {
		t.Run(fmt.Sprintf("signal %d", end), func(t *testing.T) {
			s := newStage(t, nil)
			p := s.start(t, "eth0")
			p.stdout.wait(t, "lease 1h")
			if end != 0 {
				waitFor(t, "the lease in its file", func() bool { return s.read("leases.d/eth0.json") != "" })
				p.signal(t, end)
				<-p.ended
			}
			q := s.exec(t, "dhclient-go", "--lease-dir", s.path("leases.d"), "--control-dir", "", "--acd=off", "eth0", "--takeover",
				"--script", s.path("script"), "--script-env", "dhclient")
			q.stdout.wait(t, "lease 1h")
			s.told(t, "REBOOT")
			if got := s.addresses(t, "eth0"); !strings.Contains(got, "192.0.0.5/24") {
				t.Errorf("the address is %q", got)
			}
		})
	}
}

// What a script has set is gone on from without an instant without a default route,
// and none of it is left at the end.
func TestTakeover_FromAScript(t *testing.T) {
	s := newStage(t, nil)
	s.script(t, `case $event in BOUND) ip route add default via 192.0.0.1 dev eth0 ;; esac`)
	p := s.exec(t, "dhclient-go", "--lease-dir", s.path("leases.d"), "--control-dir", "", "--acd=off", "eth0",
		"--script", s.path("script"), "--script-env", "dhclient")
	p.stdout.wait(t, "lease 1h")
	if got := s.IP(t, "route", "show", "default"); !strings.Contains(got, "default via 192.0.0.1") || strings.Contains(got, "proto dhcp") {
		t.Fatalf("the script's route is %q", got)
	}
	q := s.start(t, "eth0", "--takeover", "--on-exit", "release")
	p.exit(t, exitDone)
	q.stdout.wait(t, "lease 1h")
	waitFor(t, "one default route", func() bool {
		got := s.IP(t, "route", "show", "default")
		return strings.Count(got, "\n") == 1 && strings.Contains(got, "proto dhcp")
	})
	q.signal(t, syscall.SIGTERM)
	q.exit(t, exitDone)
	if got := s.IP(t, "route", "show") + s.addresses(t, "eth0"); got != "" {
		t.Errorf("left: %q", got)
	}
}

// A link that comes later is taken over too, by a process in the sandbox.
func TestTakeover_LinkComesLater(t *testing.T) {
	s := newStage(t, nil)
	s.IP(t, "link", "set", "eth0", "name", "other")
	p := s.start(t, "other")
	p.stdout.wait(t, "lease 1h")
	q := s.start(t, "eth0", "--takeover", "--wait-link")
	waitFor(t, "the control socket", func() bool {
		all, _ := filepath.Glob(s.path("control/eth0-*.sock"))
		return len(all) == 1
	})
	if offered() {
		waitFor(t, "the sandbox", func() bool { return threads(t, q.cmd.Process.Pid, "Seccomp")[0] == "Seccomp 2" })
	}
	s.IP(t, "link", "set", "other", "name", "eth0")
	q.stdout.wait(t, fmt.Sprintf("eth0: taken over from process %d (dhclient-go), with 192.0.0.5/24", p.cmd.Process.Pid))
	p.exit(t, exitDone)
	q.stdout.wait(t, "lease 1h")
}
