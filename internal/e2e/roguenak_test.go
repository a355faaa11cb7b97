package e2e_test

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// naks says NAK two thousand times a second to whatever the client said last: in
// turn with its xid and with another.
func (r *rogue) naks(t *testing.T, client *station, id netip.Addr) *attack {
	t.Helper()
	heard, chance := r.follows(t, client), rand.New(rand.NewPCG(3, 4))
	return r.floods(t, 2000, func(i int) []byte {
		req := heard.get()
		if req == nil {
			return nil
		}
		return r.says(id, reply(req, dhcpv4.MessageTypeNak, id, none, func(m *dhcpv4.DHCPv4) {
			if i%2 == 0 {
				m.TransactionID[0] ^= byte(1 + chance.IntN(255))
			}
		}))
	})
}

// Who says NAK and was not asked is not heard, in REQUESTING and in RENEWING,
// though it has the right xid.
func TestRogueNaks_OwnID_RFC2131_3_1_5(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	// It thinks for a while, in which there are two hundred NAKs.
	l.join(t, "server").lie(t, func(c *dhcptest.Config) {
		c.Lease, c.T1, c.T2, c.Delay = leaseTime, 2*time.Second, t2, 100*time.Millisecond
	})
	f := l.rogue(t).naks(t, l.client, rogueID)
	n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
	c := quietly(t, l.client, stateDir(t), "-v")
	c.bound(t)
	for range 2 {
		n.WaitFor(t, patience, extends(l.client))
		m.refreshed(t)
	}
	m.steady(t)
	if all := n.Matching(sent(l.client, dhcpv4.MessageTypeDiscover)); len(all) > 2 {
		t.Errorf("%d DISCOVERs: a NAK of nobody had an effect", len(all))
	}
	all, rate := f.end()
	bounded(t, n, l.client)
	c.stop(t)
	counted := c.counted(t)
	for _, reason := range []string{
		"rejected.NAK of a server that was not chosen", "rejected.NAK of a server that was not asked",
		"rejected.of another exchange", "rejected.of a type that is not awaited",
	} {
		if !strings.Contains(counted, reason) {
			t.Errorf("no %q in %s", reason, counted)
		}
	}
	t.Logf("%d NAKs, %d a second; %s", all, rate, counted)
}

// A NAK in the name of the server that was asked cannot be told from its own.
// The client tries less and less often, and is there when it ends.
func TestRogueNaks_ForgedID_RFC2131_3_1_5(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	o := l.join(t, "server").short(1)
	servers.Start(t, servers.Dnsmasq, o)
	f := l.rogue(t).naks(t, l.client, router)
	n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
	c := quietly(t, l.client, stateDir(t))
	// At 0, 0 and 2 s, if each is refused.
	for range 3 {
		n.WaitFor(t, patience, sent(l.client, dhcpv4.MessageTypeDiscover))
	}
	time.Sleep(500 * time.Millisecond) // the REQUEST, and its NAK
	f.end()
	if a := c.bound(t).Addr(); !inPool(a, o) {
		t.Errorf("bound to %v", a)
	}
	discovers := n.Matching(sent(l.client, dhcpv4.MessageTypeDiscover))
	for i, want := range []time.Duration{0, 2 * time.Second, 4 * time.Second} {
		if i+1 < len(discovers) {
			if gap := discovers[i+1].Time.Sub(discovers[i].Time); gap < want {
				t.Errorf("DISCOVER %d came %v after the one before, want %v", i+1, gap, want)
			}
		}
	}
	if lines := c.warnings(); len(lines) > 10 {
		t.Errorf("%d lines of log: %q", len(lines), lines)
	}
	m.never(t, victim.String())
	bounded(t, n, l.client)
	c.stop(t)
}

// In REBOOTING anybody may say NAK. The lease is lost by it, and had again at
// once: to the REQUEST that follows, only its server may.
func TestRogueNaks_Rebooting_RFC2131_3_2_3(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	o := l.join(t, "server").short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	servers.Start(t, servers.Dnsmasq, o)
	r, dir := l.rogue(t), stateDir(t)
	c := quietly(t, l.client, dir)
	old := c.bound(t).Addr()
	c.kill(t)
	r.naks(t, l.client, rogueID)
	n := nettest.CaptureSent(t, l.client.NS, "eth0")
	c = quietly(t, l.client, dir, "-v")
	expect(t, n.WaitFor(t, patience, sent(l.client)), message{Type: dhcpv4.MessageTypeRequest, Requested: old})
	if a := c.bound(t).Addr(); !inPool(a, o) || l.client.one(t).Local != a {
		t.Errorf("bound to %v, and the link has %v", a, l.client.one(t))
	}
	bounded(t, n, l.client)
	c.stop(t)
}

// And in REBINDING: the address goes at once, and comes back when its server
// does.
func TestRogueNaks_Rebinding_RFC2131_4_4_5(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	o := l.join(t, "server").short(1)
	o.T1, o.T2 = 2*time.Second, 3*time.Second
	srv := servers.Start(t, servers.Dnsmasq, o)
	r := l.rogue(t)
	n, m := nettest.CaptureSent(t, l.client.NS, "eth0"), watch(t, l.client)
	c := quietly(t, l.client, stateDir(t))
	a := c.bound(t).Addr()
	srv.Stop(t)
	r.naks(t, l.client, rogueID)
	n.WaitFor(t, patience, func(f nettest.Frame) bool { return extends(l.client)(f) && f.IPv4.Dst == all1 })
	discover := n.WaitFor(t, patience, sent(l.client, dhcpv4.MessageTypeDiscover))
	soon(t, "the removal", discover.Time.Add(-time.Millisecond), m.deleted(t, "inet "+a.String()).at, nakLimit)
	srv.Restart(t, o)
	if again := c.boundAgain(t); !inPool(again, o) {
		t.Errorf("bound to %v", again)
	}
	bounded(t, n, l.client)
	c.stop(t)
}

// boundAgain waits for a second lease, and returns the address.
func (c *client) boundAgain(t *testing.T) netip.Addr {
	t.Helper()
	n := 0
	line := c.stdout.wait(t, "another lease", func(line string) bool {
		if boundLine.MatchString(line) {
			n++
		}
		return n == 2
	})
	return netip.MustParsePrefix(boundLine.FindStringSubmatch(line)[1]).Addr()
}
