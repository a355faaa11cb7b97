package relay_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"go.uber.org/goleak"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
)

func TestMain(m *testing.M) { nettest.Main(m) }

const (
	patience = 10 * time.Second
	// number is the EtherType of the frames that are told apart by a number.
	number = 0x88b5 // for experiments (IEEE 802)
	seed   = 7
)

var macA, macB = lease.HardwareAddr{2, 0, 0, 0, 0, 0xa}, lease.HardwareAddr{2, 0, 0, 0, 0, 0xb}

// A rig is two hosts with a relay between them.
type rig struct {
	*relay.Relay
	a, wires, b *nettest.NS
	// fromA sends whole frames; atA and atB record.
	fromA, fromB *packet.Conn
	atA, atB     *nettest.Sniffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	r := &rig{a: nettest.NewNS(t, "a"), wires: nettest.NewNS(t, "wires"), b: nettest.NewNS(t, "b")}
	nettest.Veth(t, r.wires, "a", r.a, "eth0")
	nettest.Veth(t, r.wires, "b", r.b, "eth0")
	r.fromA, r.fromB = open(t, r.a, macA), open(t, r.b, macB)
	r.atA, r.atB = nettest.Capture(t, r.a, "eth0"), nettest.Capture(t, r.b, "eth0")
	r.Relay = relay.Start(t, r.wires, "a", "b", seed)
	return r
}

func open(t *testing.T, ns *nettest.NS, mac lease.HardwareAddr) (c *packet.Conn) {
	t.Helper()
	ns.IP(t, "link", "set", "dev", "eth0", "address", mac.String())
	ns.Do(t, func() {
		dev, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		if c, err = packet.Listen(dev, packet.Raw, number, nil); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	})
	return c
}

// addresses gives 192.0.2.1 to a and 192.0.2.2 to b.
func (r *rig) addresses(t *testing.T) {
	t.Helper()
	r.a.IP(t, "address", "add", "192.0.2.1/24", "dev", "eth0")
	r.b.IP(t, "address", "add", "192.0.2.2/24", "dev", "eth0")
}

var addrB = netip.MustParseAddr("192.0.2.2")

func send(t *testing.T, c *packet.Conn, b []byte) {
	t.Helper()
	if _, err := c.WriteTo(b, &packet.Addr{HardwareAddr: b[:6]}); err != nil {
		t.Fatal(err)
	}
}

// numbered is a frame with a number.
func numbered(from, to lease.HardwareAddr, n int) []byte {
	b := append(append([]byte{}, to[:]...), from[:]...)
	b = binary.BigEndian.AppendUint16(b, number)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return append(b, make([]byte, 42)...)
}

// count sends n frames from a to b.
func (r *rig) count(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		send(t, r.fromA, numbered(macA, macB, i))
	}
}

// numbers are those that came to b so far, in order.
func (r *rig) numbers() (all []int) {
	for _, f := range r.atB.Matching(isNumber) {
		all = append(all, int(binary.BigEndian.Uint32(f.Raw[14:])))
	}
	return all
}

func isNumber(f frame.Frame) bool { return !f.Outgoing && f.EtherType == number }

// settled waits until all of n frames from a have come to the relay and those
// that were to leave have come to b, and returns them.
func (r *rig) settled(t *testing.T, n int) []int {
	t.Helper()
	eventually(t, "every frame in", func() bool { return r.Stats(relay.AToB).Received == uint64(n) })
	eventually(t, "every frame out", func() bool {
		s := r.Stats(relay.AToB)
		return s.Sent == uint64(n)-s.Lost+s.Duplicated && len(r.numbers()) == int(s.Sent)
	})
	return r.numbers()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}
