// Package poll waits for many descriptors in one goroutine.
//
// A client of a thousand links has three thousand sockets. A goroutine that
// blocks on each would cost several KiB of stack apiece; here one epoll set,
// itself waited on through the Go runtime's poller, serves them all, and no OS
// thread is held.
package poll

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/roomy"
)

// A Registration is a descriptor being waited on.
type Registration struct {
	p  *poller
	fd int
	// mu is held while ready runs, so that Close can wait for it.
	mu     sync.Mutex
	ready  func()
	closed bool
}

// Register calls ready, from the package's one goroutine, each time fd is
// readable or in error, until Close. ready must not block and must consume what
// is there (the set is level-triggered); it must not call Register or Close.
//
// fd stays the caller's, who closes it after Close.
func Register(fd int, ready func()) (*Registration, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.p == nil {
		p, err := newPoller()
		if err != nil {
			return nil, err
		}
		shared.p = p
	}
	p := shared.p
	r := &Registration{p: p, fd: fd, ready: ready}
	p.mu.Lock()
	p.regs[int32(fd)] = r
	p.mu.Unlock()
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		p.forget(r)
		releaseLocked(p)
		return nil, fmt.Errorf("poll: add descriptor %d: %w", fd, err)
	}
	return r, nil
}

// Close ends the registration. When it returns, ready is not running and will
// not run again. Closing twice is harmless.
func (r *Registration) Close() {
	shared.Lock()
	defer shared.Unlock()
	r.mu.Lock()
	done := r.closed
	r.closed = true
	r.mu.Unlock()
	if done {
		return
	}
	// Only fails when the caller closed fd first, which took it out as well.
	_ = unix.EpollCtl(r.p.fd, unix.EPOLL_CTL_DEL, r.fd, nil)
	r.p.forget(r)
	releaseLocked(r.p)
}

// shared is the process's poller: made by the first Register, ended by the last
// Close, so that a library user's process is left without a goroutine of ours.
var shared struct {
	sync.Mutex
	p *poller
}

type poller struct {
	fd   int
	file *os.File
	// ending is closed when nothing is registered any more, done when the
	// goroutine has ended.
	ending, done chan struct{}

	mu   sync.Mutex
	regs map[int32]*Registration
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("poll: epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("poll: set epoll non-blocking: %w", err)
	}
	p := &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll"), ending: make(chan struct{}), done: make(chan struct{}), regs: map[int32]*Registration{}}
	go p.run()
	return p, nil
}

// forget takes r out of the map, unless its number was registered anew.
func (p *poller) forget(r *Registration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.regs[int32(r.fd)] == r {
		delete(p.regs, int32(r.fd))
	}
}

// releaseLocked ends p when nothing is registered; shared is locked.
func releaseLocked(p *poller) {
	p.mu.Lock()
	idle := len(p.regs) == 0
	p.mu.Unlock()
	if idle {
		close(p.ending)
		_ = p.file.Close()
		<-p.done
		shared.p = nil
	}
}

func (p *poller) run() {
	defer close(p.done)
	roomy.Grow()
	conn, err := p.file.SyscallConn()
	if err != nil {
		return // only when the file is closed
	}
	events := make([]unix.EpollEvent, 32)
	n := 0
	// One closure for all rounds: a flood of frames makes no garbage.
	wait := func(fd uintptr) bool {
		n, err = unix.EpollWait(int(fd), events, 0)
		return n > 0 || (err != nil && !errors.Is(err, syscall.EINTR))
	}
	for {
		if conn.Read(wait) != nil {
			return // the file is closed
		}
		for _, ev := range events[:max(n, 0)] {
			p.dispatch(ev.Fd)
		}
	}
}

// held is closed when ready functions may be called; nil if they always may.
var held atomic.Pointer[chan struct{}]

// Hold keeps all ready functions from being called until release, which may be
// called more than once; there is one hold at a time. What arrives meanwhile waits
// in the kernel. So a process can send its first message, give up what it does not
// need any more, and only then read what others have sent.
func Hold() (release func()) {
	ch := make(chan struct{})
	held.Store(&ch)
	return sync.OnceFunc(func() { close(ch) })
}

// await waits while ready functions are held.
func (p *poller) await() {
	if ch := held.Load(); ch != nil {
		select {
		case <-*ch:
		case <-p.ending:
		}
	}
}

func (p *poller) dispatch(fd int32) {
	p.await()
	p.mu.Lock()
	r := p.regs[fd]
	p.mu.Unlock()
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.ready()
	}
}
