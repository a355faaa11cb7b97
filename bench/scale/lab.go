package scale

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/vishvananda/netns"
)

const (
	clientNS, serverNS = "scale-client", "scale-server"
	bridge             = "br0"
	bridgeAddr         = "10.99.0.1"
	bridgeMAC          = "02:00:00:01:00:01"
	// maxLinks is how many ports a bridge has (BR_MAX_PORTS), less a few.
	maxLinks = 1000
)

// A lab is two namespaces and the links between them.
type lab struct {
	dir    string
	links  []string
	server *exec.Cmd
	log    *tail
	group  *group
}

// newLab makes a lab with n links, e1 to en.
func newLab(n int) (l *lab, err error) {
	if n < 1 || n > maxLinks {
		return nil, fmt.Errorf("%d links: a bridge has room for 1 to %d", n, maxLinks)
	}
	dir, err := os.MkdirTemp("/run", "scale") // in memory: no disk is measured
	if err != nil {
		return nil, err
	}
	l = &lab{dir: dir}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.group, err = newGroup(); err != nil {
		return nil, err
	}
	for i := range n {
		l.links = append(l.links, fmt.Sprintf("e%d", i+1))
	}
	if err := l.makeNamespaces(); err != nil {
		return nil, err
	}
	return l, l.makeLinks()
}

// makeNamespaces makes both, without IPv6: its router solicitations would be
// flooded too.
func (l *lab) makeNamespaces() error {
	for _, ns := range []string{clientNS, serverNS} {
		if err := errors.Join(ip("netns", "add", ns), ip("-n", ns, "link", "set", "lo", "up")); err != nil {
			return err
		}
		for _, which := range []string{"all", "default"} {
			// Missing where the kernel has no IPv6.
			_ = setting(ns, "/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", 1)
		}
	}
	// For the server, which has no right to its port.
	return setting(serverNS, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 0)
}

// setting writes a number to a file below /proc/sys/net in a namespace.
func setting(ns, path string, value int) error {
	return inNamespace(ns, func() error { return os.WriteFile(path, fmt.Append(nil, value), 0) })
}

// makeLinks makes the bridge and the links, and tells both sides where the other
// is. A neighbour that is learned counts against gc_thresh3 of arp(7), 1024 in
// all namespaces together, where one that is set for good does not.
func (l *lab) makeLinks() error {
	err := batch(serverNS, fmt.Sprintf("link add %[1]s address %[2]s type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n"+
		"link set %[1]s up\naddress add %[3]s/16 dev %[1]s\n", bridge, bridgeMAC, bridgeAddr))
	var pairs, ports, ups strings.Builder
	for i := range l.links {
		a, b, c := linkLines(i)
		pairs.WriteString(a)
		ports.WriteString(b)
		ups.WriteString(c)
		fmt.Fprintf(&ports, "neighbour add %s lladdr %s dev %s nud permanent\n", address(i), hardwareAddr(i), bridge)
	}
	return errors.Join(err, batch(clientNS, pairs.String()), batch(serverNS, ports.String()), batch(clientNS, ups.String()))
}

// makeLink makes one link again that was taken away.
func (l *lab) makeLink(i int) error {
	pair, port, up := linkLines(i)
	return errors.Join(batch(clientNS, pair), batch(serverNS, port), batch(clientNS, up))
}

// linkLines are what makes link i, from 0: in the clients' namespace, in the
// server's, and in the clients' again. The link comes up last.
func linkLines(i int) (pair, port, up string) {
	n := i + 1
	return fmt.Sprintf("link add e%d address %s type veth peer name p%d netns %s\n", n, hardwareAddr(i), n, serverNS),
		fmt.Sprintf("link set p%d master %s up\n", n, bridge),
		fmt.Sprintf("link set e%d up\nneighbour add %s lladdr %s dev e%d nud permanent\n", n, bridgeAddr, bridgeMAC, n)
}

// address is what the server has for link i, from 0.
func address(i int) string { return fmt.Sprintf("10.99.%d.%d", 1+i/200, 1+i%200) }

// hardwareAddr is that of link i, from 0.
func hardwareAddr(i int) string { return fmt.Sprintf("02:00:00:00:%02x:%02x", i>>8, i&0xff) }

// ports sets the bridge's end of links up or down, which is their carrier.
func (l *lab) ports(links []int, state string) error {
	var b strings.Builder
	for _, i := range links {
		fmt.Fprintf(&b, "link set p%d %s\n", i+1, state)
	}
	return batch(serverNS, b.String())
}

// A pool is what the server gives, beside the least.
type pool struct {
	lease string // dnsmasq's word for the time
	extra []string
}

// serve starts dnsmasq anew, with no leases, and waits until it hears.
func (l *lab) serve(p pool) error {
	l.stopServer()
	var hosts strings.Builder
	for i := range l.links {
		fmt.Fprintf(&hosts, "%s,%s\n", hardwareAddr(i), address(i))
	}
	file := filepath.Join(l.dir, "hosts")
	if err := os.WriteFile(file, []byte(hosts.String()), 0o644); err != nil {
		return err
	}
	l.log = &tail{}
	// It would put each client in the table of neighbours itself, to be counted.
	// In a user namespace, which the network is not of, it has no right to, says
	// so, and goes on.
	argv := []string{"netns", "exec", serverNS, "unshare", "--user", "--map-root-user", "dnsmasq", "--no-daemon", "--conf-file=/dev/null",
		"--port=0", "--interface=" + bridge, "--no-ping", "--dhcp-authoritative", "--quiet-dhcp",
		"--leasefile-ro", "--dhcp-lease-max=100000",
		// No router and no name server: nothing is compared but addresses.
		"--dhcp-option=3", "--dhcp-option=6", "--dhcp-range=10.99.1.0,static," + p.lease, "--dhcp-hostsfile=" + file}
	l.server = exec.Command("ip", append(argv, p.extra...)...)
	l.server.Stderr = l.log
	if err := l.server.Start(); err != nil {
		l.server = nil
		return fmt.Errorf("start dnsmasq: %w", err)
	}
	table := fmt.Sprintf("/proc/%d/net/udp", l.server.Process.Pid)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		b, err := os.ReadFile(table)
		switch {
		case err == nil && bytes.Contains(b, []byte(":0043 ")): // port 67
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("dnsmasq does not listen after 10 s: %s", l.log)
		}
	}
}

func (l *lab) stopServer() {
	if l.server != nil {
		_ = l.server.Process.Kill()
		_ = l.server.Wait()
		l.server = nil
	}
}

// clean takes the addresses off the links, and the files of clients away.
func (l *lab) clean() error {
	var b strings.Builder
	for _, name := range l.links {
		fmt.Fprintf(&b, "address flush dev %s\n", name)
	}
	if err := batch(clientNS, b.String()); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(l.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (l *lab) close() {
	l.stopServer()
	if l.group != nil {
		l.group.close()
	}
	for _, ns := range []string{clientNS, serverNS} {
		_ = ip("netns", "del", ns)
	}
	_ = os.RemoveAll(l.dir)
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %v: %w: %s", args, err, out)
	}
	return nil
}

// batch has one ip(8) do many things in a namespace.
func batch(ns, lines string) error {
	cmd := exec.Command("ip", "-n", ns, "-batch", "-")
	cmd.Stdin = strings.NewReader(lines)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip -n %s -batch: %w: %.500s", ns, err, out)
	}
	return nil
}

// inNamespace does something in a network namespace.
func inNamespace(name string, do func() error) error {
	runtime.LockOSThread()
	here, err := netns.Get()
	if err != nil {
		return fmt.Errorf("open the current namespace: %w", err)
	}
	defer here.Close()
	there, err := netns.GetFromName(name)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", name, err)
	}
	defer there.Close()
	if err := netns.Set(there); err != nil {
		return fmt.Errorf("enter namespace %s: %w", name, err)
	}
	err = do()
	if back := netns.Set(here); back != nil {
		return fmt.Errorf("leave namespace %s: %w", name, back)
	}
	runtime.UnlockOSThread() // a thread that could not go back stays locked
	return err
}
