package e2e_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// Replies go to an address that the client does not have yet, by unicast: it
// takes them, while its kernel neither complains nor answers ARP requests for
// the address (RFC 2131 4.1; conformance INI-18, MSG-25). And what it has to
// answer it answers at once (INI-12): the best of five is what the client takes,
// the others are what the machine takes.
func TestUnicastReplies_RFC2131_4_1(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	peer.lie(t, func(c *dhcptest.Config) {
		c.Mutate = func(_, reply *dhcpv4.DHCPv4) {
			if reply.MessageType() == dhcpv4.MessageTypeAck {
				peer.transmit(t, whoHas(peer, addrOf(reply.YourIPAddr)))
			}
		}
	})
	n := sniff(t, cli)
	best := time.Hour
	for range 5 {
		c := start(t, cli, stateDir(t), "--acd=off", "--on-exit=remove")
		discover := n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeDiscover))
		offer := n.WaitFor(t, patience, answers(discover, dhcpv4.MessageTypeOffer))
		request := n.WaitFor(t, patience, answers(discover, dhcpv4.MessageTypeRequest))
		ack := n.WaitFor(t, patience, answers(discover, dhcpv4.MessageTypeAck))
		a := c.bound(t).Addr()
		for _, f := range []frame.Frame{offer, ack} {
			if f.Dst != cli.mac || f.IPv4.Dst != a {
				t.Fatalf("not a unicast reply: the test shows nothing: %v", f)
			}
		}
		best = min(best, request.Time.Sub(offer.Time))
		if asked := n.Matching(frame.IsARP(func(p frame.ARP) bool { return p.SenderMAC == peer.mac && p.TargetIP == a })); len(asked) == 0 {
			t.Error("nobody asked for the address: the test shows less than it says")
		}
		isClaim := frame.IsARP(func(p frame.ARP) bool { return p.SenderMAC == cli.mac && p.SenderIP == a })
		for _, f := range n.Matching(isClaim) {
			if f.Time.After(discover.Time) && f.Time.Before(ack.Time) {
				t.Errorf("the client spoke for an address that it did not have: %v", f)
			}
		}
		c.stop(t)
	}
	noComplaint(t, n, cli)
	if t.Logf("REQUEST %v after the OFFER", best); best > 20*time.Millisecond {
		t.Errorf("the best of five REQUESTs came %v after the OFFER", best)
	}
}

// whoHas is the ARP request of a station with the address router.
func whoHas(s *station, target netip.Addr) []byte {
	return frame.EncodeARP(frame.Broadcast, s.mac, frame.ARP{Op: 1, SenderMAC: s.mac, SenderIP: router, TargetIP: target})
}
