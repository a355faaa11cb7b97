package e2e_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A stage is the file system that a program and its scripts see: that of the
// machine with some files put before it, of which they may change what they
// like. It is known afterwards what they have changed.
type stage struct{ dir string }

// The directories of a stage: what is put before the machine's files, what was
// changed, and where it is seen.
const (
	stageLow  = "low"
	stageUp   = "up"
	stageWork = "work"
	stageRoot = "root"
)

// enterStage makes the mounts, which end with the process, and becomes the
// command; $1 is the directory. The host name is the process's own too.
const enterStage = `set -e
cd "$1"; shift
mount -t overlay overlay -o "lowerdir=$PWD/low:/,upperdir=$PWD/up,workdir=$PWD/work" root
for d in proc sys dev; do mount --rbind /$d root/$d; done
if [ -n "$GOCOVERDIR" ]; then mkdir -p "root$GOCOVERDIR"; mount --bind "$GOCOVERDIR" "root$GOCOVERDIR"; fi
hostname localhost
exec chroot root "$@"`

// newStage makes a stage with those files beside the program, which can be
// called as dhclient and as udhcpc. What begins with #! can be executed.
func newStage(t *testing.T, files map[string]string) *stage {
	t.Helper()
	g := &stage{stateDir(t)}
	for _, d := range []string{stageLow, stageUp, stageWork, stageRoot} {
		if err := os.Mkdir(filepath.Join(g.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	g.put(t, "/etc/fstab", "")
	g.put(t, "/etc/resolv.conf", "nameserver 192.0.2.99\n")
	for path, text := range files {
		g.put(t, path, text)
	}
	const bin = "/usr/local/sbin/"
	g.put(t, bin+"README", "")
	if err := os.Link(program(t), filepath.Join(g.dir, stageLow, bin, name)); err != nil {
		t.Fatal(err)
	}
	for _, guise := range []string{"dhclient", "udhcpc"} {
		if err := os.Symlink(name, filepath.Join(g.dir, stageLow, bin, guise)); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// put writes a file before anything runs.
func (g *stage) put(t *testing.T, path, text string) {
	t.Helper()
	mode := fs.FileMode(0o644)
	if strings.HasPrefix(text, "#!") {
		mode = 0o755
	}
	path = filepath.Join(g.dir, stageLow, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	// What another test starts meanwhile would hold it open for writing.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// launch starts a command on the stage. It may be started once more when it has
// ended, and finds what it has left.
func (g *stage) launch(t *testing.T, s *station, argv ...string) *client {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(g.dir, stageWork, "work")); err != nil {
		t.Fatal(err)
	}
	return launch(t, s, "unshare", slices.Concat([]string{"--uts", "sh", "-c", enterStage, "sh", g.dir}, argv)...)
}

// read is what a file has now; empty for none.
func (g *stage) read(path string) string {
	for _, layer := range []string{stageUp, stageLow} {
		if b, err := os.ReadFile(filepath.Join(g.dir, layer, path)); err == nil {
			return string(b)
		}
	}
	return ""
}

// lines are those of a file.
func (g *stage) lines(path string) []string {
	return strings.Split(strings.TrimSuffix(g.read(path), "\n"), "\n")
}

// changed lists the files that were made, changed or removed.
func (g *stage) changed(t *testing.T) (all []string) {
	t.Helper()
	up := filepath.Join(g.dir, stageUp)
	err := filepath.WalkDir(up, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was there for a moment
		}
		if err == nil && !d.IsDir() {
			all = append(all, strings.TrimPrefix(path, up))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
