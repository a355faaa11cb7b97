package places_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// An environment is where the client runs, as whom, and what it says about it.
type environment struct {
	name string
	// caps are the capabilities that it has: as ambient ones or, byFile, those of
	// its file.
	caps   []uintptr
	byFile bool
	// prepare changes the root, which has /proc and nothing that can be written.
	prepare func(t *testing.T, e *room)
	args    []string
	// code is that of the end; with 0 the client has a lease before. says are the
	// lines on standard error, as they begin.
	code int
	says []string
}

// three are the capabilities that the client has a use for.
var three = []uintptr{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE}

// without is three but for one.
func without(cap uintptr) []uintptr {
	return slices.DeleteFunc(slices.Clone(three), func(c uintptr) bool { return c == cap })
}

// A room is the root of a client.
type room struct {
	*site
	dir string
}

const (
	noStore    = "eth0: warning: the lease cannot be stored"
	noCommands = "warning: status, renew and the other commands find nobody"
	noResolver = "eth0: warning: after the lease was applied: name servers of eth0 by /etc/resolv.conf: "
)

// poor is what is said where nothing can be written.
var poor = []string{noStore, noCommands, noResolver}

var environments = []environment{
	{name: "nothing can be written", caps: three, says: poor},
	{name: "file capabilities", caps: three, byFile: true, says: poor},
	{name: "no proc", caps: three, says: poor, prepare: func(t *testing.T, r *room) {
		must(t, unix.Unmount(r.path("proc"), unix.MNT_DETACH))
	}},
	{name: "proc cannot be written", caps: three, says: poor, prepare: func(t *testing.T, r *room) {
		must(t, unix.Mount("", r.path("proc"), "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""))
	}},
	{name: "a resolv.conf from outside", caps: three, says: []string{noStore, noCommands}, prepare: func(t *testing.T, r *room) {
		r.resolvConf(t, 0)
	}},
	{name: "a resolv.conf from outside that cannot be written", caps: three, says: poor, prepare: func(t *testing.T, r *room) {
		r.resolvConf(t, unix.MS_RDONLY)
	}},
	{name: "all that there can be", caps: three, prepare: func(t *testing.T, r *room) {
		r.resolvConf(t, 0)
		for _, dir := range []string{"run", "var/lib/dhclient-go"} {
			must(t, os.MkdirAll(r.path(dir), 0o755))
			must(t, unix.Mount("tmpfs", r.path(dir), "tmpfs", 0, "mode=0755,uid=65534"))
		}
	}},
	{name: "nothing is wanted", caps: three, args: []string{"--no-dns", "--control-dir=", "--lease-dir=/proc/nowhere"}, says: []string{noStore}},
	{name: "a pid file", caps: three, args: []string{"--pid-file=/run/pid"}, says: append([]string{"warning: no pid file is written"}, poor...)},
	{name: "without the right to port 68", caps: without(unix.CAP_NET_BIND_SERVICE),
		says: append([]string{"eth0: warning: unicasts leave through the packet socket: needs CAP_NET_BIND_SERVICE to bind UDP port 68: "}, poor...)},
	{name: "port 68 needs no right", caps: without(unix.CAP_NET_BIND_SERVICE), says: poor, prepare: func(t *testing.T, r *room) {
		r.lowestPort(t, "68")
		t.Cleanup(func() { r.lowestPort(t, "1024") })
	}},
	{name: "without the right to packets", caps: without(unix.CAP_NET_RAW), code: 4,
		says: []string{"dhclient-go: needs CAP_NET_RAW to open the packet socket: operation not permitted"}},
	{name: "without the right to addresses", caps: without(unix.CAP_NET_ADMIN), code: 4,
		says: []string{"dhclient-go: needs CAP_NET_ADMIN to set addresses and routes: operation not permitted"}},
	{name: "without any right", code: 4, says: []string{
		"dhclient-go: needs CAP_NET_RAW to open the packet socket: operation not permitted",
		"dhclient-go: needs CAP_NET_ADMIN to set addresses and routes: operation not permitted"}},
	{name: "another namespace", caps: three, args: []string{"--netns=1"}, code: 4,
		says: []string{"dhclient-go: needs CAP_SYS_PTRACE to look at the network namespace of process 1: "}},
}

// resolvConf puts a resolv.conf in the root by a bind mount, as containers have it.
func (r *room) resolvConf(t *testing.T, flags uintptr) {
	t.Helper()
	outside := filepath.Join(t.TempDir(), "resolv.conf")
	put(t, outside, 0o644, nil)
	must(t, os.Chown(outside, nobody, nobody))
	put(t, r.path("etc/resolv.conf"), 0o644, nil)
	must(t, unix.Mount(outside, r.path("etc/resolv.conf"), "", unix.MS_BIND, ""))
	if flags != 0 {
		must(t, unix.Mount("", r.path("etc/resolv.conf"), "", unix.MS_REMOUNT|unix.MS_BIND|flags, ""))
	}
}

// lowestPort sets ip_unprivileged_port_start (ip-sysctl of the kernel).
func (r *room) lowestPort(t *testing.T, port string) {
	t.Helper()
	r.here.Do(t, func() { must(t, os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte(port), 0)) })
}

// What is missing is named, and what it is for, in a line each. The client does
// without all that is not essential, as any user and with nothing that it may write
// to.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	needsNobody(t)
	s := newSite(t)
	for _, e := range environments {
		t.Run(e.name, func(t *testing.T) { e.try(t, s) })
	}
}

// furnish makes the root.
func (e *environment) furnish(t *testing.T, s *site) *room {
	t.Helper()
	r := &room{site: s, dir: t.TempDir()}
	must(t, unix.Mount("tmpfs", r.dir, "tmpfs", unix.MS_NODEV, "mode=0755"))
	t.Cleanup(func() { must(t, unix.Unmount(r.dir, unix.MNT_DETACH)) })
	put(t, r.path("dhclient-go"), 0o755, programs["dhclient-go"])
	must(t, os.Mkdir(r.path("proc"), 0o555))
	must(t, unix.Mount("proc", r.path("proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""))
	if e.byFile {
		r.setCapabilities(t, e.caps)
	}
	if e.prepare != nil {
		e.prepare(t, r)
	}
	must(t, unix.Mount("", r.dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NODEV, ""))
	return r
}

func (r *room) path(name string) string { return filepath.Join(r.dir, name) }

// setCapabilities gives the program's file capabilities, as setcap(8) does
// (capabilities(7), "File capability extended attribute versioning").
func (r *room) setCapabilities(t *testing.T, caps []uintptr) {
	t.Helper()
	const version2Effective = 0x02000001
	set := uint32(0)
	for _, c := range caps {
		set |= 1 << c
	}
	var value []byte
	for _, word := range []uint32{version2Effective, set, 0, 0, 0} {
		value = binary.LittleEndian.AppendUint32(value, word)
	}
	must(t, unix.Setxattr(r.path("dhclient-go"), "security.capability", value, 0))
}

// try runs the client, and compares what it says.
func (e *environment) try(t *testing.T, s *site) {
	r := e.furnish(t, s)
	var out, log output
	cmd := &exec.Cmd{
		Path: "/dhclient-go", Args: append([]string{"dhclient-go", "--acd=off", "--on-exit=remove", "eth0"}, e.args...), Env: []string{}, Dir: "/",
		Stdout: &out, Stderr: &log,
		SysProcAttr: &syscall.SysProcAttr{Chroot: r.dir, Pdeathsig: syscall.SIGKILL,
			Credential: &syscall.Credential{Uid: nobody, Gid: nobody}},
	}
	if !e.byFile {
		cmd.SysProcAttr.AmbientCaps = e.caps
	}
	var err error
	r.here.Do(t, func() { err = cmd.Start() })
	must(t, err)
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended is in its state
		close(done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		if t.Failed() {
			t.Logf("%v\n%s\n%s", cmd.ProcessState, &out, &log)
		}
	})
	if e.code == 0 {
		eventually(t, "a lease", func() bool { return strings.Contains(out.String(), "eth0: 192.0.2.10/24") })
		eventually(t, "a word about each", func() bool { return strings.Count(log.String(), "\n") >= len(e.says) })
		must(t, cmd.Process.Signal(syscall.SIGTERM))
	}
	<-done
	if got := cmd.ProcessState.ExitCode(); got != e.code {
		t.Errorf("exit code %d, want %d", got, e.code)
	}
	e.compare(t, log.String())
}

// compare wants each line once, in any order.
func (e *environment) compare(t *testing.T, log string) {
	t.Helper()
	lines := slices.Collect(strings.Lines(log))
	if len(lines) != len(e.says) {
		t.Errorf("%d lines, want %d", len(lines), len(e.says))
	}
	for _, want := range e.says {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("nothing begins with %q", want)
		}
	}
}
