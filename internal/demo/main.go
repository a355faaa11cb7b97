// Command demo shows a person what dhclient-go does: it makes two network
// namespaces joined by a cable, serves DHCP in one with the server of package
// dhcptest, runs the client in the other with a lease of some seconds, and
// prints what is on the cable and what becomes of the link. It touches nothing
// of the machine, and ends by itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netns"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

const (
	clientNS, serverNS = "demo-client", "demo-server"
	leaseTime          = 10 * time.Second
	renewAfter         = 4 * time.Second
	stopAfter          = 7 * time.Second
	// limit is for a demo that goes wrong.
	limit = 25 * time.Second
)

var server = netip.MustParseAddr("192.0.2.1")

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo PATH-OF-dhclient-go")
		os.Exit(64)
	}
	nettest.Enter()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	ctx, cancelLimit := context.WithTimeout(ctx, limit)
	defer cancelLimit()
	if err := demo(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demo(ctx context.Context, client string) error {
	client, err := filepath.Abs(client)
	if err != nil {
		return err
	}
	fmt.Printf("Two network namespaces, a cable, a DHCP server, and dhclient-go.\n"+
		"The lease lasts %v and is renewed after %v. Nothing of this machine is touched.\n\n", leaseTime, renewAfter)
	if err := cable(); err != nil {
		return err
	}
	defer func() {
		for _, ns := range []string{clientNS, serverNS} {
			_ = ip("netns", "del", ns)
		}
	}()
	s := &screen{began: time.Now()}
	var wait sync.WaitGroup
	defer wait.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := inNamespace(serverNS, func() error { return serve(ctx, &wait, s) }); err != nil {
		return err
	}
	if err := watchLink(ctx, &wait, s); err != nil {
		return err
	}
	err = runClient(ctx, client, s)
	if err == nil {
		err = ctx.Err()
	}
	if errors.Is(err, context.Canceled) {
		fmt.Println("\nInterrupted. Everything is cleaned up.")
		return nil
	}
	if err == nil {
		fmt.Println("\nThat was DISCOVER to RELEASE. Everything is cleaned up.")
	}
	return err
}

// cable makes the namespaces and joins them.
func cable() error {
	for _, args := range [][]string{
		{"netns", "add", clientNS}, {"netns", "add", serverNS},
		{"-n", clientNS, "link", "set", "lo", "up"}, {"-n", serverNS, "link", "set", "lo", "up"},
		{"-n", clientNS, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", serverNS},
		{"-n", serverNS, "address", "add", server.String() + "/24", "dev", "eth0"},
		{"-n", serverNS, "link", "set", "eth0", "up"}, {"-n", clientNS, "link", "set", "eth0", "up"},
	} {
		if err := ip(args...); err != nil {
			return err
		}
	}
	// For a moment after the link has come up the kernel drops what is sent:
	// that would be all that there is to see for a second.
	for range 200 {
		out, err := exec.Command("ip", "-n", serverNS, "-o", "link", "show", "dev", "eth0").Output()
		if err != nil || strings.Contains(string(out), " state UP ") {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("the cable has no carrier")
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %v: %w: %s", args, err, out)
	}
	return nil
}

// inNamespace runs f with its thread in a namespace.
func inNamespace(name string, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	back, err := netns.Get()
	if err != nil {
		return err
	}
	defer func() { _ = back.Close() }()
	there, err := netns.GetFromName(name)
	if err != nil {
		return fmt.Errorf("open namespace %s: %w", name, err)
	}
	defer func() { _ = there.Close() }()
	if err := netns.Set(there); err != nil {
		return err
	}
	return errors.Join(f(), netns.Set(back))
}

// serve starts the server and the watcher of the cable; the calling thread is
// in the server's namespace.
func serve(ctx context.Context, wait *sync.WaitGroup, s *screen) error {
	srv, err := dhcptest.NewServer(dhcptest.Config{
		ServerID: server, Network: netip.MustParsePrefix("192.0.2.0/24"),
		First: netip.MustParseAddr("192.0.2.50"), Last: netip.MustParseAddr("192.0.2.99"),
		Lease: leaseTime, T1: renewAfter, T2: 8 * time.Second,
		Routers: []netip.Addr{server}, DNS: []netip.Addr{server}, Domain: "example.net", Authoritative: true,
	})
	if err != nil {
		return err
	}
	conn, err := dhcptest.Listen("eth0")
	if err != nil {
		return err
	}
	if err := watchCable(ctx, wait, s); err != nil {
		return err
	}
	wait.Go(func() {
		if err := conn.Serve(ctx, srv); err != nil {
			s.say("server", "it failed: %v", err)
		}
	})
	return nil
}

// runClient runs the client until its lease was renewed, then has it end and
// give the lease back.
func runClient(ctx context.Context, path string, s *screen) error {
	argv := []string{"--on-exit=release", "eth0"}
	s.say("demo", "$ dhclient-go %s %s", argv[0], argv[1])
	cmd := exec.Command("ip", append([]string{"netns", "exec", clientNS, path}, argv...)...)
	out := &lines{s: s, who: "client"}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the client: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return fmt.Errorf("the client ended early: %w", err)
	case <-time.After(stopAfter):
		s.say("demo", "$ kill %d", cmd.Process.Pid)
	case <-ctx.Done():
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-ended:
		return err
	case <-time.After(5 * time.Second):
		_ = cmd.Process.Kill()
		return errors.New("the client did not stop")
	}
}
