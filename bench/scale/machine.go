package scale

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A Machine is what the figures are of.
type Machine struct {
	CPU        string
	Processors int
	Kernel     string
}

func thisMachine() Machine {
	m := Machine{CPU: "unknown", Processors: runtime.NumCPU()}
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			m.CPU = strings.TrimSpace(v)
			break
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = release.FindString(unix.ByteSliceToString(u.Release[:]))
	}
	return m
}

// release is the kernel's number, without what its builder has added.
var release = regexp.MustCompile(`^\d+(\.\d+)*`)

// versions are those of the programs that take part.
func versions(bin string) map[string]string {
	number := regexp.MustCompile(`\bv?\d+\.\d+(\.\w+)*(-\w+)*|\b\d{3}\b`)
	all := map[string]string{}
	out, _ := exec.Command(bin+"/dhclient-go", "--version").Output()
	if f := strings.Fields(firstLine(out)); len(f) > 1 {
		all["dhclient-go"] = f[1]
	}
	for name, argv := range map[string][]string{
		"dnsmasq":  {"dnsmasq", "--version"},
		"udhcpc":   {"udhcpc", "--help"},
		"dhclient": {"dhclient", "--version"},
		"dhcpcd":   {"dhcpcd", "--version"},
		"systemd":  {"/lib/systemd/systemd-networkd", "--version"},
	} {
		out, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput() // some fail, and say it nevertheless
		if v := number.FindString(firstLine(out)); v != "" {
			all[name] = v
		}
	}
	return all
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}
