// Package miniclient is a DHCP client of one page, for tests of DHCP servers:
// it says what it is told to say, once, and returns what comes back.
package miniclient

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// answerTime is how long a server may take. It is generous: tests share two
// cores.
const answerTime = 10 * time.Second

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// A Client speaks for one link.
type Client struct {
	// MAC is the hardware address in its messages.
	MAC net.HardwareAddr

	ns     *nettest.NS
	ifname string
	conn   net.PacketConn
	xid    uint32
}

// New makes a client for a link, with the link's own hardware address. It is
// closed when the test ends.
func New(t testing.TB, ns *nettest.NS, ifname string) *Client {
	t.Helper()
	c := &Client{ns: ns, ifname: ifname, xid: uint32(time.Now().UnixNano())}
	ns.Do(t, func() {
		link, err := net.InterfaceByName(ifname)
		if err != nil {
			t.Fatalf("mini client: %v", err)
		}
		c.MAC = link.HardwareAddr
		lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
			return setOptions(raw, ifname)
		}}
		if c.conn, err = lc.ListenPacket(context.Background(), "udp4", "0.0.0.0:68"); err != nil {
			t.Fatalf("mini client: %v", err)
		}
	})
	t.Cleanup(func() { c.conn.Close() })
	return c
}

func setOptions(raw syscall.RawConn, ifname string) (err error) {
	ctlErr := raw.Control(func(fd uintptr) {
		err = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
			unix.BindToDevice(int(fd), ifname))
	})
	return errors.Join(ctlErr, err)
}

// Message makes a message of a type: a new xid, the B flag (the socket cannot
// hear what is sent to an address it does not have), and what mods add.
func (c *Client) Message(t testing.TB, typ dhcpv4.MessageType, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	c.xid++
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithMessageType(typ), dhcpv4.WithHwAddr(c.MAC), dhcpv4.WithBroadcast(true),
		dhcpv4.WithRequestedOptions(dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer,
			dhcpv4.OptionDomainName, dhcpv4.OptionInterfaceMTU, dhcpv4.OptionRenewTimeValue, dhcpv4.OptionRebindingTimeValue),
	}, mods...)...)
	if err != nil {
		t.Fatalf("mini client: %v", err)
	}
	binary.BigEndian.PutUint32(m.TransactionID[:], c.xid)
	return m
}

// Send sends m to port 67 of dst.
func (c *Client) Send(t testing.TB, m *dhcpv4.DHCPv4, dst netip.Addr) {
	t.Helper()
	if _, err := c.conn.WriteTo(m.ToBytes(), &net.UDPAddr{IP: dst.AsSlice(), Port: 67}); err != nil {
		t.Fatalf("mini client: send %v to %v: %v", m.MessageType(), dst, err)
	}
}

// Receive waits for an answer to m, limit at most; nil is silence.
func (c *Client) Receive(t testing.TB, m *dhcpv4.DHCPv4, limit time.Duration) *dhcpv4.DHCPv4 {
	t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatalf("mini client: %v", err)
	}
	buf := make([]byte, 4096)
	for {
		n, _, err := c.conn.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			t.Fatalf("mini client: receive: %v", err)
		}
		r, err := dhcpv4.FromBytes(buf[:n])
		if err == nil && r.OpCode == dhcpv4.OpcodeBootReply && r.TransactionID == m.TransactionID {
			return r
		}
	}
}

// Ask broadcasts m, again each second, and fails the test unless a message of
// type want comes back.
func (c *Client) Ask(t testing.TB, m *dhcpv4.DHCPv4, want dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	t.Helper()
	for deadline := time.Now().Add(answerTime); time.Now().Before(deadline); {
		c.Send(t, m, broadcast)
		if r := c.Receive(t, m, time.Second); r != nil {
			if r.MessageType() != want {
				t.Fatalf("mini client: %v was answered by %v (%q), want %v", m.MessageType(), r.MessageType(), r.Message(), want)
			}
			return r
		}
	}
	t.Fatalf("mini client: no answer to %v in %v", m.MessageType(), answerTime)
	return nil
}

// Discover returns an OFFER.
func (c *Client) Discover(t testing.TB, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	return c.Ask(t, c.Message(t, dhcpv4.MessageTypeDiscover, mods...), dhcpv4.MessageTypeOffer)
}

// Select is the REQUEST for an OFFER (RFC 2131 4.3.2, SELECTING).
func (c *Client) Select(t testing.TB, offer *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	t.Helper()
	return c.Message(t, dhcpv4.MessageTypeRequest,
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier())),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)))
}

// Reboot is the REQUEST for a remembered address (INIT-REBOOT).
func (c *Client) Reboot(t testing.TB, addr netip.Addr) *dhcpv4.DHCPv4 {
	t.Helper()
	return c.Message(t, dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(addr.AsSlice())))
}

// Acquire gets a lease and sets its address on the link.
func (c *Client) Acquire(t testing.TB, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	ack := c.Ask(t, c.Select(t, c.Discover(t, mods...)), dhcpv4.MessageTypeAck)
	ones, _ := ack.SubnetMask().Size()
	c.ns.IP(t, "addr", "replace", fmt.Sprintf("%v/%d", ack.YourIPAddr, ones), "dev", c.ifname)
	return ack
}

// Renew asks the server, by unicast, for more time (RENEWING).
func (c *Client) Renew(t testing.TB, ack *dhcpv4.DHCPv4, want dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	t.Helper()
	m := c.Message(t, dhcpv4.MessageTypeRequest, dhcpv4.WithClientIP(ack.YourIPAddr), dhcpv4.WithBroadcast(false))
	c.Send(t, m, serverOf(ack))
	r := c.Receive(t, m, answerTime)
	if r == nil || r.MessageType() != want {
		t.Fatalf("mini client: RENEW of %v was answered by %v, want %v", ack.YourIPAddr, r, want)
	}
	return r
}

// Release gives a lease back.
func (c *Client) Release(t testing.TB, ack *dhcpv4.DHCPv4) {
	t.Helper()
	c.Send(t, c.Message(t, dhcpv4.MessageTypeRelease, dhcpv4.WithClientIP(ack.YourIPAddr), dhcpv4.WithBroadcast(false),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(ack.ServerIdentifier()))), serverOf(ack))
}

// Decline refuses an address.
func (c *Client) Decline(t testing.TB, ack *dhcpv4.DHCPv4) {
	t.Helper()
	c.Send(t, c.Message(t, dhcpv4.MessageTypeDecline, dhcpv4.WithBroadcast(false),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(ack.ServerIdentifier())),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(ack.YourIPAddr))), broadcast)
}

func serverOf(ack *dhcpv4.DHCPv4) netip.Addr {
	addr, _ := netip.AddrFromSlice(ack.ServerIdentifier().To4())
	return addr
}
