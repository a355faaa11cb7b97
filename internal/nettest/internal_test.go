package nettest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// alone runs f on a thread with mount and network namespaces of its own, which
// ends with it.
func alone(t *testing.T, f func() error) {
	t.Helper()
	Require(t)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever
		err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET)
		if err == nil {
			err = unix.Mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestPrepare(t *testing.T) {
	alone(t, func() error {
		if err := os.WriteFile("/run/from-before", nil, 0o600); err != nil {
			return err
		}
		if err := prepare(); err != nil {
			return err
		}
		if _, err := os.Stat("/run/from-before"); err == nil {
			return errors.New("/run still shows what was there before")
		}
		for _, path := range []string{marker, stateDir, netnsDir, "/etc/resolv.conf"} {
			if _, err := os.Stat(path); err != nil {
				return err
			}
		}
		if err := os.WriteFile("/etc/resolv.conf", []byte("nameserver 192.0.2.53\n"), 0o644); err != nil {
			return err
		}
		if err := os.Rename("/etc/resolv.conf", "/etc/x"); !errors.Is(err, unix.EBUSY) {
			return errors.New("/etc/resolv.conf is not a mount point")
		}
		out, err := exec.Command("ip", "-br", "link").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "LOOPBACK,UP") || strings.Count(string(out), "\n") != 1 {
			return errors.New("links: " + string(out))
		}
		return nil
	})
	if b, err := os.ReadFile("/etc/resolv.conf"); err != nil || strings.Contains(string(b), "192.0.2.53") {
		t.Errorf("resolv.conf outside: %q, %v", b, err)
	}
}

func TestEtcWithoutResolvConf(t *testing.T) {
	alone(t, func() error {
		if err := unix.Mount("none", "/etc", "tmpfs", 0, ""); err != nil {
			return err
		}
		if err := os.Symlink("/run/resolve/stub.conf", "/etc/resolv.conf"); err != nil {
			return err
		}
		if err := unix.Mount("none", "/run", "tmpfs", 0, ""); err != nil {
			return err
		}
		if err := privateEtc(); err != nil {
			return err
		}
		return os.WriteFile("/etc/resolv.conf", []byte("x"), 0o644)
	})
}

// Where there is no overlay file system, /etc is read-only but for the one
// file.
func TestEtcReadOnly(t *testing.T) {
	alone(t, func() error {
		if err := readOnly("/etc"); err != nil {
			return err
		}
		if err := os.WriteFile("/etc/hostname", nil, 0o644); !errors.Is(err, unix.EROFS) {
			return errors.Join(errors.New("/etc can be written to"), err)
		}
		return nil
	})
	if err := readOnly("/no/such/dir"); err == nil {
		t.Error("a missing directory became read-only")
	}
	if err := regular("/no/such/file"); err == nil {
		t.Error("a file was made in a missing directory")
	}
}

func TestCoverKeepsWhatIsNeeded(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"work/tree", "other", "cache"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "cache"), filepath.Join(dir, "work/link")); err != nil {
		t.Fatal(err)
	}
	alone(t, func() error {
		keep := []string{dir + "/work/tree/x_test", dir + "/work/link", dir, "/", "relative", "", dir + "/missing/x"}
		if err := cover(dir, keep); err != nil {
			return err
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if !slices.Equal(names, []string{"cache", "work"}) {
			t.Errorf("kept %v", names)
		}
		_, err = os.Stat(dir + "/work/tree")
		return err
	})
	if err := cover("/no/such/dir", nil); err == nil {
		t.Error("a missing directory was covered")
	}
}

func TestNeeded(t *testing.T) {
	got := needed()
	wd, _ := os.Getwd()
	exe, _ := os.Executable()
	for _, want := range []string{wd, exe, os.TempDir()} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not kept", want)
		}
	}
}

func TestReadReady(t *testing.T) {
	for said, want := range map[string]string{
		"ok":                  "",
		"":                    "process 1 ended without a word",
		"mount: not this one": "mount: not this one",
	} {
		err := readReady(strings.NewReader(said))
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%q: %v, want %q", said, err, want)
		}
	}
	if err := readReady(iotest.ErrReader(errors.New("broken"))); err == nil {
		t.Error("a broken pipe was taken for an answer")
	}
}

// A test that ignores signals is killed in the end.
func TestForwardKillsAtLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sigs := make(chan os.Signal, 2)
		var got []os.Signal
		sigs <- syscall.SIGTERM
		sigs <- syscall.SIGINT
		start := time.Now()
		forward(sigs, func(s os.Signal) error { got = append(got, s); return nil }, time.Minute)
		if !slices.Equal(got, []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL}) || time.Since(start) != time.Minute {
			t.Errorf("sent %v in %v", got, time.Since(start))
		}
		close(sigs)
		forward(sigs, nil, time.Minute)
	})
}

func TestExitCode(t *testing.T) {
	for s, want := range map[syscall.WaitStatus]int{0: 0, 3 << 8: 3, 9: 137} {
		if got := exitCode(s); got != want {
			t.Errorf("%#x: %d, want %d", s, got, want)
		}
	}
}

func TestIsFuzzWorker(t *testing.T) {
	for arg, want := range map[string]bool{
		"-test.fuzzworker": true, "--test.fuzzworker=true": true, "-test.fuzz=FuzzX": false, "-test.run=fuzzworker": false,
	} {
		if got := isFuzzWorker([]string{"x.test", "-test.v", arg}); got != want {
			t.Errorf("%s: %v", arg, got)
		}
	}
}

func TestNamespaces(t *testing.T) {
	if a := namespaces(false); a.Cloneflags&syscall.CLONE_NEWUSER != 0 || a.Pdeathsig != syscall.SIGKILL {
		t.Errorf("with rights: %+v", a)
	}
	if a := namespaces(true); a.Cloneflags&syscall.CLONE_NEWUSER == 0 || len(a.UidMappings) != 1 || len(a.GidMappings) != 1 {
		t.Errorf("without rights: %+v", a)
	}
}

func TestNSName(t *testing.T) {
	for _, c := range []struct {
		prefix string
		i      uint32
		want   string
	}{{"a", 7, "a7"}, {"a-very-long-prefix", 12, "a-very-long-12"}, {"x", 1 << 31, "x2147483648"}} {
		if got := nsName(c.prefix, c.i); got != c.want || len(got) > 14 {
			t.Errorf("%s, %d: %q, want %q", c.prefix, c.i, got, c.want)
		}
	}
}

func TestLinkUpRefusesWhatIsNotThere(t *testing.T) {
	Require(t)
	for _, name := range []string{"nosuch0", "a-name-that-is-too-long", ""} {
		if err := linkUp(name); err == nil {
			t.Errorf("link %q is up", name)
		}
	}
}

func TestBrokenNamespace(t *testing.T) {
	Require(t)
	n := &NS{Name: "never-made"}
	if _, err := n.enter(); err == nil {
		t.Error("entered a namespace that does not exist")
	}
	if err := os.WriteFile(n.path(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := n.enter(); err == nil {
		t.Error("entered a file")
	}
	if err := n.create(); err == nil {
		t.Error("made a namespace over another")
	}
	if err := n.remove(); err != nil {
		t.Error(err)
	}
	if err := n.remove(); err == nil {
		t.Error("removed a namespace that does not exist")
	}
}
