package e2e_test

import (
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// An anonymous client has of options the type, the client id and what it asks for;
// with another hardware address it is somebody else at once, who asks for nothing
// that the one before had (RFC 7844 3; conformance ANON-01, ANON-03).
func TestAnonymous_RFC7844(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	servers.Require(t, servers.Dnsmasq)
	cli, peer := cable(t)
	o := peer.short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	srv := servers.Start(t, servers.Dnsmasq, o)
	n := sniff(t, peer)
	c := start(t, cli, stateDir(t), "--anonymous")
	srv.WaitLease(t, c.bound(t).Addr(), true)
	other := lease.HardwareAddr{2, 0x77, 0, 0, 0, 7}
	cli.IP(t, "link", "set", "dev", "eth0", "address", other.String())
	n.WaitFor(t, patience, func(f frame.Frame) bool {
		return f.DHCP != nil && f.DHCP.MessageType() == dhcpv4.MessageTypeAck && lease.HardwareAddr(f.DHCP.ClientHWAddr) == other
	})
	for _, f := range n.Matching(frame.IsDHCP(dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest)) {
		allowed := []uint8{53, 55, 61}
		if f.DHCP.MessageType() == dhcpv4.MessageTypeRequest {
			allowed = append(allowed, 50, 54)
		}
		for code := range f.DHCP.Options {
			if !slices.Contains(allowed, code) {
				t.Errorf("%v has option %d", f.DHCP.MessageType(), code)
			}
		}
		if id := f.DHCP.Options.Get(dhcpv4.OptionClientIdentifier); !slices.Equal(id, append([]byte{1}, f.DHCP.ClientHWAddr...)) {
			t.Errorf("client id % x of %v", id, f.DHCP.ClientHWAddr)
		}
	}
	c.end(t)
}
