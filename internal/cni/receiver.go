package cni

import (
	"net"

	"golang.org/x/sys/unix"
)

// A receiver reads from a connection, and keeps the first descriptor that comes
// along (SCM_RIGHTS, unix(7)).
type receiver struct {
	conn *net.UnixConn
	fd   int // -1 for none
}

// Read reads what is there. Descriptors beside the first are closed.
func (r *receiver) Read(b []byte) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4))
	n, m, _, _, err := r.conn.ReadMsgUnix(b, oob) // with MSG_CMSG_CLOEXEC
	if m > 0 {
		r.take(oob[:m])
	}
	return n, err
}

func (r *receiver) take(oob []byte) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return
	}
	for i := range msgs {
		fds, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if r.fd < 0 {
				r.fd = fd
			} else {
				_ = unix.Close(fd)
			}
		}
	}
}

// namespace is what has come, which is called as path is.
func (r *receiver) namespace(path string) (*Netns, error) {
	if r.fd < 0 {
		return nil, Errorf(Undecodable, "no network namespace has come with the request")
	}
	fd := r.fd
	r.fd = -1
	n, err := received(fd, path)
	if err != nil {
		return nil, Errorf(BadVariable, "CNI_NETNS: %v", err)
	}
	return n, nil
}

func (r *receiver) close() {
	if r.fd >= 0 {
		_ = unix.Close(r.fd)
	}
}
