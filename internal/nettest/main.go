package nettest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// initEnv marks process 1 of the namespaces. The tests do not see it.
	initEnv = "DHCLIENT_GO_NETTEST_INIT"
	// marker exists only in the private /run. An environment variable would
	// not do: tests start processes with an environment of their own.
	marker = "/run/dhclient-go-nettest"
	// killAfter is how long the tests may go on after a signal to end.
	killAfter = 10 * time.Second
)

// errUnavailable says why the tests run without namespaces; nil inside them.
var errUnavailable = errors.New("TestMain did not call nettest.Main")

// Main runs the tests inside namespaces, or where they cannot be had as they
// are: the tests that call Require are skipped then. It never returns.
func Main(m *testing.M) {
	Enter()
	os.Exit(m.Run())
}

// Enter is the first half of Main, for a TestMain that runs its tests in
// another way: it returns inside the namespaces, or where they cannot be had.
func Enter() {
	switch {
	case os.Getpid() == 1 && os.Getenv(initEnv) != "":
		runInit()
	case inside():
		errUnavailable = nil
	case isFuzzWorker(os.Args):
		// Its coordinator talks to it over inherited pipes. Where it has
		// namespaces they are the worker's too.
		errUnavailable = errors.New("a fuzz worker makes no namespaces of its own")
	default:
		errUnavailable = reexec()
	}
}

// Require skips the test where namespaces cannot be had. In continuous
// integration (CI=true) that is a failure.
func Require(t testing.TB) {
	t.Helper()
	switch {
	case errUnavailable == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("no network namespaces: %v", errUnavailable)
	default:
		t.Skipf("no network namespaces: %v", errUnavailable)
	}
}

func inside() bool {
	_, err := os.Stat(marker)
	return err == nil
}

func isFuzzWorker(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		return strings.HasPrefix(strings.TrimLeft(a, "-"), "test.fuzzworker")
	})
}

// reexec runs this binary in new namespaces and exits with its status. It
// returns only if they cannot be had.
func reexec() error {
	// The signal of Pdeathsig comes when the thread that started the child
	// ends, not the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the test binary: %w", err)
	}
	ready, child, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("pipe: %w", err)
	}
	defer ready.Close()
	sigs := catchSignals()
	defer signal.Stop(sigs)
	cmd, err := startInit(exe, child)
	child.Close()
	if err != nil {
		return fmt.Errorf("start process 1 of new namespaces: %w", err)
	}
	go forward(sigs, cmd.Process.Signal, killAfter)
	if err := readReady(ready); err != nil {
		_ = cmd.Wait()
		return fmt.Errorf("prepare new namespaces: %w", err)
	}
	_ = cmd.Wait() // what it says is in the state
	// Not os.Exit: the tests have written their coverage, and this process
	// would add its own.
	syscall.Exit(exitCode(cmd.ProcessState.Sys().(syscall.WaitStatus)))
	return nil
}

// startInit starts process 1. Root may lack the right to make namespaces (in a
// container); a user namespace is the second try then.
func startInit(exe string, word *os.File) (cmd *exec.Cmd, err error) {
	for _, user := range []bool{false, true} {
		if !user && os.Geteuid() != 0 {
			continue
		}
		cmd = &exec.Cmd{
			Path: exe, Args: os.Args, Env: append(os.Environ(), initEnv+"=1"),
			Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
			ExtraFiles:  []*os.File{word}, // 3
			SysProcAttr: namespaces(user),
		}
		if err = cmd.Start(); !errors.Is(err, syscall.EPERM) {
			break
		}
	}
	return cmd, err
}

// namespaces are the attributes of process 1.
func namespaces(user bool) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		// A group of its own: what a terminal sends to the outer process
		// comes once, from there.
		Setpgid: true,
	}
	if user {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return a
}

// readReady waits for the word of process 1: "ok", or why not.
func readReady(r io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(r, 4096))
	switch {
	case err != nil:
		return fmt.Errorf("read what process 1 says: %w", err)
	case len(b) == 0:
		return errors.New("process 1 ended without a word")
	case string(b) != "ok":
		return fmt.Errorf("%s", b)
	}
	return nil
}

// exitCode is the status a shell would give.
func exitCode(s syscall.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

// catchSignals asks for the signals that end a test; SIGQUIT makes it print its
// goroutines first, which is how `go test` ends one that hangs.
func catchSignals() chan os.Signal {
	c := make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	return c
}

// forward hands each signal on, and kills when limit has passed since the first.
func forward(sigs <-chan os.Signal, send func(os.Signal) error, limit time.Duration) {
	var kill <-chan time.Time
	for {
		select {
		case s, ok := <-sigs:
			if !ok {
				return
			}
			_ = send(s) // it fails only if the process has ended
			if kill == nil {
				kill = time.After(limit)
			}
		case <-kill:
			_ = send(syscall.SIGKILL)
			return
		}
	}
}
