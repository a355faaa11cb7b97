package e2e_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// Of two servers on a switch the one is taken that the flags say, and the other is
// told of once, unless it is denied.
func TestPolicy_Servers(t *testing.T) {
	nettest.Require(t)
	for name, tt := range map[string]struct {
		flags func(near, far *station) []string
		// want is the server of the lease, and other whether there is a word about
		// another.
		want  netip.Addr
		other bool
	}{
		"longest":    {func(_, _ *station) []string { return []string{"--select-timeout=1", "--prefer=longest"} }, host(2), true},
		"denied MAC": {func(near, _ *station) []string { return []string{"--deny-server=" + near.mac.String()} }, host(2), false},
		"allowed MAC": {func(near, _ *station) []string {
			return []string{"--allow-server=" + near.mac.String(), "--select-timeout=1"}
		}, host(1), false},
		"allowed":  {func(_, _ *station) []string { return []string{"--allow-server=192.0.2.2"} }, host(2), false},
		"required": {func(_, _ *station) []string { return []string{"--require-option=tftp"} }, host(2), true},
	} {
		t.Run(name, func(t *testing.T) {
			turn(t)
			l := newLAN(t)
			near, far := l.join(t, "near"), l.join(t, "far")
			near.lie(t, func(c *dhcptest.Config) {})
			far.serve(t, dhcptest.Config{ServerID: host(2), Network: network, First: host(20), Last: host(29)}, func(c *dhcptest.Config) {
				c.Lease, c.Delay, c.Options = 2*time.Hour, 200*time.Millisecond, map[uint8][]byte{66: []byte("tftp.example")}
			})
			c := start(t, l.client, stateDir(t), tt.flags(near, far)...)
			p := c.bound(t)
			c.stop(t)
			lines, _ := c.stdout.get()
			if !strings.Contains(lines[0], " from "+tt.want.String()+",") {
				t.Errorf("bound to %v: %q, want a lease of %v", p, lines, tt.want)
			}
			told := 0
			for _, w := range c.warnings() {
				if strings.Contains(w, "there is another server on the link") {
					told++
				}
			}
			if told != map[bool]int{true: 1}[tt.other] {
				t.Errorf("%d words about another server in %q", told, c.warnings())
			}
		})
	}
}

// A server that wants to have the traffic of a VPN, by routes that are more
// specific than the VPN's default route (CVE-2024-3661), does not get it where the
// policy is not to trust it, and that is said.
func TestPolicy_TunnelVision(t *testing.T) {
	nettest.Require(t)
	for policy, drawn := range map[string]bool{"all": true, "subnet": false, "default": false} {
		t.Run(policy, func(t *testing.T) {
			turn(t)
			cli, server := cable(t)
			server.lie(t, func(c *dhcptest.Config) {
				c.Options = map[uint8][]byte{121: {0, 192, 0, 2, 1, 1, 0, 192, 0, 2, 66, 1, 128, 192, 0, 2, 66}}
			})
			// The VPN has the default route.
			nettest.Veth(t, cli.NS, "vpn0", server.NS, "vpn1")
			cli.IP(t, "address", "add", "10.7.0.2/24", "dev", "vpn0")
			cli.IP(t, "route", "add", "default", "via", "10.7.0.1", "dev", "vpn0", "metric", "50")
			c := start(t, cli, stateDir(t), "-v", "--routes="+policy)
			c.bound(t)
			way := cli.IP(t, "route", "get", "198.51.100.7")
			if got := strings.Contains(way, "via 192.0.2.66 dev eth0"); got != drawn {
				t.Errorf("with --routes=%s: %s", policy, way)
			}
			if !drawn && !strings.Contains(way, "dev vpn0") {
				t.Errorf("it does not go through the VPN: %s", way)
			}
			c.stop(t)
			said := map[bool]string{true: "take precedence over the default route: route 0.0.0.0/1 via 192.0.2.66 and 1 more",
				false: "refused by the policy " + policy + ": route 0.0.0.0/1 via 192.0.2.66 and 1 more"}[drawn]
			lines, _ := c.stderr.get()
			if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, said) }) {
				t.Errorf("there is no %q in\n%s", said, strings.Join(lines, "\n"))
			}
		})
	}
}
