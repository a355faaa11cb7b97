package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/poll"
)

const (
	// burst is how many frames one call of ready takes: a flood on one link
	// must not keep the client waiting, whose sockets the same goroutine reads.
	burst = 32
	// backlog is more than what a socket's queue holds.
	backlog = 4096
)

// A Tap is a link that is captured.
type Tap struct {
	f    *File
	id   int // its number in the file
	conn packetConn
	raw  syscall.RawConn
	reg  *poll.Registration
	once sync.Once

	// How many frames there were, and how many of them are not in the file; the
	// File's lock guards it.
	seen, lost uint64
}

// all is ETH_P_ALL in network byte order, as packet(7) wants it: a socket for
// one protocol does not see what leaves the link.
var all = binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))

// Open captures the link of that index from now on. It must be called in the
// link's network namespace, and needs CAP_NET_RAW: without, the error wraps
// unix.EPERM. The name is what the file calls it.
func (f *File) Open(index int, name string) (*Tap, error) {
	if index <= 0 {
		return nil, fmt.Errorf("capture %s: there is no such link", name)
	}
	ports := append([]uint16{67, 68}, f.cfg.Ports...)
	conn, err := packet.Listen(&net.Interface{Index: index}, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: dhcpAndARP(ports)})
	if err != nil {
		return nil, fmt.Errorf("capture %s: %w", name, err)
	}
	t := &Tap{f: f, conn: packetConn{conn.SetBPF, conn.Stats, conn.Close}}
	if t.raw, err = conn.SyscallConn(); err == nil {
		err = t.control(setUp)
	}
	if err == nil {
		err = f.join(t, name)
	}
	if err == nil {
		err = t.control(func(fd int) (err error) {
			t.reg, err = poll.Register(fd, t.ready)
			return err
		})
	}
	if err != nil {
		t.Close()
		return nil, fmt.Errorf("capture %s: %w", name, err)
	}
	return t, nil
}

// setUp asks for what a frame alone does not tell: its VLAN and its time.
func setUp(fd int) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return fmt.Errorf("set PACKET_AUXDATA: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("set SO_TIMESTAMPNS: %w", err)
	}
	return nil
}

// join gives t a number in the file.
func (f *File) join(t *Tap, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return net.ErrClosed
	}
	if !f.add(interfaceBlock(name)) && !f.ended {
		return errors.New("the file cannot be written fast enough")
	}
	t.id = len(f.taps)
	f.taps = append(f.taps, t)
	if f.ended {
		return t.conn.SetBPF(dropAll) // its end was told
	}
	return nil
}

// control calls f with the descriptor.
func (t *Tap) control(f func(fd int) error) error {
	var err error
	if cerr := t.raw.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// Follow goes on with the link of another index: one that was removed and made
// again. Index 0 is none.
func (t *Tap) Follow(index int) error {
	if index == 0 {
		return nil
	}
	err := t.control(func(fd int) error {
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index})
	})
	if err != nil {
		return fmt.Errorf("capture link %d: %w", index, err)
	}
	return nil
}

// ready reads what has come, in the goroutine of package poll.
func (t *Tap) ready() { t.take(burst) }

// take takes n frames at most.
func (t *Tap) take(n int) {
	t.f.mu.Lock()
	defer t.f.mu.Unlock()
	_ = t.control(func(fd int) error { // an error is that it is closed
		for range n {
			f, err := t.f.read.next(fd)
			switch {
			case errors.Is(err, unix.EAGAIN):
				return nil
			case err != nil: // ENETDOWN, once: the link went down
				continue
			}
			t.seen++
			if !t.f.add(packetBlock(t.id, f)) {
				t.lost++
			}
		}
		return nil
	})
}

// Close takes what has come and ends. Closing twice is harmless.
func (t *Tap) Close() {
	t.once.Do(func() {
		if t.reg != nil {
			t.reg.Close()
			t.take(backlog)
		}
		t.f.mu.Lock()
		defer t.f.mu.Unlock()
		if st, err := t.conn.Stats(); err == nil {
			t.seen += uint64(st.Drops)
			t.lost += uint64(st.Drops)
		}
		_ = t.conn.Close() // nothing is lost by it
	})
}

// statistics is the last block of the link; the File's lock is held.
func (t *Tap) statistics() []byte { return statisticsBlock(t.id, time.Now(), t.seen, t.lost) }

// packetConn is what is needed of a *packet.Conn, as functions so that the
// other methods are not linked; package arpcheck has the reason.
type packetConn struct {
	SetBPF func([]bpf.RawInstruction) error
	Stats  func() (*packet.Stats, error)
	Close  func() error
}
