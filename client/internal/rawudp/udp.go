package rawudp

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A udpSocket sends from the client's port of every address and receives
// nothing.
type udpSocket struct {
	fd    int
	ports ports
}

// openUDP opens it in the network namespace of the calling thread.
func openUDP(p ports) (*udpSocket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open UDP socket: %w", err)
	}
	if err := setUpUDP(fd, p.client); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &udpSocket{fd, p}, nil
}

func setUpUDP(fd int, port uint16) error {
	for _, o := range []struct {
		name              string
		level, opt, value int
	}{
		// Other clients, of other links, have the port too.
		{"SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{"IP_TOS", unix.IPPROTO_IP, unix.IP_TOS, tos},
		{"IP_TTL", unix.IPPROTO_IP, unix.IP_TTL, ttl},
		// As our own datagrams: DF is clear.
		{"IP_MTU_DISCOVER", unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, o.value); err != nil {
			return fmt.Errorf("set %s of UDP socket: %w", o.name, err)
		}
	}
	// Before bind, else what comes in between would stay in the queue.
	prog := make([]unix.SockFilter, len(dropAll))
	for i, ins := range dropAll {
		prog[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
		return fmt.Errorf("filter UDP socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(port)}); err != nil {
		return needs("CAP_NET_BIND_SERVICE", fmt.Sprintf("bind UDP port %d", port), err)
	}
	return nil
}

// send sends payload to the server's port of dst, over the link with that
// index; src is one of the machine's addresses, or 0.0.0.0 to let the kernel
// choose.
func (u *udpSocket) send(payload []byte, index int, src, dst netip.Addr) error {
	info := unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: int32(index), Spec_dst: src.As4()})
	to := &unix.SockaddrInet4{Port: int(u.ports.server), Addr: dst.As4()}
	return unix.Sendmsg(u.fd, payload, info, to, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// queued is how much memory holds datagrams that have not left: they wait for
// an answer to ARP, for the link's queue or for its hardware. 0 is none.
func (u *udpSocket) queued() (uint32, error) { return outQueue(u.fd) }

func (u *udpSocket) isIdle() bool {
	n, err := u.queued()
	return err == nil && n == 0
}

func (u *udpSocket) close() error { return unix.Close(u.fd) }

// outQueue asks a socket for the memory of what it sent that is still on this
// machine.
func outQueue(fd int) (uint32, error) {
	n, err := unix.IoctlGetUint32(fd, unix.SIOCOUTQ)
	if err != nil {
		return 0, fmt.Errorf("read the length of the send queue: %w", err)
	}
	return n, nil
}
