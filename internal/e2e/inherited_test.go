package e2e_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// netConf is what klibc's ipconfig says in the initramfs of a lease of the test
// network; UPTIME and the names are as it writes them.
const netConf = `DEVICE='eth0'
PROTO='%s'
IPV4ADDR='192.0.2.10'
IPV4BROADCAST='192.0.2.255'
IPV4NETMASK='255.255.255.0'
IPV4GATEWAY='192.0.2.1'
IPV4DNS0='192.0.2.3'
IPV4DNS1='0.0.0.0'
HOSTNAME='it'\''s'
DNSDOMAIN=''
NISDOMAIN=''
ROOTSERVER='192.0.2.1'
ROOTPATH=''
filename=''
UPTIME='21'
DHCPLEASETIME='3600'
DOMAINSEARCH=''
`

// early is the address that ipconfig or the kernel has set.
var early = netip.MustParsePrefix("192.0.2.10/24")

// boots puts on the link what ipconfig and the kernel leave: a permanent address,
// and a default route of the protocol boot without a metric.
func (s *station) boots(t *testing.T) {
	t.Helper()
	s.IP(t, "address", "add", early.String(), "broadcast", "+", "dev", "eth0")
	s.IP(t, "route", "add", "default", "via", router.String(), "dev", "eth0")
}

// newcomer starts the program on a stage, to take over.
func (g *stage) newcomer(t *testing.T, s *station, flags ...string) *client {
	t.Helper()
	return g.launch(t, s, append([]string{name, "eth0", "-vv", "--takeover"}, flags...)...)
}

// An address that the initramfs has set is verified by INIT-REBOOT, gets the
// lifetime of the lease in place, and its default route is replaced without an
// instant without one: a transfer goes on.
func TestTakeover_OfIPConfig(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(*dhcptest.Config) {})
	// The server knows a client that sends no client id, as ipconfig does.
	known := start(t, cli, stateDir(t), "--client-id=none", "--on-exit=remove")
	if got := known.bound(t); got != early {
		t.Fatalf("ipconfig would have %v", got)
	}
	known.end(t)
	n := sniff(t, cli)
	g := newStage(t, map[string]string{"/run/net-eth0.conf": fmt.Sprintf(netConf, "dhcp")})
	cli.boots(t)
	m := watch(t, cli)
	x := cli.transfer(t, early.Addr(), router, peer)
	c := g.newcomer(t, cli)
	request := n.WaitFor(t, patience, sent(cli))
	expect(t, request, message{Type: dhcpv4.MessageTypeRequest, Requested: early.Addr()})
	if id := request.DHCP.Options.Get(dhcpv4.OptionClientIdentifier); id != nil {
		t.Errorf("the client id is %x: ipconfig sends none", id)
	}
	if got := c.bound(t); got != early {
		t.Errorf("bound to %v, not %v", got, early)
	}
	if again := n.Matching(sent(cli, dhcpv4.MessageTypeDiscover)); len(again) > 0 {
		t.Errorf("%d DISCOVERs", len(again))
	}
	eventually(t, "the default route of before to be gone", func() bool { return len(defaults(m)) >= 2 })
	x.arrives(t)
	if a := cli.one(t); a.Valid < 3500 || a.Valid > 3600 {
		t.Errorf("address %+v", a)
	}
	if got := defaults(m); len(got) != 2 || got[0].deleted || !strings.Contains(got[0].text, "proto dhcp") ||
		!got[1].deleted || strings.Contains(got[1].text, "proto dhcp") {
		t.Errorf("the default routes: %+v", got)
	}
	for _, ch := range m.changes() {
		if ch.deleted && strings.Contains(ch.text, early.Addr().String()+"/24") {
			t.Errorf("removed: %s", ch.text)
		}
	}
	c.end(t)
	if a := cli.one(t); a.Valid > 3600 {
		t.Errorf("address at the end %+v", a)
	}
}

// defaults are the changes of default routes.
func defaults(m *monitor) (list []change) {
	for _, c := range m.changes() {
		if strings.HasPrefix(c.text, "default ") {
			list = append(list, c)
		}
	}
	return list
}

// A NAK takes all of it off the link, and silence nothing.
func TestTakeover_OfIPConfig_NAKAndSilence(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	srv := peer.lie(t, silent)
	n := sniff(t, cli)
	g := newStage(t, map[string]string{"/run/net-eth0.conf": fmt.Sprintf(netConf, "dhcp")})
	cli.boots(t)
	m := watch(t, cli)
	c := g.newcomer(t, cli)
	n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRequest))
	n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeDiscover))
	n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeDiscover))
	m.steady(t)
	if a := cli.one(t); a.Valid < 1<<31 {
		t.Errorf("after silence the address is %+v", a)
	}
	c.end(t)
	m.steady(t)

	must(t, srv.Configure(func(c *dhcptest.Config) {
		c.Silent, c.Authoritative, c.First, c.Last = false, true, host(12), host(19)
	}))
	c = g.newcomer(t, cli)
	c.stderr.wait(t, "the NAK", func(line string) bool { return strings.Contains(line, "REBOOTING") && strings.Contains(line, "NAK") })
	m.deleted(t, "inet "+early.String())
	if got := c.bound(t); got.Addr() == early.Addr() {
		t.Errorf("bound to %v, which the server refuses", got)
	}
	if got := cli.IP(t, "route", "show", "default"); strings.Count(got, "\n") > 1 || !strings.Contains(got, "proto dhcp") {
		t.Errorf("default routes:\n%s", got)
	}
	c.end(t)
}

// Without evidence that it is from DHCP, an address is an administrator's.
func TestTakeover_LeavesAnAdministratorsAddress(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(c *dhcptest.Config) { c.First, c.Last = host(12), host(19) })
	n := sniff(t, cli)
	g := newStage(t, map[string]string{"/run/net-eth0.conf": fmt.Sprintf(netConf, "none")})
	cli.boots(t)
	m := watch(t, cli)
	c := g.newcomer(t, cli)
	expect(t, n.WaitFor(t, patience, sent(cli)), message{Type: dhcpv4.MessageTypeDiscover})
	c.bound(t)
	c.end(t)
	m.steady(t)
}

// The lease that a client of the initramfs has kept in /run is gone on from by one
// whose own folder is empty.
func TestTakeover_FromTheInitramfs(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(*dhcptest.Config) {})
	n := sniff(t, cli)
	g := newStage(t, nil)
	first := g.launch(t, cli, name, "eth0", "--lease-dir", "/run/dhclient-go/leases")
	held := first.bound(t)
	eventually(t, "the lease in its file", func() bool { return g.read("/run/dhclient-go/leases/eth0.json") != "" })
	first.kill(t)
	n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRequest))
	m := watch(t, cli)
	x := cli.transfer(t, held.Addr(), router, peer)
	next := g.newcomer(t, cli)
	if got := next.bound(t); got != held {
		t.Errorf("bound to %v, before to %v", got, held)
	}
	expect(t, n.WaitFor(t, patience, sent(cli)), message{Type: dhcpv4.MessageTypeRequest, Requested: held.Addr()})
	x.arrives(t)
	m.steady(t)
	if got := g.read("/var/lib/dhclient-go/eth0.json"); got == "" {
		t.Errorf("no lease in its own folder")
	}
	next.end(t)
}
