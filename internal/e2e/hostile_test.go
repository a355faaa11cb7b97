package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// routesOf are the two routes of a plain lease, with a metric of 1007.
func routesOf(address, rest string) []string {
	return []string{
		strings.TrimSpace(fmt.Sprintf("default via %v dev eth0 proto dhcp src %s metric 1007 %s", router, address, rest)),
		strings.TrimSpace(fmt.Sprintf("%v dev eth0 proto dhcp scope link src %s metric 1007 %s", network, address, rest)),
	}
}

// through are the connected route and one through the router.
func through(dst, address string) []string {
	return []string{
		fmt.Sprintf("%v dev eth0 proto dhcp scope link src %s metric 1007", network, address),
		fmt.Sprintf("%s via %v dev eth0 proto dhcp src %s metric 1007", dst, router, address),
	}
}

// A real server that was told to say what makes no sense: the lease is used, and
// what makes no sense is not.
func TestNonsenseOptions(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, c := range []struct {
		name, line string
		routes     func(address string) []string
		resolver   []string
	}{
		{"MTU 0", "dhcp-option-force=26,0", plain, []string{"nameserver 192.0.2.3", "search example.org"}},
		{"MTU 20", "dhcp-option-force=26,20", plain, []string{"nameserver 192.0.2.3", "search example.org"}},
		{"MTU 100", "dhcp-option-force=26,100",
			func(a string) []string { return routesOf(a, "mtu 576") }, []string{"nameserver 192.0.2.3", "search example.org"}},
		{"MTU 65535", "dhcp-option-force=26,65535", plain, []string{"nameserver 192.0.2.3", "search example.org"}},
		{"121 with host bits", "dhcp-option-force=121,10.1.2.3/16,192.0.2.1",
			func(a string) []string { return through("10.1.0.0/16", a) }, []string{"nameserver 192.0.2.3", "search example.org"}},
		{"121 with rubbish behind", "dhcp-option-force=121,10:0a:01:c0:00:02:01:21:ff:ff:ff",
			func(a string) []string { return through("10.1.0.0/16", a) }, []string{"nameserver 192.0.2.3", "search example.org"}},
		{"domain of two lines", `dhcp-option-force=15,"example.org\nnameserver 192.0.2.66"`, plain, []string{"nameserver 192.0.2.3"}},
		{"domain for a shell", `dhcp-option-force=15,"$(reboot);` + "`reboot`" + `"`, plain, []string{"nameserver 192.0.2.3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			turn(t)
			cli, peer := cable(t)
			o := peer.short(1)
			o.Lease, o.T1, o.T2 = time.Hour, 0, 0
			o.Extra = []string{c.line}
			servers.Start(t, servers.Dnsmasq, o)
			sniff(t, cli)
			p := start(t, cli, stateDir(t), "--metric=1007")
			a := p.bound(t).Addr().String()
			wantRoutes(t, cli, c.routes(a)...)
			eventually(t, "a resolver file", func() bool { return p.resolver() != "" })
			wantResolver(t, p, c.resolver...)
			if out := cli.IP(t, "link", "show", "dev", "eth0"); !strings.Contains(out, " mtu 1500 ") {
				t.Errorf("the link's own MTU was changed: %s", out)
			}
			p.stop(t)
		})
	}
}

func plain(address string) []string { return routesOf(address, "") }

// An offer without a usable mask is none; the client waits for a better one.
func TestMaskWithHole_RFC950(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	o := peer.short(1)
	bad := o
	bad.Extra = []string{"dhcp-option-force=1,255.0.255.0"}
	srv := servers.Start(t, servers.Dnsmasq, bad)
	n := sniff(t, cli)
	c := start(t, cli, stateDir(t))
	for range 2 {
		discover := n.WaitFor(t, patience, sent(cli))
		expect(t, discover, message{Type: dhcpv4.MessageTypeDiscover})
		offer := n.WaitFor(t, patience, answers(discover, dhcpv4.MessageTypeOffer))
		if mask := fmt.Sprint([]byte(offer.DHCP.SubnetMask())); mask != "[255 0 255 0]" {
			t.Fatalf("the server offers the mask %s", mask)
		}
	}
	cli.bare(t)
	srv.Restart(t, o)
	if p := c.bound(t); p.Bits() != 24 {
		t.Errorf("bound to %v", p)
	}
	if all := n.Matching(frame.IsDHCP(dhcpv4.MessageTypeDecline)); len(all) != 0 {
		t.Errorf("sent %v", all)
	}
	c.stop(t)
}
