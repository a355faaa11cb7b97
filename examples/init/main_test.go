package main

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dhclient-go/dhclient-go/examples/internal/site"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestMain(m *testing.M) {
	nettest.Enter()
	testscript.Main(m, map[string]func(){"example-init": main})
}

// As process 1, with both links down: the program finds lo, an address, a route
// and name servers, its exit code is the container's, and the lease is given
// back at the end.
func TestInit_AsProcessOne(t *testing.T) {
	ns, server := site.New(t)
	ns.IP(t, "link", "set", "dev", "eth0", "down")
	ns.IP(t, "link", "set", "dev", "lo", "down")
	before, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		t.Fatal(err)
	}
	p := site.Start(t, ns, "unshare", "--pid", "--fork", "--mount-proc", "example-init",
		"sh", "-c", "cat /proc/1/comm; ip -4 -o addr; ip route; cat /etc/resolv.conf; exit 7")
	p.Exit(t, 7)
	for _, want := range []string{"example-init\n", "127.0.0.1/8", "192.0.2.5/24", "default via 192.0.2.1 dev eth0", "nameserver 192.0.2.1"} {
		if !strings.Contains(p.Stdout.String(), want) {
			t.Errorf("the program has seen no %q in:\n%s", want, &p.Stdout)
		}
	}
	gone(t, ns, server)
	if after, err := os.ReadFile("/etc/resolv.conf"); err != nil || string(after) != string(before) {
		t.Errorf("resolv.conf is %q, not %q again: %v", after, before, err)
	}
}

// gone says that the lease was given back.
func gone(t *testing.T, ns *nettest.NS, server *dhcptest.Server) {
	t.Helper()
	if addr := ns.IP(t, "-4", "addr", "show", "dev", "eth0"); addr != "" {
		t.Errorf("addresses: %s", addr)
	}
	site.WaitFor(t, "RELEASE", func() bool { return server.Received()[dhcpv4.MessageTypeRelease] > 0 })
}

// SIGTERM is for the program. Its end is what counts, whatever it makes of the
// signal.
func TestInit_HandsTheSignalOn(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		code         int
	}{
		{"it dies", "echo ready; exec sleep 60", 128 + int(syscall.SIGTERM)},
		{"it ends well", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ns, server := site.New(t)
			p := site.Start(t, ns, "example-init", "sh", "-c", tt.script)
			p.Stdout.WaitFor(t, "ready")
			if err := p.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			p.Exit(t, tt.code)
			gone(t, ns, server)
		})
	}
}

func TestInit_Errors(t *testing.T) {
	ns, server := site.New(t)
	p := site.Start(t, ns, "example-init")
	p.Exit(t, 1)
	if got := p.Stderr.String(); got != "init: usage: init PROGRAM [ARG...]\n" {
		t.Errorf("it says %q", got)
	}
	// The lease is given back before the end, whatever the end is.
	p = site.Start(t, ns, "example-init", "/no/such/program")
	p.Exit(t, 1)
	if !strings.Contains(p.Stderr.String(), "init: fork/exec /no/such/program: no such file or directory\n") {
		t.Errorf("it says %q", &p.Stderr)
	}
	gone(t, ns, server)
}
