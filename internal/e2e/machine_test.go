package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A machine is a client's station with an /etc, a /run and a /usr of its own, in
// which a Debian package lies that need not be installed. Its links are eth0 and
// eth1; the server of ethN gives a name server 192.0.2.3 or 203.0.113.3.
type machine struct {
	*station
	pid int
}

// machineScript makes the machine: $1 is the package, $2 what stands in
// /etc/resolv.conf, $3 what runs then. Process 1 is this one, as far as anyone
// can see: it says whom the resolver serves. It ends with its standard input.
const machineScript = `trap 'echo not ready' EXIT
mkdir -p /run/machine.$$
mount -n -t tmpfs none /run/machine.$$
mkdir /run/machine.$$/e2e
mount -n --bind /run/e2e /run/machine.$$/e2e
mount -n --move /run/machine.$$ /run
mkdir /run/etc
cp -aL /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache /run/etc/
cp -a /etc/alternatives /etc/dhcp /etc/udhcpc /run/etc/
[ -z "$1" ] || cp -a "$1/etc/." /run/etc/
printf %s "$2" >/run/etc/resolv.conf
umount -n /etc/resolv.conf
mount -n --bind /run/etc /etc
[ -z "$1" ] || mount -n -t overlay none -o "lowerdir=$1/usr:/usr" /usr
mount -n --bind /proc/$$ /proc/1
eval "$3"
trap - EXIT
echo ready
while read -r _; do :; done
kill $(jobs -p) 2>/dev/null
wait
`

// newMachine makes a machine with what is in a package; the empty name is none.
func newMachine(t *testing.T, pkg, resolvConf, setUp string) *machine {
	t.Helper()
	program(t)
	if pkg != "" {
		pkg = unpacked(t, pkg)
	}
	cli, peer := cable(t)
	far := &station{NS: nettest.NewNS(t, "server")}
	nettest.Veth(t, cli.NS, "eth1", far.NS, "eth0")
	peer.lie(t, func(*dhcptest.Config) {})
	at := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, last}) }
	far.serve(t, dhcptest.Config{
		ServerID: at(1), Network: netip.PrefixFrom(at(0), 24), First: at(10), Last: at(19),
		Routers: []netip.Addr{at(1)}, DNS: []netip.Addr{at(3)}, Domain: "example.net",
	}, func(*dhcptest.Config) {})

	cmd := cli.Command(context.Background(), "/bin/bash", "-ec", machineScript, "machine", pkg, resolvConf, setUp)
	in, err := cmd.StdinPipe()
	must(t, err)
	said := newLines()
	cmd.Stdout, cmd.Stderr = said, said
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // nobody asks how it ended
		close(ended)
	}()
	t.Cleanup(func() {
		_ = in.(io.Closer).Close()
		<-ended
		if t.Failed() {
			t.Logf("the machine said:\n%s", said)
		}
	})
	if said.wait(t, "a machine", func(line string) bool { return strings.HasSuffix(line, "ready") }) != "ready" {
		t.Fatal("the machine cannot be made")
	}
	return &machine{cli, cmd.Process.Pid}
}

// unpacked is where the package lies that `make deps` has unpacked.
func unpacked(t *testing.T, pkg string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", "..", "bin", "debs", pkg))
	must(t, err)
	if _, err := os.Stat(filepath.Join(dir, "usr")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("package %s is not unpacked: %v", pkg, err)
		}
		t.Skipf("package %s is not unpacked (make deps): %v", pkg, err)
	}
	return dir
}

// inside is the command of a program on the machine.
func (m *machine) inside(argv ...string) (name string, args []string) {
	return "nsenter", append([]string{"-t", fmt.Sprint(m.pid), "-m", "--"}, argv...)
}

// client starts the program on a link, as a user would: the resolver is the
// machine's.
func (m *machine) client(t *testing.T, link, metric string, flags ...string) *client {
	t.Helper()
	name, args := m.inside(append([]string{program(t), "-vv", "--acd=off", "--lease-dir", "/run/leases", "--metric", metric, link}, flags...)...)
	c := launch(t, m.station, name, args...)
	c.stdout.wait(t, "a lease of "+link, func(line string) bool {
		return strings.HasPrefix(line, link+": ") && strings.Contains(line, ", lease ")
	})
	return c
}

// run runs a program on the machine and returns what it prints.
func (m *machine) run(t *testing.T, argv ...string) string {
	t.Helper()
	name, args := m.inside(argv...)
	out, err := m.Command(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", argv, err, out)
	}
	return string(out)
}

// file is a file of the machine, "" if there is none.
func (m *machine) file(path string) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/root%s", m.pid, path))
	if err != nil {
		return ""
	}
	return string(b)
}

// servers are the name servers and the search list in /etc/resolv.conf, in one
// line.
func (m *machine) servers(t *testing.T) string {
	t.Helper()
	var out []string
	for line := range strings.Lines(m.run(t, "cat", "/etc/resolv.conf")) {
		f := strings.Fields(line)
		switch {
		case len(f) > 1 && f[0] == "nameserver":
			out = append(out, f[1])
		case len(f) > 1 && (f[0] == "search" || f[0] == "domain"):
			out = append(out, f[1:]...)
		}
	}
	return strings.Join(out, " ")
}
