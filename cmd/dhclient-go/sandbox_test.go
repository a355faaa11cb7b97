package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/netcfg"
)

// threads are what the kernel says of each thread of a process, by the names of
// proc_pid_status(5), as far as these go.
func threads(t *testing.T, pid int, names ...string) (all []string) {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no threads of process %d: %v", pid, err)
	}
	for _, path := range paths {
		b, _ := os.ReadFile(path) // one that has just ended has nothing to say
		var said []string
		for line := range strings.Lines(string(b)) {
			name, value, _ := strings.Cut(line, ":")
			for _, wanted := range names {
				if name == wanted {
					said = append(said, name+" "+strings.TrimSpace(value))
				}
			}
		}
		if len(said) > 0 {
			all = append(all, strings.Join(said, ", "))
		}
	}
	return all
}

// privileges are the names of what the sandbox changes.
var privileges = []string{"CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp"}

// confined is what each thread has then.
var confined = fmt.Sprintf("CapInh %016x, CapPrm %016x, CapEff %016[2]x, CapAmb %016[1]x, NoNewPrivs 1, Seccomp 2", 0, 1<<unix.CAP_NET_ADMIN)

// A lease folder that is removed and made again is another one to the sandbox: that is
// said, once, with what helps, and the lease is kept all the same.
func TestSandbox_LeaseFolderMadeAnew(t *testing.T) {
	if !offered() {
		t.Skip("a program that is built with cgo has no sandbox")
	}
	s := newStage(t, nil)
	p := s.start(t, "eth0", "-v") // a renewal that brings nothing new is a line
	p.stdout.wait(t, "lease 1h")
	waitFor(t, "the lease in its file", func() bool { return s.read("leases.d/eth0.json") != "" })
	if err := os.RemoveAll(s.path("leases.d")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.path("leases.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "three renewals", func() bool {
		p.signal(t, syscall.SIGUSR1) // which has one sent that was lost, too
		return strings.Count(p.stdout.String(), "renewed") >= 3
	})
	p.stderr.wait(t, s.path("leases.d")+" was removed or made anew; restart the client")
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	if got := p.stderr.String(); strings.Count(got, "made anew") != 1 {
		t.Errorf("it says %q", got)
	}
}

// Every thread of the process has no more than it needs, through its whole life:
// a lease, a renewal, a release, another lease.
func TestSandbox_EveryThread(t *testing.T) {
	if !offered() {
		t.Skip("a program that is built with cgo has no sandbox")
	}
	s := newStage(t, nil)
	p := s.start(t, "eth0")
	p.stdout.wait(t, "lease 1h")
	check := func(when string) {
		t.Helper()
		for _, got := range threads(t, p.cmd.Process.Pid, privileges...) {
			if got != confined {
				t.Errorf("%s, a thread has %s\nnot %s", when, got, confined)
			}
		}
	}
	check("with a lease")
	waitFor(t, "signals taken", func() bool { return takes(p.cmd.Process.Pid, syscall.SIGUSR2) })
	p.signal(t, syscall.SIGUSR2)
	p.stdout.wait(t, "released")
	s.await(t, dhcpv4.MessageTypeRelease)
	waitFor(t, "the end of the address", func() bool { return s.addresses(t, "eth0") == "" })
	check("after the release")
	p.signal(t, syscall.SIGUSR1)
	waitFor(t, "another lease", func() bool { return strings.Contains(s.addresses(t, "eth0"), "192.0.0.5/24") })
	check("with another lease")
	if _, err := os.Stat(s.path("leases.d/eth0.json")); err != nil {
		t.Errorf("the lease is not stored: %v", err)
	}
	p.signal(t, syscall.SIGTERM)
	p.exit(t, exitDone)
	if left, err := os.ReadDir(s.path("control")); err != nil || len(left) > 0 {
		t.Errorf("left in the folder of the control sockets: %v, %v", left, err)
	}
}

// The helper, with all rights, puts back in resolv.conf what is noted in a folder
// beneath that of the control sockets: the process in the sandbox must not write
// there, else it could have any file of the host written.
func TestSandbox_HelpersNotesAreOutOfReach(t *testing.T) {
	o := newOptions()
	o.pidFile, o.background, o.leaseDir = "/run/dhclient-go.pid", whenLate, t.TempDir()
	cfg := (&fleet{o: o, pending: true}).sandbox()
	for _, dir := range cfg.ReadWrite {
		for _, notes := range []string{netcfg.DefaultResolverState, netcfg.DefaultHostnameState} {
			if strings.HasPrefix(notes+"/", filepath.Clean(dir)+"/") {
				t.Errorf("%s can be written, by %s", notes, dir)
			}
		}
	}
}

// takes says that a process has a handler for a signal.
func takes(pid int, sig syscall.Signal) bool {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(b), "SigCgt:\t")
	var mask uint64
	_, err := fmt.Sscanf(rest, "%x", &mask)
	return err == nil && mask&(1<<(sig-1)) != 0
}

// offered says that this binary can enter a sandbox.
func offered() bool {
	_, _, errno := syscall.AllThreadsSyscall(syscall.SYS_GETPID, 0, 0, 0)
	return errno == 0
}

// With --no-sandbox all stays as it was.
func TestSandbox_Off(t *testing.T) {
	s := newStage(t, nil)
	p := s.start(t, "eth0", "--no-sandbox")
	p.stdout.wait(t, "lease 1h")
	for _, got := range threads(t, p.cmd.Process.Pid, "NoNewPrivs", "Seccomp") {
		if got != "NoNewPrivs 0, Seccomp 0" {
			t.Errorf("a thread has %s", got)
		}
	}
}

// The program of init is in no sandbox, though its parent's parent is: it has the
// rights that init was started with.
func TestSandbox_ProgramOfInitIsOutside(t *testing.T) {
	if !offered() {
		t.Skip("a program that is built with cgo has no sandbox")
	}
	s := newStage(t, nil)
	p := s.init(t, "eth0", "--", s.program(t, "grep -E '^(NoNewPrivs|Seccomp|CapEff):' /proc/self/status >"+s.path("status")+"; read -r go <"+s.fifo(t, "go")))
	s.runs(t)
	for _, got := range threads(t, p.cmd.Process.Pid, privileges...) {
		if got != confined {
			t.Errorf("a thread of init has %s", got)
		}
	}
	own := threads(t, os.Getpid(), "CapEff", "NoNewPrivs", "Seccomp")[0]
	waitFor(t, "the program's word", func() bool { return strings.Count(s.read("status"), "\n") == 3 })
	got := strings.Join(strings.Fields(s.read("status")), " ")
	if want := strings.Join(strings.Fields(strings.NewReplacer("CapEff", "CapEff:", "NoNewPrivs", "NoNewPrivs:", "Seccomp", "Seccomp:", ",", "").Replace(own)), " "); got != want {
		t.Errorf("the program has %s, not %s", got, want)
	}
	s.write(t, "go", "\n")
	p.exit(t, 0)
}

// A link that comes later is opened in the sandbox.
func TestSandbox_LinkComesLater(t *testing.T) {
	s := newStage(t, nil)
	s.link(t, nil)
	s.IP(t, "link", "set", "eth1", "name", "other")
	p := s.start(t, "eth0", "eth1", "--wait-link", "--wait", "any")
	p.stdout.wait(t, "eth0: 192.0.0.5/24")
	s.IP(t, "link", "set", "other", "name", "eth1")
	p.stdout.wait(t, "eth1: 192.0.1.5/24")
}

// Without --takeover a link that comes later, and has a client, is left alone.
func TestSandbox_LinkThatComesLaterHasAClient(t *testing.T) {
	s := newStage(t, nil)
	s.IP(t, "link", "set", "eth0", "name", "other")
	p := s.start(t, "other")
	p.stdout.wait(t, "lease 1h")
	q := s.start(t, "eth0", "--wait-link")
	if offered() {
		waitFor(t, "the sandbox", func() bool { return threads(t, q.cmd.Process.Pid, "Seccomp")[0] == "Seccomp 2" })
	}
	s.IP(t, "link", "set", "other", "name", "eth0")
	q.exit(t, exitRuntime)
	q.stderr.contains(t, fmt.Sprintf("process %d", p.cmd.Process.Pid))
	if p.hasEnded() {
		t.Error("the client has ended")
	}
}

// A lease folder that another user owns is written all the same.
func TestSandbox_FolderOfAnother(t *testing.T) {
	s := newStage(t, nil)
	dir := s.path("leases.d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 1, 1); err != nil {
		t.Skipf("no other user here: %v", err)
	}
	p := s.start(t, "eth0")
	p.stdout.wait(t, "lease 1h")
	waitFor(t, "the lease in its file", func() bool { return s.read("leases.d/eth0.json") != "" })
}
