package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

const (
	clientNS, serverNS = "bench-client", "bench-server"
	runLimit           = 30 * time.Second
)

// A lab is two namespaces, a cable and a dnsmasq.
type lab struct {
	dir    string
	server *exec.Cmd
	log    bytes.Buffer
	ns     netns.NsHandle
}

func newLab() (*lab, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir}
	for _, args := range [][]string{
		{"netns", "add", clientNS}, {"netns", "add", serverNS},
		{"-n", clientNS, "link", "set", "lo", "up"}, {"-n", serverNS, "link", "set", "lo", "up"},
		{"-n", clientNS, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", serverNS},
		{"-n", serverNS, "address", "add", "10.99.0.1/24", "dev", "eth0"},
		{"-n", serverNS, "link", "set", "eth0", "up"}, {"-n", clientNS, "link", "set", "eth0", "up"},
	} {
		if err := ip(args...); err != nil {
			return nil, err
		}
	}
	if l.ns, err = netns.GetFromName(clientNS); err != nil {
		return nil, fmt.Errorf("open namespace %s: %w", clientNS, err)
	}
	return l, l.startServer()
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %v: %w: %s", args, err, out)
	}
	return nil
}

func (l *lab) startServer() error {
	l.server = exec.Command("ip", "netns", "exec", serverNS, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
		"--port=0", "--interface=eth0", "--user=root", "--no-ping", "--dhcp-authoritative", "--log-facility=-",
		"--dhcp-range=10.99.0.50,10.99.0.99,1h", "--dhcp-option=6,10.99.0.1", "--pid-file",
		"--dhcp-leasefile="+filepath.Join(l.dir, "dnsmasq.leases"))
	l.server.Stderr = &l.log
	if err := l.server.Start(); err != nil {
		return fmt.Errorf("start dnsmasq: %w", err)
	}
	time.Sleep(500 * time.Millisecond) // it does not say when it serves; the warm-up runs wait for it too
	return nil
}

func (l *lab) close() {
	_ = l.server.Process.Kill()
	_ = l.server.Wait()
	_ = l.ns.Close()
	for _, ns := range []string{clientNS, serverNS} {
		_ = ip("netns", "del", ns)
	}
	_ = os.RemoveAll(l.dir)
}

// inClient is a command in the client's namespace. nsenter is quicker than
// `ip netns exec`, but what it costs is in every client's time alike.
func (l *lab) inClient(ctx context.Context, argv []string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--net=/run/netns/" + clientNS, "--"}, argv...)...)
}

// toAddress is how long argv takes from its start until the kernel announces
// an address; then it is killed, and the link is as before.
func (l *lab) toAddress(argv []string) (time.Duration, error) {
	if err := l.clean(); err != nil {
		return 0, err
	}
	updates, done := make(chan netlink.AddrUpdate, 16), make(chan struct{})
	defer close(done)
	err := netlink.AddrSubscribeWithOptions(updates, done, netlink.AddrSubscribeOptions{Namespace: &l.ns})
	if err != nil {
		return 0, fmt.Errorf("subscribe to addresses: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	cmd := l.inClient(ctx, argv)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() { _ = cmd.Wait() }()
	for {
		select {
		case u := <-updates:
			if u.NewAddr && u.LinkAddress.IP.To4() != nil {
				took := time.Since(began)
				cancel()
				return took, nil
			}
		case <-ctx.Done():
			return 0, errors.New("no address in time: " + out.String())
		}
	}
}

// clean forgets everything that could make a run shorter than the first one.
func (l *lab) clean() error {
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != "dnsmasq.leases" {
			if err := os.RemoveAll(filepath.Join(l.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := ip("-n", clientNS, "address", "flush", "dev", "eth0"); err != nil {
		return err
	}
	return ip("-n", clientNS, "route", "flush", "dev", "eth0")
}
