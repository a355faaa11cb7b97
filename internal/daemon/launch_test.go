package daemon

import (
	"bytes"
	"fmt"
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

// A trial is this binary in a role, started by a shell that may change what
// it starts with.
type trial struct {
	*exec.Cmd
	out, err bytes.Buffer
	pidFile  string
}

func try(t *testing.T, role, setting string, env ...string) *trial {
	t.Helper()
	nettest.Require(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &trial{pidFile: filepath.Join(t.TempDir(), "pid")}
	p.Cmd = exec.Command("sh", "-c", setting+` exec "$0"`, exe)
	p.Env = append(os.Environ(), roleEnv+"="+role, "DAEMON_TEST_PID="+p.pidFile, "GORACE=atexit_sleep_ms=0")
	p.Env = append(p.Env, env...)
	p.Stdout, p.Stderr, p.WaitDelay = &p.out, &p.err, patience
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		if pid, err := readPid(p.pidFile); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if t.Failed() {
			t.Logf("%s: stdout %q, stderr %q", role, p.out.String(), p.err.String())
		}
	})
	return p
}

// exit waits for the end of the process and of all who have its output.
func (p *trial) exit(t *testing.T, want int) {
	t.Helper()
	_ = p.Wait() // it is in the state
	if got := p.ProcessState.ExitCode(); got != want {
		t.Fatalf("exit code %d, want %d", got, want)
	}
}

// second waits for the process in the background.
func (p *trial) second(t *testing.T) (pid int) {
	t.Helper()
	waitFor(t, "pid file", func() (ok bool) {
		var err error
		pid, err = readPid(p.pidFile)
		return err == nil
	})
	return pid
}

// descriptors is what all of a process's descriptors lead to.
func descriptors(t *testing.T, pid int) string {
	t.Helper()
	fds, err := os.ReadDir(filepath.Join("/proc", fmt.Sprint(pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, fd := range fds {
		to, _ := os.Readlink(filepath.Join("/proc", fmt.Sprint(pid), "fd", fd.Name())) // it may be closed just now
		all = append(all, to)
	}
	return strings.Join(all, " ")
}

func leads(t *testing.T, pid int, to string) string {
	t.Helper()
	target, err := os.Readlink(filepath.Join("/proc", fmt.Sprint(pid), to))
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// The first process ends with 0 when the second is ready. That has a session,
// the root directory and no terminal, no pipe and no file of who started it,
// and nobody but process 1 for a parent.
func TestLaunch_Ready(t *testing.T) {
	p := try(t, "ready", "exec 7</etc/passwd 8</etc/passwd;")
	p.exit(t, 0)
	if p.out.String() != "out\n" || p.err.String() != "err\n" {
		t.Errorf("it says %q and %q", p.out.String(), p.err.String())
	}
	pid := p.second(t)
	for _, fd := range []string{"fd/0", "fd/1", "fd/2"} {
		if to := leads(t, pid, fd); to != os.DevNull {
			t.Errorf("%s is %s", fd, to)
		}
	}
	// Its end of the socket goes with the first process's end.
	waitFor(t, "end of the socket", func() bool { return !strings.Contains(descriptors(t, pid), "socket:") })
	if all := descriptors(t, pid); strings.Contains(all, "/etc/passwd") || strings.Contains(all, "pipe:") {
		t.Errorf("it has %s", all)
	}
	if dir := leads(t, pid, "cwd"); dir != "/" {
		t.Errorf("the working directory is %s", dir)
	}
	stat, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "stat"))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(stat)) // pid comm state ppid pgrp session tty
	if f[1] != "(daemon.test)" || f[3] != "1" || f[5] != f[0] || f[6] != "0" {
		t.Errorf("it is %q", f[:7])
	}
}

// Files stay where that is wanted: nobody waits for their end.
func TestLaunch_KeepsFiles(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	p := try(t, "ready", "exec >"+out+";", "DAEMON_TEST_KEEP=1")
	p.exit(t, 0)
	pid := p.second(t)
	if got := leads(t, pid, "fd/1"); got != out {
		t.Errorf("standard output is %s", got)
	}
	if got := leads(t, pid, "fd/2"); got != os.DevNull {
		t.Errorf("standard error is %s", got)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "end", func() bool { return !running(pid) })
	if b, _ := os.ReadFile(out); string(b) != "out\nmore out\n" {
		t.Errorf("the file has %q", b)
	}
}

// What can be in the way at the start is not, or is said.
func TestLaunch_PoorSettings(t *testing.T) {
	for name, setting := range map[string]string{
		"closed descriptors": "exec <&- >&- 2>&-;",
		"no /proc":           "mount -t tmpfs none /proc;",
		"few descriptors":    "ulimit -n 16;",
		"no /dev/null":       "mount -t tmpfs none /dev;",
		"a file as null":     "mount -t tmpfs none /dev; echo >/dev/null;",
	} {
		t.Run(name, func(t *testing.T) {
			if strings.Contains(setting, "mount") {
				// For the role alone: sh in a mount namespace of its own.
				setting = fmt.Sprintf(`[ -n "$IN" ] || IN=1 exec unshare -m sh -c '%s exec "$0"' "$0";`, setting)
			}
			p := try(t, "ready", setting)
			p.exit(t, 0)
			pid := p.second(t)
			if !running(pid) {
				t.Fatal("nothing runs")
			}
			for _, fd := range []string{"fd/0", "fd/1", "fd/2"} {
				if to := leads(t, pid, fd); to != os.DevNull && to != "/" || strings.Contains(name, "null") && to != "/" {
					t.Errorf("%s is %s", fd, to)
				}
			}
		})
	}
	t.Run("too few descriptors", func(t *testing.T) {
		p := try(t, "ready", "ulimit -n 4;")
		p.exit(t, 1)
		if !strings.HasSuffix(p.err.String(), "too many open files\n") {
			t.Errorf("it says %q", p.err.String())
		}
	})
}

// What the second process says is the exit code of the first, and what it did
// not say is said for it.
func TestLaunch_Ends(t *testing.T) {
	for _, tt := range []struct {
		role, stderr string
		code         int
	}{
		{"end", "", 7},
		{"killed", "was ended by signal 9 (killed)\n", 1},
		{"panic", "ended with status 2, and did not say why\n", 1},
	} {
		p := try(t, tt.role, "")
		p.exit(t, tt.code)
		if !strings.HasSuffix(p.err.String(), tt.stderr) || (tt.stderr == "") != (p.err.Len() == 0) {
			t.Errorf("%s: stderr is %q", tt.role, p.err.String())
		}
		if pid := p.second(t); running(pid) {
			t.Errorf("%s: %d still runs", tt.role, pid)
		}
	}
}

// A signal to the first process before the second is ready ends both.
func TestLaunch_Signals(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		p := try(t, "wait", "")
		pid := p.second(t)
		if err := p.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		p.exit(t, 5)
		if running(pid) {
			t.Errorf("%v: the second process still runs", sig)
		}
	}
}

// If the first process is killed, the second ends.
func TestLaunch_FirstIsKilled(t *testing.T) {
	p := try(t, "wait", "")
	pid := p.second(t)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	waitFor(t, "end of the second process", func() bool { return !running(pid) })
}

// Somebody else's variable is not ours to believe: the process is a first one.
func TestInherited_Stranger(t *testing.T) {
	for _, mark := range []string{childEnv + "=3", childEnv + "=4", childEnv + "="} {
		p := try(t, "ready", "exec 3</etc/passwd;", mark)
		p.exit(t, 0)
		if pid := p.second(t); pid == p.Process.Pid {
			t.Errorf("%s: it took itself for the second process", mark)
		}
	}
}

// The second process is told what the first was, but not that systemd's watchdog
// means another.
func TestChildEnviron(t *testing.T) {
	t.Setenv(childEnv, "9")
	t.Setenv(watchdogPidEnv, fmt.Sprint(os.Getpid()))
	t.Setenv("DAEMON_TEST_X", "y")
	env := childEnviron()
	if !slices.Contains(env, "DAEMON_TEST_X=y") || !slices.Contains(env, childEnv+"=3") || slices.Contains(env, childEnv+"=9") {
		t.Errorf("%q", env)
	}
	if slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, watchdogPidEnv) }) {
		t.Error("the watchdog is still another's")
	}
	t.Setenv(watchdogPidEnv, "1")
	if !slices.Contains(childEnviron(), watchdogPidEnv+"=1") {
		t.Error("a watchdog of another process became ours")
	}
}

// Every other process is no Child, and may call what a Child may.
func TestChild_Nil(t *testing.T) {
	var c *Child
	if c.Waiting() || c.Ready(true) != nil || c.Watch(func() { t.Error("lost") }) != nil {
		t.Error("it does something")
	}
	c.End(3)
}

// Where the kernel cannot mark all at once, each descriptor is marked.
func TestCloseOnExec(t *testing.T) {
	nettest.Require(t)
	for name, old := range map[string]bool{"at once": false, "one by one": true} {
		before := closeRange
		defer func() { closeRange = before }()
		if old {
			closeRange = func(uint, uint, uint) error { return unix.ENOSYS }
		}
		fd, err := unix.Dup(0) // without the mark
		if err != nil {
			t.Fatal(err)
		}
		closeOnExec()
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: flags %x, %v", name, flags, err)
		}
		_ = unix.Close(fd)
	}
}
