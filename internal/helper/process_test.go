package helper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// shell is a program of shell lines, whose argument is a directory of the test.
func shell(t testing.TB, lines ...string) (*Program, string) {
	dir := t.TempDir()
	path := program(t, lines...)
	return &Program{Path: path, Args: []string{"the-name", dir}, Env: []string{"PATH=" + os.Getenv("PATH"), "BASE=b \xff"}}, dir
}

// run runs the program of cfg with vars.
func run(t testing.TB, h *Helper, p Program, vars ...string) *Process {
	t.Helper()
	p.Env = append(p.Env, vars...)
	process, err := h.Run(p)
	if err != nil {
		t.Fatal(err)
	}
	return process
}

func wait(t testing.TB, p *Process) unix.WaitStatus {
	t.Helper()
	status, err := p.Wait(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func TestRun_GivesTheProgramWhatItIsToHave(t *testing.T) {
	t.Parallel()
	p, dir := shell(t, `cat /proc/$$/environ >$1/env; pwd >$1/cwd; ls /proc/self/fd >$1/fds
grep -E 'Sig(Blk|Ign)' /proc/self/status >$1/signals; echo $$ >$1/pid; exit 7`)
	h, _ := start(t, Config{Program: p})
	process := run(t, h, *p, "DHCP4_ADDRESS=10.0.0.5")
	if got := wait(t, process); !got.Exited() || got.ExitStatus() != 7 {
		t.Errorf("status %v", got)
	}
	if got := wait(t, process); got.ExitStatus() != 7 {
		t.Errorf("the second time: status %v", got)
	}
	if got, want := text(dir+"/env"), "BASE=b \xff\x00DHCP4_ADDRESS=10.0.0.5\x00"; !strings.HasSuffix(got, want) || strings.Contains(got, helperEnv) {
		t.Errorf("environment %q, not with %q at its end", got, want)
	}
	if cwd, _ := os.Getwd(); text(dir+"/cwd") != cwd+"\n" {
		t.Errorf("in %q, not %q", text(dir+"/cwd"), cwd)
	}
	// One is ls's own, of the directory.
	if got := strings.Fields(text(dir + "/fds")); strings.Join(got, " ") != "0 1 2 3" {
		t.Errorf("descriptors %q", got)
	}
	if got := settable(text(dir + "/signals")); got != "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n" {
		t.Errorf("signals:\n%s", got)
	}
	if got := text(dir + "/pid"); got != fmt.Sprintln(process.PID()) {
		t.Errorf("process %q, not %d", got, process.PID())
	}
}

func TestRun_HandsSignalsOn(t *testing.T) {
	t.Parallel()
	p, dir := shell(t, `trap 'echo usr1 >$1/got' USR1; trap 'exit 3' TERM; echo >$1/ready; while :; do sleep 0.01; done`)
	h, _ := start(t, Config{Program: p})
	process := run(t, h, *p)
	eventually(t, "it is ready", func() bool { return text(dir+"/ready") != "" })
	for _, sig := range []unix.Signal{unix.SIGUSR1, unix.SIGTERM} {
		if err := process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if sig == unix.SIGUSR1 {
			eventually(t, "USR1 has come", func() bool { return text(dir+"/got") == "usr1\n" })
		}
	}
	if got := wait(t, process); got.ExitStatus() != 3 {
		t.Errorf("status %v", got)
	}
	if err := process.Signal(unix.SIGTERM); err != nil {
		t.Errorf("a signal to a program that has ended: %v", err)
	}
}

func TestRun_SaysByWhichSignalItEnded(t *testing.T) {
	t.Parallel()
	p, _ := shell(t, `kill -KILL $$`)
	h, _ := start(t, Config{Program: p})
	if got := wait(t, run(t, h, *p)); !got.Signaled() || got.Signal() != unix.SIGKILL {
		t.Errorf("status %v", got)
	}
}

func TestRun_SaysWhatCannotBeExecuted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{plain: fs.ErrPermission, dir + "/none": fs.ErrNotExist} {
		p := Program{Path: path, Args: []string{"x"}}
		h, _ := start(t, Config{Program: &p})
		if _, err := h.Run(p); !errors.Is(err, want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestRun_RefusesAnotherProgram(t *testing.T) {
	t.Parallel()
	p, _ := shell(t, `exit 0`)
	h, _ := start(t, Config{Program: p})
	other := *p
	other.Path = "/bin/true"
	if _, err := h.Run(other); err == nil {
		t.Error("another path was taken")
	}
	for _, v := range []string{"PATH=/tmp", "LD_PRELOAD=x", "DHCP4_=x", "DHCP4_A", "DHCP4_a=1", "DHCP4_A=\x00"} {
		bad := *p
		bad.Env = append(bad.Env, v)
		if _, err := h.Run(bad); err == nil {
			t.Errorf("%q was taken", v)
		}
	}
	wait(t, run(t, h, *p))
	if _, err := h.Run(*p); err == nil {
		t.Error("it was run twice")
	}
}

func TestWait_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	p, _ := shell(t, `exec sleep 1000`)
	h, _ := start(t, Config{Program: p})
	process := run(t, h, *p)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := process.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	h.Close(patience)
	if runs(process.PID()) {
		t.Error("the program goes on without a client")
	}
}

// A program outlives a helper that dies: it is for the client to say what then.
func TestRun_HelperDies(t *testing.T) {
	t.Parallel()
	p, dir := shell(t, `echo $$ >$1/pid; while [ ! -e $1/end ]; do sleep 0.01; done; rm $1/pid`)
	h, j := start(t, Config{Program: p})
	process := run(t, h, *p)
	eventually(t, "it runs", func() bool { return text(dir+"/pid") != "" })
	if err := unix.Kill(h.PID(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := process.Wait(soon(t)); !errors.Is(err, ErrLost) || !strings.Contains(err.Error(), strconv.Itoa(process.PID())) {
		t.Errorf("%v", err)
	}
	<-h.Done()
	if got := j.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "signal 9") {
		t.Errorf("log:\n%s", got)
	}
	if !runs(process.PID()) {
		t.Error("the program has ended")
	}
	if err := os.WriteFile(dir+"/end", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it has ended", func() bool { return text(dir+"/pid") == "" })
	if _, err := h.Run(*p); err == nil {
		t.Error("there is no helper, and it was run")
	}
}
