//go:build amd64 || arm64

package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/helper"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// childEnv names what a child is to do. Nothing leaves a sandbox, so that each is
// entered by a process of its own: the test binary again.
const childEnv = "DHCLIENT_GO_SANDBOX_CHILD"

// childLimit is more than any child takes: one that is refused what the Go runtime
// needs may do nothing at all.
const childLimit = 60 * time.Second

func TestMain(m *testing.M) {
	helper.Main()
	if name := os.Getenv(childEnv); name != "" {
		os.Exit(runChild(name))
	}
	nettest.Main(m)
}

// An order is what a child reads.
type order struct {
	// Config is what it enters with, if Enter is set.
	Config Config
	Enter  bool
	// Root has the folders rw, ro, rm and out.
	Root string
	// Refuse are system calls that fail already with that error, as in a
	// container.
	Refuse map[uint32]uint32
}

// An outcome is what a child writes.
type outcome struct {
	// Report is that of Enter, InForce its parts in their order.
	Report  string
	InForce [4]bool
	// Threads are the parts of /proc/self/task/*/status that count.
	Threads []map[string]string
	// Errors has what came of each attempt, zero for success and -1 for an error
	// that is none of the kernel's.
	Errors map[string]syscall.Errno
	Texts  map[string]string
	// Laps has how long each part took, in nanoseconds.
	Laps map[string]int64
}

// children are what a child can do.
var children = map[string]func(*order, *outcome){
	"threads": threadsChild, "attempt": attemptChild, "live": liveChild, "panic": panicChild,
	"die": dieChild, "measure": measureChild, "calls": callsChild,
}

func runChild(name string) int {
	if name == "sleep" {
		_, _ = os.Stdin.Read(make([]byte, 1))
		return 7
	}
	var o order
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 99
	}
	out := outcome{Errors: map[string]syscall.Errno{}, Texts: map[string]string{}, Laps: map[string]int64{}}
	children[name](&o, &out)
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 99
	}
	return 0
}

// enter is Enter in a child.
func (o *order) enter(out *outcome) {
	if !o.Enter {
		return
	}
	r, err := Enter(o.Config)
	if err != nil {
		panic(err)
	}
	out.Report = r.String()
	for i, p := range []Part{r.Capabilities, r.NoNewPrivs, r.Landlock, r.Seccomp} {
		out.InForce[i] = p.Err == nil
	}
}

// note has the error of an attempt be in the outcome.
func (out *outcome) note(name string, err error) {
	errno := syscall.Errno(0)
	if err != nil {
		errno = ^syscall.Errno(0)
		out.Texts[name] = err.Error()
		for e := err; e != nil; e = unwrap(e) {
			if n, ok := e.(syscall.Errno); ok {
				errno = n
			}
		}
	}
	out.Errors[name] = errno
}

func unwrap(err error) error {
	if u, ok := err.(interface{ Unwrap() error }); ok {
		return u.Unwrap()
	}
	return nil
}

// command is a child that is to do what o says.
func command(t testing.TB, name string, o order) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	in, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	ctx, cancel := context.WithTimeout(t.Context(), childLimit)
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, exe)
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), stdout, stderr
	return cmd, stdout, stderr
}

// run has a child do what o says, and returns what it wrote.
func run(t testing.TB, name string, o order, change ...func(*exec.Cmd)) outcome {
	t.Helper()
	cmd, stdout, stderr := command(t, name, o)
	for _, c := range change {
		c(cmd)
	}
	if err := cmd.Run(); err != nil {
		t.Fatalf("child %s: %v\n%s", name, err, stderr)
	}
	var out outcome
	if err := json.Unmarshal(stdout.Bytes(), &out); err != nil {
		t.Fatalf("child %s: %v in %q", name, err, stdout)
	}
	return out
}

// newOrder has folders, and a sandbox that allows them what their names say.
func newOrder(t testing.TB) order {
	t.Helper()
	root := t.TempDir()
	for dir := root; len(dir) > 1; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755) // for a child of another user
	}
	for _, dir := range []string{"rw", "ro", "rm", "out"} {
		path := filepath.Join(root, dir)
		if err := os.Mkdir(path, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "file"), []byte(dir), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(path, "file"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return order{Enter: true, Root: root, Config: Config{
		Keep:      []int{unix.CAP_NET_ADMIN},
		ReadWrite: []string{filepath.Join(root, "rw")},
		Remove:    []string{filepath.Join(root, "rm")},
		ReadOnly:  []string{filepath.Join(root, "ro"), "/proc"},
	}}
}

// needAll skips what cannot be shown where a part is not in force. In continuous
// integration (CI=true) that is a failure.
func needAll(t testing.TB, out outcome) {
	t.Helper()
	for _, in := range out.InForce {
		switch {
		case in:
		case os.Getenv("CI") == "true":
			t.Fatalf("this kernel does not offer all of it: %s", out.Report)
		default:
			t.Skipf("this kernel does not offer all of it: %s", out.Report)
		}
	}
}

// needThreads skips what cannot be in a program with C in it.
func needThreads(t testing.TB) {
	t.Helper()
	if cgo {
		t.Skip(ErrCgo)
	}
}

// another has a command run as another user, who has no capability.
func another(t testing.TB) func(*exec.Cmd) {
	nettest.Require(t)
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil || len(strings.Fields(string(b))) != 3 || strings.Fields(string(b))[2] == "1" {
		t.Skip("this user namespace has one user")
	}
	return func(cmd *exec.Cmd) {
		cmd.Path = "/proc/self/exe" // the other may not enter the folder where it is
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
}
