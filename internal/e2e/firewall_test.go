package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// nft runs nft(8) on a station, and returns what it prints.
func (s *station) nft(t *testing.T, script string) string {
	t.Helper()
	cmd := s.Command(t.Context(), "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nft: %v: %s\n%s", err, out, script)
	}
	return string(out)
}

// setting writes a file of /proc/sys/net/ipv4/conf.
func (s *station) setting(t *testing.T, name, value string) {
	t.Helper()
	cmd := s.Command(t.Context(), "sh", "-c", `echo "$1" > "/proc/sys/net/ipv4/conf/$0"`, name, value)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("set %s: %v: %s", name, err, out)
	}
}

// A firewall that lets nothing in to port 68, and a kernel that drops what comes
// from where it would not send, keep no lease from being had, renewed and
// rebound (NET-09).
func TestFirewallDropsInput(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	l := newLAN(t)
	server := l.join(t, "server")
	servers.Start(t, servers.Dnsmasq, server.short(1))
	l.client.nft(t, `table ip wall {
		chain in { type filter hook input priority 0; policy drop; icmp type echo-request accept; }
		chain pre { type filter hook prerouting priority -300; udp dport 68 counter drop; }
	}`)
	for _, where := range []string{"all", "default", "eth0"} {
		l.client.setting(t, where+"/rp_filter", "1")
	}
	n, m := sniff(t, server), watch(t, l.client)
	c := start(t, l.client, stateDir(t))
	a := c.bound(t).Addr()
	renew := n.WaitFor(t, patience, extends(l.client))
	expect(t, renew, message{Type: dhcpv4.MessageTypeRequest, Src: a, Dst: router, To: server.mac, Client: a})
	n.WaitFor(t, patience, answers(renew, dhcpv4.MessageTypeAck))
	c.stdout.wait(t, "the renewal", said(", renewed"))
	m.steady(t)
	if rules := l.client.nft(t, "list chain ip wall pre"); !strings.Contains(rules, "counter packets ") || strings.Contains(rules, "packets 0 ") {
		t.Errorf("the firewall has dropped nothing: %s", rules)
	}
	c.stop(t)
}

// A firewall that lets no unicast out keeps a lease from being renewed, but not
// from being rebound: those are broadcasts (RFC 2131 4.4.5; NET-09, RTX-07).
func TestFirewallRejectsRenewals_RFC2131_4_4_5(t *testing.T) {
	for _, verdict := range []string{"drop", "reject"} {
		t.Run(verdict, func(t *testing.T) {
			t.Parallel()
			nettest.Require(t)
			l := newLAN(t)
			server := l.join(t, "server")
			server.lie(t, func(c *dhcptest.Config) { c.Lease, c.T1, c.T2 = 12*time.Second, 2*time.Second, 5*time.Second })
			l.client.nft(t, `table ip wall { chain out { type filter hook output priority 0; udp dport 67 `+verdict+`; }; }`)
			n, m := sniff(t, server), watch(t, l.client)
			c := start(t, l.client, stateDir(t))
			c.bound(t)
			first := began(t, n)
			c.stderr.wait(t, "an error", func(line string) bool {
				return strings.Contains(line, "cannot send") && strings.Contains(line, "operation not permitted")
			})
			c.idles(t, 2*time.Second)
			rebind := n.WaitFor(t, patience, extends(l.client))
			if rebind.IPv4.Dst != all1 {
				t.Errorf("got through: %v", rebind)
			}
			around(t, "rebinding", rebind.Time, first, 5*time.Second, time.Second)
			n.WaitFor(t, patience, answers(rebind, dhcpv4.MessageTypeAck))
			c.stdout.wait(t, "the lease rebound", said(", renewed"))
			m.steady(t)
			// Every try that failed was one: 1.5 s apart at least.
			if log, _ := c.stderr.get(); countOf(log, "cannot send") > 3 {
				t.Errorf("%d tries in the 3 s of RENEWING", countOf(log, "cannot send"))
			}
			// When it is let through, the next renewal is one.
			l.client.nft(t, `flush chain ip wall out`)
			renew := n.WaitFor(t, patience, extends(l.client))
			if renew.IPv4.Dst != router {
				t.Errorf("the renewal was %v", renew)
			}
			c.stop(t)
		})
	}
}

func countOf(lines []string, text string) (n int) {
	for _, line := range lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// Where the kernel lets nothing out of the link at all, each try that fails is
// one, and the next comes when it is due (RFC 2131 4.1; RTX-07).
func TestNothingLeaves_RFC2131_4_1(t *testing.T) {
	turn(t)
	l := newLAN(t)
	server := l.join(t, "server")
	server.lie(t, honest)
	n := sniff(t, server)
	l.client.nft(t, `table netdev wall { chain out { type filter hook egress device eth0 priority 0; policy drop; }; }`)
	began := time.Now()
	c := start(t, l.client, stateDir(t))
	for i := range 3 { // at 0, 1 and 3 s
		c.stderr.wait(t, "an error", func(string) bool {
			log, _ := c.stderr.get()
			return countOf(log, "cannot send") > i
		})
	}
	if all := n.Matching(sent(l.client)); len(all) > 0 {
		t.Fatalf("got through: %v", all)
	}
	c.idles(t, 2*time.Second)
	l.client.nft(t, `delete table netdev wall`)
	discover := n.WaitFor(t, patience, sent(l.client))
	around(t, "the fourth DISCOVER", discover.Time, began, 7*time.Second, 1200*time.Millisecond)
	c.bound(t)
	if log, _ := c.stderr.get(); countOf(log, "cannot send") != 3 {
		t.Errorf("%d tries failed, want 3", countOf(log, "cannot send"))
	}
	c.stop(t)
}
