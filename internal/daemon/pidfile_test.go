package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The file has our number and anybody may read it, whatever stood there and
// whatever the umask is. A link is replaced, not followed.
func TestWritePid(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	own := fmt.Sprintln(os.Getpid())
	for name, prepare := range map[string]func(file, secret string) error{
		"nothing": func(string, string) error { return nil },
		"stale":   func(f, _ string) error { return os.WriteFile(f, []byte("999999\n"), 0o600) },
		"a link":  func(f, secret string) error { return os.Symlink(secret, f) },
		"a link of a killed process": func(f, secret string) error {
			return os.Symlink(secret, filepath.Join(filepath.Dir(f), ".pid.new"))
		},
		"a dangling link": func(f, _ string) error { return os.Symlink("/nowhere/at/all", f) },
	} {
		dir := t.TempDir()
		file, secret := filepath.Join(dir, "pid"), filepath.Join(t.TempDir(), "secret")
		if err := errors.Join(os.WriteFile(secret, []byte("secret"), 0o600), prepare(file, secret)); err != nil {
			t.Fatal(err)
		}
		f, err := WritePid(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		info, err := os.Lstat(file)
		if err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		if b, _ := os.ReadFile(file); string(b) != own {
			t.Errorf("%s: it has %q", name, b)
		}
		if b, _ := os.ReadFile(secret); string(b) != "secret" {
			t.Errorf("%s: another file was written", name)
		}
		if err := f.Remove(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%s: %v are left", name, left)
		}
	}
}

// Another's number is not ours to remove, nor a file that is gone an error.
func TestPidFile_RemoveIfOurs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	f, err := WritePid(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("999999\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("another's file: %v", err)
	}
	if err := errors.Join(os.Remove(file), f.Remove(), (*PidFile)(nil).Remove()); err != nil {
		t.Error(err)
	}
}

// The name counts from the directory that the process was in.
func TestPidFile_WorkingDirectory(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	f, err := WritePid("pid")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir("/")
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

// `-pf /dev/null` is a habit: a device is written to, and stays.
func TestWritePid_Device(t *testing.T) {
	file := filepath.Join(t.TempDir(), "null")
	if err := unix.Mknod(file, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		t.Skipf("no device can be made here: %v", err)
	}
	f, err := WritePid(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
	if info, err := os.Lstat(file); err != nil || info.Mode()&fs.ModeCharDevice == 0 {
		t.Errorf("it is %v, %v", info, err)
	}
}

func TestWritePid_Refuses(t *testing.T) {
	dir := t.TempDir()
	fifo, socketDir := filepath.Join(dir, "fifo"), filepath.Join(dir, "nosuch")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, fifo, filepath.Join(socketDir, "pid"), "/proc/nothing", filepath.Join(dir, strings.Repeat("a", 300)), "\x00"} {
		if _, err := WritePid(path); err == nil {
			t.Errorf("%.40q was written", path)
		} else if !strings.HasPrefix(err.Error(), "pid file ") {
			t.Errorf("%.40q: %v", path, err)
		}
	}
}

// Anybody may have written the file.
func TestReadPid_Hostile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "pid")
	for text, want := range map[string]int{
		"7\n": 7, "7": 7, " 12 \n": 12, "4194303\n": 4194303,
		"": 0, "\n": 0, "0\n": 0, "-1\n": 0, "+7\n": 0, "7 8\n": 0, "7x": 0, "0x7": 0, "\x007": 0,
		"4194304\n": 0, "99999999999999999999\n": 0, strings.Repeat("7", 1<<20): 0, strings.Repeat(" ", 1<<20) + "7": 0,
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := readPid(file)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%.30q: %d, %v", text, got, err)
		}
	}
	link, fifo := filepath.Join(dir, "link"), filepath.Join(dir, "fifo")
	if err := errors.Join(os.WriteFile(file, []byte("7"), 0o644), os.Symlink(file, link), unix.Mkfifo(fifo, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, fifo, dir, os.DevNull} {
		if pid, err := readPid(path); err == nil {
			t.Errorf("%s has %d", path, pid)
		}
	}
	if _, err := RunningPid(filepath.Join(dir, "nosuch")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// A number leads to a process that may be sent a signal only if that is a
// client, by its name or its program.
func TestRunningPid(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "pid")
	ask := func(pid int) error {
		if err := os.WriteFile(file, fmt.Appendln(nil, pid), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := RunningPid(file)
		if err == nil && got != pid {
			t.Errorf("%d is %d", pid, got)
		}
		return err
	}
	for _, tt := range []struct {
		name, program string
		ours          bool
	}{
		{"dhclient", sleep, true}, {"udhcpc", sleep, true}, {"dhclient-go", sleep, true},
		{"sleep", sleep, false}, {"dhclientx", sleep, false},
		{"(udhcpc)", sleep, false}, {"x) udhcpc", sleep, false},
		{"mylink", exe, true},
	} {
		link := filepath.Join(dir, tt.name)
		if err := os.Symlink(tt.program, link); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(link, "60")
		cmd.Env = append(os.Environ(), roleEnv+"=wait")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// It is what it is called when its exec is done.
		waitFor(t, tt.name, func() bool {
			name, _ := status(filepath.Join("/proc", fmt.Sprint(cmd.Process.Pid)))
			return name == tt.name
		})
		if err := ask(cmd.Process.Pid); (err == nil) != tt.ours || err != nil && !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		// A zombie of that name does not run.
		waitFor(t, "zombie", func() bool { return !running(cmd.Process.Pid) })
		if err := ask(cmd.Process.Pid); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s, a zombie: %v", tt.name, err)
		}
		_ = cmd.Wait()
	}
	for _, pid := range []int{1, os.Getpid(), 4194303} {
		if err := ask(pid); !errors.Is(err, ErrNotRunning) {
			t.Errorf("%d: %v", pid, err)
		}
	}
}
