package packetsocket

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A Socket is a packet socket that does not block. Its methods may be called from
// any goroutine; those of one that is closed fail with net.ErrClosed.
type Socket struct {
	// mu is held for reading while the descriptor is used, so that Close cannot
	// free its number that somebody is about to use.
	mu     sync.RWMutex
	fd     int
	closed bool
}

// Open opens a socket of that type, unix.SOCK_RAW or SOCK_DGRAM, in the network
// namespace of the calling thread, and binds it to the link with that index for
// what is of a protocol, as unix.ETH_P_IP. Nothing is received that filter drops,
// from the first frame on. With index 0 it is not bound, and receives nothing.
//
// It needs CAP_NET_RAW: without, the error wraps unix.EPERM.
func Open(kind int, protocol uint16, index int, filter []bpf.RawInstruction) (*Socket, error) {
	// The protocol comes with the filter: a socket that is made for one receives it
	// from every link.
	fd, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &Socket{fd: fd}
	if err = s.SetFilter(filter); err == nil && index != 0 {
		err = s.Bind(protocol, index)
	}
	if err != nil {
		_ = unix.Close(fd) // it is not bound: that takes no time
		return nil, err
	}
	return s, nil
}

// Control calls f with the descriptor, which stays open until f returns. It must
// not block, or use the Socket.
func (s *Socket) Control(f func(fd int) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return net.ErrClosed
	}
	return f(s.fd)
}

// Bind binds it to another link, or again to one that was made anew.
func (s *Socket) Bind(protocol uint16, index int) error {
	return s.Control(func(fd int) error {
		err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: NetworkOrder(protocol), Ifindex: index})
		return os.NewSyscallError("bind", err)
	})
}

// NetworkOrder is a protocol as struct sockaddr_ll has it.
func NetworkOrder(protocol uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, protocol))
}

// SetFilter has the kernel drop what filter, which is not empty, drops.
func (s *Socket) SetFilter(filter []bpf.RawInstruction) error {
	// A RawInstruction is a struct sock_filter.
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: (*unix.SockFilter)(unsafe.Pointer(&filter[0]))}
	return s.Control(func(fd int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog))
	})
}

// Counted is how many frames the filter has let pass since the last call, and how
// many of them the kernel has dropped since there was no room for them.
func (s *Socket) Counted() (passed, dropped uint32, err error) {
	err = s.Control(func(fd int) error {
		st, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err == nil {
			passed, dropped = st.Packets, st.Drops
		}
		return os.NewSyscallError("getsockopt", err)
	})
	return passed, dropped, err
}

// Close closes the socket, which takes the kernel some hundredths of a second. A
// second call is an error that wraps net.ErrClosed.
func (s *Socket) Close() error {
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if was {
		return fmt.Errorf("close packet socket: %w", net.ErrClosed)
	}
	return closers.close(s.fd)
}
