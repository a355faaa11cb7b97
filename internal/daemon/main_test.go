package daemon

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// patience is the limit of what has no time of its own.
const patience = 30 * time.Second

// roleEnv makes this binary a program that goes to the background, and says what
// becomes of it there.
const roleEnv = "DAEMON_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role))
	}
	nettest.Main(m)
}

// play is that program. The second process tells its pid in a file.
func play(role string) int {
	switch role {
	case "hide":
		return playHide()
	case "path":
		fmt.Println(Program())
		return 0
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	child := Inherited()
	if child == nil {
		code, err := Launch(signals)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return code
	}
	lost := make(chan struct{})
	if err := child.Watch(func() { close(lost) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 9
	}
	if f := os.Getenv("DAEMON_TEST_PID"); f != "" {
		if _, err := WritePid(f); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 9
		}
	}
	switch role {
	case "end":
		child.End(7)
		return 3 // what was said counts
	case "panic":
		panic("as planned")
	case "killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "ready":
		fmt.Println("out")
		fmt.Fprintln(os.Stderr, "err")
		if err := child.Ready(os.Getenv("DAEMON_TEST_KEEP") != ""); err != nil {
			return 9
		}
		fmt.Println("more out")
		fmt.Fprintln(os.Stderr, "more err")
	}
	select {
	case <-signals:
		child.End(5)
	case <-lost:
	}
	return 0
}

// waitFor waits until what is to be true is.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("no %s within %v", what, patience)
		}
	}
}

// running says that a process is there and not a zombie.
func running(pid int) bool {
	name, state := status(filepath.Join("/proc", fmt.Sprint(pid)))
	return name != "" && state != 'Z' && state != 'X'
}
