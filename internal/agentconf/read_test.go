package agentconf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// refused says that the file at path is not read, for a reason.
func refused(t *testing.T, path, reason string) {
	t.Helper()
	f, err := Read(path)
	if f != nil || err == nil || !strings.HasPrefix(err.Error(), path+": ") || !strings.Contains(err.Error(), reason) {
		t.Errorf("%v, %v; want %s", f, err, reason)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead_WhatIsNoFileOfOurs(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, dir, "is a directory")
	refused(t, fifo, "is not a regular file")
	refused(t, "/dev/zero", "is not a regular file")
	refused(t, filepath.Join(dir, "none"), "no such file or directory")
	refused(t, write(t, filepath.Join(dir, "all"), "", 0o646), "can be written by all (mode 0646)")
	refused(t, write(t, filepath.Join(dir, "large"), strings.Repeat("#", maxFile+1), 0o600), "is larger than 1048576 octets")
	if os.Geteuid() != 0 {
		refused(t, write(t, filepath.Join(dir, "shut"), "", 0), "permission denied")
	}
	full := write(t, filepath.Join(dir, "full"), strings.Repeat("#", maxFile), 0o644)
	if _, err := Read(full); err != nil {
		t.Errorf("a file of the largest size: %v", err)
	}
}

func TestRead_OthersAreNotTrusted(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := t.TempDir()
	others := write(t, filepath.Join(dir, "others"), "", 0o600)
	group := write(t, filepath.Join(dir, "group"), "", 0o664)
	if err := os.Chown(others, 12, 0); err != nil {
		t.Skip(err) // a user namespace with one user
	}
	refused(t, others, "belongs to user 12")
	if err := os.Chown(group, 0, 12); err != nil {
		t.Fatal(err)
	}
	refused(t, group, "can be written by group 12 (mode 0664)")
	if err := os.Chown(group, 0, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(group); err != nil {
		t.Errorf("root's own group: %v", err)
	}
}

func TestRead_ThroughALink(t *testing.T) {
	dir := t.TempDir() // as Kubernetes mounts a ConfigMap
	write(t, filepath.Join(dir, "data"), "[agent]\nmatch = 'a'\n[oops]", 0o644)
	link := filepath.Join(dir, "agent.toml")
	if err := os.Symlink("data", link); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(link); err == nil || err.Error() != link+":3: no section is called oops" {
		t.Error(err)
	}
}
