package helper

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// patience is how long anything may take on a machine that is busy.
const patience = 30 * time.Second

// roleEnv makes this binary another program that has a helper.
const roleEnv = "HELPER_TEST_ROLE"

func TestMain(m *testing.M) {
	if says := os.Getenv(fakeEnv); says != "" && os.Getenv(helperEnv) != "" {
		fake(says[1:])
	}
	Main()
	if role := os.Getenv(roleEnv); role != "" {
		os.Exit(play(role))
	}
	// As where the clock was set after the start: a helper with a time line of its
	// own would take each lease for one that is long over.
	lease.Follow(time.Now().AddDate(-20, 0, 0), lease.SinceBoot())
	_ = os.Setenv("GORACE", "atexit_sleep_ms=0") // else the race detector waits a second at each end
	nettest.Main(m)
}

// A journal is a log that a test reads.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func (j *journal) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// start starts a helper that the test ends.
func start(t testing.TB, cfg Config) (*Helper, *journal) {
	t.Helper()
	j := &journal{}
	h, err := Start(cfg, j.logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.Close(patience)
		if t.Failed() {
			t.Logf("log:\n%s", j)
		}
	})
	return h, j
}

// program makes a shell script of the lines.
func program(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	// A child that another test starts just now would have the file open for
	// writing, and the kernel would not run it.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+strings.Join(lines, "\n")+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// soon is a context that ends when a test has waited long enough.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until what holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// text is what a file has, empty for none.
func text(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// runs says that a process is there and no zombie.
func runs(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}
