package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A counter counts the steps of a process that can be seen from outside: each
// line of its log and of its output, each frame that it sends, each change of an
// address or a route, each change of a file in its directories. It kills the
// process at the step that it is told.
type counter struct {
	mu    sync.Mutex
	pid   int // 0: nothing is counted
	at    int // the step to kill at, 0 for none
	count int
	steps []string
	last  time.Time
}

// arm counts for a process from now on.
func (k *counter) arm(c *client, at int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pid, k.at, k.count, k.steps, k.last = c.cmd.Process.Pid, at, 0, nil, time.Now()
}

// disarm ends the counting and returns the steps. killed says that the process
// was killed.
func (k *counter) disarm() (steps []string, killed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pid = 0
	return k.steps, k.at > 0 && k.count >= k.at
}

// step is one step.
func (k *counter) step(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pid == 0 || k.at > 0 && k.count >= k.at {
		return
	}
	k.count++
	k.steps = append(k.steps, fmt.Sprintf(format, args...))
	k.last = time.Now()
	if k.count == k.at {
		_ = syscall.Kill(k.pid, syscall.SIGKILL) // it may have ended
	}
}

// quiet says how long there was no step.
func (k *counter) quiet() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return time.Since(k.last)
}

// lines counts what is written to l.
func (k *counter) lines(what string, l *lines, ended <-chan struct{}) {
	go func() {
		for seen := 0; ; {
			all, news := l.get()
			for _, line := range all[seen:] {
				k.step("%s: %s", what, line)
			}
			seen = len(all)
			select {
			case <-news:
			case <-ended:
				return
			}
		}
	}()
}

// files counts changes of what is in directories, until stop.
func (k *counter) files(t *testing.T, dirs ...string) (stop func()) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatalf("watch files: %v", err)
	}
	for _, dir := range dirs {
		if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MODIFY|unix.IN_MOVED_TO|unix.IN_DELETE); err != nil {
			t.Fatalf("watch %s: %v", dir, err)
		}
	}
	f := os.NewFile(uintptr(fd), "inotify")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for buf := make([]byte, 4096); ; {
			n, err := f.Read(buf)
			if err != nil {
				return
			}
			for _, change := range changesOf(buf[:n]) {
				k.step("file: %s", change)
			}
		}
	}()
	return func() {
		f.Close()
		<-done
	}
}

// changesOf reads the events of inotify(7).
func changesOf(b []byte) (list []string) {
	for len(b) >= unix.SizeofInotifyEvent {
		ev := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
		end := unix.SizeofInotifyEvent + int(ev.Len)
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:end], []byte{0})
		what := map[uint32]string{unix.IN_CREATE: "new", unix.IN_MODIFY: "written", unix.IN_MOVED_TO: "renamed to", unix.IN_DELETE: "deleted"}[ev.Mask&^unix.IN_ISDIR]
		list = append(list, what+" "+string(name))
		b = b[end:]
	}
	return list
}
