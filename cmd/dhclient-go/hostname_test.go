package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
)

// The name that the server sends is the host's only where that is asked for, and
// only a name can be one.
func TestSetHostname(t *testing.T) {
	s := newSite(t)
	sent := map[string]string{"eth0": "box", "eth1": "box; reboot"}
	for _, link := range []string{"eth0", "eth1"} {
		s.link(t, func(c *dhcptest.Config) { c.Options = map[uint8][]byte{12: []byte(sent[link])} })
	}
	for _, c := range []struct{ link, was, flag, want string }{
		{"eth0", "localhost", "--quiet", "localhost"},
		{"eth0", "localhost", "--set-hostname", "box"},
		{"eth0", "srv1", "--set-hostname=unnamed", "srv1"},
		{"eth0", "srv1", "--set-hostname=always", "box"},
		{"eth1", "srv1", "--set-hostname=always", "srv1"},
	} {
		// A host of its own, and a /run.
		p := s.exec(t, "unshare", "--uts", "--mount", "sh", "-ec", `mkdir -p /run/dhclient-go; mount -t tmpfs none /run/dhclient-go
			echo $0 >/proc/sys/kernel/hostname; "$@" >&2; cat /proc/sys/kernel/hostname`,
			c.was, "dhclient-go", "--lease-dir", filepath.Join(s.dir, "leases"), "--no-dns", "--acd=off", "-1", c.flag, c.link)
		p.exit(t, 0)
		if got := strings.TrimSpace(p.stdout.String()); got != c.want {
			t.Errorf("%s, which was %s, is %q with %s, want %s", c.link, c.was, got, c.flag, c.want)
		}
	}
}
