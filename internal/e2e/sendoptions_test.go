package e2e_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	dhclient "github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// embed runs a client of the library on eth0 of s, which leaves the link alone,
// until it has a lease. It stops with the function that it returns.
func embed(t *testing.T, s *station, cfg dhclient.Config) (l *lease.Lease, stop func()) {
	t.Helper()
	cfg.Interface = "eth0"
	var c *dhclient.Client
	s.Do(t, func() {
		var err error
		if c, err = dhclient.New(cfg); err != nil {
			t.Fatal(err)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	stop = func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	within, done := context.WithTimeout(ctx, patience)
	defer done()
	l, err := c.Wait(within)
	if err != nil {
		t.Fatal(err)
	}
	return l, stop
}

// What the servers are told to do with what they see, and to say of a boot.
var classes = map[servers.Kind][]string{
	servers.Dnsmasq: {
		"dhcp-vendorclass=set:acme,acme", "dhcp-option=tag:acme,15,vendor.example",
		"dhcp-userclass=set:lab,lab", "dhcp-option=tag:lab,26,1300",
		"dhcp-match=set:site,224,7", "dhcp-option=tag:site,42,192.0.2.8",
		"dhcp-boot=/pxelinux.0,boot.example,192.0.2.9",
	},
	servers.ISC: {
		"min-lease-time 60; max-lease-time 7200;",
		`if option vendor-class-identifier = "acme" { option domain-name "vendor.example"; }`,
		`if option user-class = "lab" { option interface-mtu 1300; }`,
		`if option unknown-224 = 07 { option ntp-servers 192.0.2.8; }`,
		`next-server 192.0.2.9; filename "/pxelinux.0"; server-name "boot.example";`,
	},
}

// A real server goes by the options that are sent: vendor class, user class, one
// of the site, and the lease time that is asked for. And what it says of a boot
// is in the lease.
func TestSendOptions(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for kind, extra := range classes {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			servers.Require(t, kind)
			cli, peer := cable(t)
			o := peer.short(1)
			o.Lease, o.T1, o.T2, o.Extra = time.Hour, 0, 0, extra
			servers.Start(t, kind, o)
			sniff(t, cli)
			l, _ := embed(t, cli, dhclient.Config{SendOptions: map[uint8][]byte{
				51: {0, 0, 3, 132}, 60: []byte("acme"), 77: []byte("lab"), 224: {7},
			}})
			if l.Domain != "vendor.example" || l.MTU != 1300 || len(l.NTP) != 1 || l.NTP[0] != host(8) || l.Valid != 15*time.Minute {
				t.Errorf("domain %q, MTU %d, NTP %v, for %v: the server did not see the options", l.Domain, l.MTU, l.NTP, l.Valid)
			}
			if l.NextServer != host(9) || l.ServerName != "boot.example" || l.BootFile != "/pxelinux.0" {
				t.Errorf("boots from %v, %q, %q", l.NextServer, l.ServerName, l.BootFile)
			}
		})
	}
}

// The ways to reach a server for tests: past a relay, at another port, and at one
// address. (Linux hands nothing from 0.0.0.0 to one address to a UDP socket: the
// server for that has a packet socket.) The lease is given back the same way.
func TestAddressing(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, tt := range []struct {
		name   string
		kind   servers.Kind
		cfg    dhclient.Config
		server uint16
		// Where the DISCOVER comes from and goes to.
		from, to netip.AddrPort
	}{
		{"ServerAddr", servers.ISC, dhclient.Config{ServerAddr: host(1)}, 0, netip.AddrPortFrom(none, 68), netip.AddrPortFrom(host(1), 67)},
		{"RelayAddr", servers.Dnsmasq, dhclient.Config{RelayAddr: host(99)}, 0, netip.AddrPortFrom(none, 67), netip.AddrPortFrom(all1, 67)},
		{"ClientPort", servers.Dnsmasq, dhclient.Config{ClientPort: 6800}, 6799, netip.AddrPortFrom(none, 6800), netip.AddrPortFrom(all1, 6799)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			servers.Require(t, tt.kind)
			cli, peer := cable(t)
			o := peer.short(1)
			o.Lease, o.T1, o.T2, o.Port = time.Hour, 0, 0, tt.server
			srv := servers.Start(t, tt.kind, o)
			// What answers for the relay, and what a RELEASE leaves from.
			cli.IP(t, "addr", "add", host(99).String()+"/24", "dev", "eth0")
			n := sniff(t, cli)
			tt.cfg.OnExit = dhclient.Release
			l, stop := embed(t, cli, tt.cfg)
			n.WaitFor(t, patience, func(f frame.Frame) bool { // of all that left, the DISCOVER was first
				return f.Outgoing && f.UDP != nil && f.Dst == lease.HardwareAddr{255, 255, 255, 255, 255, 255} &&
					netip.AddrPortFrom(f.IPv4.Src, f.UDP.SrcPort) == tt.from && netip.AddrPortFrom(f.IPv4.Dst, f.UDP.DstPort) == tt.to
			})
			srv.WaitLease(t, l.Address, true)
			cli.IP(t, "addr", "add", l.Address.String()+"/24", "dev", "eth0")
			stop()
			srv.WaitLease(t, l.Address, false)
			if strings.Contains(srv.Log(), "DHCPNAK") {
				t.Error("there was a NAK")
			}
		})
	}
}
