package rawudp

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// burst is how many frames one call of ready takes: a flood on one link must
// not keep the others waiting.
const burst = 32

// shared is what a frame is read into. The process has one: package poll has
// one goroutine. The longest IPv4 datagram fits.
var shared struct {
	frame   [1 << 16]byte
	control [64]byte // unix.TpacketAuxdata and its header are 36
	from    unix.RawSockaddrLinklayer
	vec     unix.Iovec
	msg     unix.Msghdr
}

// Receive turns delivery on or off. When it has turned it off, receive is not
// running, and what had come before is forgotten.
func (c *Conn) Receive(on bool) error {
	c.rx.Lock()
	defer c.rx.Unlock()
	if c.closed.Load() {
		return fmt.Errorf("receive: %w", net.ErrClosed)
	}
	c.on = on
	if err := c.setFilter(); err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if !on {
		c.drain()
	}
	return nil
}

// drain reads and forgets what has come; rx is held and the filter drops all.
func (c *Conn) drain() {
	_ = c.packet.Control(func(fd int) error {
		for {
			// A pending ENETDOWN comes before the frames, and once.
			_, _, err := unix.Recvfrom(fd, nil, unix.MSG_DONTWAIT)
			if err != nil && !errors.Is(err, unix.ENETDOWN) {
				return err // EAGAIN: nothing is left
			}
		}
	})
}

// ready reads what has come, in the goroutine of package poll.
func (c *Conn) ready() {
	defer c.contain()
	c.rx.Lock()
	defer c.rx.Unlock()
	_ = c.packet.Control(c.reading) // an error is that it is closed
}

// readFrom reads some frames from the descriptor.
func (c *Conn) readFrom(fd int) error {
	for range burst {
		n, status, errno := read(fd)
		switch {
		case errno == unix.EAGAIN:
			return nil
		case errno != 0:
			// ENETDOWN: the link went down. The socket goes on when it is up.
			c.count.readErrors.Add(1)
		case c.on && !c.broken.Load():
			c.deliver(shared.frame[:n], status)
		}
	}
	return nil
}

// talker is the station that the frame in shared came from; zero for none.
func talker() (a lease.HardwareAddr) {
	if int(shared.from.Halen) == len(a) {
		copy(a[:], shared.from.Addr[:])
	}
	return a
}

// deliver gives the client what is in the frame.
func (c *Conn) deliver(frame []byte, status uint32) {
	if c.station != nil && !c.station(talker()) {
		c.drop(Station)
		return
	}
	payload, from, why := c.ports.parse(frame, status)
	if why != accepted {
		c.drop(why)
		return
	}
	c.count.received.Add(1)
	c.receive(payload, from)
}

// drop counts a frame that is not delivered. There may be a flood of them: what
// is not logged costs nothing more.
func (c *Conn) drop(why Reason) {
	c.count.dropped[why].Add(1)
	if ctx := context.Background(); c.log.Enabled(ctx, slog.LevelDebug) {
		c.log.LogAttrs(ctx, slog.LevelDebug, "frame rejected", slog.String("reason", why.String()))
	}
}

// read reads one frame into the shared buffer. unix.Recvmsg would make an object
// for the sender's address.
func read(fd int) (n int, status uint32, errno unix.Errno) {
	m := &shared.msg
	shared.vec.Base = &shared.frame[0]
	shared.vec.SetLen(len(shared.frame))
	shared.from = unix.RawSockaddrLinklayer{}
	*m = unix.Msghdr{Iov: &shared.vec, Control: &shared.control[0],
		Name: (*byte)(unsafe.Pointer(&shared.from)), Namelen: unix.SizeofSockaddrLinklayer}
	m.SetIovlen(1)
	m.SetControllen(len(shared.control))
	got, _, errno := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(m)), unix.MSG_DONTWAIT)
	if errno != 0 {
		return 0, 0, errno
	}
	return int(got), auxStatus(shared.control[:m.Controllen]), 0
}

// auxStatus returns tp_status of the frame's PACKET_AUXDATA; 0 without one.
func auxStatus(control []byte) uint32 {
	// The parser reads a header whatever the length.
	for len(control) >= unix.CmsgLen(0) {
		hdr, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0
		}
		if hdr.Level == unix.SOL_PACKET && hdr.Type == unix.PACKET_AUXDATA && len(data) >= 4 {
			return binary.NativeEndian.Uint32(data)
		}
		control = rest
	}
	return 0
}
