package arpcheck

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/packetsocket"
	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// A socket is a link, by a packet socket for ARP.
type socket struct {
	*packetsocket.Socket
	reg   *poll.Registration
	index int
	// frame is what was read last: n octets, or err. reading reads it; it is
	// made once, so that a flood makes no garbage.
	frame   [frameMax]byte
	n       int
	err     error
	reading func(fd int) error
}

// arpProtocol is ETH_P_ARP in network byte order, as packet(7) wants it.
var arpProtocol = packetsocket.NetworkOrder(unix.ETH_P_ARP)

// openSocket opens a deaf socket in the network namespace of the calling
// thread. ready is called by package poll when there is something to read.
func openSocket(index int, ready func()) (*socket, error) {
	conn, err := packetsocket.Open(unix.SOCK_RAW, unix.ETH_P_ARP, index, dropAll)
	if err != nil {
		return nil, err
	}
	s := &socket{Socket: conn, index: index}
	// The socket does not block. unix.Recvfrom would make an object for the
	// sender's address.
	s.reading = func(fd int) error { s.n, s.err = unix.Read(fd, s.frame[:]); return nil }
	err = s.Control(func(fd int) (err error) {
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

func (s *socket) send(frame []byte) error {
	to := &unix.SockaddrLinklayer{Protocol: arpProtocol, Ifindex: s.index}
	return s.Control(func(fd int) error {
		err := unix.Sendto(fd, frame, unix.MSG_DONTWAIT, to)
		if errors.Is(err, unix.ENETDOWN) {
			// Maybe it only tells that the link was down since the last call.
			err = unix.Sendto(fd, frame, unix.MSG_DONTWAIT, to)
		}
		return err
	})
}

func (s *socket) hear(w wanted) error { return s.SetFilter(w.program()) }

func (s *socket) follow(index int) error {
	s.index = index
	if err := s.hear(wanted{}); err != nil {
		return err
	}
	if index != 0 {
		if err := s.Bind(unix.ETH_P_ARP, index); err != nil {
			return err
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
	if err := s.Control(s.reading); err != nil {
		return nil, err
	}
	return s.frame[:max(s.n, 0)], s.err
}

// overrun is how many frames the kernel has dropped since the last call.
func (s *socket) overrun() uint64 {
	_, dropped, _ := s.Counted() // fails when it is closed
	return uint64(dropped)
}

// close returns when ready is not running and will not be called again.
func (s *socket) close() error {
	s.reg.Close()
	return s.Socket.Close()
}
