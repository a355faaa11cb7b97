package packaging_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// installUnit is the path of the unit, as an instance for eth0.
func installUnit(t *testing.T) string {
	t.Helper()
	dir := filepath.Dir(install(t, "lib/systemd/system/dhclient-go@.service"))
	return filepath.Join(dir, "dhclient-go@eth0.service")
}

// settings are the values of each setting of the unit, with eth0 for the
// instance.
func settings(t *testing.T) map[string][]string {
	t.Helper()
	b, err := os.ReadFile(install(t, "lib/systemd/system/dhclient-go@.service"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && key[0] != '#' {
			all[key] = append(all[key], strings.NewReplacer("%I", "eth0", "%i", "eth0").Replace(value))
		}
	}
	return all
}

// systemd has nothing to say against the unit, and finds what it starts.
func TestUnit_Verify(t *testing.T) {
	need(t, "systemd-analyze")
	for _, unit := range []string{installUnit(t), install(t, agentUnit)} {
		if out, err := output("", nil, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit); err != nil || out != "" {
			t.Errorf("systemd-analyze verify %s: %v\n%s", unit, err, out)
		}
	}
}

// A setting that is taken away shows: without them all, the exposure is 9.6.
func TestUnit_Exposure(t *testing.T) {
	need(t, "systemd-analyze")
	for _, unit := range []string{"lib/systemd/system/dhclient-go@.service", agentUnit} {
		exposed(t, install(t, unit))
	}
}

// agentUnit is the unit of an agent.
const agentUnit = "lib/systemd/system/dhclient-go-agent.service"

func exposed(t *testing.T, unit string) {
	t.Helper()
	out := must(t, "systemd-analyze", "security", "--no-pager", "--offline=yes", unit)
	m := regexp.MustCompile(`Overall exposure level for .*: ([0-9.]+) `).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("systemd-analyze security says\n%s", out)
	}
	if exposure, err := strconv.ParseFloat(m[1], 64); err != nil || exposure > 3 {
		t.Errorf("exposure %v (%v)\n%s", exposure, err, out)
	}
}

// A name with a hyphen is escaped in an instance (systemd-escape(1)): the device
// is asked for by the one name, the program by the other.
func TestUnit_EscapedNames(t *testing.T) {
	b, err := os.ReadFile("systemd/dhclient-go@.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^[^#\n]*%[a-zA-Z].*`).FindAllString(string(b), -1) {
		if device := strings.Contains(m, ".device"); device != strings.Contains(m, "%i") || device == strings.Contains(m, "%I") {
			t.Errorf("%s", m)
		}
	}
}

// The command of the unit gets a lease, keeps it where it is looked for and
// writes resolv.conf, with no more rights than the unit gives.
func TestUnit_WorksInItsSandbox(t *testing.T) {
	s, l := settings(t), newLAN(t)
	writable := []string{"/var/lib/" + s["StateDirectory"][0], "/run/" + s["RuntimeDirectory"][0], scratch} // scratch: coverage
	for _, dir := range writable {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writable = append(writable, strings.Fields(s["ReadWritePaths"][0])...)
	var capabilities []string
	for _, c := range strings.Fields(s["CapabilityBoundingSet"][0]) {
		capabilities = append(capabilities, strings.ToLower(strings.TrimPrefix(c, "CAP_")))
	}
	argv := slices.DeleteFunc(strings.Fields(s["ExecStart"][0]), func(s string) bool { return s[0] == '$' })
	argv = append([]string{"sh", "testdata/sandbox.sh", strings.Join(capabilities, " "), strings.Join(writable, " ")}, append(argv, "--oneshot", "-v")...)
	cmd := l.client.Command(t.Context(), argv[0], argv[1:]...)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "WARN") {
		t.Fatalf("%q: %v\n%s", argv, err, out)
	}
	if b, err := os.ReadFile("/etc/resolv.conf"); err != nil || !strings.Contains(string(b), "\nnameserver 192.0.2.1\n") {
		t.Errorf("resolv.conf: %v\n%s\n%s", err, b, out)
	}
	if _, err := os.Stat("/var/lib/dhclient-go/eth0.json"); err != nil {
		t.Errorf("no lease is stored: %v\n%s", err, out)
	}
	// The sandbox is one.
	argv = append(slices.Clone(argv[:4]), "sh", "-c", "for d in / /etc /usr /run /var/lib; do [ ! -w $d ] || echo $d; done; chown 1 /var/lib/dhclient-go && echo chown")
	if out, err := l.client.Command(t.Context(), argv[0], argv[1:]...).Output(); err == nil || len(out) > 0 {
		t.Errorf("it could write, in the sandbox (%v): %s", err, out)
	}
}
