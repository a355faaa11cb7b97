package e2e_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// nakLimit is how soon after a NAK the address must be gone.
const nakLimit = 500 * time.Millisecond

// A server whose range of addresses was changed refuses to renew those of
// before.
func TestNakToRenewal_RFC2131_4_4_5(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind) {
		cli, peer := cable(t)
		o := peer.short(1)
		srv := servers.Start(t, k, o)
		n, m := sniff(t, cli), watch(t, cli)
		c := start(t, cli, stateDir(t))
		old := c.bound(t).Addr()
		first := began(t, n)
		o.PoolFirst, o.PoolLast = host(30), host(39)
		if k == servers.ISC || k == servers.Kea {
			// They are silent about an address out of the range, unless
			// they have another for the client.
			o.Reserved = map[string]netip.Addr{cli.mac.String(): host(35)}
		}
		srv.Restart(t, o)

		request := n.WaitFor(t, patience, extends(cli))
		expect(t, request, message{Type: dhcpv4.MessageTypeRequest, Src: old, Dst: router, To: peer.mac, Client: old})
		if k == servers.Udhcpd {
			// It never refuses a renewal: the lease ends instead.
			gone := m.deleted(t, "inet "+old.String())
			around(t, "the end of the address", gone.at, first, leaseTime, 1500*time.Millisecond)
		} else {
			nak := n.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeNak))
			startsOver(t, nak, n.WaitFor(t, patience, sent(cli)), m, old)
		}
		rebound(t, c, cli, o)
		c.stop(t)
	})
}

// A server that was moved to another network refuses who comes back with an
// address of before.
func TestNakToReboot_RFC2131_3_2(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind) {
		cli, peer := cable(t)
		o := peer.short(1)
		srv := servers.Start(t, k, o)
		n, m := sniff(t, cli), watch(t, cli)
		dir := stateDir(t)
		c := start(t, cli, dir)
		old := c.bound(t).Addr()
		c.kill(t)
		n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRequest))
		o.ServerAddr = netip.MustParsePrefix("198.51.100.1/24")
		o.PoolFirst, o.PoolLast = netip.MustParseAddr("198.51.100.10"), netip.MustParseAddr("198.51.100.19")
		o.Router = o.ServerAddr.Addr()
		if k == servers.Kea {
			// Else it takes the lease of before for one of this network.
			o.Extra = []string{`"id": 2`}
		}
		srv.Stop(t)
		peer.IP(t, "address", "flush", "dev", "eth0")
		srv.Restart(t, o)

		c = start(t, cli, dir)
		request := n.WaitFor(t, patience, sent(cli))
		expect(t, request, message{Type: dhcpv4.MessageTypeRequest, Requested: old})
		nak := n.WaitFor(t, patience, answers(request, dhcpv4.MessageTypeNak))
		startsOver(t, nak, n.WaitFor(t, patience, sent(cli)), m, old)
		rebound(t, c, cli, o)
		c.stop(t)
	})
}

// startsOver checks what follows a NAK: the address goes, and the next message
// is a DISCOVER that asks for nothing.
func startsOver(t *testing.T, nak, next frame.Frame, m *monitor, old netip.Addr) {
	t.Helper()
	expect(t, next, message{Type: dhcpv4.MessageTypeDiscover})
	if next.DHCP.TransactionID == nak.DHCP.TransactionID {
		t.Error("the DISCOVER has the xid of what was refused")
	}
	soon(t, "a DISCOVER after the NAK", nak.Time, next.Time, nakLimit)
	soon(t, "the removal of the address after the NAK", nak.Time, m.deleted(t, "inet "+old.String()).at, nakLimit)
}

// rebound waits for an address of what the server serves now. Nothing of the old
// lease may be there then.
func rebound(t *testing.T, c *client, s *station, o servers.Options) {
	t.Helper()
	var a netip.Addr
	c.stdout.wait(t, "the new address", func(line string) bool {
		f := boundLine.FindStringSubmatch(line)
		if f == nil {
			return false
		}
		p, err := netip.ParsePrefix(f[1])
		a = p.Addr()
		return err == nil && inPool(a, o)
	})
	if got := s.one(t); got.Local != a {
		t.Errorf("address %+v, want %v", got, a)
	}
	routes := s.routes(t)
	for _, r := range routes {
		if !strings.Contains(r, " src "+a.String()+" ") {
			t.Errorf("route %q", r)
		}
	}
	if len(routes) != 2 {
		t.Errorf("routes %q, want two", routes)
	}
}
