package nettest_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// helperEnv tells TestHelper, in a process of its own, what to do.
const helperEnv = "NETTEST_TEST_HELPER"

// outside is this test binary as `go test` starts it: its /run has no trace of
// the namespaces that the test itself stands in. The words of by, if any, are
// the start of a command that runs it.
func outside(by, env []string, args ...string) *exec.Cmd {
	words := []string{"-m", "sh", "-c", `mount -t tmpfs none /run && exec "$@"`, "sh"}
	words = append(append(append(words, by...), os.Args[0]), args...)
	cmd := exec.Command("unshare", words...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// helper is outside for TestHelper, and the mark in the environment by which
// everything it starts is found.
func helper(what string) (cmd *exec.Cmd, mark string) {
	mark = fmt.Sprintf("NETTEST_TEST_MARK=%d", time.Now().UnixNano())
	return outside(nil, []string{helperEnv + "=" + what, mark}, "-test.run=^TestHelper$"), mark
}

// TestHelper is what the tests below start; alone it does nothing.
func TestHelper(t *testing.T) {
	switch what := os.Getenv(helperEnv); what {
	case "": // it is only run by the others
	case "exit":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
		os.Exit(7)
	case "killed":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "hang":
		if err := exec.Command("sleep", "300").Start(); err != nil {
			t.Fatal(err)
		}
		fmt.Println("started")
		// Not select{}: without cgo the runtime calls that a deadlock.
		time.Sleep(time.Hour)
	case "require":
		nettest.Require(t)
		fmt.Println("required")
	case "ns":
		n := nettest.NewNS(t, "nested")
		fmt.Print(n.IP(t, "-br", "link"))
	default:
		t.Fatalf("no helper %q", what)
	}
}

func exitStatus(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

func TestMainPassesStatusAndOutput(t *testing.T) {
	nettest.Require(t)
	t.Parallel()
	cmd, _ := helper("exit")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if got := exitStatus(t, cmd.Run()); got != 7 {
		t.Errorf("status %d, want 7", got)
	}
	if stdout.String() != "to stdout\n" || stderr.String() != "to stderr\n" {
		t.Errorf("stdout %q, stderr %q", stdout.String(), stderr.String())
	}
	cmd, _ = helper("killed")
	if got := exitStatus(t, cmd.Run()); got != 128+9 {
		t.Errorf("status of tests that were killed: %d, want 137", got)
	}
}

// Whatever ends the outer process ends all that came of it.
func TestMainLeavesNothing(t *testing.T) {
	nettest.Require(t)
	for sig, want := range map[syscall.Signal]int{
		syscall.SIGINT: 128 + 2, syscall.SIGTERM: 128 + 15, syscall.SIGHUP: 128 + 1,
		syscall.SIGQUIT: 2,  // the Go runtime prints its goroutines first
		syscall.SIGKILL: -1, // nobody is left to give a status
	} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			cmd, mark := helper("hang")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitLine(t, out, "started")
			eventually(t, "there are the outer process, process 1, tests and sleep", func() bool { return len(marked(t, mark)) >= 4 })
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			defer time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() }).Stop()
			if got := exitStatus(t, cmd.Wait()); got != want {
				t.Errorf("status %d, want %d", got, want)
			}
			eventually(t, "all processes have ended", func() bool { return len(marked(t, mark)) == 0 })
		})
	}
}

func waitLine(t *testing.T, r io.Reader, want string) {
	t.Helper()
	found := make(chan bool, 1)
	go func() {
		s := bufio.NewScanner(r)
		for s.Scan() && s.Text() != want {
		}
		found <- s.Text() == want
	}()
	select {
	case ok := <-found:
		if !ok {
			t.Fatalf("the output ended without %q", want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("no %q in 20 s", want)
	}
}

// marked lists the processes with that in their environment.
func marked(t *testing.T, mark string) (pids []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(files) == 0 {
		t.Fatalf("list processes: %v", err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(mark)) {
			pids = append(pids, f)
		}
	}
	return pids
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("15 s later still not: %s", what)
		}
	}
}

// Process 1 takes in orphans, and no child of a test.
func TestOrphansAreReaped(t *testing.T) {
	nettest.Require(t)
	t.Parallel()
	mark := fmt.Sprintf("NETTEST_TEST_MARK=orphan%d", time.Now().UnixNano())
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			cmd := exec.Command("sh", "-c", fmt.Sprintf("sleep 0.0%d & exit %d", i, i))
			cmd.Env = append(os.Environ(), mark)
			if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != i {
				t.Errorf("child %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	eventually(t, "orphans end", func() bool { return len(marked(t, mark)) == 0 })
	eventually(t, "no zombie is left", func() bool { return len(zombies(t)) == 0 })
}

// zombies lists dead children of process 1. Those of a parallel test may be
// among them for a moment.
func zombies(t *testing.T) (pids []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, _ := os.ReadFile(f)
		if _, rest, _ := strings.Cut(string(b), ") "); strings.HasPrefix(rest, "Z 1 ") {
			pids = append(pids, f)
		}
	}
	return pids
}

func TestRequireWhereNamespacesAreRefused(t *testing.T) {
	nettest.Require(t)
	t.Parallel()
	if out, err := exec.Command("unshare", "-Ur", "true").CombinedOutput(); err != nil {
		t.Skipf("no user namespace to set a limit in: %s", out)
	}
	for ci, want := range map[string]string{"": "--- SKIP: TestHelper", "true": "--- FAIL: TestHelper"} {
		// The limit is that of the new user namespace only.
		by := []string{"unshare", "-Ur", "sh", "-c", `echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"`, "sh"}
		cmd := outside(by, []string{helperEnv + "=require", "CI=" + ci}, "-test.run=^TestHelper$", "-test.v")
		out, _ := cmd.CombinedOutput()
		if !strings.Contains(string(out), want) || !strings.Contains(string(out), "no network namespaces: start process 1") {
			t.Errorf("CI=%q: want %q in:\n%s", ci, want, out)
		}
	}
}

// A container's root may lack CAP_SYS_ADMIN: a user namespace helps.
func TestRootWithoutAdminUsesUserNamespace(t *testing.T) {
	nettest.Require(t)
	t.Parallel()
	if out, err := exec.Command("setpriv", "--bounding-set=-sys_admin", "unshare", "-Ur", "true").CombinedOutput(); err != nil {
		t.Skipf("no user namespace for a root without rights: %s", out)
	}
	cmd := outside([]string{"setpriv", "--bounding-set=-sys_admin"}, []string{helperEnv + "=ns"}, "-test.run=^TestHelper$")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "lo ") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The coordinator of a fuzz run talks to its workers over inherited pipes.
func TestFuzzWorkerStaysWhereItIs(t *testing.T) {
	nettest.Require(t)
	t.Parallel()
	for arg, want := range map[string]string{"-test.fuzzworker": "outside\n", "-test.fuzz=^$": "inside\n"} {
		out, err := outside(nil, []string{helperEnv + "=enter"}, arg).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s: %v, %q, want %q", arg, err, out, want)
		}
	}
}

// enter is a TestMain that does not run tests.
func enter() {
	nettest.Enter()
	if _, err := os.Stat("/run/netns"); err != nil {
		fmt.Println("outside")
	} else {
		fmt.Println("inside")
	}
}
