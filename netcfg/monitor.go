package netcfg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A monitor reads the kernel's notifications about links and addresses in one
// goroutine, and wakes those whom they may concern. They then ask for the
// state as it is, so a notification is only ever a reason to look: it does not
// matter if two are merged, come late, or are dropped by the kernel (ENOBUFS),
// as long as that wakes everybody.
//
// What a notification costs does not depend on how many watch: each is found by
// what it wants to hear of. Nor does the reader ask the kernel anything, which may
// have it wait while the socket overflows.
//
// The socket is opened at once and joined to its groups while anybody watches.
// It outlives ENOBUFS, and nothing has to enter the namespace again.
type monitor struct {
	log  *slog.Logger
	file *os.File
	raw  syscall.RawConn
	done chan struct{}
	// lookAt looks at links whose subscribers may have to hear of it.
	lookAt func([]*subscription)

	mu sync.Mutex
	// watchers are lists, by what they want to hear of; count is how many there
	// are, and named how many of them wait for a name.
	watchers        map[topic]*watcher
	count, named    int
	started, closed bool
	// dirty are to be looked at; looking says that looker does that.
	dirty   []*subscription
	looking bool
	looker  sync.WaitGroup
}

// A topic is what a watcher wants to hear of: the link with that index, or links
// that have or get that name. The zero topic is all links.
type topic struct {
	index int32
	name  string
}

// A watcher is woken when something may have changed.
type watcher struct {
	// who is woken with the monitor locked, and must not block.
	who interface{ wake() }
	// news are the messages about links; nil for who does not want them.
	news *linkNews

	topic      topic
	next, prev *watcher // of the same topic
	on         bool     // a list
}

// A bell wakes one goroutine.
type bell chan struct{}

func newBell() bell { return make(bell, 1) }

func (b bell) wake() {
	select {
	case b <- struct{}{}:
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
	m := &monitor{log: log, file: os.NewFile(uintptr(fd), "netlink"), done: make(chan struct{}), watchers: map[topic]*watcher{}}
	if m.raw, err = m.file.SyscallConn(); err != nil {
		_ = m.file.Close()
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	return m, nil
}

// add has w hear of t. What changes after add returned wakes it.
func (m *monitor) add(w *watcher, t topic) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if m.count == 0 {
		if err := m.membership(unix.NETLINK_ADD_MEMBERSHIP); err != nil {
			return fmt.Errorf("subscribe to link changes: %w", err)
		}
	}
	if !m.started {
		m.started = true
		go m.run()
	}
	m.link(w, t)
	return nil
}

func (m *monitor) remove(w *watcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !w.on {
		return
	}
	m.unlink(w)
	if m.count == 0 && !m.closed {
		if err := m.membership(unix.NETLINK_DROP_MEMBERSHIP); err != nil {
			m.log.Debug("unsubscribe from link changes", "err", err)
		}
	}
}

// turn has w hear of t instead, and says whether that is something else: what
// changed before was not heard.
func (m *monitor) turn(w *watcher, t topic) (turned bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.topic == t || !w.on {
		return false
	}
	m.unlink(w)
	m.link(w, t)
	return true
}

// link puts w in the list of t; mu is held.
func (m *monitor) link(w *watcher, t topic) {
	w.topic, w.on = t, true
	w.prev, w.next = nil, m.watchers[t]
	if w.next != nil {
		w.next.prev = w
	}
	m.watchers[t] = w
	m.count++
	if t.name != "" {
		m.named++
	}
}

// unlink takes w out of its list; mu is held.
func (m *monitor) unlink(w *watcher) {
	switch {
	case w.prev != nil:
		w.prev.next = w.next
	case w.next != nil:
		m.watchers[w.topic] = w.next
	default:
		delete(m.watchers, w.topic)
	}
	if w.next != nil {
		w.next.prev = w.prev
	}
	w.next, w.prev, w.on = nil, nil, false
	m.count--
	if w.topic.name != "" {
		m.named--
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

// close ends the goroutines and waits for them.
func (m *monitor) close() error {
	m.mu.Lock()
	m.closed = true
	started := m.started
	m.mu.Unlock()
	err := m.file.Close()
	if started {
		<-m.done
	}
	m.looker.Wait()
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

// read waits for one datagram of the kernel; open is false once the socket was closed.
// Who has CAP_NET_ADMIN in the namespace, as a container may in its own, can send one
// too (netlink(7)), and have us know of links that there are not.
func (m *monitor) read(buf []byte) (n int, open bool, err error) {
	closed := m.raw.Read(func(fd uintptr) bool {
		var from unix.Sockaddr
		n, from, err = unix.Recvfrom(int(fd), buf, 0)
		if peer, ok := from.(*unix.SockaddrNetlink); err == nil && (!ok || peer.Pid != 0) {
			n = 0
		}
		return !errors.Is(err, unix.EAGAIN)
	})
	return n, closed == nil, err
}

func (m *monitor) wakeAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range m.watchers {
		for ; w != nil; w = w.next {
			w.news.lose()
			w.who.wake()
		}
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
			m.changed(binary.NativeEndian.Uint16(buf[4:]), body)
		}
		buf = buf[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(buf)):]
	}
}

// changed takes one message, of that kind.
func (m *monitor) changed(kind uint16, body []byte) {
	for w := m.watchers[topic{}]; w != nil; w = w.next {
		if w.news == nil || w.news.add(kind, body) {
			w.who.wake()
		}
	}
	// ifinfomsg and ifaddrmsg both have the index at offset 4.
	m.wake(topic{index: int32(binary.NativeEndian.Uint32(body[4:]))})
	if m.named == 0 || kind != unix.RTM_NEWLINK || len(body) < unix.SizeofIfInfomsg {
		return
	}
	for name := range linkNames(body[unix.SizeofIfInfomsg:]) {
		m.wake(topic{name: name})
	}
}

func (m *monitor) wake(t topic) {
	if t == (topic{}) {
		return
	}
	for w := m.watchers[t]; w != nil; w = w.next {
		w.who.wake()
	}
}
