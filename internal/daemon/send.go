package daemon

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// sendDatagram sends text to a unix socket, and waits for limit at most where
// that has no room. Our own is there no longer than this takes: it costs nothing
// meanwhile, and the other end may be another tomorrow.
func sendDatagram(to string, limit time.Duration, text string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	flags := unix.MSG_NOSIGNAL
	if limit <= 0 {
		flags |= unix.MSG_DONTWAIT
	} else {
		wait := unix.NsecToTimeval(int64(limit))
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &wait); err != nil {
			return fmt.Errorf("limit the wait: %w", err)
		}
	}
	for {
		err := unix.Sendto(fd, []byte(text), flags, &unix.SockaddrUnix{Name: to})
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// sendStream is sendDatagram to a socket that takes connections, without a wait:
// it connects and takes the text at once, or not at all.
func sendStream(to string, text string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: to}); err != nil {
		return err
	}
	_, err = unix.SendmsgN(fd, []byte(text), nil, nil, unix.MSG_NOSIGNAL)
	return err
}

// oneLine is s without what ends a line of a log.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

// cut is s, or so much of it as limit octets hold in whole characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
