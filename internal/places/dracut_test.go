package places_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// dracutRoot makes a root as dracut's module network-legacy fills an initramfs
// (module-setup.sh of 99base, 40network and
// 35network-legacy): $1 is a directory for it, $2
// and $3 are the packages dracut-core and dracut-network, $4 is dhclient, $5 is
// busybox. The programs are those of this machine.
const dracutRoot = `cd "$1"
mkdir -p new/lib new/sbin new/bin up work root
base=$2/usr/lib/dracut/modules.d network=$3/usr/lib/dracut/modules.d
cp $base/99base/dracut-lib.sh $base/99base/dracut-dev-lib.sh new/lib/
cp $network/40network/net-lib.sh new/lib/
cp $network/40network/netroot.sh new/sbin/netroot
cp $network/35network-legacy/ifup.sh new/sbin/ifup
cp $network/35network-legacy/dhclient-script.sh new/sbin/dhclient-script
cp "$4" new/sbin/dhclient
for name in arping awk; do cp "$5" new/bin/$name; done
cp $2/usr/lib/dracut/dracut-util new/bin/
for name in dracut-getarg dracut-getargs; do ln -s dracut-util new/bin/$name; done
chmod 755 new/sbin/*
mount -n -t tmpfs none root
cd root
mkdir -p usr proc sys dev etc run tmp var
for d in bin sbin lib lib64; do ln -s usr/$d $d; done
mount -n -t overlay none -o "lowerdir=$1/new:/usr,upperdir=$1/up,workdir=$1/work" usr
mount -n --rbind /proc proc
mount -n --rbind /sys sys
mount -n --rbind /dev dev
cp $network/35network-legacy/dhclient.conf etc/
cp /etc/ld.so.cache etc/
echo 'ip=dhcp rd.neednet=1' >etc/cmdline
mount -n --bind etc/cmdline proc/cmdline
mkdir -p lib/dracut/hooks/initqueue/finished lib/dracut/hooks/initqueue/online
echo eth0 >tmp/net.ifaces
`

// inDracut is what happens in that root: udev calls ifup, the loop of dracut then
// runs what the script has left for it, and what has to be true for it to go on to
// the root file system. At the end the client is ended, as before that.
const inDracut = `cd /; . /lib/dracut-lib.sh
/sbin/ifup eth0 || exit 1
for job in $hookdir/initqueue/*.sh; do . $job; done
for job in $hookdir/initqueue/finished/*.sh; do . $job || exit 1; done
ip -4 -o addr show dev eth0; ip route
cat /etc/resolv.conf
ls /tmp
test -d /proc/$(cat /tmp/dhclient.eth0.pid)
kill $(cat /tmp/dhclient.eth0.pid)
`

// dracut's own scripts, with our program as their dhclient: its ifup calls it,
// and it calls dracut's dhclient-script, which configures the link and says to
// the loop that the network is there.
func TestDracut_NetworkLegacy(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	s := newSite(t)
	s.here.IP(t, "link", "set", "dev", "eth0", "up")
	nettest.WaitUp(t, s.here, "eth0")
	dir := t.TempDir()
	put(t, filepath.Join(dir, "dhclient"), 0o755, programs["dhclient-go"])
	busybox := filepath.Join(unpacked(t, "busybox-static"), "usr", "bin", "busybox")
	script := "set -e\n" + dracutRoot + "exec chroot . /bin/sh -c '" + inDracut + "'"
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := s.here.Command(ctx, "unshare", "--mount", "sh", "-c", script, "sh",
		dir, unpacked(t, "dracut-core"), unpacked(t, "dracut-network"), filepath.Join(dir, "dhclient"), busybox)
	b, err := cmd.CombinedOutput()
	said := string(b)
	if err != nil {
		t.Fatalf("%v:\n%s", err, said)
	}
	for _, want := range []string{"inet 192.0.2.10/24 ", "default via 192.0.2.1 dev eth0", "nameserver 192.0.2.1\n", "net.eth0.did-setup\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("there is no %q in\n%s", want, said)
		}
	}
	s.server.WaitLease(t, firstAddr, true)
}
