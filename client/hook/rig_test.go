package hook

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// patience is how long anything may take on a machine that is busy.
const patience = 30 * time.Second

// program makes a shell script of the lines.
func program(t testing.TB, lines ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	// A child that another test starts just now would have the file open for
	// writing, and the kernel would not run it.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+strings.Join(lines, "\n")+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// A recorder is a program that records how it is run.
type recorder struct {
	dir, path string
}

// record makes one; lines are what it does after that.
func record(t testing.TB, lines ...string) *recorder {
	t.Helper()
	dir := t.TempDir()
	first := fmt.Sprintf(`n=$(ls %[1]s | wc -l); mkdir %[1]s/$n; cd %[1]s/$n
printf '%%s\n' "$@" >args; cat /proc/$$/environ >env; cat >stdin; cd /`, dir)
	return &recorder{dir, program(t, append([]string{first}, lines...)...)}
}

// A run is one of a recorder.
type run struct {
	arg, stdin string
	env        map[string]string
}

// runs are those so far, in their order.
func (r *recorder) runs(t testing.TB) (list []run) {
	t.Helper()
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		read := func(name string) string {
			b, err := os.ReadFile(filepath.Join(r.dir, strconv.Itoa(i), name))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		list = append(list, run{strings.TrimSpace(read("args")), read("stdin"), envOf(strings.Split(strings.TrimSuffix(read("env"), "\x00"), "\x00"))})
	}
	return list
}

func envOf(list []string) map[string]string {
	m := map[string]string{}
	for _, v := range list {
		name, value, _ := strings.Cut(v, "=")
		m[name] = value
	}
	return m
}

// words are the events of the runs.
func words(runs []run) string {
	var list []string
	for _, r := range runs {
		list = append(list, r.arg+r.env["reason"]+r.env["DHCLIENT_GO_EVENT"])
	}
	return strings.Join(list, " ")
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

// newScript makes a Script for eth0.
func newScript(t testing.TB, cfg Config) (*Script, *journal) {
	t.Helper()
	j := &journal{}
	cfg.Interface, cfg.Logger = "eth0", j.logger()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, j
}

// sample is a lease of 10.9.0.X from options as a server sends them.
func sample(t testing.TB, last byte) *lease.Lease {
	t.Helper()
	l, err := client.LeaseFromOptions(netip.AddrFrom4([4]byte{10, 9, 0, last}), map[uint8][]byte{
		1: {255, 255, 255, 0}, 3: {10, 9, 0, 1}, 6: {10, 9, 0, 1, 10, 9, 0, 2}, 15: []byte("example.org"), 12: []byte("box"),
		26: {5, 120}, 42: {10, 9, 0, 3}, 51: {0, 0, 14, 16}, 53: {5}, 54: {10, 9, 0, 1}, 58: {0, 0, 7, 8}, 59: {0, 0, 12, 78},
		119: []byte("\x03lab\x07example\x03org\x00\xc0\x04"), 245: {1, 2, 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	l.Start = time.Unix(1800000000, 0).UTC()
	return l
}

// with is a lease with other options.
func with(t testing.TB, l *lease.Lease, options map[uint8][]byte) *lease.Lease {
	t.Helper()
	all := l.Clone().Options
	for code, v := range options {
		if v == nil {
			delete(all, code)
			continue
		}
		all[code] = v
	}
	n, err := client.LeaseFromOptions(l.Address, all)
	if err != nil {
		t.Fatal(err)
	}
	n.Start = l.Start
	return n
}

func apply(t testing.TB, s *Script, why client.Reason, next *lease.Lease, prev ...*lease.Lease) {
	t.Helper()
	if err := s.ApplyFor(context.Background(), why, next, prev); err != nil {
		t.Fatalf("%v: %v", why, err)
	}
}

// eventually waits until what holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}
