package nettest

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A Frame is an Ethernet frame and what is in it.
type Frame = frame.Frame

const (
	// keepFrames bounds what a Sniffer holds; older frames go first.
	keepFrames = 20000
	// maxFrame is more than a link of a test carries in one frame.
	maxFrame = 65536
	// kernelBuffer holds what comes while the reader waits for a core.
	kernelBuffer = 8 << 20
)

// A Sniffer records the frames of a link, in both directions.
type Sniffer struct {
	name string
	file *os.File
	done chan struct{}
	each func(Frame)

	mu     sync.Mutex
	frames []Frame
	lost   int           // dropped from the front of frames
	next   int           // where the next WaitFor starts, counted from the first frame ever
	news   chan struct{} // closed when a frame comes
	err    error         // why reading ended
}

// Capture records what passes through a link from now until the test ends.
func Capture(t testing.TB, n *NS, ifname string) *Sniffer {
	t.Helper()
	return Follow(t, n, ifname, func(Frame) {})
}

// Follow is Capture that also calls each with every frame, in their order and
// from one goroutine, until the test ends.
func Follow(t testing.TB, n *NS, ifname string, each func(Frame)) *Sniffer {
	t.Helper()
	s := &Sniffer{name: n.Name + "/" + ifname, done: make(chan struct{}), news: make(chan struct{}), each: each}
	n.Do(t, func() {
		fd, err := openCapture(ifname)
		if err != nil {
			t.Fatalf("capture on %s: %v", s.name, err)
		}
		s.file = os.NewFile(uintptr(fd), "capture")
	})
	go s.read()
	t.Cleanup(func() {
		s.file.Close()
		<-s.done
	})
	return s
}

func openCapture(ifname string) (fd int, err error) {
	link, err := net.InterfaceByName(ifname)
	if err != nil {
		return -1, err
	}
	// No protocol before bind: else frames of every link would come.
	fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	const all = unix.ETH_P_ALL << 8 // in network order
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, kernelBuffer),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: link.Index}))
	// More than the system's limit, which a user namespace may not exceed.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, kernelBuffer)
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// read records until the file is closed.
func (s *Sniffer) read() {
	defer close(s.done)
	conn, err := s.file.SyscallConn()
	if err != nil {
		s.stop(err)
		return
	}
	buf, oob := make([]byte, maxFrame), make([]byte, 256)
	for {
		var n, nOob int
		var from unix.Sockaddr
		var recvErr error
		err := conn.Read(func(fd uintptr) bool {
			n, nOob, _, from, recvErr = unix.Recvmsg(int(fd), buf, oob, 0)
			return !errors.Is(recvErr, unix.EAGAIN)
		})
		switch err := cmp.Or(err, recvErr); {
		case err == nil:
			f := frameOf(buf[:n], oob[:nOob], from)
			s.add(f)
			s.each(f)
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN): // the link may come back
		default:
			s.stop(err)
			return
		}
	}
}

// frameOf decodes what recvmsg returned.
func frameOf(b, oob []byte, from unix.Sockaddr) Frame {
	f := frame.Decode(slices.Clone(b))
	f.Time = time.Now()
	if ll, ok := from.(*unix.SockaddrLinklayer); ok {
		f.Outgoing = ll.Pkttype == unix.PACKET_OUTGOING
	}
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return f
	}
	for _, m := range msgs {
		switch {
		case m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= int(unsafe.Sizeof(unix.TpacketAuxdata{})):
			aux := (*unix.TpacketAuxdata)(unsafe.Pointer(&m.Data[0]))
			f.ChecksumPending = aux.Status&unix.TP_STATUS_CSUMNOTREADY != 0
			if aux.Status&unix.TP_STATUS_VLAN_VALID != 0 {
				f.Tag(aux.Vlan_tci)
			}
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})):
			f.Time = time.Unix((*unix.Timespec)(unsafe.Pointer(&m.Data[0])).Unix())
		}
	}
	return f
}

func (s *Sniffer) add(f Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.frames) >= keepFrames {
		s.lost += len(s.frames) / 2
		s.frames = slices.Clone(s.frames[len(s.frames)/2:])
	}
	s.frames = append(s.frames, f)
	close(s.news)
	s.news = make(chan struct{})
}

func (s *Sniffer) stop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	close(s.news)
	s.news = make(chan struct{})
}

// Frames returns what was recorded so far, the newest 10,000 at least.
func (s *Sniffer) Frames() []Frame {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.frames)
}

// Matching returns the recorded frames that match.
func (s *Sniffer) Matching(match func(Frame) bool) []Frame {
	return slices.DeleteFunc(s.Frames(), func(f Frame) bool { return !match(f) })
}

// WaitFor returns the first frame that matches, of those recorded after the one
// that the WaitFor before it returned: a row of calls follows a conversation.
// It fails the test if there is none within timeout.
func (s *Sniffer) WaitFor(t testing.TB, timeout time.Duration, match func(Frame) bool) Frame {
	t.Helper()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	seen := 0
	for {
		f, found, news, err := s.find(&seen, match)
		if found {
			return f
		}
		if err != nil {
			t.Fatalf("capture on %s ended: %v", s.name, err)
		}
		select {
		case <-news:
		case <-timer.C:
			t.Fatalf("no such frame on %s in %v; there were:\n%s", s.name, timeout, s.dump())
		}
	}
}

// find looks for a match at or after seen, and moves seen past what it saw.
func (s *Sniffer) find(seen *int, match func(Frame) bool) (f Frame, found bool, news chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := max(*seen, s.next, s.lost); i < s.lost+len(s.frames); i++ {
		if f := s.frames[i-s.lost]; match(f) {
			s.next = i + 1
			return f, true, nil, nil
		}
		*seen = i + 1
	}
	return Frame{}, false, s.news, s.err
}

// dump is the last frames, one a line.
func (s *Sniffer) dump() string {
	frames := s.Frames()
	var b strings.Builder
	for _, f := range frames[max(0, len(frames)-50):] {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}
