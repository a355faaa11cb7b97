//go:build amd64 || arm64

package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Every thread gives up the same: those that were there, whatever they wait for,
// and those that come.
func TestEveryThread(t *testing.T) {
	needThreads(t)
	t.Parallel()
	for name, row := range map[string]struct {
		keep []int
		caps string
	}{
		"network administration stays": {[]int{unix.CAP_NET_ADMIN}, "0000000000001000"},
		"two stay":                     {[]int{unix.CAP_NET_RAW, unix.CAP_NET_ADMIN}, "0000000000003000"},
		"none stays":                   {nil, "0000000000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOrder(t)
			o.Config.Keep = row.keep
			out := run(t, "threads", o)
			needAll(t, out)
			checkThreads(t, out, row.caps)
			checkLandlock(t, out)
		})
	}
}

// A user without capabilities gives up the rest.
func TestEveryThreadOfAnotherUser(t *testing.T) {
	needThreads(t)
	t.Parallel()
	out := run(t, "threads", newOrder(t), another(t))
	needAll(t, out)
	checkThreads(t, out, "0000000000000000")
	checkLandlock(t, out)
	if !strings.HasPrefix(out.Report, "capabilities none; no_new_privs; landlock ABI ") {
		t.Errorf("report %q", out.Report)
	}
}

func checkThreads(t *testing.T, out outcome, caps string) {
	t.Helper()
	if len(out.Threads) < 2*blocked {
		t.Errorf("%d threads, %d were made before and as many after", len(out.Threads), blocked)
	}
	const none = "0000000000000000"
	for i, status := range out.Threads {
		for key, want := range map[string]string{
			"CapEff": caps, "CapPrm": caps, "CapInh": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
		} {
			if status[key] != want {
				t.Errorf("thread %d has %s %s, want %s", i, key, status[key], want)
			}
		}
	}
}

// checkLandlock says whether each thread failed to open a file.
func checkLandlock(t *testing.T, out outcome) {
	t.Helper()
	if len(out.Errors) != 2*blocked {
		t.Errorf("%d threads have tried", len(out.Errors))
	}
	for name, errno := range out.Errors {
		if errno != unix.EACCES {
			t.Errorf("%s: %v", name, errno)
		}
	}
}

// blocked is how many threads are made before, and after.
const blocked = 4

// threadsChild has threads before and after, half of which wait in the kernel
// and half in the runtime. In the end each of them tries to open a file.
func threadsChild(o *order, out *outcome) {
	for nr, errno := range o.Refuse {
		if err := refuseCall(nr, errno); err != nil {
			panic(err)
		}
	}
	raiseAmbient()
	var wake [2]int
	if err := syscall.Pipe(wake[:]); err != nil {
		panic(err)
	}
	release, tried := make(chan struct{}), make(chan error)
	start := func() {
		var ready sync.WaitGroup
		for i := range blocked {
			ready.Add(1)
			go func() {
				runtime.LockOSThread()
				ready.Done()
				if i%2 == 0 {
					_, _ = syscall.Read(wake[0], make([]byte, 1))
				}
				<-release
				tried <- read(o.Root + "/out/file")
			}()
		}
		ready.Wait()
	}
	start()
	o.enter(out)
	start()
	statuses(out)
	if _, err := syscall.Write(wake[1], make([]byte, 2*blocked)); err != nil {
		panic(err)
	}
	close(release)
	for i := range 2 * blocked {
		out.note(fmt.Sprintf("%s, %d", readElsewhere, i), <-tried)
	}
}

const readElsewhere = "read a file elsewhere"

func statuses(out *outcome) {
	paths, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		panic(err)
	}
	for _, path := range paths {
		status, err := readStatus(path)
		if err != nil {
			panic(err)
		}
		out.Threads = append(out.Threads, status)
	}
}

// raiseAmbient has this process have what is to be taken away: inheritable and
// ambient capabilities, on all threads.
func raiseAmbient() {
	now := capabilitySets{header: unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}}
	if err := unix.Capget(&now.header, &now.data[0]); err != nil || now.data[0].Permitted == 0 || cgo {
		return
	}
	now.data[0].Inheritable = now.data[0].Permitted
	err := onAllThreads(unix.SYS_CAPSET, ptr(&now.header), ptr(&now.data[0]), 0)
	if err == nil {
		err = onAllThreads(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_ADMIN)
	}
	if err != nil {
		panic(fmt.Errorf("raise capabilities: %w", err))
	}
}

func readStatus(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	status := map[string]string{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok {
			status[key] = strings.TrimSpace(value)
		}
	}
	return status, nil
}
