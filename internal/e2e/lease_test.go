package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// A lease is on the link, whole, and is told in one line.
func TestLease_RFC2131_3_1(t *testing.T) {
	each(t, func(t *testing.T, k servers.Kind) {
		cli, peer := cable(t)
		o := peer.short(1)
		o.MTU = 1400
		srv := servers.Start(t, k, o)
		n := sniff(t, cli)
		c := start(t, cli, stateDir(t), "--metric=1007")
		p := c.bound(t)
		if p.Bits() != 24 || !inPool(p.Addr(), o) {
			t.Errorf("bound to %v", p)
		}
		a := cli.one(t)
		if a.Local != p.Addr() || a.Bits != 24 || a.Broadcast != host(255) {
			t.Errorf("address %+v", a)
		}
		if a.Valid == 0 || a.Valid > uint32(leaseTime.Seconds()) || a.Preferred != a.Valid {
			t.Errorf("the kernel keeps the address for %d s, prefers it for %d s; the lease is %v", a.Valid, a.Preferred, leaseTime)
		}
		wantRoutes(t, cli,
			fmt.Sprintf("default via %v dev eth0 proto dhcp src %v metric 1007 mtu 1400", router, a.Local),
			fmt.Sprintf("%v dev eth0 proto dhcp scope link src %v metric 1007 mtu 1400", network, a.Local))
		eventually(t, "a resolver file", func() bool { return c.resolver() != "" })
		wantResolver(t, c, "nameserver "+dns.String(), "search example.org")

		info := srv.WaitLease(t, a.Local, true)
		if info.MAC.String() != cli.mac.String() {
			t.Errorf("the server leased it to %v", info.MAC)
		}
		n.WaitFor(t, patience, frame.IsDHCP(dhcpv4.MessageTypeAck))
		wantConversation(t, n.Matching(frame.IsDHCP()), cli.mac)
		c.stop(t)
		all, _ := c.stdout.get()
		want := fmt.Sprintf("eth0: %v from %v, lease 12s, router %v, DNS %v", p, router, router, dns)
		if len(all) != 2 || all[0] != want || !strings.HasPrefix(all[1], "eth0: stopped; "+p.String()+" stays until ") {
			t.Errorf("printed %q, want %q and how it stopped", all, want)
		}
	})
}

func wantRoutes(t *testing.T, s *station, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := s.routes(t); !slices.Equal(got, want) {
		t.Errorf("routes\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wantResolver compares all but the comments.
func wantResolver(t *testing.T, c *client, want ...string) {
	t.Helper()
	var got []string
	for line := range strings.Lines(c.resolver()) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != ';' {
			got = append(got, line)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("resolver %q, want %q", got, want)
	}
}

// wantConversation checks the four messages of RFC 2131 figure 3; a message may
// have been sent more than once.
func wantConversation(t *testing.T, frames []frame.Frame, client lease.HardwareAddr) {
	t.Helper()
	var types []dhcpv4.MessageType
	xid := frames[0].DHCP.TransactionID
	for _, f := range frames {
		if typ := f.DHCP.MessageType(); len(types) == 0 || types[len(types)-1] != typ {
			types = append(types, typ)
		}
		if f.DHCP.TransactionID != xid {
			t.Errorf("another xid in %v", f)
		}
		if f.Src == client && !f.ChecksumPending && !f.UDP.ChecksumOK {
			t.Errorf("bad checksum: %v", f)
		}
	}
	want := []dhcpv4.MessageType{dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeAck}
	if !slices.Equal(types, want) {
		t.Errorf("messages %v, want %v", types, want)
	}
	for _, f := range frames {
		switch f.DHCP.MessageType() {
		case dhcpv4.MessageTypeDiscover:
			expect(t, f, message{Type: dhcpv4.MessageTypeDiscover})
		case dhcpv4.MessageTypeRequest:
			expect(t, f, message{Type: dhcpv4.MessageTypeRequest, Requested: addrOf(last(frames).DHCP.YourIPAddr), Server: router})
		}
	}
}

func last[T any](list []T) T { return list[len(list)-1] }
