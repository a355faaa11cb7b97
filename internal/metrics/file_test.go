package metrics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestOpen_WhatIsRefused(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("passwd", "root:x:0:0\n")
	write("other.prom", "# HELP node_load1 Load.\n")
	write("long", strings.Repeat("x", 10000))
	write("ours.prom", string(Text([]*Report{{Process: "eth0"}})))
	write("empty", "")
	if err := os.Symlink(in("ours.prom"), in("link")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		in("none/x.prom"): "no such file or directory", in("passwd/x.prom"): "is no folder", in("passwd"): "has something else in it",
		in("other.prom"): "has something else in it", in("long"): "has something else in it", in("link"): "is not a regular file", dir: "is not a regular file",
		in("ours.prom"): "", in("empty"): "", in("new.prom"): "",
	} {
		f, err := Open(path)
		if want == "" {
			if err != nil || f == nil {
				t.Errorf("%s: %v", path, err)
			}
			continue
		}
		if f != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %s", path, err, want)
		}
	}
}

// A keeping is a File that is being kept in a bubble.
type keeping struct {
	path    string
	writes  atomic.Int64
	changed chan struct{}
	stop    func()
}

func keep(t *testing.T, path string) *keeping {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	k := &keeping{path: path, changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Keep(ctx, k.changed, func() []byte { return fmt.Appendf(nil, "%d\n", k.writes.Add(1)) }, slog.New(slog.DiscardHandler))
	}()
	k.stop = func() { cancel(); <-done }
	t.Cleanup(k.stop)
	synctest.Wait()
	return k
}

func (k *keeping) change() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

func TestKeep_Pace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		k := keep(t, filepath.Join(dir, "x.prom"))
		wrote := func(when string, want int64) {
			t.Helper()
			synctest.Wait()
			if n := k.writes.Load(); n != want {
				t.Errorf("%s: written %d times, not %d", when, n, want)
			}
			if text, err := os.ReadFile(k.path); err != nil || string(text) != fmt.Sprintf("%d\n", want) {
				t.Errorf("%s: %q, %v", when, text, err)
			}
		}
		wrote("at once", 1)
		time.Sleep(14 * time.Second)
		wrote("before 15 s", 1)
		time.Sleep(2 * time.Second)
		wrote("after 16 s", 2)
		k.change()
		wrote("a second after the last", 3)
		for range 100 { // in 5 s
			k.change()
			time.Sleep(50 * time.Millisecond)
		}
		synctest.Wait()
		if n := k.writes.Load(); n < 7 || n > 8 {
			t.Errorf("written %d times with changes in 5 s", n-3)
		}
		n := k.writes.Load()
		time.Sleep(17 * time.Second)
		synctest.Wait()
		if more := k.writes.Load() - n; more < 1 || more > 2 {
			t.Errorf("written %d times in 17 s without changes", more)
		}
		if st, err := os.Lstat(k.path); err != nil || st.Mode() != 0o644 {
			t.Errorf("%v, %v", st.Mode(), err)
		}
		k.stop()
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%v is left, %v", left, err)
		}
	})
}

func TestKeep_WhatIsInItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		victim := filepath.Join(dir, "victim")
		if err := os.WriteFile(victim, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		k := keep(t, filepath.Join(dir, "x.prom"))
		if err := errors.Join(os.Remove(k.path), os.Symlink(victim, k.path)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(16 * time.Second)
		synctest.Wait()
		if st, err := os.Lstat(k.path); err != nil || !st.Mode().IsRegular() {
			t.Errorf("%v, %v: the link is still there", st, err)
		}
		if text, err := os.ReadFile(victim); string(text) != "mine" || err != nil {
			t.Errorf("it was written through a link: %q, %v", text, err)
		}
		// What another has put there is his.
		if err := errors.Join(os.Remove(k.path), os.WriteFile(k.path, []byte("his"), 0o600)); err != nil {
			t.Fatal(err)
		}
		k.stop()
		if text, err := os.ReadFile(k.path); string(text) != "his" || err != nil {
			t.Errorf("%q, %v", text, err)
		}
	})
}

func TestKeep_GoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "collector")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		k := keep(t, filepath.Join(dir, "x.prom"))
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(16 * time.Second)
		synctest.Wait()
		if _, err := os.Stat(k.path); err != nil {
			t.Errorf("it is not written again: %v", err)
		}
	})
}

func TestTell_OnceForEachFailure(t *testing.T) {
	var lines []string
	log := slog.New(handler{func(r slog.Record) { lines = append(lines, r.Level.String()) }})
	f := &File{path: "x"}
	for _, err := range []error{nil, fs.ErrPermission, fs.ErrPermission, nil, nil, fs.ErrNotExist} {
		f.tell(err, log)
	}
	if !slices.Equal(lines, []string{"WARN", "INFO", "WARN"}) {
		t.Error(lines)
	}
}

type handler struct{ handle func(slog.Record) }

func (h handler) Enabled(context.Context, slog.Level) bool      { return true }
func (h handler) Handle(_ context.Context, r slog.Record) error { h.handle(r); return nil }
func (h handler) WithAttrs([]slog.Attr) slog.Handler            { return h }
func (h handler) WithGroup(string) slog.Handler                 { return h }
