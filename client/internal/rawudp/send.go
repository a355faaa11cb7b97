package rawudp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// flushStep is how often Flush looks.
const flushStep = 2 * time.Millisecond

// Send sends payload from the client's port of src to the server's of dst, both
// IPv4.
//
// To 255.255.255.255 it is broadcast on the link, from 0.0.0.0 if src is the
// zero Addr and to Config.Everybody if there is one, and must fit its MTU with 28 octets of headers. To another address
// it goes the way that the kernel's routes of this link say, and src must be an
// address of the machine. Where the UDP port could not be had it may take 100 ms
// to find the next hop's hardware address.
//
// That it returns nil does not mean that the message has left; see Flush.
func (c *Conn) Send(payload []byte, src, dst netip.Addr) error {
	if !src.IsValid() {
		src = netip.IPv4Unspecified()
	}
	c.tx.Lock()
	defer c.tx.Unlock()
	if err := c.send(payload, src.Unmap(), dst.Unmap()); err != nil {
		c.count.sendErrors.Add(1)
		return fmt.Errorf("send %d octets to %v: %w", len(payload), dst, err)
	}
	c.count.sent.Add(1)
	return nil
}

func (c *Conn) send(payload []byte, src, dst netip.Addr) (err error) {
	switch {
	case c.closed.Load():
		return net.ErrClosed
	case !src.Is4() || !dst.Is4():
		return fmt.Errorf("from %v: %w", src, unix.EAFNOSUPPORT)
	case len(payload) > 0xffff-ipHeader-udpHeader:
		return fmt.Errorf("more than %d: %w", 0xffff-ipHeader-udpHeader, unix.EMSGSIZE)
	case c.index == 0:
		return fmt.Errorf("the link does not exist: %w", unix.ENODEV)
	case dst == broadcast:
		return c.sendFrame(payload, src, c.all, allStations)
	case c.udp != nil:
		c.via, err = c.udp.send(c.via, payload, c.index, src, dst)
		return err
	}
	station := allStations
	if c.hops != nil {
		station = c.hops.station(c.index, src, dst)
	}
	return c.sendFrame(payload, src, dst, station)
}

// sendFrame sends through the packet socket, to a station of the link.
func (c *Conn) sendFrame(payload []byte, src, dst netip.Addr, station lease.HardwareAddr) error {
	b := c.ports.datagram(payload, src.As4(), dst.As4(), uint16(rand.Uint32()))
	to := &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: c.index, Halen: uint8(len(station))}
	copy(to.Addr[:], station[:])
	return c.packet.Control(func(fd int) error {
		err := unix.Sendto(fd, b, unix.MSG_DONTWAIT, to)
		if errors.Is(err, unix.ENETDOWN) {
			// Maybe it only tells that the link was down since the last call.
			err = unix.Sendto(fd, b, unix.MSG_DONTWAIT, to)
		}
		if errors.Is(err, unix.EMSGSIZE) {
			return fmt.Errorf("an IP datagram of %d octets on a link whose MTU is %d: %w", len(b), mtu(fd, c.index), err)
		}
		return err
	})
}

// mtu asks the kernel for the MTU of a link: it may have changed since Open. 0
// is unknown.
func mtu(fd, index int) uint32 {
	req, _ := unix.NewIfreq("") // fails only for a long name
	req.SetUint32(uint32(index))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, req); err != nil {
		return 0
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFMTU, req); err != nil {
		return 0
	}
	return req.Uint32()
}

// Flush waits until what Send gave to the kernel has left the machine, limit at
// most; longer is an error that wraps os.ErrDeadlineExceeded. A datagram whose
// next hop's hardware address is being asked for would be lost with the address
// that it is sent from: a RELEASE needs it (RFC 2131 4.4.6).
//
// A datagram that nobody's answer lets leave is given up by the kernel after
// some seconds; that counts as having left.
func (c *Conn) Flush(limit time.Duration) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(flushStep) {
		n, err := c.queued()
		switch {
		case err != nil:
			return fmt.Errorf("flush: %w", err)
		case n == 0:
			return nil
		case !time.Now().Before(deadline):
			return fmt.Errorf("flush: not sent within %v: %w", limit, os.ErrDeadlineExceeded)
		}
	}
}

// queued is the memory of what was sent and has not left; 0 is none.
func (c *Conn) queued() (n uint32, err error) {
	c.tx.Lock()
	defer c.tx.Unlock()
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	err = c.packet.Control(func(fd int) error { n, err = outQueue(fd); return err })
	if err == nil && c.via != nil {
		var unicast uint32
		unicast, err = c.via.queued() // also what others have sent through it
		n += unicast
	}
	return n, err
}
