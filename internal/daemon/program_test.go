package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// playHide hides /proc, and executes its argument by another name.
func playHide() int {
	err := syscall.Mount("none", "/proc", "tmpfs", 0, "")
	if err == nil {
		_ = os.Setenv(roleEnv, "path")
		err = syscall.Exec(os.Args[1], []string{"nobody"}, os.Environ())
	}
	fmt.Println(err)
	return 1
}

// Without /proc the program is found by the path that it was executed by, which
// says more than the name that it was given.
func TestProgram_WithoutProc(t *testing.T) {
	nettest.Require(t)
	dir := t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(dir, "prog")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{os.Args[0]: os.Args[0] + " <nil>\n", "./prog": dir + "/prog <nil>\n"} {
		cmd := exec.Command(os.Args[0], path)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), roleEnv+"=hide")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
		if out, err := cmd.Output(); err != nil || string(out) != want { // the race detector wants /proc, and says so
			t.Errorf("executed as %s it is %q, %v, want %q", path, out, err, want)
		}
	}
}

// Without /proc the program is found as the shell found it.
func TestFind(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	for path, mode := range map[string]os.FileMode{
		filepath.Join(dir, "prog"): 0o644, filepath.Join(other, "prog"): 0o755,
	} {
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+other)
	if got, err := find("prog"); err != nil || got != filepath.Join(other, "prog") {
		t.Errorf("find(prog) = %q, %v", got, err)
	}
	if got, err := find("./some/prog"); err != nil || got != "./some/prog" {
		t.Errorf("a path is %q, %v", got, err)
	}
	for _, name := range []string{"folder", "nosuch"} {
		if got, err := find(name); err == nil {
			t.Errorf("find(%s) = %q", name, got)
		}
	}
}
