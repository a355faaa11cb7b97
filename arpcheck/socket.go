package arpcheck

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// A socket is a link, by a packet socket for ARP.
type socket struct {
	conn  packetConn
	raw   syscall.RawConn // of conn
	reg   *poll.Registration
	index int
	// frame is what was read last: n octets, or err. reading reads it; it is
	// made once, so that a flood makes no garbage.
	frame   [frameMax]byte
	n       int
	err     error
	reading func(fd uintptr)
}

// arpProtocol is ETH_P_ARP in network byte order, as packet(7) wants it.
var arpProtocol = binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ARP))

// openSocket opens a deaf socket in the network namespace of the calling
// thread. ready is called by package poll when there is something to read.
func openSocket(index int, ready func()) (*socket, error) {
	proto := unix.ETH_P_ARP
	if index == 0 {
		proto = 0 // else it would be bound to every link
	}
	conn, err := packet.Listen(&net.Interface{Index: index}, packet.Raw, proto, &packet.Config{Filter: dropAll})
	if err != nil {
		return nil, err
	}
	s := &socket{conn: packetConn{conn.SetBPF, conn.Stats, conn.Close}, index: index}
	// The socket does not block. unix.Recvfrom would make an object for the
	// sender's address.
	s.reading = func(fd uintptr) { s.n, s.err = unix.Read(int(fd), s.frame[:]) }
	if s.raw, err = conn.SyscallConn(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	err = s.control(func(fd int) (err error) {
		// Linux 4.20. A socket for one protocol does not see what leaves the
		// link in any case, as packet(7) does not promise.
		_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
		s.reg, err = poll.Register(fd, ready)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}

// control calls f with the descriptor.
func (s *socket) control(f func(fd int) error) error {
	var err error
	if cerr := s.raw.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

func (s *socket) send(frame []byte) error {
	to := &unix.SockaddrLinklayer{Protocol: arpProtocol, Ifindex: s.index}
	return s.control(func(fd int) error {
		err := unix.Sendto(fd, frame, unix.MSG_DONTWAIT, to)
		if errors.Is(err, unix.ENETDOWN) {
			// Maybe it only tells that the link was down since the last call.
			err = unix.Sendto(fd, frame, unix.MSG_DONTWAIT, to)
		}
		return err
	})
}

func (s *socket) hear(w wanted) error { return s.conn.SetBPF(w.program()) }

func (s *socket) follow(index int) error {
	s.index = index
	if err := s.hear(wanted{}); err != nil {
		return err
	}
	if index != 0 {
		bind := func(fd int) error {
			return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: arpProtocol, Ifindex: index})
		}
		if err := s.control(bind); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
	}
	s.drain()
	return nil
}

// drain reads and forgets what has come: it came over another link. The filter
// drops all.
func (s *socket) drain() {
	for {
		// A pending ENETDOWN comes before the frames, and once.
		if _, err := s.read(); err != nil && !errors.Is(err, unix.ENETDOWN) {
			return // EAGAIN: nothing is left
		}
	}
}

// read returns the beginning of a long frame.
func (s *socket) read() (frame []byte, err error) {
	if err := s.raw.Control(s.reading); err != nil {
		return nil, err
	}
	return s.frame[:max(s.n, 0)], s.err
}

// overrun is how many frames the kernel has dropped since the last call.
func (s *socket) overrun() uint64 {
	st, err := s.conn.Stats()
	if err != nil {
		return 0 // it is closed
	}
	return uint64(st.Drops)
}

// close returns when ready is not running and will not be called again.
func (s *socket) close() error {
	s.reg.Close()
	return s.conn.Close()
}

// packetConn is what is needed of a *packet.Conn. They are functions for the
// sake of the program's size: a program that calls methods by name, as
// text/template does, keeps all methods of all types that a value in an
// interface leads to.
type packetConn struct {
	SetBPF func([]bpf.RawInstruction) error
	Stats  func() (*packet.Stats, error)
	Close  func() error
}
