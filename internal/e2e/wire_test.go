package e2e_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// sniff records what passes through eth0 of a station from now on.
func sniff(t *testing.T, s *station) *nettest.Sniffer {
	t.Helper()
	n := nettest.Capture(t, s.NS, "eth0")
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		var b strings.Builder
		for _, f := range n.Frames() {
			fmt.Fprintln(&b, f)
		}
		t.Logf("frames of %s:\n%s", s.Name, b.String())
	})
	return n
}

// A message is what RFC 2131 tables 4 and 5 say of a client's message: where it
// goes, and which of these it has. An address that is not there is 0.0.0.0.
type message struct {
	Type     dhcpv4.MessageType
	Src, Dst netip.Addr
	// To is the hardware address it goes to.
	To lease.HardwareAddr
	// Client is ciaddr, Requested option 50, Server option 54.
	Client, Requested, Server netip.Addr
}

// messageOf reads a frame of frame.IsDHCP.
func messageOf(f frame.Frame) message {
	return message{
		Type: f.DHCP.MessageType(), Src: f.IPv4.Src, Dst: f.IPv4.Dst, To: f.Dst,
		Client: addrOf(f.DHCP.ClientIPAddr), Requested: addrOf(f.DHCP.RequestedIPAddress()), Server: addrOf(f.DHCP.ServerIdentifier()),
	}
}

func addrOf(ip []byte) netip.Addr {
	a, ok := netip.AddrFromSlice(ip)
	if !ok {
		return none
	}
	return a.Unmap()
}

// expect fails the test unless f is the message that want says.
func expect(t *testing.T, f frame.Frame, want message) {
	t.Helper()
	for _, a := range []*netip.Addr{&want.Src, &want.Client, &want.Requested, &want.Server} {
		if !a.IsValid() {
			*a = none
		}
	}
	if !want.Dst.IsValid() {
		want.Dst, want.To = all1, frame.Broadcast
	}
	if got := messageOf(f); got != want {
		t.Errorf("sent\n%+v, want\n%+v", got, want)
	}
}

// sent matches messages of a client, of the types given or of any.
func sent(s *station, types ...dhcpv4.MessageType) func(frame.Frame) bool {
	is := frame.IsDHCP(types...)
	return func(f frame.Frame) bool { return is(f) && f.Src == s.mac && f.UDP.DstPort == 67 }
}

// extends matches the REQUESTs of RENEWING and REBINDING.
func extends(s *station) func(frame.Frame) bool {
	is := sent(s, dhcpv4.MessageTypeRequest)
	return func(f frame.Frame) bool { return is(f) && addrOf(f.DHCP.ClientIPAddr) != none }
}

// answers matches messages of that type with the xid of the request.
func answers(request frame.Frame, typ dhcpv4.MessageType) func(frame.Frame) bool {
	is := frame.IsDHCP(typ)
	return func(f frame.Frame) bool { return is(f) && f.DHCP.TransactionID == request.DHCP.TransactionID }
}

// began is when the last lease began: when the REQUEST that was acknowledged
// last was first sent (RFC 2131 4.4.1).
func began(t *testing.T, n *nettest.Sniffer) (start time.Time) {
	t.Helper()
	// The client may know of its lease before the sniffer does.
	eventually(t, "an acknowledged lease", func() bool {
		first := map[dhcpv4.TransactionID]time.Time{}
		for _, f := range n.Matching(frame.IsDHCP(dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeAck)) {
			xid := f.DHCP.TransactionID
			if _, ok := first[xid]; !ok {
				first[xid] = f.Time
			}
			if f.DHCP.MessageType() == dhcpv4.MessageTypeAck {
				start = first[xid]
			}
		}
		return !start.IsZero()
	})
	return start
}

// around fails the test unless at is within slack of start+after.
func around(t *testing.T, what string, at, start time.Time, after, slack time.Duration) {
	t.Helper()
	still := meter.between(start, at)
	if d := at.Sub(start); d < after-slack || d > after+slack+still {
		t.Errorf("%s came %v after the lease began, want %v ± %v (and %v in which the machine stood still)", what, d, after, slack, still)
	}
}

// noComplaint fails the test if the station answered with ICMP (destination
// unreachable), as a kernel does for which no socket stands there.
func noComplaint(t *testing.T, n *nettest.Sniffer, s *station) {
	t.Helper()
	const icmp, unreachable = 1, 3
	for _, f := range n.Frames() {
		if f.Src == s.mac && f.IPv4 != nil && f.IPv4.Protocol == icmp && len(f.IPv4.Payload) > 1 && f.IPv4.Payload[0] == unreachable {
			t.Errorf("the client sent ICMP unreachable, code %d: %v", f.IPv4.Payload[1], f)
		}
	}
}
