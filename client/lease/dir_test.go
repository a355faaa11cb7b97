package lease

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// clocks are the clocks of a machine, to be set.
type clocks struct {
	process time.Time // the process's line of time
	wall    time.Time
	boot    time.Duration
	id      string
}

func (c *clocks) open(t *testing.T, path string) *Dir {
	t.Helper()
	d, err := NewDir(path, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	d.now = func() time.Time { return c.process }
	d.wall = func() time.Time { return c.wall }
	d.sinceBoot = func() time.Duration { return c.boot }
	d.bootID = func() string { return c.id }
	return d
}

func TestDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "leases")
	c := &clocks{process: t0.Add(time.Minute), wall: t0.Add(time.Minute), boot: 500 * time.Second, id: "boot-1"}
	d := c.open(t, path)
	ctx := t.Context()
	if l, err := d.Load(ctx); l != nil || err != nil {
		t.Fatalf("Load of nothing = %v, %v", l, err)
	}
	if err := d.Save(ctx, nil); err != nil {
		t.Fatalf("forgetting nothing: %v", err)
	}
	if err := d.Save(ctx, full()); err != nil {
		t.Fatal(err)
	}
	got, err := d.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, full()) {
		t.Errorf("came back as %+v", got)
	}
	if names, _ := filepath.Glob(filepath.Join(path, "*")); len(names) != 1 {
		t.Errorf("files in the directory: %v", names)
	}
	if err := d.Save(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if l, err := d.Load(ctx); l != nil || err != nil {
		t.Errorf("after forgetting: %v, %v", l, err)
	}
}

// The age of a lease survives steps of the wall clock within a boot, and
// reboots by the wall clock.
func TestDirClocks_LIF_07_RBT_11(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*clocks)
		age    time.Duration
	}{
		"same boot, wall clock set back ten years": {func(c *clocks) {
			c.wall, c.process = c.wall.AddDate(-10, 0, 0), c.process.AddDate(-10, 0, 0)
			c.boot += 10 * time.Minute
		}, 11 * time.Minute},
		"same boot, wall clock set on a year": {func(c *clocks) {
			c.wall, c.process = c.wall.AddDate(1, 0, 0), c.process.AddDate(1, 0, 0)
			c.boot += 10 * time.Minute
		}, 11 * time.Minute},
		"same boot, suspended for a day": {func(c *clocks) {
			c.wall, c.process = c.wall.AddDate(0, 0, 1), c.process.AddDate(0, 0, 1)
			c.boot += 24 * time.Hour
		}, 24*time.Hour + time.Minute},
		"another boot": {func(c *clocks) {
			c.wall, c.process = c.wall.Add(20*time.Minute), c.process.Add(20*time.Minute)
			c.boot, c.id = 10*time.Second, "boot-2"
		}, 21 * time.Minute},
		"another boot, no clock": {func(c *clocks) {
			c.wall = time.Unix(0, 0)
			c.process = c.wall
			c.boot, c.id = 10*time.Second, "boot-2"
		}, time.Unix(0, 0).Sub(t0)},
		"boot id unknown":                          {func(c *clocks) { c.id = "" }, time.Minute},
		"wall clock set after the process started": {func(c *clocks) {}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			k := &clocks{process: t0.Add(time.Minute), wall: t0.Add(time.Minute), boot: 500 * time.Second, id: "boot-1"}
			if strings.HasPrefix(name, "wall clock set after") {
				// The process thinks that it is 1970, the machine knows better.
				k.process = time.Unix(60, 0).UTC()
			}
			l := full()
			l.Start = k.process.Add(-time.Minute)
			if err := k.open(t, path).Save(t.Context(), l); err != nil {
				t.Fatal(err)
			}
			c.change(k)
			got, err := k.open(t, path).Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if age := k.process.Sub(got.Start); age != c.age {
				t.Errorf("the lease is %v old, want %v", age, c.age)
			}
		})
	}
}

// LIF-09: nothing in the directory can hurt.
func TestDirHostileFiles_LIF_09(t *testing.T) {
	c := &clocks{process: t0, wall: t0, boot: time.Hour, id: "b"}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(file string) error{
		"empty":       func(f string) error { return os.WriteFile(f, nil, 0o600) },
		"half":        func(f string) error { return os.WriteFile(f, []byte(`{"version":1,"lease":{"addr`), 0o600) },
		"version":     func(f string) error { return os.WriteFile(f, []byte(`{"version":2,"lease":{}}`), 0o600) },
		"null":        func(f string) error { return os.WriteFile(f, []byte(`{"version":1,"lease":null}`), 0o600) },
		"not a lease": func(f string) error { return os.WriteFile(f, []byte(`{"version":1,"lease":{}}`), 0o600) },
		"huge": func(f string) error {
			if err := os.WriteFile(f, []byte("{"), 0o600); err != nil {
				return err
			}
			return os.Truncate(f, 1<<30)
		},
		"link":      func(f string) error { return os.Symlink(secret, f) },
		"fifo":      func(f string) error { return syscall.Mkfifo(f, 0o600) },
		"directory": func(f string) error { return os.Mkdir(f, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			d := c.open(t, t.TempDir())
			if err := make(d.File()); err != nil {
				t.Fatal(err)
			}
			if l, err := d.Load(t.Context()); err == nil || l != nil {
				t.Errorf("Load = %v, %v", l, err)
			}
			err := d.Save(t.Context(), full())
			if name == "directory" {
				if err == nil {
					t.Error("a directory was replaced")
				}
				return
			}
			if err != nil {
				t.Fatalf("Save over it: %v", err)
			}
			if l, err := d.Load(t.Context()); err != nil || l == nil {
				t.Errorf("Load after Save = %v, %v", l, err)
			}
			if b, _ := os.ReadFile(secret); string(b) != "secret" {
				t.Error("the file that the link pointed to was written")
			}
		})
	}
}

// What a killed process left is no obstacle, and no link is written through.
func TestDirLeftovers(t *testing.T) {
	c := &clocks{process: t0, wall: t0, boot: time.Hour, id: "b"}
	d := c.open(t, t.TempDir())
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(d.path, ".eth0.json.new")); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(t.Context(), full()); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(secret); string(b) != "secret" {
		t.Error("Save wrote through a link")
	}
}

// LIF-08: a full disk leaves the old lease whole.
func TestDirFull_LIF_08(t *testing.T) {
	path := t.TempDir()
	smallDisk(t, path)
	c := &clocks{process: t0, wall: t0, boot: time.Hour, id: "b"}
	d := c.open(t, path)
	if err := d.Save(t.Context(), full()); err != nil {
		t.Fatal(err)
	}
	big := full()
	big.Options[225] = make([]byte, 16<<10)
	if err := d.Save(t.Context(), big); err == nil {
		t.Fatal("16 KiB went into 8")
	}
	got, err := d.Load(t.Context())
	if err != nil || !reflect.DeepEqual(got, full()) {
		t.Errorf("after a failed Save: %+v, %v", got, err)
	}
	if names, _ := filepath.Glob(filepath.Join(path, ".*")); len(names) != 0 {
		t.Errorf("left behind: %v", names)
	}
}

// smallDisk mounts 8 KiB on path, for the calling goroutine alone: its thread
// leaves the others' mount namespace, and ends with the goroutine.
func smallDisk(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	runtime.LockOSThread() // never unlocked
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=8k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(path, 0) })
}

func TestNewDirRefuses_SEC_03(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a/b", "../x", "a\x00", strings.Repeat("a", 65)} {
		if _, err := NewDir("/nowhere", name); err == nil {
			t.Errorf("%q was accepted", name)
		}
	}
	// The directory cannot be made.
	d, err := NewDir("/proc/nothing", "eth0")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Save(t.Context(), full()); err == nil {
		t.Error("a directory was made in /proc")
	}
}

// Whatever a lease file holds, Load returns an error or a lease that can be
// held, and what it returns can be saved and loaded again.
func FuzzLeaseFile(f *testing.F) {
	for _, l := range []*Lease{full(), {Address: addr("10.0.0.5"), Start: t0, Valid: Infinite}} {
		b, err := json.Marshal(file{fileVersion, "b", 1, l})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"version":1,"boot_id":"b","boot_time_ns":-9223372036854775808,"lease":{"address":"10.0.0.1/33"}}`))
	path := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &clocks{process: t0, wall: t0, boot: time.Hour, id: "b"}
		d := c.open(t, path)
		if err := os.WriteFile(d.File(), b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := d.Load(t.Context())
		if err != nil {
			return
		}
		if err := l.check(); err != nil {
			t.Fatalf("Load returned a lease that cannot be held: %v", err)
		}
		if y := l.Start.Year(); y < 1 || y > 9000 {
			return // JSON has no such times
		}
		if err := d.Save(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		again, err := d.Load(t.Context())
		if err != nil {
			t.Fatalf("what was saved cannot be loaded: %v", err)
		}
		if again.Prefix() != l.Prefix() || again.Valid != l.Valid {
			t.Fatalf("came back as %v", again)
		}
	})
}
