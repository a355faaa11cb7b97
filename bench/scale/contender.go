package scale

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// A contender is something that gets leases for all links.
type contender struct {
	name string
	// path is its program: where that is missing, it does not take part.
	path string
	// argv is what runs it; the links are its last arguments if each is named.
	argv     []string
	eachLink bool
	// files are written before it starts.
	files map[string]string
	// silent is a contender that sets no address: it has all when it ends.
	silent bool
	kind   kind
}

// A kind is what a contender is here for.
type kind int

const (
	floor kind = iota // of messages with no client
	ours
	peer
)

// forEach is a shell that runs a program for each of its arguments, as an init
// script would. It stays, as they do.
const forEach = `for link; do %s >/dev/null 2>&1 & done; wait`

// scripts of the peers do the least: they set the address and nothing else. So
// does the hook of dhcpcd, which sets the address itself.
const (
	udhcpcScript = `#!/bin/sh
[ "$1" = bound ] || exit 0
exec ip address replace $ip/16 dev $interface valid_lft $lease preferred_lft $lease
`
	dhclientScript = `#!/bin/sh
[ "$reason" = BOUND ] || exit 0
exec ip address replace $new_ip_address/16 dev $interface valid_lft $new_dhcp_lease_time preferred_lft $new_dhcp_lease_time
`
	dhcpcdConfig = "allowinterfaces e*\nipv4only\nnoarp\nnoipv4ll\n"
	// networkdConfig is the least that makes networkd a DHCP client.
	networkdConfig = "[Match]\nName=e*\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
	// networkdSetting makes what its unit would make. It waits for no udev if
	// /sys is read-only, as in a container.
	networkdSetting = `set -e
mount -o remount,ro /sys
netif=/run/systemd/netif
mkdir -p $netif/links $netif/leases $netif/lldp
chown systemd-network:systemd-network $netif $netif/* || true
exec /lib/systemd/systemd-networkd
`
)

// contenders are those whose programs are there. dir is for their files.
func contenders(bin, dir string) []contender {
	replay := filepath.Join(bin, "replay")
	return append([]contender{
		{name: "replay", path: replay, argv: []string{replay, "-a", "-w", "32", "e"}, kind: floor},
		{name: "replay, no address set", path: replay, argv: []string{replay, "-w", "32", "e"}, silent: true, kind: floor},
		{name: "replay, all at once", path: replay, argv: []string{replay, "-a", "e"}, kind: floor},
		agent(bin, dir),
	}, peers(dir)...)
}

// agent is ours.
func agent(bin, dir string) contender {
	program := filepath.Join(bin, "dhclient-go")
	return contender{name: "dhclient-go agent", path: program, kind: ours,
		argv: []string{program, "agent", "--match", "e*", "-q", "--acd=off", "--lease-dir", dir + "/leases"}}
}

func peers(dir string) (there []contender) {
	shell := func(each string) []string { return []string{"sh", "-c", fmt.Sprintf(forEach, each), "sh"} }
	for _, c := range []contender{
		{name: "udhcpc, a process each", path: "/usr/sbin/udhcpc", eachLink: true,
			argv:  shell("udhcpc -f -i $link -s " + dir + "/udhcpc.script"),
			files: map[string]string{dir + "/udhcpc.script": udhcpcScript}},
		{name: "dhclient, a process each", path: "/usr/sbin/dhclient", eachLink: true,
			argv:  shell(fmt.Sprintf("dhclient -4 -d -sf %[1]s/dhclient.script -lf %[1]s/$link.leases -pf %[1]s/$link.pid $link", dir)),
			files: map[string]string{dir + "/dhclient.script": dhclientScript}},
		{name: "dhcpcd", path: "/usr/sbin/dhcpcd", argv: []string{"dhcpcd", "-B", "-f", dir + "/dhcpcd.conf", "-c", "/bin/true"},
			files: map[string]string{dir + "/dhcpcd.conf": dhcpcdConfig}},
		{name: "systemd-networkd", path: "/lib/systemd/systemd-networkd", argv: []string{"sh", "-c", networkdSetting},
			files: map[string]string{"/etc/systemd/network/10-scale.network": networkdConfig}},
	} {
		c.kind = peer
		if _, err := os.Stat(c.path); err == nil {
			there = append(there, c)
		}
	}
	return there
}

// A running contender, and what it prints.
type running struct {
	cmd    *exec.Cmd
	out    *tail
	exited chan struct{}
}

// start runs a contender in the namespace and the control group of clients.
func (l *lab) start(c contender) (*running, error) {
	for path, content := range c.files {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			return nil, err
		}
	}
	argv := append([]string{"netns", "exec", clientNS}, c.argv...)
	if c.eachLink {
		argv = append(argv, l.links...)
	}
	r := &running{cmd: exec.Command("ip", argv...), out: &tail{}, exited: make(chan struct{})}
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	r.cmd.SysProcAttr = &syscall.SysProcAttr{}
	l.group.join(r.cmd)
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	go func() { _ = r.cmd.Wait(); close(r.exited) }()
	return r, nil
}

// wait waits for its end, for limit at most.
func (r *running) wait(limit time.Duration) {
	select {
	case <-r.exited:
	case <-time.After(limit):
	}
}

func (r *running) ended() bool {
	select {
	case <-r.exited:
		return true
	default:
		return false
	}
}

// stop ends it and everything that it has started.
func (r *running) stop() error {
	for {
		pids, err := processes()
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			break
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
		}
	}
	<-r.exited
	return nil
}
