package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// These have what no flag of our own has: other programs that we stand in for
// do.
func init() {
	for name, set := range map[string]func(*options){
		"go-late":    func(o *options) { o.background = whenLate },
		"go-at-once": func(o *options) { o.background = atOnce },
		"go-logged":  func(o *options) { o.syslog = true },
	} {
		guises[name] = func(args []string, stdout, stderr io.Writer) int {
			signals := catchSignals()
			defer signals.stop()
			o, err := parse(args)
			if err != nil {
				complain(stderr, err)
				return exitCode(err)
			}
			set(o)
			return launch(o, signals, stdout, stderr)
		}
	}
}

// pidFile is where startBackground has the pid file.
func (s *site) pidFile() string { return filepath.Join(s.dir, "pid") }

// startBackground is start of a program that will have a pid file and end with
// the test.
func (s *site) startBackground(t *testing.T, program string, args ...string) *process {
	t.Helper()
	t.Cleanup(func() {
		if pid := s.readPid(); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return s.exec(t, append([]string{"sh", "-c", program, "--lease-dir", filepath.Join(s.dir, "leases"), "--no-dns",
		"--pid-file", s.pidFile()}, args...)...)
}

// plainly is the command as it is.
const plainly = `exec dhclient-go -b "$0" "$@"`

// readPid is what the pid file has, 0 for nothing.
func (s *site) readPid() int {
	b, _ := os.ReadFile(s.pidFile())
	pid, _ := strconv.Atoi(strings.TrimSuffix(string(b), "\n"))
	return pid
}

// inBackground is the process of the pid file, which must run.
func (s *site) inBackground(t *testing.T) int {
	t.Helper()
	pid := s.readPid()
	if pid == 0 || !alive(pid) {
		t.Fatalf("process %d does not run", pid)
	}
	return pid
}

// alive says that a process runs, and is no zombie.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func end(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "end", func() bool { return !alive(pid) })
}

// kinds are what the descriptors of a process lead to, without numbers, but for
// those that this process has too: those were there before it.
func kinds(t *testing.T, pid int) []string {
	t.Helper()
	ours := targets(t, os.Getpid())
	var all []string
	for _, to := range targets(t, pid) {
		if strings.HasPrefix(to, "anon_inode:") || !slices.Contains(ours, to) {
			all = append(all, regexp.MustCompile(`\d+`).ReplaceAllString(to, "N"))
		}
	}
	slices.Sort(all)
	return all
}

// targets are what the descriptors of a process from 3 on lead to.
func targets(t *testing.T, pid int) (all []string) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	fds, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		to, err := os.Readlink(filepath.Join(dir, fd.Name()))
		if n, _ := strconv.Atoi(fd.Name()); err == nil && n > 2 {
			all = append(all, to)
		}
	}
	return all
}

// The command ends with the first lease, and what goes on has the number in the
// pid file, process 1 for a parent, and the descriptors that it would have in
// the foreground: none of those that it was started with. Nobody waits for its
// output (the test would, for the end of the pipes).
func TestBackground_FirstLease(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, nil)
	p := s.startBackground(t, `exec 7</etc/passwd; exec dhclient-go -b "$0" "$@"`, "eth0")
	p.exit(t, exitDone)
	if p.stdout.String() != line0 || p.stderr.String() != "" {
		t.Errorf("it says %q and %q", p.stdout, p.stderr)
	}
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, "192.0.0.5/24") {
		t.Errorf("addresses: %s", addr)
	}
	pid := s.inBackground(t)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	if f := strings.Fields(string(stat)); f[1] != "(dhclient-go)" || f[3] != "1" || f[5] != f[0] {
		t.Errorf("name, parent, session: %q", f[:6])
	}
	if info, err := os.Stat(s.pidFile()); err != nil || info.Mode() != 0o644 {
		t.Errorf("pid file: %v, %v", info, err)
	}
	q := s.start(t, "--no-dns", "eth1")
	q.stdout.wait(t, "eth1: ")
	// The last thing to go is the socket to the first process.
	waitFor(t, "same descriptors as in the foreground", func() bool {
		return slices.Equal(kinds(t, pid), kinds(t, q.cmd.Process.Pid))
	})
	if all := targets(t, pid); slices.Contains(all, "/etc/passwd") {
		t.Errorf("it has %q", all)
	}
	end(t, pid)
	if _, err := os.Lstat(s.pidFile()); err == nil {
		t.Error("the pid file is still there")
	}
	if addr := s.addresses(t, "eth0"); !strings.Contains(addr, "192.0.0.5/24") {
		t.Errorf("addresses after the end: %s", addr)
	}
}

// Without a lease the exit codes are those of the foreground, and nothing runs.
func TestBackground_Fails(t *testing.T) {
	s := newSite(t)
	s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	for _, tt := range []struct {
		args, stderr string
		code         int
	}{
		{"eth0 --timeout 300ms -q", "dhclient-go: eth0: no lease within 300ms: no server answered (1 DISCOVER sent)\n", exitNoLease},
		{"eht0", "dhclient-go: no link \"eht0\"; there is \"eth0\"\n", exitRuntime},
		{"eth0 -1", "dhclient-go: --background: contradicts --oneshot and --dry-run\n", exitUsage},
		{"", "dhclient-go: no interface named (--help lists the flags)\n", exitUsage},
	} {
		p := s.startBackground(t, plainly, strings.Fields(tt.args)...)
		p.exit(t, tt.code)
		if got := p.stderr.String(); got != tt.stderr {
			t.Errorf("%s: %q, want %q", tt.args, got, tt.stderr)
		}
		if pid := s.readPid(); pid != 0 {
			t.Errorf("%s: the pid file has %d", tt.args, pid)
		}
	}
	p := s.exec(t, "setpriv", "--bounding-set=-net_raw", "dhclient-go", "-b", "eth0")
	p.exit(t, exitCapability)
	p.stderr.contains(t, "dhclient-go: needs CAP_NET_RAW to open the packet socket: ")
}

// A client that is in the way keeps its pid file.
func TestBackground_OtherClient(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.startBackground(t, plainly, "eth0")
	p.exit(t, exitDone)
	pid := s.inBackground(t)
	p = s.startBackground(t, plainly, "eth0")
	p.exit(t, exitRuntime)
	p.stderr.contains(t, fmt.Sprintf("dhclient-go: eth0: process %d (dhclient-go) serves this link already\n", pid))
	if now := s.inBackground(t); now != pid {
		t.Errorf("the pid file has %d, not %d", now, pid)
	}
	end(t, pid)
}

// A signal before there is a lease ends both processes, however it reaches the
// first.
func TestBackground_Interrupted(t *testing.T) {
	s := newSite(t)
	server := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	heard := 0
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		p := s.startBackground(t, plainly, "eth0")
		waitFor(t, "a DISCOVER", func() bool { return total(server) > heard })
		pid := s.inBackground(t)
		p.signal(t, sig)
		if sig == syscall.SIGKILL {
			<-p.ended
		} else {
			p.exit(t, exitRuntime)
			if got := p.stderr.String(); got != "dhclient-go: stopped by a signal\n" {
				t.Errorf("%v: %q", sig, got)
			}
		}
		waitFor(t, "end of the second process", func() bool { return !alive(pid) })
		heard = total(server)
	}
}

// One of several interfaces may be enough.
func TestBackground_WaitAny(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	p := s.startBackground(t, plainly, "eth0", "eth1", "--wait=any")
	p.exit(t, exitDone)
	if p.stdout.String() != line0 {
		t.Errorf("it says %q", p.stdout)
	}
	end(t, s.inBackground(t))
}

// Relative paths mean what they meant where the command was given.
func TestBackground_RelativePaths(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.startBackground(t, `cd `+s.dir+`; exec dhclient-go -b eth0 --lease-dir l --resolv-conf r.conf --pid-file pid`)
	p.exit(t, exitDone)
	pid := s.inBackground(t)
	for _, name := range []string{"l/eth0.json", "r.conf", "pid"} {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err != nil {
			t.Error(err)
		}
	}
	if err := os.Remove(filepath.Join(s.dir, "l/eth0.json")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "lease file of the renewal", func() bool {
		_, err := os.Stat(filepath.Join(s.dir, "l/eth0.json"))
		return err == nil
	})
	end(t, pid)
	if s.readPid() != 0 {
		t.Error("the pid file is still there")
	}
}

// Process 1 of a container takes all others with it: it stays, and says so.
func TestBackground_Process1(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	p := s.exec(t, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "dhclient-go", "-b", "--no-dns", "--lease-dir", s.dir, "eth0")
	p.stdout.wait(t, line0)
	p.stderr.contains(t, "warning: process 1 cannot go to the background; staying in the foreground\n")
	select {
	case <-p.ended:
		t.Error("it has ended")
	default:
	}
}

// A program that gives up waiting goes to the background and goes on trying.
func TestBackground_WhenLate(t *testing.T) {
	s := newSite(t)
	server := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	p := s.startBackground(t, `exec go-late "$0" "$@"`, "eth0", "--timeout=300ms", "-q")
	p.exit(t, exitDone)
	if total(server) == 0 || p.stderr.String() != "" {
		t.Errorf("it sent %d messages and said %q", total(server), p.stderr)
	}
	end(t, s.inBackground(t))
	// With a lease it does not wait for that.
	if err := server.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
		t.Fatal(err)
	}
	p = s.startBackground(t, `exec go-late "$0" "$@"`, "eth0", "--timeout=1h")
	p.exit(t, exitDone)
	if p.stdout.String() != line0 {
		t.Errorf("it says %q", p.stdout)
	}
	end(t, s.inBackground(t))
}

// A program that waits for nothing is in the background before anybody answers,
// but not if it cannot begin.
func TestBackground_AtOnce(t *testing.T) {
	s := newSite(t)
	server := s.link(t, func(c *dhcptest.Config) { c.Silent = true })
	p := s.startBackground(t, `exec go-at-once "$0" "$@"`, "eth0")
	p.exit(t, exitDone)
	pid := s.inBackground(t)
	waitFor(t, "a DISCOVER", func() bool { return total(server) > 0 })
	end(t, pid)
	p = s.startBackground(t, `exec go-at-once "$0" "$@"`, "nolink")
	p.exit(t, exitRuntime)
}

// A privateLog is a /dev with a log and nothing else.
type privateLog struct {
	*net.UnixConn
	dev  string
	said *lines
}

func newPrivateLog(t *testing.T, s *site) *privateLog {
	t.Helper()
	l := &privateLog{dev: filepath.Join(s.dir, "dev"), said: newLines()}
	s.write(t, filepath.Join(l.dev, "null"), "")
	var err error
	if l.UnixConn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(l.dev, "log"), Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// wrap is a shell's program that runs another with that /dev.
func (l *privateLog) wrap(program string) string {
	return `exec unshare -m sh -c 'mount --bind /dev/null ` + l.dev + `/null; mount --rbind ` + l.dev + ` /dev; exec ` +
		program + ` "$0" "$@"' "$0" "$@"`
}

// hear reads until a line matches.
func (l *privateLog) hear(t *testing.T, want string) {
	t.Helper()
	if err := l.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for b := make([]byte, 4096); !regexp.MustCompile("(?m)^" + want).MatchString(l.said.String()); {
		n, err := l.Read(b)
		if err != nil {
			t.Fatalf("no %q in the log:\n%s", want, l.said)
		}
		fmt.Fprintf(l.said, "%s\n", b[:n])
	}
}

const logTime = `>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d `

// What would have been said to the terminal is said to the log.
func TestBackground_SystemLog(t *testing.T) {
	s := newSite(t)
	server := s.link(t, nil)
	log := newPrivateLog(t, s)
	p := s.startBackground(t, log.wrap("dhclient-go -b"), "eth0", "-v")
	p.exit(t, exitDone)
	p.stdout.contains(t, line0)
	p.stderr.contains(t, "eth0: state (from OFF, to SELECTING")
	pid := s.inBackground(t)
	if err := server.Configure(func(c *dhcptest.Config) { c.NakRequests = true }); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	tag := fmt.Sprintf(`%sdhclient-go\[%d\]: `, logTime, pid)
	log.hear(t, `<30`+tag+`eth0: state \(from BOUND, to RENEWING`)
	log.hear(t, `<28`+tag+`eth0: warning: NAK `)
	end(t, pid)
	log.hear(t, `<30`+tag+`eth0: state \(.*to OFF`)
	if strings.Contains(p.stderr.String(), "RENEWING") {
		t.Error("the terminal was told too")
	}
}

// A program that logs from the start says the same to both.
func TestSystemLog_FromTheStart(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	log := newPrivateLog(t, s)
	p := s.exec(t, "sh", "-c", log.wrap("go-logged"), "-1", "--no-dns", "--lease-dir", s.dir, "eth0")
	p.exit(t, exitDone)
	if p.stdout.String() != line0 {
		t.Errorf("stdout is %q", p.stdout)
	}
	log.hear(t, `<30`+logTime+`go-logged\[\d+\]: `+regexp.QuoteMeta(line0))
	// Where there is no log, that is no error.
	p = s.exec(t, "sh", "-c", `exec unshare -m sh -c 'mount -t tmpfs none /dev; exec go-logged "$0" "$@"' "$0" "$@"`,
		"-1", "--no-dns", "--lease-dir", s.dir, "eth0")
	p.exit(t, exitDone)
	if p.stdout.String() != line0 || p.stderr.String() != "" {
		t.Errorf("it says %q and %q", p.stdout, p.stderr)
	}
}

// What was sent to a file stays there.
func TestBackground_OutputFile(t *testing.T) {
	s := newSite(t)
	s.link(t, nil)
	file := filepath.Join(s.dir, "out")
	p := s.startBackground(t, `exec dhclient-go -b "$0" "$@" >`+file, "eth0")
	p.exit(t, exitDone)
	end(t, s.inBackground(t))
	b, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(b), line0+"eth0: stopped; 192.0.0.5/24 stays until ") {
		t.Errorf("%q, %v", b, err)
	}
}
