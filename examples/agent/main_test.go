package main

import (
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/dhclient-go/dhclient-go/examples/internal/site"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestMain(m *testing.M) {
	nettest.Enter()
	testscript.Main(m, map[string]func(){"example-agent": main})
}

// A link that is there and one that appears are served, one of another name is not,
// and the next run goes on from the leases.
func TestAgent_LinksComeAndGo(t *testing.T) {
	ns, _ := site.New(t)
	p := site.Start(t, ns, "example-agent", "eth")
	p.Stdout.WaitFor(t, "eth0 has 192.0.2.5/24\n")
	other := nettest.NewNS(t, "other")
	nettest.Veth(t, other, "eth0", ns, "wan0")
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.Exit(t, 0)
	if addr := ns.IP(t, "-4", "addr", "show", "dev", "eth0"); !strings.Contains(addr, "192.0.2.5/24") {
		t.Errorf("the address is gone: %s", addr)
	}
	if addr := ns.IP(t, "-4", "addr", "show", "dev", "wan0"); addr != "" {
		t.Errorf("wan0 was touched: %s", addr)
	}
	// The link is down and has another name before it is the agent's again.
	ns.IP(t, "link", "set", "dev", "eth0", "down", "name", "lan0")
	p = site.Start(t, ns, "example-agent", "eth")
	ns.IP(t, "link", "set", "dev", "lan0", "name", "eth0")
	p.Stdout.WaitFor(t, "eth0 has 192.0.2.5/24\n")
	ns.IP(t, "link", "del", "dev", "eth0")
	ns.IP(t, "link", "add", "name", "eth1", "type", "veth", "peer", "name", "far")
	site.WaitFor(t, "eth1 that was brought up", func() bool {
		return strings.Contains(ns.IP(t, "link", "show", "dev", "eth1"), ",UP")
	})
	if err := p.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	p.Exit(t, 0)
}

func TestAgent_Usage(t *testing.T) {
	ns, _ := site.New(t)
	p := site.Start(t, ns, "example-agent")
	p.Exit(t, 1)
	if got := p.Stderr.String(); got != "agent: usage: agent PREFIX\n" {
		t.Errorf("it says %q", got)
	}
}
