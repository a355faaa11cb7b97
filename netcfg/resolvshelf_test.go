package netcfg

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// readOnlyState makes the place where clients meet one in which nothing can be
// made: a read-only root without another /run.
func (d *desk) readOnlyState(t *testing.T) {
	t.Helper()
	dir := filepath.Join(filepath.Dir(d.path), "ro")
	must(t, os.Mkdir(dir, 0o755))
	must(t, unix.Mount("none", dir, "tmpfs", unix.MS_RDONLY, ""))
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	d.stateDir = filepath.Join(dir, "run", "resolv")
}

// Where clients cannot meet, the links of one process still share the file, and
// the last gives back what stood there.
func TestResolver_NowhereToMeet(t *testing.T) {
	nettest.Require(t)
	d := newDesk(t)
	d.readOnlyState(t)
	a, b := d.client(t, "eth0", 2), d.client(t, "eth1", 1)
	apply(t, a, dnsA)
	apply(t, b, dnsB)
	want := written("eth1, eth0", "nameserver 10.1.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.1\nsearch b.example a.example\noptions edns0 trust-ad\n")
	if got := readFile(t, d.path); got != want {
		t.Errorf("file:\n%s\nwant:\n%s", got, want)
	}
	apply(t, b, "", dnsB)
	if got, want := readFile(t, d.path), written("eth0", "nameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a.example\noptions edns0 trust-ad\n"); got != want {
		t.Errorf("file:\n%s\nwant:\n%s", got, want)
	}
	apply(t, a, "", dnsA)
	if got := readFile(t, d.path); got != original {
		t.Errorf("restored:\n%s", got)
	}
	if got := d.log.String(); got != "" {
		t.Errorf("log: %s", got)
	}
}

// A process that dies there leaves what stood in the file to the next.
func TestResolver_NowhereToMeetAndKilled(t *testing.T) {
	nettest.Require(t)
	d := newDesk(t)
	d.readOnlyState(t)
	apply(t, d.client(t, "eth0", 1), dnsA)
	clear(memory.shelves)
	next := d.client(t, "eth0", 1)
	apply(t, next, dnsB, dnsA)
	clear(memory.shelves)
	apply(t, d.client(t, "eth0", 1), "", dnsB)
	if got := readFile(t, d.path); got != original {
		t.Errorf("restored:\n%s", got)
	}
}

// Where there is no /etc yet, as in an image from scratch, it is made.
func TestResolver_WithoutEtc(t *testing.T) {
	nettest.Require(t)
	if os.Getenv("NETCFG_NO_ETC") == "" {
		exe, err := os.Executable()
		must(t, err)
		root := t.TempDir()
		cmd := exec.Command(exe, "-test.run=^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "NETCFG_NO_ETC="+root)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	must(t, unix.Chroot(os.Getenv("NETCFG_NO_ETC"))) // a process of its own
	must(t, os.Chdir("/"))
	r, err := NewResolver(ResolverConfig{Interface: "eth0"})
	must(t, err)
	apply(t, r, dnsA)
	if got := readFile(t, DefaultResolvConf); got == "" {
		t.Error("the file is empty")
	}
	apply(t, r, "", dnsA)
	if _, err := os.Stat(DefaultResolvConf); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}
