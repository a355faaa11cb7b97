package hook

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client"
)

func readFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// running says that there is a process of that number which is no zombie.
func running(pid string) bool {
	stat, err := os.ReadFile("/proc/" + strings.TrimSpace(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// stubborn is a program that ignores SIGTERM and has started two others, one of
// which does too; their numbers are in files.
func stubborn(t *testing.T) (path, dir string) {
	dir = t.TempDir()
	return program(t, "trap '' TERM", "cd "+dir, "sleep 1000 & echo $! >a", "(trap - TERM; exec sleep 1000) & echo $! >b", "echo $$ >c; mv c started", "wait; wait; wait"), dir
}

func allGone(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"a", "b", "started"} {
		eventually(t, name+" has ended", func() bool { return !running(readFile(t, filepath.Join(dir, name))) })
	}
}

// A program that does not end in time is made to, with all that it has started.
func TestLimit(t *testing.T) {
	t.Parallel()
	path, dir := stubborn(t)
	s, _ := newScript(t, Config{Programs: []string{path}, Dialect: Udhcpc, Configures: true, Limit: 3 * time.Second})
	err := s.ApplyFor(t.Context(), client.ReasonBound, sample(t, 5), nil)
	if err == nil || !strings.Contains(err.Error(), path+" for bound: did not end within 3s") {
		t.Errorf("the error is %v", err)
	}
	allGone(t, dir)
}

// So it is when the client does not want to wait any more.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	path, dir := stubborn(t)
	never := record(t)
	s, _ := newScript(t, Config{Programs: []string{path, never.path}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	applied := make(chan error, 1)
	l := sample(t, 5)
	go func() { applied <- s.ApplyFor(ctx, client.ReasonBound, l, nil) }()
	eventually(t, "it runs", func() bool { _, err := os.Stat(filepath.Join(dir, "started")); return err == nil })
	cancel()
	err := <-applied
	if err == nil || !strings.Contains(err.Error(), "was cut short: context canceled") {
		t.Errorf("the error is %v", err)
	}
	allGone(t, dir)
	if len(never.runs(t)) != 0 {
		t.Error("the next program was begun")
	}
	// It was not told, so it is told the next time.
	s.cfg.Programs = []string{never.path}
	apply(t, s, client.ReasonBound, sample(t, 5))
	if got := words(never.runs(t)); got != "bound" {
		t.Errorf("then ran %q", got)
	}
}

// inheritable are the descriptors of this process that are not ours: who started
// the test has left them open.
func inheritable(t *testing.T) (list []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			list = append(list, e.Name())
		}
	}
	return list
}

// A program has nothing of ours: a group of its own, no input, the root as its
// directory, and no descriptor but the three.
func TestSurroundings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine, err := os.Create(filepath.Join(dir, "mine"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mine.Close() }()
	out := filepath.Join(dir, "out")
	path := program(t, "readlink /proc/$$/cwd >"+out, "readlink /proc/$$/fd/0 >>"+out, "cut -d' ' -f5 /proc/$$/stat >>"+out, "echo $$ >>"+out,
		"for i in /proc/$$/fd/*; do echo ${i##*/}=$(readlink $i); done >>"+out)
	s, _ := newScript(t, Config{Programs: []string{path}, Dialect: Dhclient})
	apply(t, s, client.ReasonBound, sample(t, 5))
	got := strings.Fields(readFile(t, out))
	if len(got) < 4 || got[0] != "/" || got[1] != "/dev/null" || got[2] != got[3] || got[2] == strconv.Itoa(syscall.Getpgrp()) {
		t.Errorf("directory, input, group and process are %q", got)
	}
	others := append(inheritable(t), "0", "1", "2")
	for _, fd := range got[4:] {
		// The shell has its script, and the output that it has put aside.
		number, file, _ := strings.Cut(fd, "=")
		if file != path && file != out && !strings.HasPrefix(file, "pipe:") && !slices.Contains(others, number) || file == mine.Name() {
			t.Errorf("it has %s", fd)
		}
	}
}

// What a program prints is logged, a bounded part of it, and without what moves a
// terminal's cursor.
func TestOutput(t *testing.T) {
	t.Parallel()
	s, j := newScript(t, Config{Dialect: Dhclient, Programs: []string{program(t,
		"echo to the output; echo to the error >&2", `printf 'a\033[2Jb\000c\n\n'`, "head -c 100000 /dev/zero | tr '\\0' x; echo",
		"i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done", "printf unfinished")}})
	apply(t, s, client.ReasonBound, sample(t, 5))
	got := j.String()
	for _, want := range []string{`text="to the output"`, `text="to the error"`, `text="a [2Jb c"`, `text="line 95"`, `text="(and more)"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in the log", want)
		}
	}
	if n := strings.Count(got, "a script says"); n != maxLines+1 || strings.Contains(got, strings.Repeat("x", maxLine+1)) {
		t.Errorf("%d lines are logged, %d octets", n, len(got))
	}
}

// A program may leave another running, which holds its output open: nobody waits
// for that, and it is not ended by SIGPIPE when it prints.
func TestLeftRunning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	left := "(while [ ! -e " + dir + "/go ]; do sleep 0.05; done; echo late && echo late again && >" + dir + "/done) &"
	s, j := newScript(t, Config{Dialect: Dhclient, Programs: []string{program(t, "echo first", left)}, Limit: patience})
	start := time.Now()
	apply(t, s, client.ReasonBound, sample(t, 5))
	if took := time.Since(start); took > patience/2 {
		t.Errorf("it took %v", took)
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it could print", func() bool { _, err := os.Stat(filepath.Join(dir, "done")); return err == nil })
	if got := j.String(); !strings.Contains(got, "text=first") || strings.Contains(got, "late") {
		t.Errorf("the log is %s", got)
	}
}

// A document is longer than a pipe holds, and a program need not read it.
func TestInputNotRead(t *testing.T) {
	t.Parallel()
	l := with(t, sample(t, 5), nil)
	l.Options = map[uint8][]byte{}
	for code := range uint8(250) {
		l.Options[code+1] = make([]byte, 2000)
	}
	s, _ := newScript(t, Config{Programs: []string{program(t, "exit 0"), program(t, "head -c 10 >/dev/null")}})
	apply(t, s, client.ReasonBound, l)
}

// Close ends what takes too long.
func TestClose_IsBounded(t *testing.T) {
	t.Parallel()
	path, dir := stubborn(t)
	s, _ := newScript(t, Config{Programs: []string{path}})
	s.Tell(client.ReasonFail, "")
	eventually(t, "it runs", func() bool { _, err := os.Stat(filepath.Join(dir, "started")); return err == nil })
	s.finish() // as Close does after closeGrace
	s.Close()
	allGone(t, dir)
}
