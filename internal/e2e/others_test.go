package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// An address that the administrator removes stays away: the client gives the
// lease up, and starts over after a while.
func TestAddressDeleted(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	o := peer.short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	servers.Start(t, servers.Dnsmasq, o)
	cli.guests(t)
	n, m := sniff(t, cli), watch(t, cli)
	c := start(t, cli, stateDir(t))
	p := c.bound(t)
	n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRequest))
	cli.IP(t, "address", "delete", p.String(), "dev", "eth0")
	gone := m.deleted(t, "inet "+p.Addr().String())
	c.stderr.wait(t, "the loss", func(line string) bool { return strings.Contains(line, "address removed by another program") })
	discover := n.WaitFor(t, patience, sent(cli))
	expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover})
	if wait := discover.Time.Sub(gone.at); wait < 9*time.Second || wait > 12*time.Second {
		t.Errorf("the DISCOVER came %v after the removal, want about 10 s", wait)
	}
	back := m.after(t, "the address again", gone.at.Add(time.Millisecond), func(ch change) bool {
		return !ch.deleted && strings.Contains(ch.text, "inet "+p.Addr().String())
	})
	if back.at.Before(discover.Time) {
		t.Errorf("the address was put back at %v", back.at)
	}
	cli.guestsStay(t)
	c.stop(t)
}

// Where resolv.conf is mounted, as in a container, it is written in place, and
// what stood there comes back when the lease ends.
func TestMountedResolvConf(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	servers.Start(t, servers.Dnsmasq, peer.short(1))
	dir := stateDir(t)
	file := filepath.Join(dir, "mounted")
	const before = "# by hand\nnameserver 203.0.113.53\noptions ndots:2\n"
	if err := os.WriteFile(file, []byte(before), 0o644); err != nil {
		t.Fatal(err)
	}
	// Its own mount namespace is that of `ip netns exec`.
	c := launch(t, cli, "/bin/sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`,
		file, program(t), "eth0", "-vv", "--lease-dir", dir, "--on-exit=remove")
	c.bound(t)
	c.resolv = file
	eventually(t, "name servers in the file", func() bool { return strings.Contains(c.resolver(), dns.String()) })
	wantResolver(t, c, "nameserver "+dns.String(), "search example.org", "options ndots:2")
	c.stop(t)
	if got := c.resolver(); got != before {
		t.Errorf("left %q, before %q", got, before)
	}
	cli.bare(t)
}
