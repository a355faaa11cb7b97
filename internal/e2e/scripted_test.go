package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// addsAddress is a script that sets the address and never takes it away.
const addsAddress = `#!/bin/sh
[ "$reason" != BOUND ] || ip address add "$new_ip_address/24" dev "$interface"
`

func scripted(t *testing.T, cli *station, dir string) *client {
	t.Helper()
	script := filepath.Join(dir, "script")
	writeFile(t, script, addsAddress)
	must(t, os.Chmod(script, 0o755))
	return launch(t, cli, program(t), "eth0", "-vv", "--lease-dir", filepath.Join(dir, "leases"), "--script", script, "--script-env", "dhclient", "--acd=off")
}

// An address that a script has set ends with its lease, in the kernel, though the
// client was killed and the script does nothing.
func TestScriptedAddressEndsWithTheLease(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(c *dhcptest.Config) { c.Lease = 5 * time.Second })
	c := scripted(t, cli, stateDir(t))
	a := c.bound(t)
	if got := cli.IP(t, "-4", "-o", "address", "show", "dev", "eth0"); !strings.Contains(got, a.String()) || strings.Contains(got, "valid_lft forever") {
		t.Errorf("the link has\n%s", got)
	}
	c.kill(t)
	eventually(t, "the end of the address", func() bool {
		return !strings.Contains(cli.IP(t, "-4", "-o", "address", "show", "dev", "eth0"), a.String())
	})
}

// That another program takes away what a script has set is the end of the lease,
// as it is for an address of our own.
func TestScriptedAddressIsTakenAway(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(*dhcptest.Config) {})
	c := scripted(t, cli, stateDir(t))
	a := c.bound(t)
	cli.IP(t, "address", "del", a.String(), "dev", "eth0")
	c.stderr.wait(t, "that the address is gone", func(line string) bool {
		return strings.Contains(line, "address removed by another program")
	})
	c.end(t)
}
