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

	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
)

var errNoAddress = errors.New("no address")

const runLimit = 30 * time.Second

// A lab is two namespaces, a cable and a dnsmasq.
type lab struct {
	dir string
	// clientNS and serverNS are the namespaces' names.
	clientNS, serverNS string
	server             *exec.Cmd
	log                bytes.Buffer
	ns                 netns.NsHandle
	// relay stands in the middle of the cable, if there is one, in wiresNS.
	relay   *relay.Relay
	wiresNS string
}

// newLab makes a lab with a plain cable.
func newLab() (*lab, error) {
	l, err := emptyLab("bench")
	if err != nil {
		return nil, err
	}
	if err := ip("-n", l.clientNS, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", l.serverNS); err != nil {
		return nil, err
	}
	return l, l.begin()
}

// emptyLab makes the namespaces, named after the lab.
func emptyLab(name string) (*lab, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	l := &lab{dir: dir, clientNS: name + "-client", serverNS: name + "-server"}
	for _, ns := range []string{l.clientNS, l.serverNS} {
		if err := errors.Join(ip("netns", "add", ns), ip("-n", ns, "link", "set", "lo", "up")); err != nil {
			return nil, err
		}
	}
	if l.ns, err = netns.GetFromName(l.clientNS); err != nil {
		return nil, fmt.Errorf("open namespace %s: %w", l.clientNS, err)
	}
	return l, nil
}

// begin sets the links up that stand in both namespaces, and starts the server.
func (l *lab) begin() error {
	for _, args := range [][]string{
		{"-n", l.serverNS, "address", "add", "10.99.0.1/24", "dev", "eth0"},
		{"-n", l.serverNS, "link", "set", "eth0", "up"}, {"-n", l.clientNS, "link", "set", "eth0", "up"},
	} {
		if err := ip(args...); err != nil {
			return err
		}
	}
	return l.startServer()
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %v: %w: %s", args, err, out)
	}
	return nil
}

func (l *lab) startServer() error {
	l.server = exec.Command("ip", "netns", "exec", l.serverNS, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
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
	if l.relay != nil {
		_ = l.relay.Close()
		_ = ip("netns", "del", l.wiresNS)
	}
	for _, ns := range []string{l.clientNS, l.serverNS} {
		_ = ip("netns", "del", ns)
	}
	_ = os.RemoveAll(l.dir)
}

// inClient is a command in the client's namespace. nsenter is quicker than
// `ip netns exec`, but what it costs is in every client's time alike.
func (l *lab) inClient(ctx context.Context, argv []string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--net=/run/netns/" + l.clientNS, "--"}, argv...)...)
}

// toAddress is how long argv takes from its start until the kernel announces
// an address; then it is killed, and the link is as before. It fails after a
// limit.
func (l *lab) toAddress(argv []string, limit time.Duration) (time.Duration, error) {
	if err := l.clean(); err != nil {
		return 0, err
	}
	updates, done := make(chan netlink.AddrUpdate, 16), make(chan struct{})
	defer close(done)
	err := netlink.AddrSubscribeWithOptions(updates, done, netlink.AddrSubscribeOptions{Namespace: &l.ns})
	if err != nil {
		return 0, fmt.Errorf("subscribe to addresses: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
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
			return 0, fmt.Errorf("%w in %v: %s", errNoAddress, limit, out.String())
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
	if err := ip("-n", l.clientNS, "address", "flush", "dev", "eth0"); err != nil {
		return err
	}
	return ip("-n", l.clientNS, "route", "flush", "dev", "eth0")
}
