package rawudp

import (
	"errors"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// udpSockets are the UDP sockets of a network namespace and its ports, that all
// Conns there send through: a socket for each link would hear each broadcast on
// any of them, if only to drop it.
//
// They are several because the kernel says only of a whole socket whether what was
// sent has left, which Flush wants to know of one link: a datagram whose next hop
// does not answer must not keep all others. A Conn adds one, up to maxSockets.
type udpSockets struct {
	place place
	// users are the Conns; the lock of shareds guards it.
	users int

	// mu is held while something is sent, and guards the list.
	mu  sync.Mutex
	all []*udpSocket
}

const maxSockets = 8

// A place is where a UDP socket stands: the cookie of the network namespace, which
// no other has until the machine is booted anew, and the ports.
type place struct {
	netns uint64
	ports ports
}

// shareds are those of the process.
var shareds struct {
	sync.Mutex
	at map[place]*udpSockets
}

// useUDP returns the sockets of the network namespace of the calling thread, in
// which fd is a socket. Where that cannot be told (before Linux 5.14), they are the
// caller's alone.
func useUDP(fd int, p ports) (*udpSockets, error) {
	netns, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		netns = 0
	}
	shareds.Lock()
	defer shareds.Unlock()
	at := place{netns, p}
	s := shareds.at[at]
	if s == nil || netns == 0 {
		s = &udpSockets{place: at}
	}
	if err := s.grow(); err != nil {
		return nil, err
	}
	s.users++
	if netns != 0 {
		if shareds.at == nil {
			shareds.at = map[place]*udpSockets{}
		}
		shareds.at[at] = s
	}
	return s, nil
}

// grow opens one more, unless there are enough; that fails only if there is none.
func (s *udpSockets) grow() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == maxSockets {
		return nil
	}
	u, err := openUDP(s.place.ports)
	switch {
	case err == nil:
		s.all = append(s.all, u)
	case len(s.all) == 0:
		return err
	}
	return nil
}

// release is the end of one who uses them; the last closes them.
func (s *udpSockets) release() (err error) {
	shareds.Lock()
	defer shareds.Unlock()
	if s.users--; s.users > 0 {
		return nil
	}
	if shareds.at[s.place] == s {
		delete(shareds.at, s.place)
	}
	for _, u := range s.all {
		err = errors.Join(err, u.close())
	}
	return err
}

// send is that of one of the sockets, which it returns: last, through which the
// caller has sent before, as long as not all has left that, so that one has all
// that is the caller's; else one that nobody waits for.
func (s *udpSockets) send(last *udpSocket, payload []byte, index int, src, dst netip.Addr) (*udpSocket, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last == nil || last.isIdle() {
		last = s.idlest()
	}
	return last, last.send(payload, index, src, dst)
}

// idlest is a socket that all has left or, if there is none, the one with the least
// that has not.
func (s *udpSockets) idlest() (best *udpSocket) {
	least := ^uint32(0)
	for _, u := range s.all {
		n, err := u.queued()
		if err == nil && n < least || best == nil {
			best, least = u, n
		}
		if least == 0 {
			break
		}
	}
	return best
}
