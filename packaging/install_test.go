package packaging_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Whoever installs it, with whatever umask, others can read it; and what was
// installed is removed.
func TestInstall(t *testing.T) {
	dir := t.TempDir()
	old := syscall.Umask(0o077)
	makeTarget(t, "install", "DESTDIR="+dir, "PREFIX=/opt/x")
	syscall.Umask(old)
	want := `
-rwxr-xr-x sbin/dhclient-go
-rwxr-xr-x lib/cni/dhclient-go-cni
Lrwxrwxrwx lib/dhclient-go/dhclient
Lrwxrwxrwx lib/dhclient-go/udhcpc
-rw-r--r-- lib/systemd/system/dhclient-go-agent.service
-rw-r--r-- lib/systemd/system/dhclient-go@.service
-rw-r--r-- share/man/man7/dhclient-go-compat.7
-rw-r--r-- share/man/man8/dhclient-go.8
-rw-r--r-- share/bash-completion/completions/dhclient-go
-rw-r--r-- share/zsh/site-functions/_dhclient-go
-rw-r--r-- share/fish/vendor_completions.d/dhclient-go.fish
-rw-r--r-- share/doc/dhclient-go/CHANGELOG.md
-rw-r--r-- share/doc/dhclient-go/LICENSE
-rw-r--r-- share/doc/dhclient-go/README.md
-rw-r--r-- share/doc/dhclient-go/THIRD-PARTY-LICENCES
-rw-r--r-- share/doc/dhclient-go/agent.toml
-rw-r--r-- share/doc/dhclient-go/dhclient-go-cni.cdx.json
-rw-r--r-- share/doc/dhclient-go/dhclient-go.cdx.json
-rw-r--r-- share/doc/dhclient-go/packaging.md
-rwxr-xr-x share/doc/dhclient-go/init/ifupdown-ng/dhclient-go
-rwxr-xr-x share/doc/dhclient-go/init/openrc/dhclient-go
-rwxr-xr-x share/doc/dhclient-go/init/runit/run
-rwxr-xr-x share/doc/dhclient-go/init/sysvinit/dhclient-go
`
	wanted, got := strings.Split(strings.TrimSpace(want), "\n"), files(t, dir+"/opt/x")
	documents, err := filepath.Glob("../docs/*.md")
	documents = append(documents, "../docs/scale.svg")
	if err != nil || len(documents) == 0 {
		t.Fatalf("documents: %v, %v", documents, err)
	}
	for _, path := range documents {
		wanted = append(wanted, "-rw-r--r-- share/doc/dhclient-go/docs/"+filepath.Base(path))
	}
	slices.Sort(wanted)
	slices.Sort(got)
	if !slices.Equal(got, wanted) {
		t.Errorf("installed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(wanted, "\n"))
	}
	if all := files(t, dir); len(all) != len(got) {
		t.Errorf("installed beside PREFIX:\n%s", strings.Join(all, "\n"))
	}
	for _, name := range []string{"dhclient", "udhcpc"} {
		if _, err := os.Stat(filepath.Join(dir, "opt/x/lib/dhclient-go", name)); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(dir + "/opt/x/share/man"); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("share/man: %v, %v", info.Mode(), err)
	}

	makeTarget(t, "uninstall", "DESTDIR="+dir, "PREFIX=/opt/x")
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("make uninstall left\n%s", strings.Join(left, "\n"))
	}
}

// Every module that is linked in is in the document of licences.
func TestLicences(t *testing.T) {
	b, err := os.ReadFile(install(t, "share/doc/dhclient-go/THIRD-PARTY-LICENCES"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(must(t, "go", "version", "-m", program(t), program(t)+"-cni")) {
		if f := strings.Fields(line); len(f) > 2 && f[0] == "dep" {
			n++
			if !strings.Contains(string(b), "\n"+f[1]+" "+f[2]+", ") {
				t.Errorf("no licence of %s", f[1])
			}
		}
	}
	if n < 5 || !strings.Contains(string(b), "The Go Authors") {
		t.Errorf("%d modules, in %d octets", n, len(b))
	}
}
