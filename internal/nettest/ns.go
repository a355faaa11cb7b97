package nettest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// execTimeout is the limit of one run of ip(8).
const execTimeout = 30 * time.Second

// An NS is a network namespace that ip-netns(8) knows by its name.
type NS struct {
	// Name is its name below /run/netns.
	Name string
}

// made counts the namespaces of this process: names never repeat in it.
var made atomic.Uint32

// NewNS makes a network namespace: lo is up, IPv6 is off. It is removed when
// the test ends. prefix is for those who read logs; only its first letters are
// used.
func NewNS(t testing.TB, prefix string) *NS {
	t.Helper()
	Require(t)
	n := &NS{Name: nsName(prefix, made.Add(1))}
	if err := n.create(); err != nil {
		t.Fatalf("make network namespace %s: %v", n.Name, err)
	}
	t.Cleanup(func() {
		if err := n.remove(); err != nil {
			t.Errorf("remove network namespace %s: %v", n.Name, err)
		}
	})
	return n
}

// nsName is at most 14 octets, so that it fits where a link's name does.
func nsName(prefix string, i uint32) string {
	num := fmt.Sprint(i)
	return prefix[:min(len(prefix), 14-len(num))] + num
}

func (n *NS) path() string { return filepath.Join(netnsDir, n.Name) }

// create makes the namespace on a thread of its own, which ends in it.
func (n *NS) create() error {
	f, err := os.OpenFile(n.path(), os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o444)
	if err != nil {
		return fmt.Errorf("make its file: %w", err)
	}
	f.Close()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		done <- n.createHere()
	}()
	return <-done
}

func (n *NS) createHere() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	if err := unix.Mount("/proc/thread-self/ns/net", n.path(), "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind it to %s: %w", n.path(), err)
	}
	return quiet()
}

// quiet sets lo up and IPv6 off in the network namespace of this thread: its
// router solicitations and duplicate address detection would be in every
// capture.
func quiet() error {
	for _, which := range []string{"all", "default"} {
		path := "/proc/sys/net/ipv6/conf/" + which + "/disable_ipv6"
		// It is missing where the kernel has no IPv6, and read-only in some
		// containers.
		_ = os.WriteFile(path, []byte("1"), 0)
	}
	return linkUp("lo")
}

// linkUp sets the flag by ioctl: the thread needs no program for it.
func linkUp(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	if err != nil {
		return fmt.Errorf("link %q: %w", name, err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
		return fmt.Errorf("read the flags of %s: %w", name, err)
	}
	req.SetUint16(req.Uint16() | unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req); err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	return nil
}

func (n *NS) remove() error {
	if err := unix.Unmount(n.path(), unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("unmount %s: %w", n.path(), err)
	}
	if err := os.Remove(n.path()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Do runs f on this goroutine with its OS thread inside the namespace. Sockets
// that f opens stay there; goroutines that it starts do not run there. f may
// end the test (t.Fatal).
func (n *NS) Do(t testing.TB, f func()) {
	t.Helper()
	runtime.LockOSThread()
	leave, err := n.enter()
	if err != nil {
		runtime.UnlockOSThread()
		t.Fatalf("enter network namespace %s: %v", n.Name, err)
	}
	defer func() {
		// A thread that cannot go back stays locked, and ends with the
		// goroutine instead of serving others.
		if err := leave(); err != nil {
			t.Errorf("leave network namespace %s: %v", n.Name, err)
			return
		}
		runtime.UnlockOSThread()
	}()
	f()
}

// enter moves this thread into the namespace and returns the way back.
func (n *NS) enter() (leave func() error, err error) {
	back, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open the current namespace: %w", err)
	}
	there, err := os.Open(n.path())
	if err != nil {
		back.Close()
		return nil, err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		back.Close()
		return nil, fmt.Errorf("setns: %w", err)
	}
	return func() error {
		defer back.Close()
		return unix.Setns(int(back.Fd()), unix.CLONE_NEWNET)
	}, nil
}

// IP runs ip(8) in the namespace and returns what it prints. An error fails the
// test.
func (n *NS) IP(t testing.TB, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), execTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", append([]string{"-n", n.Name}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ip -n %s %s: %v: %s", n.Name, strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}

// Command is exec.CommandContext for a process inside the namespace, with /sys
// to match. The process has the pid of the command, and dies at the latest with
// the test binary.
func (n *NS) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", n.Name, name}, args...)...)
}
