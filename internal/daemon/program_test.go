package daemon

import (
	"os"
	"path/filepath"
	"testing"
)

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
