package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// wordLimit is how long the client may take to say its first word, and
	// stopLimit to end when it is told to, on a machine that others share.
	wordLimit = 10 * time.Second
	stopLimit = 5 * time.Second
	// logLines is how much of its log is kept.
	logLines = 3000
)

// A client is a process of the program under test.
type client struct {
	flags []string
	cmd   *exec.Cmd
	log   *lines
	// told says that it was told to end.
	told  atomic.Bool
	ended chan struct{}
	fds   int // that it had when it was first looked at
}

// start starts the client.
func (l *lab) start(flags []string) {
	args := append([]string{"--lease-dir", filepath.Join(l.dir, "leases"), linkName, "-vv", "--resolv-conf", l.resolv()}, flags...)
	c := &client{flags: flags, log: &lines{word: make(chan struct{})}, ended: make(chan struct{})}
	c.cmd = l.station.Command(context.Background(), l.program, args...)
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	l.judge.started(time.Now(), l.look(l.cli))
	l.must("start the client", c.cmd.Start())
	l.client = c
	go func() {
		_ = c.cmd.Wait() // how it ended is in its state
		now := time.Now()
		if !c.told.Load() {
			l.judge.report(now, "the client ended by itself: %v", c.cmd.ProcessState)
		}
		l.judge.ended(now, c.cmd.ProcessState.String())
		close(c.ended)
	}()
}

// alive says that the client runs.
func (l *lab) alive() bool {
	select {
	case <-l.client.ended:
		return false
	default:
		return true
	}
}

// begun waits for the first word of the client: it has found its link, and
// catches signals.
func (l *lab) begun() bool {
	select {
	case <-l.client.log.word:
		return true
	case <-l.client.ended:
		return false
	case <-time.After(wordLimit):
		l.judge.report(time.Now(), "the client has said nothing in %v", wordLimit)
		return false
	}
}

// signal sends a signal, once the client catches it.
func (l *lab) signal(sig syscall.Signal) bool {
	return l.begun() && l.client.cmd.Process.Signal(sig) == nil
}

// kill ends the client without its doing.
func (l *lab) kill() {
	l.client.told.Store(true)
	_ = l.client.cmd.Process.Kill()
	<-l.client.ended
}

// term has the client end, and looks at what it leaves.
func (l *lab) term() string {
	c := l.client
	c.told.Store(true)
	began := time.Now()
	if !l.signal(syscall.SIGTERM) {
		return "it had ended"
	}
	select {
	case <-c.ended:
	case <-time.After(stopLimit):
		l.judge.report(time.Now(), "the client does not end in %v after SIGTERM", stopLimit)
		l.kill()
		return "killed"
	}
	took := time.Since(began)
	if code := c.cmd.ProcessState.ExitCode(); code != 0 {
		l.judge.report(time.Now(), "the client ended with %v after SIGTERM", c.cmd.ProcessState)
	}
	if !c.keeps() {
		l.judge.bare(l.look(l.cli))
	}
	return fmt.Sprintf("ended in %d ms", took.Milliseconds())
}

// keeps says that the lease stays on the link when the client ends.
func (c *client) keeps() bool {
	all := strings.Join(c.flags, " ")
	return !strings.Contains(all, "--on-exit=remove") && !strings.Contains(all, "--on-exit=release")
}

func (c *client) has(flag string) bool { return strings.Contains(strings.Join(c.flags, " "), flag) }

// quit ends the client at the end of a run.
func (l *lab) quit() {
	if l.client != nil && l.alive() {
		l.term()
	}
}

// lines are what a process prints, the last of them.
type lines struct {
	mu   sync.Mutex
	all  [][]byte
	part []byte
	// word is closed when there is something.
	word chan struct{}
	once sync.Once
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part = append(l.part, p...)
	for {
		line, rest, ok := bytes.Cut(l.part, []byte{'\n'})
		if !ok {
			break
		}
		l.all, l.part = append(l.all, bytes.Clone(line)), rest
		l.once.Do(func() { close(l.word) })
	}
	if len(l.all) > logLines {
		l.all = append([][]byte(nil), l.all[logLines/2:]...)
	}
	return len(p), nil
}

// String is the last of it.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.Join(l.all, []byte{'\n'}))
}

// A footprint is what a process takes.
type footprint struct {
	fds int
	rss int // in KiB
}

func (f footprint) String() string { return fmt.Sprintf("%d descriptors, %d KiB", f.fds, f.rss) }

const (
	// moreFDs is how many descriptors the client may have beyond those of its
	// beginning: a file that it just writes.
	moreFDs = 6
	// rssLimit is twice what it takes after hours, in KiB.
	rssLimit = 40 << 10
)

// inspect measures the client.
func (l *lab) inspect() {
	pid := l.client.cmd.Process.Pid
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	status, err2 := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil || err2 != nil || !l.alive() {
		return // it has ended
	}
	f := footprint{fds: len(fds)}
	if _, rest, ok := strings.Cut(string(status), "VmRSS:"); ok {
		_, _ = fmt.Sscan(rest, &f.rss)
	}
	select {
	case <-l.client.log.word:
	default:
		return // it has not begun
	}
	if l.client.fds == 0 {
		l.client.fds = f.fds
	}
	l.peak = footprint{max(l.peak.fds, f.fds), max(l.peak.rss, f.rss)}
	if f.fds > l.client.fds+moreFDs || f.rss > rssLimit {
		l.judge.report(time.Now(), "the client takes %v; it began with %d descriptors", f, l.client.fds)
	}
}
