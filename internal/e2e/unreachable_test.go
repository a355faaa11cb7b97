package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A server whose kernel says that nobody listens, or that does not even answer
// ARP requests, is a silent server and no more: RENEWING keeps its pace, and
// REBINDING asks all (RFC 2131 4.4.5; conformance REN-25).
func TestRenewUnreachable_RFC2131_4_4_5(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, way := range []struct {
		name  string
		block func(t *testing.T, cli, peer *station)
		sign  func(frame.Frame) bool // of what the client meets
	}{
		{"port unreachable", func(t *testing.T, _, peer *station) {
			rules := "add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in udp dport 67 reject"
			if out, err := peer.Command(t.Context(), "nft", rules).CombinedOutput(); err != nil {
				t.Fatalf("nft: %v: %s", err, out)
			}
		}, func(f frame.Frame) bool {
			const icmp, unreachable = 1, 3
			return f.IPv4 != nil && f.IPv4.Protocol == icmp && len(f.IPv4.Payload) > 0 && f.IPv4.Payload[0] == unreachable
		}},
		{"no answer to ARP", func(t *testing.T, cli, peer *station) {
			peer.IP(t, "link", "set", "dev", "eth0", "arp", "off")
			cli.IP(t, "neigh", "flush", "dev", "eth0")
		}, frame.IsARP(func(a frame.ARP) bool { return a.TargetIP == router && a.SenderIP != none })},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			cli, peer := cable(t)
			srv := peer.lie(t, func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = leaseTime, t1, t2 })
			n, m := sniff(t, cli), watch(t, cli)
			c := start(t, cli, stateDir(t))
			a := c.bound(t).Addr()
			first := began(t, n)
			if err := srv.Configure(func(c *dhcptest.Config) { c.Silent = true }); err != nil {
				t.Fatal(err)
			}
			way.block(t, cli, peer)
			n.WaitFor(t, patience, func(f frame.Frame) bool { return f.Time.After(first.Add(t1/2)) && way.sign(f) })
			c.stderr.wait(t, "REBINDING", func(line string) bool { return strings.Contains(line, "to REBINDING") })
			if err := srv.Configure(func(c *dhcptest.Config) { c.Silent = false }); err != nil {
				t.Fatal(err)
			}
			rebind := n.WaitFor(t, patience, func(f frame.Frame) bool { return extends(cli)(f) && f.IPv4.Dst == all1 })
			around(t, "rebinding", rebind.Time, first, t2, time.Second)
			c.stdout.wait(t, "the renewal", func(line string) bool { return strings.HasSuffix(line, ", renewed") })
			if got := cli.one(t); got.Local != a {
				t.Errorf("address %+v, want %v", got, a)
			}
			m.steady(t)
			// At 4, 6 and 7 s; what the kernel could not deliver is not sent again at once.
			if tries := strings.Count(c.stderr.String(), "to "+router.String()+", ciaddr"); tries < 1 || tries > 4 {
				t.Errorf("%d REQUESTs to the server", tries)
			}
			c.stop(t)
		})
	}
}
