package packaging_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// pack runs a script that packs, and returns the path of what it made.
func pack(t *testing.T, script string, env ...string) string {
	t.Helper()
	env = append(append(variables(t), "DIST="+t.TempDir()), env...)
	out, err := output("..", env, "packaging/"+script)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// packed is what the script makes, made once.
func packed(t *testing.T, script string) string {
	t.Helper()
	name := map[string]string{
		"tarball.sh": "dhclient-go-v1.2.3-4-g0123abc-linux-" + runtime.GOARCH + ".tar.gz",
		"deb.sh":     "dhclient-go_1.2.3+4.g0123abc_" + runtime.GOARCH + ".deb",
	}[script]
	path := filepath.Join(scratch, "dist", name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if got := pack(t, script, "TZ=UTC", "LC_ALL=C", "DIST="+filepath.Dir(path)); got != path {
		t.Fatalf("%s made %s, want %s", script, got, path)
	}
	return path
}

// What is packed does not show who packed it, where and when.
func TestArchives_SameOctetsFromAnyone(t *testing.T) {
	need(t, "dpkg-deb")
	for _, script := range []string{"tarball.sh", "deb.sh"} {
		one := packed(t, script)
		old := syscall.Umask(0o077)
		two := pack(t, script, "TZ=Asia/Kathmandu", "LC_ALL=C.UTF-8", "TMPDIR="+t.TempDir())
		syscall.Umask(old)
		a, errA := os.ReadFile(one)
		b, errB := os.ReadFile(two)
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s made %d and %d octets that differ (%v, %v)", script, len(a), len(b), errA, errB)
		}
		if left, _ := filepath.Glob(filepath.Dir(two) + "/*"); len(left) != 1 {
			t.Errorf("%s left %q", script, left)
		}
	}
}

// The tarball is unpacked into /usr/local, and its unit starts what is there.
func TestTarball(t *testing.T) {
	path := packed(t, "tarball.sh")
	for line := range strings.Lines(must(t, "tar", "--numeric-owner", "--utc", "--full-time", "-tvzf", path)) {
		if f := strings.Fields(line); f[1] != "0/0" || f[3]+" "+f[4] != "2023-11-14 22:13:20" {
			t.Error(line)
		}
	}
	dir := t.TempDir()
	must(t, "tar", "-xzf", path, "-C", dir, "--strip-components=1")
	if out := must(t, filepath.Join(dir, "sbin/dhclient-go"), "--version"); !strings.HasPrefix(out, "dhclient-go "+version+" ") {
		t.Errorf("--version: %s", out)
	}
	unit, err := os.ReadFile(filepath.Join(dir, "lib/systemd/system/dhclient-go@.service"))
	if err != nil || !strings.Contains(string(unit), "\nExecStart=/usr/local/sbin/dhclient-go ") {
		t.Errorf("the unit: %v\n%s", err, unit)
	}
}
