package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// The ways of a relay: from the client, and to it.
const (
	up   = relay.AToB
	down = relay.BToA
)

// badCable joins the client's station to that of a server by a relay.
func badCable(t *testing.T, seed uint64) (cli, peer *station, r *relay.Relay) {
	t.Helper()
	cli, peer = &station{NS: nettest.NewNS(t, "client")}, &station{NS: nettest.NewNS(t, "server")}
	wires := nettest.NewNS(t, "wires")
	nettest.Veth(t, cli.NS, "eth0", wires, "a")
	nettest.Veth(t, peer.NS, "eth0", wires, "b")
	cli.mac, peer.mac = macOf(t, cli.NS), macOf(t, peer.NS)
	return cli, peer, relay.Start(t, wires, "a", "b", seed)
}

// renewals counts those that the client has told of.
func (c *client) renewals() (n int) {
	all, _ := c.stdout.get()
	for _, line := range all {
		if strings.HasSuffix(line, ", renewed") {
			n++
		}
	}
	return n
}

// lossSeed loses the first DISCOVER, and an ACK.
const lossSeed = 7

// Three frames of ten are lost, each way: the client binds, and renews. The
// address leaves the link only if a lease has ended, which takes six exchanges
// in a row that fail.
func TestNetwork_Loss(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer, r := badCable(t, lossSeed)
	servers.Start(t, servers.Dnsmasq, peer.short(1))
	sniff(t, cli)
	m := watch(t, cli)
	r.SetBoth(relay.Faults{Loss: 0.3})
	c := start(t, cli, stateDir(t))
	a := c.bound(t).Addr()
	// Mostly ten seconds, but luck has no limit: the kernel's ARP loses too.
	for deadline := time.Now().Add(4 * patience); c.renewals() < 2; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d renewals in %v", c.renewals(), 4*patience)
		}
	}
	if !strings.Contains(c.stderr.String(), "the lease expired") {
		m.steady(t)
		if got := cli.one(t); got.Local != a {
			t.Errorf("address %+v, want %v", got, a)
		}
	}
	for way, s := range map[relay.Way]relay.Stats{up: r.Stats(up), down: r.Stats(down)} {
		if s.Lost == 0 {
			t.Errorf("nothing was lost on the way %v: %+v", way, s)
		}
	}
	c.stop(t)
}

// Every frame comes twice, or frames overtake each other: a client that has its
// answer does not hear the second, and every exchange is one.
func TestNetwork_DuplicationAndReordering(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for name, faults := range map[string]relay.Faults{
		"every frame twice": {Duplicate: 1},
		"in any order":      {Duplicate: 0.5, Reorder: 0.5, Jitter: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			cli, peer, r := badCable(t, seed)
			servers.Start(t, servers.Dnsmasq, peer.short(1))
			n, m := sniff(t, cli), watch(t, cli)
			r.SetBoth(faults)
			c := start(t, cli, stateDir(t))
			a := c.bound(t).Addr()
			eventually(t, "two renewals", func() bool { return c.renewals() >= 2 })
			m.steady(t)
			if got := cli.one(t); got.Local != a {
				t.Errorf("address %+v, want %v", got, a)
			}
			noComplaint(t, n, cli) // what comes after the end has nobody to take it
			c.stop(t)
			if s := r.Stats(down); s.Duplicated == 0 || faults.Reorder > 0 && s.Reordered == 0 {
				t.Errorf("the network did no harm: %+v", s)
			}
			exchanges(t, n.Matching(sent(cli)), 1+c.renewals())
		})
	}
}

// exchanges fails the test unless the messages of a client are one DISCOVER and
// REQUESTs of so many exchanges, one more at most, with an xid each. On a slow
// machine a message may be sent again, but not once for each answer.
func exchanges(t *testing.T, frames []frame.Frame, want int) {
	t.Helper()
	seen := map[dhcpv4.MessageType]map[dhcpv4.TransactionID]int{}
	for _, f := range frames {
		typ := f.DHCP.MessageType()
		if seen[typ] == nil {
			seen[typ] = map[dhcpv4.TransactionID]int{}
		}
		if seen[typ][f.DHCP.TransactionID]++; seen[typ][f.DHCP.TransactionID] > 3 {
			t.Errorf("sent again and again: %v", f)
		}
	}
	discovers, requests := seen[dhcpv4.MessageTypeDiscover], seen[dhcpv4.MessageTypeRequest]
	if len(discovers) != 1 || len(requests) < want || len(requests) > want+1 || len(seen) != 2 {
		t.Errorf("sent %v, want one exchange of DISCOVER, %d of REQUEST", seen, want)
	}
}

// Every frame takes a second, each way, so that answers come after the message
// was sent again: they count, as they have its xid. A lease of twenty seconds
// is renewed, although even ARP takes two.
func TestNetwork_Delay_INI_17(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer, r := badCable(t, 1)
	o := peer.short(1)
	o.Lease, o.T1, o.T2 = 20*time.Second, t1, 15*time.Second
	servers.Start(t, servers.Dnsmasq, o)
	n, m := sniff(t, cli), watch(t, cli)
	r.SetBoth(relay.Faults{Delay: time.Second})
	c := start(t, cli, stateDir(t))
	a := c.bound(t).Addr()

	frames := n.Matching(sent(cli))
	count := map[dhcpv4.MessageType]int{}
	for _, f := range frames {
		count[f.DHCP.MessageType()]++
		if f.DHCP.TransactionID != frames[0].DHCP.TransactionID {
			t.Errorf("another xid: %v", f)
		}
	}
	// DISCOVER at 0 and 1 s, REQUEST at 2 and 3 s; one more of each on a
	// machine that stands still.
	if d, r := count[dhcpv4.MessageTypeDiscover], count[dhcpv4.MessageTypeRequest]; d < 2 || d > 3 || r < 2 || r > 3 || len(count) != 2 {
		t.Errorf("sent %v until bound", count)
	}
	soon(t, "binding", frames[0].Time, time.Now(), 6*time.Second)

	eventually(t, "a renewal", func() bool { return c.renewals() >= 1 })
	m.steady(t)
	if got := cli.one(t); got.Local != a {
		t.Errorf("address %+v, want %v", got, a)
	}
	for _, f := range n.Matching(sent(cli, dhcpv4.MessageTypeRequest)) {
		if addrOf(f.DHCP.ClientIPAddr) == a && f.IPv4.Dst == all1 {
			t.Errorf("the lease was not renewed but rebound: %v", f)
		}
	}
	c.stop(t)
}
