package e2e_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	dhclient "github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// named is a client that says all of itself that it can.
var named = dhclient.Config{
	FQDN: "box.example.org", UserClass: []string{"lab"}, MUDURL: "https://example.org/box",
	VendorClasses: []dhclient.VendorClass{{Enterprise: 3561, Classes: []string{"cpe"}}},
	VendorOptions: []dhclient.VendorOptions{{Enterprise: 3561, Options: map[uint8][]byte{1: {10}}}},
	MachineID:     dhclient.MachineID{1, 2, 3},
}

// Real servers understand what is said: the whole name in labels (RFC 4702), the
// user class (RFC 3004), and what a vendor has defined (RFC 3925).
func TestNames(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for kind, extra := range map[servers.Kind][]string{
		servers.ISC: {
			`if option fqdn.fqdn = "box.example.org" or option fqdn.fqdn = "box.example.org." { option domain-name "fqdn.example"; }`,
			`if option user-class = 03:6c:61:62 { option interface-mtu 1300; }`,
			`if option vivco = 00:00:0d:e9:04:03:63:70:65 and option unknown-161 = "https://example.org/box" { option ntp-servers 192.0.2.8; }`,
			`if option vivso = 00:00:0d:e9:03:01:01:0a { option domain-search "vivso.example"; }`,
		},
		servers.Kea: {
			`"ddns-qualifying-suffix": "kea.example"`,
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			servers.Require(t, kind)
			cli, peer := cable(t)
			o := peer.short(1)
			o.Lease, o.T1, o.T2, o.Extra = time.Hour, 0, 0, extra
			srv := servers.Start(t, kind, o)
			l, stop := embed(t, cli, named)
			stop()
			srv.WaitLease(t, l.Address, true)
			if kind == servers.Kea {
				// It answers with the name that it would enter.
				if v := l.Options[81]; len(v) < 4 || !strings.Contains(string(v), "\x03box\x07example\x03org\x00") || l.Hostname != "" {
					t.Errorf("option 81 is %q, and the host name %q", v, l.Hostname)
				}
				return
			}
			if l.Domain != "fqdn.example" || l.MTU != 1300 || !slices.Equal(l.NTP, []netip.Addr{netip.MustParseAddr("192.0.2.8")}) ||
				!slices.Equal(l.Search, []string{"vivso.example"}) {
				t.Errorf("%q, %d, %v, %q: the server did not understand all", l.Domain, l.MTU, l.NTP, l.Search)
			}
		})
	}
}
