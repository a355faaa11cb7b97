package e2e_test

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

// What a network may do to the frame of a server's message. The rows of package
// rawudp say the same of one socket; these are the messages of a real server,
// as they come to the program.
type mangle func(relay.Packet) []relay.Packet

// Where the heads of a frame without a tag begin.
const (
	ipAt    = 14
	udpAt   = ipAt + 20
	ipHead  = 20
	udpHead = 8
)

// edited is a mangle that changes octets; the checksum of UDP is right before,
// that of IP after.
func edited(change func(b []byte) []byte) mangle {
	return func(p relay.Packet) []relay.Packet {
		b := change(p.Filled().Raw)
		head := b[ipAt:][:int(b[ipAt]&15)*4]
		binary.BigEndian.PutUint16(head[10:], 0)
		binary.BigEndian.PutUint16(head[10:], ^uint16(frame.Sum(0, head)))
		return []relay.Packet{{Raw: b}}
	}
}

// field sets two octets.
func field(at int, value uint16) mangle {
	return edited(func(b []byte) []byte { binary.BigEndian.PutUint16(b[at:], value); return b })
}

func tagged(tci uint16) mangle {
	return func(p relay.Packet) []relay.Packet { return []relay.Packet{p.Tagged(tci)} }
}

// routerAlert adds that option (RFC 2113).
var routerAlert = edited(func(b []byte) []byte {
	b[ipAt]++
	binary.BigEndian.PutUint16(b[ipAt+2:], binary.BigEndian.Uint16(b[ipAt+2:])+4)
	return slices.Insert(b, ipAt+ipHead, 0x94, 4, 0, 0)
})

// fragments are the message in parts of 200 octets and less.
func fragments(p relay.Packet) (parts []relay.Packet) {
	for _, b := range frame.Fragment(p.Filled().Raw, 200) {
		parts = append(parts, relay.Packet{Raw: b})
	}
	return parts
}

// A message that is used as it is.
func TestFrames_Used(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, c := range []struct {
		name   string
		mangle mangle
	}{
		{"NET-01 no checksum", field(udpAt+6, 0)},
		{"NET-02 checksum not filled in", func(p relay.Packet) []relay.Packet {
			if !p.Unfilled() {
				return nil // the kernel filled it in: this shows nothing
			}
			return []relay.Packet{p}
		}},
		{"NET-02 checksum filled in", func(p relay.Packet) []relay.Packet { return []relay.Packet{p.Filled()} }},
		{"NET-04 router alert", routerAlert},
		{"NET-05 TTL 1", edited(func(b []byte) []byte { b[ipAt+8] = 1; return b })},
		{"NET-06 fragments before it", func(p relay.Packet) []relay.Packet { return append(fragments(p), p) }},
		{"NET-07 padding", edited(func(b []byte) []byte { return append(b, make([]byte, 60)...) })},
		{"NET-11 priority tag", tagged(0)},
		{"NET-11 priority tag 7, not filled in", tagged(0xe000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			turn(t)
			cli, peer, r := badCable(t, 1)
			o := peer.short(1)
			o.Lease, o.T1, o.T2 = 0, 0, 0
			servers.Start(t, servers.Dnsmasq, o)
			var mangled atomic.Int32
			r.Set(down, relay.Faults{Rewrite: func(p relay.Packet) []relay.Packet {
				if p.Frame().DHCP == nil {
					return []relay.Packet{p}
				}
				mangled.Add(1)
				return c.mangle(p)
			}})
			n := sniff(t, cli)
			p := start(t, cli, stateDir(t))
			if a := p.bound(t).Addr(); cli.one(t).Local != a {
				t.Errorf("address %v, want %v", cli.one(t), a)
			}
			if mangled.Load() < 2 {
				t.Errorf("%d messages were changed, want OFFER and ACK", mangled.Load())
			}
			noComplaint(t, n, cli)
			p.stop(t)
		})
	}
}

// A message that does not count, as OFFER and as ACK: the client waits, as if
// nothing had come, sends once more, and takes the next one that is whole.
func TestFrames_NotUsed(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, c := range []struct {
		name   string
		mangle mangle
	}{
		{"NET-01 wrong checksum", edited(func(b []byte) []byte { b[udpAt+6] ^= 0x55; return b })},
		{"NET-02 not filled in, and nobody says so", func(p relay.Packet) []relay.Packet {
			if !p.Unfilled() {
				return []relay.Packet{p} // it will be used, and the test fails
			}
			return []relay.Packet{{Raw: p.Raw}}
		}},
		{"NET-03 wrong header checksum", func(p relay.Packet) []relay.Packet {
			p = p.Filled()
			p.Raw[ipAt+11] ^= 0x55
			return []relay.Packet{p}
		}},
		{"NET-06 fragments", fragments},
		{"NET-06 first fragment", edited(func(b []byte) []byte { b[ipAt+6] |= 0x20; return b })},
		{"NET-07 UDP length 4", field(udpAt+4, 4)},
		{"NET-07 UDP length 4000", field(udpAt+4, 4000)},
		{"NET-07 IP length 60", field(ipAt+2, 60)},
		{"NET-07 IP length past the frame", field(ipAt+2, 1400)},
		{"NET-11 VLAN 5", tagged(5)},
		{"NET-11 VLAN 5 with priority", tagged(0xe005)},
	} {
		t.Run(c.name, func(t *testing.T) {
			turn(t)
			cli, peer, r := badCable(t, 1)
			o := peer.short(1)
			o.Lease, o.T1, o.T2 = 0, 0, 0
			servers.Start(t, servers.Dnsmasq, o)
			mangling := func(types ...dhcpv4.MessageType) {
				r.Set(down, relay.Faults{Rewrite: func(p relay.Packet) []relay.Packet {
					if frame.IsDHCP(types...)(p.Frame()) {
						return c.mangle(p)
					}
					return []relay.Packet{p}
				}})
			}
			mangling(dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeAck)
			n := sniff(t, cli)
			p := start(t, cli, stateDir(t))
			for range 2 {
				expect(t, n.WaitFor(t, patience, sent(cli)), message{Type: dhcpv4.MessageTypeDiscover})
			}
			mangling(dhcpv4.MessageTypeAck)
			first := n.WaitFor(t, patience, sent(cli, dhcpv4.MessageTypeRequest))
			again := n.WaitFor(t, patience, sent(cli))
			if again.DHCP.TransactionID != first.DHCP.TransactionID || again.DHCP.MessageType() != dhcpv4.MessageTypeRequest {
				t.Errorf("sent %v after %v", again, first)
			}
			if probes := n.Matching(frame.IsARP(nil)); len(probes) > 0 {
				t.Errorf("the address was about to be used: %v", probes)
			}
			cli.bare(t)
			mangling(dhcpv4.MessageTypeInform) // of which there are none
			p.bound(t)
			noComplaint(t, n, cli)
			p.stop(t)
		})
	}
}
