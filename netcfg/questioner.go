package netcfg

import (
	"cmp"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"unsafe"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A questioner asks the kernel on a socket of its own (netlink(7)), one question
// at a time, with one buffer for all answers. The library would make 64 KiB anew
// for each, of which a client asks ten before it has an address.
type questioner struct {
	fd int

	mu   sync.Mutex
	seq  uint32
	buf  []byte
	from unix.RawSockaddrNetlink
}

// maxDump is the longest message that the kernel makes of a dump, and more than
// it makes of one link without its virtual functions.
const maxDump = 1 << 16

// openQuestioner opens the socket in the namespace of the calling OS thread.
func openQuestioner() (*questioner, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	q := &questioner{fd: fd, buf: make([]byte, maxDump)}
	limit := unix.NsecToTimeval(requestTimeout.Nanoseconds())
	err = errors.Join(unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit))
	if err != nil {
		q.close()
		return nil, err
	}
	// Filters in the kernel instead of here (Linux 4.20).
	_ = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	return q, nil
}

func (q *questioner) close() { _ = unix.Close(q.fd) }

// ask calls f with the messages of type answer that answer req, up to the first
// that f refuses. The error is nl.ErrDumpInterrupted if a change has torn them.
func (q *questioner) ask(req *nl.NetlinkRequest, answer uint16, f func(msg []byte) error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.seq++
	req.Seq = q.seq
	err := unix.Sendto(q.fd, req.Serialize(), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	var refused error
	for torn := false; err == nil; {
		var batch []syscall.NetlinkMessage
		if batch, err = q.receive(); err != nil {
			break
		}
		for i := range batch {
			m := &batch[i]
			if m.Header.Seq != q.seq {
				continue // the answer to a question that was given up
			}
			torn = torn || m.Header.Flags&unix.NLM_F_DUMP_INTR != 0
			last := m.Header.Type == unix.NLMSG_DONE || m.Header.Type == unix.NLMSG_ERROR
			switch {
			case last:
				err = verdict(m.Data)
			case m.Header.Type == answer && refused == nil:
				refused = f(m.Data)
			}
			if err == nil && torn {
				err = nl.ErrDumpInterrupted
			}
			if last || m.Header.Flags&unix.NLM_F_MULTI == 0 {
				return cmp.Or(err, refused)
			}
		}
	}
	return err
}

// receive reads what the kernel has sent at once.
func (q *questioner) receive() ([]syscall.NetlinkMessage, error) {
	for {
		n, from, err := q.read()
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		case n > len(q.buf):
			return nil, fmt.Errorf("an answer of %d octets", n)
		}
		if from == 0 { // the kernel's own
			return syscall.ParseNetlinkMessage(q.buf[:n])
		}
	}
}

// read reads one datagram, and says which port it is from. unix.Recvfrom would make
// an object of more than a hundred octets for that.
func (q *questioner) read() (n int, from uint32, err error) {
	size := uint32(unix.SizeofSockaddrNetlink)
	got, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(q.fd), uintptr(unsafe.Pointer(&q.buf[0])), uintptr(len(q.buf)),
		unix.MSG_TRUNC, uintptr(unsafe.Pointer(&q.from)), uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0, 0, errno
	}
	return int(got), q.from.Pid, nil
}

// verdict is the error in the last message of an answer, if there is one.
func verdict(data []byte) error {
	if errno := int32(u32(data)); errno != 0 {
		return syscall.Errno(-errno)
	}
	return nil
}
