package packaging_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A root is the root of a host that has a shell and dpkg's files, and else
// nothing.
type root string

// newRoot makes one. dash and what it is linked to are the host's.
func newRoot(t *testing.T) root {
	t.Helper()
	need(t, "dpkg")
	dir := t.TempDir()
	for _, d := range []string{"bin", "dev", "tmp", "run", "var/log", "var/lib/dpkg/info", "var/lib/dpkg/updates"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	programs := []string{"/bin/sh", "/bin/rm"}
	libraries := regexp.MustCompile(`(?m)(/\S+) \(0x`)
	for _, program := range programs {
		copyFile(t, program, filepath.Join(dir, program))
		for _, m := range libraries.FindAllStringSubmatch(must(t, "ldd", program), -1) {
			copyFile(t, m[1], filepath.Join(dir, m[1]))
		}
	}
	for _, path := range []string{"var/lib/dpkg/status", "dev/null"} { // who is not root makes no device
		if err := os.WriteFile(filepath.Join(dir, path), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root(dir)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o755)
	}
	if err == nil {
		err = os.WriteFile(to, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// dpkg runs dpkg(1) on the root. What the configuration of this host leaves out,
// as images of containers do with documents, is taken in.
func (r root) dpkg(t *testing.T, args ...string) string {
	t.Helper()
	out, err := output("", []string{"DEBIAN_FRONTEND=noninteractive", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "dpkg",
		append([]string{"--root=" + string(r), "--log=" + string(r) + "/var/log/dpkg.log", "--path-include=*"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// files are those that are not of newRoot or dpkg's own.
func (r root) files(t *testing.T) (paths []string) {
	t.Helper()
	before := regexp.MustCompile(` (var/lib/dpkg|var/log|bin|dev|lib[0-9]*|usr/lib/[a-z0-9_]+-linux-gnu)/`)
	return slices.DeleteFunc(files(t, string(r)), before.MatchString)
}

func (r root) chroot(t *testing.T, argv ...string) string {
	t.Helper()
	return must(t, "chroot", append([]string{string(r)}, argv...)...)
}

// The package says what it is, and lists what it has.
func TestDeb_Control(t *testing.T) {
	need(t, "dpkg-deb")
	path := packed(t, "deb.sh")
	for field, want := range map[string]string{
		"Package": "dhclient-go", "Version": "1.2.3+4.g0123abc", "Architecture": runtime.GOARCH, "Depends": "", "Conflicts": "", "Provides": "",
	} {
		if got := strings.TrimSpace(must(t, "dpkg-deb", "-f", path, field)); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	list := must(t, "dpkg-deb", "-c", path)
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); f[1] != "root/root" || f[3] != "2023-11-14" {
			t.Error(line)
		}
	}
	// Debian's isc-dhcp-client and udhcpc have these.
	if regexp.MustCompile(`/s?bin/(dhclient|udhcpc)\b[^-]`).MatchString(list) {
		t.Errorf("it has a file of another package:\n%s", list)
	}
}

// The versions are those that dpkg takes, and in the order of the commits.
func TestDeb_Versions(t *testing.T) {
	need(t, "dpkg")
	before := ""
	for _, row := range [][2]string{
		{"8df2983", "0~git20231114221320.8df2983"},
		{"8df2983-dirty", "0~git20231114221320.8df2983+dirty"},
		{"unknown", "0~git20231114221320.unknown"},
		{"v0.1.0", "0.1.0"},
		{"v1.2.0-rc.1", "1.2.0~rc.1"},
		{"v1.2.0-rc.1-4-gabc", "1.2.0~rc.1+4.gabc"},
		{"v1.2.0", "1.2.0"},
		{"1.2.0-4-gabc", "1.2.0+4.gabc"},
		{"v1.2.0-4-gabc-dirty", "1.2.0+4.gabc+dirty"},
		{"v1.2.1", "1.2.1"},
	} {
		out, err := output("", []string{"SOURCE_DATE_EPOCH=" + epoch}, "debian/version.sh", row[0])
		if got := strings.TrimSpace(out); err != nil || got != row[1] {
			t.Errorf("%s is %s, want %s (%v)", row[0], got, row[1], err)
		}
		must(t, "dpkg", "--validate-version", row[1])
		must(t, "dpkg", "--compare-versions", before, "lt", row[1])
		before = row[1]
	}
}

// newer is the package with a higher version.
func newer(t *testing.T, path string) string {
	t.Helper()
	dir, out := t.TempDir(), t.TempDir()+"/newer.deb"
	must(t, "dpkg-deb", "-R", path, dir)
	must(t, "sed", "-i", "s/^Version: .*/Version: 9/", dir+"/DEBIAN/control")
	must(t, "dpkg-deb", "-Znone", "--root-owner-group", "--build", dir, out)
	return out
}

// In a clean root it installs, runs, is upgraded and goes, and leaves nothing.
func TestDeb_LifeInACleanRoot(t *testing.T) {
	r, path := newRoot(t), packed(t, "deb.sh")
	bare := r.files(t)
	if len(bare) != 0 {
		t.Fatalf("a clean root has\n%s", strings.Join(bare, "\n"))
	}
	r.dpkg(t, "--install", path)
	if status := r.dpkg(t, "--status", "dhclient-go"); !strings.Contains(status, "Status: install ok installed") {
		t.Errorf("after the installation:\n%s", status)
	}
	if out := r.chroot(t, "/usr/sbin/dhclient-go", "--version"); !strings.HasPrefix(out, "dhclient-go "+version+" ") {
		t.Errorf("--version: %s", out)
	}
	r.chroot(t, "/usr/lib/dhclient-go/dhclient", "--version")
	// What is missing or changed would be listed.
	if out := r.dpkg(t, "--verify", "dhclient-go"); out != "" {
		t.Errorf("dpkg --verify:\n%s", out)
	}

	conf, lease := string(r)+"/etc/default/dhclient-go", string(r)+"/var/lib/dhclient-go/eth0.json"
	if err := os.WriteFile(conf, []byte("DHCLIENT_GO_FLAGS=-v\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	copyFile(t, conf, lease)
	r.dpkg(t, "--install", newer(t, path))
	if b, err := os.ReadFile(conf); err != nil || string(b) != "DHCLIENT_GO_FLAGS=-v\n" {
		t.Errorf("the flags after an upgrade: %q, %v", b, err)
	}

	r.dpkg(t, "--remove", "dhclient-go")
	if left := r.files(t); len(left) != 2 || !strings.HasSuffix(left[0], " etc/default/dhclient-go") || !strings.HasSuffix(left[1], "/eth0.json") {
		t.Errorf("after it was removed, there are\n%s", strings.Join(left, "\n"))
	}
	r.dpkg(t, "--purge", "dhclient-go")
	if left := r.files(t); len(left) > 0 {
		t.Errorf("after it was purged, there are\n%s", strings.Join(left, "\n"))
	}
}

// Where systemd runs it learns of the unit, and the clients are stopped when the
// package goes, but not for an upgrade.
func TestDeb_WhereSystemdRuns(t *testing.T) {
	r, path := newRoot(t), packed(t, "deb.sh")
	log := string(r) + "/var/log/systemctl"
	if err := os.MkdirAll(string(r)+"/run/systemd/system", 0o755); err != nil {
		t.Fatal(err)
	}
	// It fails, which must not make the package fail.
	if err := os.WriteFile(string(r)+"/bin/systemctl", []byte("#!/bin/sh\necho \"$*\" >>/var/log/systemctl\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ args, want []string }{
		{[]string{"--install", path}, []string{"--system daemon-reload"}},
		{[]string{"--install", newer(t, path)}, []string{"--system daemon-reload", "--system daemon-reload"}},
		{[]string{"--remove", "dhclient-go"}, []string{"--system stop dhclient-go@*.service dhclient-go-agent.service", "--system daemon-reload"}},
	} {
		_ = os.Remove(log)
		r.dpkg(t, step.args...)
		if b, err := os.ReadFile(log); err != nil || strings.TrimSpace(string(b)) != strings.Join(step.want, "\n") {
			t.Errorf("%s: systemctl was called with\n%s(%v), want %q", step.args[0], b, err, step.want)
		}
	}
}

// The commands of README.md put our link in the place of the dhclient of another
// package, where it stays when that is upgraded, and back.
func TestDeb_InThePlaceOfDhclient(t *testing.T) {
	need(t, "dpkg-divert")
	r := newRoot(t)
	const name = "/sbin/dhclient"
	r.dpkg(t, "--install", other(t, "1"))
	r.dpkg(t, "--install", packed(t, "deb.sh"))
	is := func(want string) {
		t.Helper()
		if out := r.chroot(t, name, "--version"); !strings.HasPrefix(out, want) {
			t.Errorf("%s says %q, want %q", name, out, want)
		}
	}
	is("isc 1")
	r.divert(t, "--add", name)
	if err := os.Symlink("/usr/lib/dhclient-go/dhclient", string(r)+name); err != nil {
		t.Fatal(err)
	}
	ours := r.chroot(t, "/usr/lib/dhclient-go/dhclient", "--version")
	is(ours)
	r.dpkg(t, "--install", other(t, "2"))
	is(ours)
	if err := os.Remove(string(r) + name); err != nil {
		t.Fatal(err)
	}
	r.divert(t, "--remove", name)
	is("isc 2")
}

func (r root) divert(t *testing.T, args ...string) {
	t.Helper()
	must(t, "dpkg-divert", append([]string{"--root=" + string(r), "--local", "--rename"}, args...)...)
}

// other is a package that has /sbin/dhclient, as Debian's isc-dhcp-client.
func other(t *testing.T, version string) string {
	t.Helper()
	dir, out := t.TempDir(), t.TempDir()+"/isc.deb"
	for path, text := range map[string]string{
		"DEBIAN/control": "Package: isc-dhcp-client\nVersion: " + version + "\nArchitecture: all\nMaintainer: none <none@example.org>\nDescription: a dhclient\n",
		"sbin/dhclient":  "#!/bin/sh\necho isc " + version + "\n",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "dpkg-deb", "--root-owner-group", "-Znone", "--build", dir, out)
	return out
}
