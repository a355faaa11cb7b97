package e2e_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// A lease that is given back is free in the server's database, and the RELEASE
// really left: the address goes after it.
func TestRelease_RFC2131_4_4_6(t *testing.T) {
	t.Parallel()
	for _, way := range []struct {
		name  string
		flags []string
		sig   syscall.Signal
	}{
		{"SIGUSR2", nil, syscall.SIGUSR2},
		{"on-exit", []string{"--on-exit=release"}, syscall.SIGTERM},
	} {
		t.Run(way.name, func(t *testing.T) {
			each(t, func(t *testing.T, k servers.Kind) {
				cli, peer := cable(t)
				o := peer.short(1)
				o.Lease, o.T1, o.T2 = time.Hour, 0, 0 // so that it does not end by itself
				srv := servers.Start(t, k, o)
				n, m := sniff(t, peer), watch(t, cli)
				c := start(t, cli, stateDir(t), way.flags...)
				a := c.bound(t).Addr()
				srv.WaitLease(t, a, true)

				c.signal(t, way.sig)
				release := n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRelease))
				expect(t, release, message{Type: dhcpv4.MessageTypeRelease, Src: a, Dst: router, To: peer.mac, Client: a, Server: router})
				srv.WaitLease(t, a, false)
				if gone := m.deleted(t, "inet "+a.String()); gone.at.Before(release.Time) {
					t.Errorf("the address was removed %v before the RELEASE", release.Time.Sub(gone.at))
				}
				c.stdout.wait(t, "the release", func(line string) bool { return strings.HasSuffix(line, "/24 released") })
				if way.sig == syscall.SIGTERM {
					if code := c.exit(t); code != 0 {
						t.Errorf("exit code %d", code)
					}
				} else {
					c.stop(t)
				}
				cli.bare(t)
				eventually(t, "a resolver without the lease", func() bool { return c.resolver() == "" })
				noComplaint(t, n, cli)
				if all := n.Matching(sent(cli, dhcpv4.MessageTypeRelease)); len(all) != 1 {
					t.Errorf("%d RELEASEs, want one", len(all))
				}
			})
		})
	}
}

// A server that is dead, so that no ARP request is answered, does not hold the
// client up (conformance REL-04): stop allows a second.
func TestReleaseToDeadServer_RFC2131_4_4_6(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	peer := l.join(t, "server")
	o := peer.short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	servers.Start(t, servers.Dnsmasq, o)
	n := sniff(t, l.client)
	c := start(t, l.client, stateDir(t), "--on-exit=release")
	c.bound(t)
	peer.IP(t, "link", "set", "dev", "eth0", "down")
	l.client.IP(t, "neigh", "flush", "dev", "eth0")
	c.stop(t)
	l.client.bare(t)
	if all := n.Matching(sent(l.client, dhcpv4.MessageTypeRelease)); len(all) != 0 {
		t.Errorf("the RELEASE found a server: the test shows nothing: %v", all)
	}
}
