package scale

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// roomForEvents is the buffer of a socket that must lose nothing.
const roomForEvents = 32 << 20

// A watch knows which links have an address of the server's, as the kernel says
// by netlink.
type watch struct {
	fd   int
	has  map[uint32]int // addresses, by the index of the link
	last time.Time      // when the newest came
	gone []uint32       // links that had one, and have not
}

// newWatch begins to watch the links of the clients.
func newWatch() (*watch, error) {
	w := &watch{fd: -1, has: map[uint32]int{}}
	err := inNamespace(clientNS, func() (err error) {
		w.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		return err
	})
	if err == nil {
		err = unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, roomForEvents)
	}
	if err == nil {
		err = unix.Bind(w.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_IPV4_IFADDR})
	}
	if err != nil {
		w.close()
		return nil, fmt.Errorf("watch addresses: %w", err)
	}
	return w, nil
}

func (w *watch) close() {
	if w.fd >= 0 {
		_ = unix.Close(w.fd)
	}
}

// until waits until n links have an address, or for limit, and returns how many
// have. It waits in the kernel: a thread is woken sooner than a goroutine.
func (w *watch) until(n int, limit time.Duration) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	buf := make([]byte, 1<<16)
	for deadline := time.Now().Add(limit); len(w.has) < n; {
		left := time.Until(deadline)
		if left <= 0 {
			return len(w.has), nil
		}
		// Not zero, which is for ever.
		tv := unix.NsecToTimeval(max(left, time.Millisecond).Nanoseconds())
		if err := unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
			return 0, fmt.Errorf("watch addresses: %w", err)
		}
		got, _, err := unix.Recvfrom(w.fd, buf, 0)
		now := time.Now()
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN):
			continue
		case err != nil: // ENOBUFS too: the count would be wrong
			return 0, fmt.Errorf("watch addresses: %w", err)
		}
		w.take(buf[:got], now)
	}
	return len(w.has), nil
}

// take reads what the kernel announces.
func (w *watch) take(b []byte, now time.Time) {
	messages, _ := syscall.ParseNetlinkMessage(b)
	for _, m := range messages {
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil || len(m.Data) < unix.SizeofIfAddrmsg {
			continue
		}
		ours := false
		for _, a := range attrs {
			ours = ours || a.Attr.Type == unix.IFA_LOCAL && len(a.Value) == 4 && a.Value[0] == 10 && a.Value[1] == 99
		}
		index := nativeUint32(m.Data[4:])
		switch {
		case ours && m.Header.Type == unix.RTM_NEWADDR:
			if w.has[index] == 0 {
				w.last = now
			}
			w.has[index] = 1 // a client sets its address twice, to renew it
		case ours && m.Header.Type == unix.RTM_DELADDR:
			delete(w.has, index)
			w.gone = append(w.gone, index)
		}
	}
}
