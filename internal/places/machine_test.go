package places_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/places/vm"
)

// kernelPackage has a kernel for machines in a cloud: its drivers of virtual
// network cards are modules.
const kernelPackage = "linux-image-cloud-amd64"

// A machine is one that has not been switched on.
type machine struct {
	vm.Config
	image *vm.Image
}

// newMachine is a machine whose initramfs has the program, the test's own, busybox
// and the driver of the card, beside others.
func newMachine(t *testing.T, drivers ...string) *machine {
	t.Helper()
	nettest.Require(t)
	if !vm.Installed() {
		missing(t, "package qemu-system-x86 is not installed")
	}
	kernel := unpacked(t, kernelPackage)
	m := &machine{vm.Config{Kernel: only(t, kernel, "boot", "vmlinuz-*")}, vm.NewImage()}
	busybox, err := os.ReadFile(filepath.Join(unpacked(t, "busybox-static"), "usr", "bin", "busybox"))
	must(t, err)
	m.image.File("bin/busybox", 0o755, busybox)
	m.image.File("bin/dhclient-go", 0o755, programs["dhclient-go"])
	m.image.File("bin/guest", 0o755, programs["guest"])
	files, err := vm.Modules(filepath.Join(kernel, "usr", "lib", "modules"), append(drivers, "virtio_mmio", "virtio_net")...)
	must(t, err)
	for i, file := range files {
		module, err := os.ReadFile(file)
		must(t, err)
		m.image.File(fmt.Sprintf("modules/%02d-%s", i, filepath.Base(file)), 0o644, module)
	}
	return m
}

// boot switches the machine on, and returns what its console has shown when it
// has switched itself off. The arguments are those of the first process.
func (m *machine) boot(t *testing.T, args ...string) *output {
	t.Helper()
	var console output
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the console:\n%s", &console)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	m.Initramfs = m.image.Bytes()
	m.Arguments = slices.Concat(m.Arguments, []string{"--"}, args)
	start := time.Now()
	must(t, vm.Run(ctx, m.Config, &console))
	t.Logf("the machine was on for %v", time.Since(start).Round(time.Millisecond))
	if strings.Contains(console.String(), "Kernel panic") {
		t.Error("the kernel has panicked")
	}
	return &console
}

// echoServer is a host in QEMU's network.
const echoServer = "guestfwd=tcp:10.0.2.100:7-cmd:cat"

// withLease is what a program sees in a machine of QEMU's network.
var withLease = []string{
	"address lo 127.0.0.1/8", "address eth0 10.0.2.15/24",
	"resolver nameserver 10.0.2.3", "echo ok",
	"env DHCP4_ADDRESS=10.0.2.15", "env DHCP4_GATEWAY=10.0.2.2", "env DHCP4_DNS=10.0.2.3",
}

// The script of the examples as the first process: drivers, lease, program, and
// off.
func TestMachine_ScriptInInitramfs(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	script, err := os.ReadFile(filepath.Join(root, "examples", "initramfs", "init"))
	must(t, err)
	m.image.File("init", 0o755, script)
	m.image.Dir("etc")
	m.Net = []string{echoServer}
	console := m.boot(t, "/bin/guest", "env", "addresses", "resolver", "echo=10.0.2.100:7", "exit=7")
	console.has(t, append(withLease, "eth0: 10.0.2.15/24 released", "The program has ended with code 7.")...)
}

// loader loads the drivers as the first process, and becomes the program that is
// called /init then.
const loader = `#!/bin/busybox sh
/bin/busybox mkdir /proc
for module in /modules/*.ko; do
	/bin/busybox insmod "$module"
done
exec /init "$@"
`

// The program itself as the first process of a machine in which nothing is
// mounted and nothing else runs: its arguments are what the kernel's command line
// has behind "--".
func TestMachine_AsInit(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.image.File("load", 0o755, []byte(loader))
	m.image.Symlink("init", "bin/dhclient-go")
	m.Net = []string{echoServer}
	m.Arguments = []string{"rdinit=/load"}
	console := m.boot(t, "eth0", "/bin/guest", "env", "addresses", "resolver", "echo=10.0.2.100:7", "list=/proc", "list=/", "poweroff")
	console.has(t, append(withLease, "list /proc", "list / bin dev etc init load modules proc root run var")...)
}

// ofVRF has the client serve a link that is a port of a VRF (Documentation/
// networking/vrf.rst of Linux).
const ofVRF = `#!/bin/busybox sh
b=/bin/busybox
$b mkdir -p /proc /sys /dev /run
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
for module in /modules/*.ko; do
	$b insmod "$module"
done
/bin/guest vrf=eth0
/bin/dhclient-go -1 -v eth0
/bin/guest addresses routes=10 routes=254
$b poweroff -f
`

// A link that is a port of a VRF has its lease in the VRF's table, without a word
// of it on the command line, and finds its server there.
func TestMachine_PortOfVRF(t *testing.T) {
	t.Parallel()
	m := newMachine(t, "vrf")
	m.image.File("init", 0o755, []byte(ofVRF))
	m.image.Dir("etc")
	console := m.boot(t)
	console.has(t, "address eth0 10.0.2.15/24", "route 10 default via 10.0.2.2 dev eth0 dhcp", "route 10 10.0.2.0/24 dev eth0 dhcp")
	if text := console.String(); strings.Contains(text, "route 254 ") {
		t.Errorf("the main table has routes:\n%s", text)
	}
}
