package netcfg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A monitor reads the kernel's notifications about links and addresses in one
// goroutine, and wakes those whom they may concern. They then ask for the
// state as it is, so a notification is only ever a reason to look: it does not
// matter if two are merged, come late, or are dropped by the kernel (ENOBUFS),
// as long as that wakes everybody.
//
// The socket is opened at once and joined to its groups while anybody watches.
// It outlives ENOBUFS, and nothing has to enter the namespace again.
type monitor struct {
	log  *slog.Logger
	file *os.File
	raw  syscall.RawConn
	done chan struct{}

	mu       sync.Mutex
	watchers map[*watcher]bool
	started  bool
	closed   bool
}

// A watcher is woken when something may have changed.
type watcher struct {
	woken chan struct{}
	// index is the link that it wants to hear of; 0 is all.
	index atomic.Int32
	// news are the messages about links; nil for who does not want them.
	news *linkNews
}

func (w *watcher) wake() {
	select {
	case w.woken <- struct{}{}:
	default: // is about to look anyway
	}
}

var monitorGroups = []int{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR}

func newMonitor(log *slog.Logger) (*monitor, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("bind netlink socket: %w", err)
	}
	m := &monitor{log: log, file: os.NewFile(uintptr(fd), "netlink"), done: make(chan struct{}), watchers: map[*watcher]bool{}}
	if m.raw, err = m.file.SyscallConn(); err != nil {
		_ = m.file.Close()
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	return m, nil
}

// add makes a watcher of everything. What changes after add returned wakes it.
func (m *monitor) add() (*watcher, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if len(m.watchers) == 0 {
		if err := m.membership(unix.NETLINK_ADD_MEMBERSHIP); err != nil {
			return nil, fmt.Errorf("subscribe to link changes: %w", err)
		}
	}
	if !m.started {
		m.started = true
		go m.run()
	}
	w := &watcher{woken: make(chan struct{}, 1)}
	m.watchers[w] = true
	return w, nil
}

func (m *monitor) remove(w *watcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.watchers, w)
	if len(m.watchers) == 0 && !m.closed {
		if err := m.membership(unix.NETLINK_DROP_MEMBERSHIP); err != nil {
			m.log.Debug("unsubscribe from link changes", "err", err)
		}
	}
}

func (m *monitor) membership(option int) error {
	var failed error
	err := m.raw.Control(func(fd uintptr) {
		for _, group := range monitorGroups {
			if err := unix.SetsockoptInt(int(fd), unix.SOL_NETLINK, option, group); err != nil {
				failed = err
			}
		}
	})
	return errors.Join(err, failed)
}

// close ends the goroutine and waits for it.
func (m *monitor) close() error {
	m.mu.Lock()
	m.closed = true
	started := m.started
	m.mu.Unlock()
	err := m.file.Close()
	if started {
		<-m.done
	}
	return err
}

func (m *monitor) run() {
	defer close(m.done)
	buf := make([]byte, 32<<10) // as large as the kernel makes a message
	for {
		n, open, err := m.read(buf)
		switch {
		case !open:
			return
		case err != nil:
			// ENOBUFS: the queue overflowed and some are lost. Whatever else
			// it might be, looking is what helps.
			m.log.Debug("link changes were lost", "err", err)
			m.drain(buf)
			m.wakeAll()
		default:
			m.dispatch(buf[:n])
		}
	}
}

// maxDrained is how many messages are left away at once.
const maxDrained = 10000

// drain empties the queue. Until it is empty the kernel loses what comes without
// a word (NETLINK_S_CONGESTED of af_netlink.c): who looks before that may be the
// last to look.
func (m *monitor) drain(buf []byte) {
	for range maxDrained {
		var err error
		closed := m.raw.Read(func(fd uintptr) bool {
			_, _, err = unix.Recvfrom(int(fd), buf, unix.MSG_DONTWAIT)
			return true
		})
		if closed != nil || errors.Is(err, unix.EAGAIN) {
			return
		}
	}
}

// read waits for one datagram; open is false once the socket was closed.
func (m *monitor) read(buf []byte) (n int, open bool, err error) {
	closed := m.raw.Read(func(fd uintptr) bool {
		n, _, err = unix.Recvfrom(int(fd), buf, 0)
		return !errors.Is(err, unix.EAGAIN)
	})
	return n, closed == nil, err
}

func (m *monitor) wakeAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for w := range m.watchers {
		w.news.lose()
		w.wake()
	}
}

// dispatch wakes the watchers of the links that the messages in buf are about.
func (m *monitor) dispatch(buf []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(buf) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(buf))
		if size < unix.SizeofNlMsghdr || size > len(buf) {
			return
		}
		if body := buf[unix.SizeofNlMsghdr:size]; len(body) >= 8 {
			// ifinfomsg and ifaddrmsg both have the index at offset 4.
			m.news(binary.NativeEndian.Uint16(buf[4:]), body)
			m.changed(int32(binary.NativeEndian.Uint32(body[4:])))
		}
		buf = buf[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(buf)):]
	}
}

func (m *monitor) changed(index int32) {
	for w := range m.watchers {
		if w.news != nil {
			continue
		}
		if want := w.index.Load(); want == 0 || want == index {
			w.wake()
		}
	}
}
