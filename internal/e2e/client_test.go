package e2e_test

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what no protocol gives a time to. Two
// cores are shared by all tests.
const patience = 30 * time.Second

// A client is a process of the program under test.
type client struct {
	cmd            *exec.Cmd
	stdout, stderr *lines
	ended          chan struct{}
	resolv         string
}

// start runs the program on a station. What it keeps is in dir, which a second
// process may be given too.
func start(t *testing.T, s *station, dir string, flags ...string) *client {
	t.Helper()
	resolv := filepath.Join(dir, "resolv.conf")
	// Flags may stand on both sides of the interface.
	args := append([]string{"--lease-dir", filepath.Join(dir, "leases"), "eth0", "-vv", "--resolv-conf", resolv}, flags...)
	c := launch(t, s, program(t), args...)
	c.resolv = resolv
	return c
}

// stateDir is for what a client keeps. It is in memory: the times that tests
// measure are not those of the machine's disk, which all tests share.
func stateDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(program(t)), "state-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// program is the path of the program under test.
func program(t *testing.T) string {
	t.Helper()
	path, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// launch runs a command that is or becomes the program. It is killed at the
// latest when the test ends.
func launch(t *testing.T, s *station, path string, args ...string) *client {
	t.Helper()
	c := &client{stdout: newLines(), stderr: newLines(), ended: make(chan struct{})}
	c.cmd = s.Command(context.Background(), path, args...)
	c.cmd.Stdout, c.cmd.Stderr = c.stdout, c.stderr
	if to := os.Getenv(coverEnv); to != "" {
		c.cmd.Env = append(os.Environ(), "GOCOVERDIR="+to)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatalf("start the client: %v", err)
	}
	go func() {
		_ = c.cmd.Wait() // how it ended is in ProcessState
		close(c.ended)
	}()
	t.Cleanup(func() { c.finish(t) })
	return c
}

// finish ends what still runs, and looks for what no test may see.
func (c *client) finish(t *testing.T) {
	select {
	case <-c.ended:
	default:
		c.kill(t)
	}
	if log := c.stderr.String(); strings.Contains(log, "panic:") || strings.Contains(log, "fatal error:") || strings.Contains(log, "DATA RACE") {
		t.Error("the client panicked")
	}
	if t.Failed() {
		t.Logf("the client, %v, said:\n%s\nand its log is:\n%s", c.cmd.ProcessState, c.stdout, c.stderr)
	}
}

func (c *client) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil {
		t.Fatalf("send %v to the client: %v", sig, err)
	}
}

// kill ends the process without its doing.
func (c *client) kill(t *testing.T) {
	t.Helper()
	c.signal(t, syscall.SIGKILL)
	<-c.ended
}

// end is stop for a test that is not about how long it takes: where many
// namespaces come and go, the kernel's lock for all of them is waited for.
func (c *client) end(t *testing.T) {
	t.Helper()
	c.signal(t, syscall.SIGTERM)
	if code := c.exit(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}

// stop has the client end, within a second. It must succeed.
func (c *client) stop(t *testing.T) {
	t.Helper()
	began := time.Now()
	c.signal(t, syscall.SIGTERM)
	if code := c.exit(t); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	soon(t, "stopping", began, time.Now(), time.Second)
}

// exit waits for the end, and returns the exit code.
func (c *client) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-c.ended:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("the client still runs after %v", patience)
		return 0
	}
}

// hasEnded says that the process is no more.
func (c *client) hasEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

var boundLine = regexp.MustCompile(`^eth0: (\S+/\d+) from (\S+), lease (\S+)`)

// bound waits until the client says that it has a lease, and returns the
// address.
func (c *client) bound(t *testing.T) netip.Prefix {
	t.Helper()
	line := c.stdout.wait(t, "a lease", boundLine.MatchString)
	p, err := netip.ParsePrefix(boundLine.FindStringSubmatch(line)[1])
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return p
}

// resolver is what the client has written for the resolver, empty if there is
// no file.
func (c *client) resolver() string {
	b, err := os.ReadFile(c.resolv)
	if err != nil {
		return ""
	}
	return string(b)
}
