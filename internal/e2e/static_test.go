package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// What an administrator has set on the link by hand is there before a lease,
// with it, after its renewal, its end, and its release (conformance HST-04).
func TestStaticSettingsStay(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	srv := peer.lie(t, func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = 4*time.Second, time.Second, 2*time.Second })
	cli.IP(t, "address", "add", "203.0.113.9/24", "dev", "eth0")
	cli.IP(t, "route", "add", "198.51.100.0/24", "via", "203.0.113.1")
	dir := stateDir(t)
	const resolver = "# by hand\nnameserver 203.0.113.53\n"
	if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte(resolver), 0o644); err != nil {
		t.Fatal(err)
	}
	m := watch(t, cli)
	c := start(t, cli, dir)
	a := c.bound(t).Addr().String()
	eventually(t, "its name server", func() bool { return strings.Contains(c.resolver(), dns.String()) })
	c.stdout.wait(t, "a renewal", func(line string) bool { return strings.HasSuffix(line, ", renewed") })
	if err := srv.Configure(func(c *dhcptest.Config) { c.Silent = true }); err != nil {
		t.Fatal(err)
	}
	gone := m.deleted(t, "inet "+a)
	eventually(t, "the resolver as it was", func() bool { return c.resolver() == resolver })
	if err := srv.Configure(func(c *dhcptest.Config) { c.Silent, c.Lease, c.T1, c.T2 = false, time.Hour, 0, 0 }); err != nil {
		t.Fatal(err)
	}
	m.after(t, "the address again", gone.at.Add(time.Millisecond), func(ch change) bool {
		return !ch.deleted && strings.Contains(ch.text, "inet "+a)
	})
	c.stdout.wait(t, "a lease of an hour", func(line string) bool { return strings.Contains(line, "lease 1h") })
	c.signal(t, syscall.SIGUSR2)
	c.stdout.wait(t, "the release", func(line string) bool { return strings.HasSuffix(line, "/24 released") })
	c.stop(t)

	for _, ch := range m.changes() {
		if ch.deleted && (strings.Contains(ch.text, "203.0.113.") || strings.Contains(ch.text, "198.51.100.0/24")) {
			t.Errorf("at %v the administrator's was removed: %s", ch.at, ch.text)
		}
	}
	if got := cli.one(t); got.Local.String() != "203.0.113.9" {
		t.Errorf("address %+v", got)
	}
	wantRoutes(t, cli,
		"198.51.100.0/24 via 203.0.113.1 dev eth0",
		"203.0.113.0/24 dev eth0 proto kernel scope link src 203.0.113.9")
	if got := c.resolver(); got != resolver {
		t.Errorf("resolver %q, want %q", got, resolver)
	}
}
