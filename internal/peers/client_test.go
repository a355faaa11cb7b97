package peers

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile/lab"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A peer is a client, and how it is run.
type peer struct {
	// name is the head of its column.
	name string
	// path is the program, and argv what it is run with on eth0.
	path string
	argv []string
	// files are written before it starts.
	files map[string]string
	// version is an argument that makes it print its version, which the
	// pattern finds.
	version string
	pattern *regexp.Regexp
	// dns is the file that has its name servers in the end.
	dns func(file func(name string) string) []netip.Addr
}

// peers are the clients, the first of them ours. program is its path.
func peers(program string) []peer {
	return []peer{
		{
			name: "dhclient-go", path: program, argv: []string{"eth0"},
			version: "--version", pattern: regexp.MustCompile(`dhclient-go (\S+)`), dns: resolvConf,
		},
		{
			name: "dhclient", path: "/sbin/dhclient", argv: []string{"-4", "-d", "eth0"},
			version: "--version", pattern: regexp.MustCompile(`isc-dhclient-(\S+)`), dns: resolvConf,
		},
		{
			name: "dhcpcd", path: "/usr/sbin/dhcpcd", argv: []string{"-4", "-B", "eth0"},
			version: "--version", pattern: regexp.MustCompile(`dhcpcd (\S+)`), dns: resolvConf,
		},
		{
			name: "udhcpc", path: "/usr/sbin/udhcpc", argv: []string{"-f", "-i", "eth0", "-s", udhcpcScriptPath},
			files:   map[string]string{udhcpcScriptPath: udhcpcScript},
			version: "--help", pattern: regexp.MustCompile(`BusyBox v(\S+)`), dns: resolvConf,
		},
		{
			name: "networkd", path: "/lib/systemd/systemd-networkd",
			files:   map[string]string{"/etc/systemd/network/10-eth0.network": networkdConfig},
			version: "--version", pattern: regexp.MustCompile(`systemd (\d+)`), dns: networkdDNS,
		},
	}
}

// udhcpcScript does what udhcpc leaves to a script: it makes the link match.
const (
	udhcpcScriptPath = "/run/udhcpc.script"
	udhcpcScript     = `#!/bin/sh
[ "$1" = deconfig ] && exec ip -4 address flush dev $interface
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
p=$ip/${mask:-8}
ip -4 -o address show dev $interface | grep -q " $p " || ip -4 address flush dev $interface
ip address replace $p dev $interface valid_lft $lease preferred_lft $lease
ip route flush dev $interface proto static
set -- ${staticroutes:-${router:+default ${router%% *}}}
for r in $router; do ip route add $r dev $interface proto static; done
while [ $# -gt 1 ]; do ip route add $1 via $2 dev $interface proto static; shift 2; done
[ -z "$mtu" ] || ip link set $interface mtu $mtu
for d in $dns; do echo nameserver $d; done > /etc/resolv.conf
`
)

// networkdConfig is the least that makes networkd a DHCP client.
const networkdConfig = `[Match]
Name=eth0
[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
`

// setting makes the mount namespace of a client, and runs the client in it. The
// shell stays: through its root directory the files can be read, when dhcpcd has
// changed its own. What udev would say of the link networkd takes for granted if
// /sys is read-only, as in a container; its directories are those that its unit
// would make.
const setting = `set -e
mount -t tmpfs none /run
mkdir -p /run/etc/upper /run/etc/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
mount -t tmpfs none /var/lib
mkdir -p /var/lib/dhcp /var/lib/dhcpcd /etc/systemd/network
netif=/run/systemd/netif
mkdir -p $netif/links $netif/leases $netif/lldp
chown systemd-network:systemd-network $netif $netif/* || true
mount -o remount,ro /sys
while [ "$1" != -- ]; do printf %s "$2" >"$1"; shift 2; done
chmod -f 755 /run/*.script || true
shift
"$@" &
wait $!
`

// start runs the peer in a namespace. log gets what it prints.
func (p peer) start(t testing.TB, ns *nettest.NS, log *bytes.Buffer) lab.Process {
	t.Helper()
	args := []string{"--mount", "--propagation", "private", "sh", "-c", setting, "sh"}
	for name, content := range p.files {
		args = append(args, name, content)
	}
	args = append(append(args, "--", p.path), p.argv...)
	cmd := ns.Command(context.Background(), "unshare", args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Who has left the group of the process keeps its output open.
	cmd.WaitDelay = 100 * time.Millisecond
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", p.name, err)
	}
	root := fmt.Sprintf("/proc/%d/root", cmd.Process.Pid)
	return lab.Process{
		Stop: func() {
			// The group: scripts, and processes with less privilege.
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			_ = cmd.Wait()
		},
		DNS: func() []netip.Addr {
			return p.dns(func(name string) string {
				b, err := os.ReadFile(root + name)
				if err != nil {
					return "" // not written yet
				}
				return string(b)
			})
		},
	}
}

func resolvConf(file func(string) string) []netip.Addr {
	return lab.NameServers(file("/etc/resolv.conf"))
}

// networkdDNS reads what networkd leaves to resolved.
func networkdDNS(file func(string) string) (list []netip.Addr) {
	for line := range strings.Lines(file("/run/systemd/netif/state")) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "DNS="); ok {
			list = lab.NameServers(strings.ReplaceAll(" "+v, " ", "\nnameserver "))
		}
	}
	return list
}

// versionOf asks a peer for its version; where there is no such program the
// error says so.
func (p peer) versionOf() (string, error) {
	if _, err := os.Stat(p.path); err != nil {
		return "", fmt.Errorf("%s is not installed", p.name)
	}
	out, _ := exec.Command(p.path, p.version).CombinedOutput() // some fail, and say it nevertheless
	m := p.pattern.FindSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("%s does not say its version: %.200s", p.name, out)
	}
	return string(m[1]), nil
}
