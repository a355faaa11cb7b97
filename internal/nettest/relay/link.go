package relay

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// maxFrame is more than a kernel makes of one IPv4 packet, with all heads.
	maxFrame = 1<<16 + 64
	// kernelBuffer holds what comes while the reader waits for a core.
	kernelBuffer = 8 << 20
)

// A link is a packet socket on one end of a cable.
type link struct {
	name string
	file *os.File
	conn syscall.RawConn
}

// openLink opens it in the namespace of this thread.
func openLink(name string) (*link, error) {
	dev, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	// No protocol before bind: else frames of every link would come.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	const all = unix.ETH_P_ALL << 8 // in network order
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
		// What the relay itself sends is not news to it.
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, kernelBuffer),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: dev.Index}))
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("packet socket on %s: %w", name, err)
	}
	// More than the system's limit, which a user namespace may not exceed.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, kernelBuffer)
	l := &link{name: name, file: os.NewFile(uintptr(fd), name)}
	if l.conn, err = l.file.SyscallConn(); err != nil {
		l.file.Close()
		return nil, fmt.Errorf("packet socket on %s: %w", name, err)
	}
	return l, nil
}

// receive returns the next frame. It fails when the link is closed; a link that
// is down, or gone, is silent.
func (l *link) receive(buf, oob []byte) (*Packet, error) {
	for {
		var n, nOob int
		var failed error
		err := l.conn.Read(func(fd uintptr) bool {
			n, nOob, _, _, failed = unix.Recvmsg(int(fd), buf, oob, 0)
			return !errors.Is(failed, unix.EAGAIN)
		})
		switch err := cmp.Or(err, failed); {
		case err == nil:
			if p := packetOf(buf[:n], oob[:nOob]); p != nil {
				return p, nil
			}
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN):
		default:
			return nil, fmt.Errorf("read from %s: %w", l.name, err)
		}
	}
}

// transmit sends a frame as it is, with what it leaves to hardware.
func (l *link) transmit(p Packet) error {
	b := append(p.offload[:], p.Raw...)
	var failed error
	err := l.conn.Write(func(fd uintptr) bool {
		_, failed = unix.Write(int(fd), b)
		return !errors.Is(failed, unix.EAGAIN)
	})
	if err := cmp.Or(err, failed); err != nil {
		return fmt.Errorf("write to %s: %w", l.name, err)
	}
	return nil
}

func (l *link) close() { l.file.Close() }
