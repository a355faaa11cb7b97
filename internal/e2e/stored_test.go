package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A machine starts, has a lease that lasts, and no server is there: the lease is
// used if the router that is stored with it answers as the station that it was,
// and given up when it ends. Another router of the same address is another
// network, as every 192.168.1.1 is.
func TestStoredLeaseWithoutServer_RFC2131_3_7(t *testing.T) {
	const lasts = 27 * time.Second // a little more than two REQUESTs and four DISCOVERs wait
	for _, here := range []bool{true, false} {
		name := "same router"
		if !here {
			name = "another router"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nettest.Require(t)
			cli, peer := cable(t)
			liar := peer.lie(t, lasting(lasts))
			n, m := sniff(t, cli), watch(t, cli)
			dir := stateDir(t)
			c := start(t, cli, dir, "--on-exit=remove")
			p := c.bound(t)
			storedRouter(t, dir, peer.mac.String())
			c.stop(t)
			cli.bare(t)
			if err := liar.Configure(func(c *dhcptest.Config) { c.Silent = true }); err != nil {
				t.Fatal(err)
			}
			if !here {
				peer.IP(t, "link", "set", "dev", "eth0", "address", "02:00:00:00:00:77")
			}
			first, stopped := began(t, n), time.Now()

			c = start(t, cli, dir, "--on-exit=remove")
			if !here {
				c.stderr.wait(t, "the other network", func(s string) bool { return strings.Contains(s, "this is another network") })
				cli.bare(t)
				c.stop(t)
				return
			}
			c.stderr.wait(t, "the stored lease", func(s string) bool { return strings.Contains(s, "using the stored lease") })
			m.after(t, "the address", stopped, func(ch change) bool { return !ch.deleted && strings.Contains(ch.text, "inet "+p.Addr().String()) })
			if a := cli.one(t); a.Local != p.Addr() || a.Valid > uint32(lasts.Seconds()) {
				t.Errorf("address %+v, want %v for no more than it was leased", a, p)
			}
			sentBefore := len(n.Matching(sent(cli, dhcpv4.MessageTypeDiscover)))
			gone := m.after(t, "the end of the address", stopped, func(ch change) bool {
				return ch.deleted && strings.Contains(ch.text, "inet "+p.Addr().String())
			})
			around(t, "the end of the stored lease", gone.at, first, lasts, 1500*time.Millisecond)
			eventually(t, "bare", func() bool { return len(cli.addresses(t))+len(cli.routes(t)) == 0 })
			n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeDiscover))
			if after := len(n.Matching(sent(cli, dhcpv4.MessageTypeDiscover))); after < sentBefore {
				t.Errorf("%d DISCOVERs, then %d", sentBefore, after)
			}
			c.stop(t)
		})
	}
}

// storedRouter waits until the lease file has the router's hardware address.
func storedRouter(t *testing.T, dir, mac string) {
	t.Helper()
	eventually(t, "router's address stored", func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "leases", "*"))
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), mac) {
				return true
			}
		}
		return false
	})
}
