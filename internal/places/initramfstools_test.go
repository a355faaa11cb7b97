package places_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// inInitramfs is what /init of initramfs-tools does for a root file system on
// the network: $1 is where dhclient-go and ipconfig are, $2 its scripts/functions, $3 the
// kernel's parameter ip.
// /etc and /run are empty, as there.
const inInitramfs = `mount -n -t tmpfs none /etc
mount -n -t tmpfs none /run
PATH=$1:$PATH
export DEVICE= IP="$3" BOOTIF= rootmnt=/root quiet=n starttime=0
. "$2"
configure_networking
cat /run/net-eth0.conf /etc/resolv.conf
echo "DEVICE is $DEVICE, $IPV4ADDR"
ip -4 -o addr show dev eth0; ip route
`

// The function of initramfs-tools that gives a machine its address, with the
// ipconfig of the examples instead of klibc's.
func TestInitramfsTools_ConfigureNetworking(t *testing.T) {
	for _, ip := range []string{"dhcp", "::::box:eth0:dhcp"} {
		t.Run("ip="+ip, func(t *testing.T) {
			t.Parallel()
			configureNetworking(t, ip)
		})
	}
}

func configureNetworking(t *testing.T, ip string) {
	t.Helper()
	nettest.Require(t)
	functions := filepath.Join(unpacked(t, "initramfs-tools-core"), "usr", "share", "initramfs-tools", "scripts", "functions")
	s := newSite(t)
	dir := t.TempDir()
	script, err := os.ReadFile(filepath.Join(root, "examples", "initramfs", "ipconfig"))
	must(t, err)
	put(t, filepath.Join(dir, "ipconfig"), 0o755, script)
	put(t, filepath.Join(dir, "dhclient-go"), 0o755, programs["dhclient-go"])
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := s.here.Command(ctx, "unshare", "--mount", "sh", "-ec", inInitramfs, "sh", dir, functions, ip).CombinedOutput()
	said := string(b)
	if err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	for _, want := range []string{
		"IPV4ADDR='192.0.2.10'\n", "IPV4GATEWAY='192.0.2.1'\n", "IPV4DNS0='192.0.2.1'\n", "DNSDOMAIN='example.org'\n",
		"DEVICE is eth0, 192.0.2.10\n", "inet 192.0.2.10/24 ", "default via 192.0.2.1 dev eth0", "nameserver 192.0.2.1\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("there is no %q in\n%s", want, said)
		}
	}
	if l := s.server.WaitLease(t, firstAddr, true); strings.Contains(ip, "box") != (l.Hostname == "box") {
		t.Errorf("the server knows it as %q", l.Hostname)
	}
}
