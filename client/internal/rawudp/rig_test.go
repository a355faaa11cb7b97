package rawudp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/poll"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// usual are the ports of RFC 2131 4.1.
var usual = ports{clientPort, serverPort}

// What package client asks for: Transport and Follower.
var _ interface {
	Send(payload []byte, src, dst netip.Addr) error
	Receive(on bool) error
	Flush(limit time.Duration) error
	Close() error
	Follow(index int, addr net.HardwareAddr) error
} = (*Conn)(nil)

// A rig is a cable between our host, near, and a server's, whose end sends and
// captures whole frames. Both links are eth0.
type rig struct {
	near, there *nettest.NS
	far         *packet.Conn
	log         syncBuffer
}

// A heard is a payload that was delivered.
type heard struct {
	text string
	from netip.Addr
}

func newRig(t testing.TB) *rig {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, leaks) })
	r := &rig{near: nettest.NewNS(t, "near"), there: nettest.NewNS(t, "there")}
	r.cable(t)
	return r
}

// cable lays the cable, new or again.
func (r *rig) cable(t testing.TB) {
	t.Helper()
	nettest.Veth(t, r.near, "eth0", r.there, "eth0")
	r.near.IP(t, "link", "set", "eth0", "address", ourMAC.String())
	r.there.IP(t, "link", "set", "eth0", "address", farMAC.String())
	r.there.Do(t, func() {
		far, err := packet.Listen(&net.Interface{Index: index(t, "eth0")}, packet.Raw, unix.ETH_P_ALL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.far = far
		t.Cleanup(func() { far.Close() })
	})
}

// addresses gives both ends one, and ARP entries where static.
func (r *rig) addresses(t testing.TB) {
	t.Helper()
	r.near.IP(t, "addr", "add", ourAddr.String()+"/24", "dev", "eth0")
	r.there.IP(t, "addr", "add", farAddr.String()+"/24", "dev", "eth0")
}

// index is that of a link in the namespace of this thread.
func index(t testing.TB, name string) int {
	t.Helper()
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return ifi.Index
}

func (r *rig) link(t testing.TB) (l lease.LinkState) {
	t.Helper()
	r.near.Do(t, func() {
		l = lease.LinkState{Index: index(t, "eth0"), Name: "eth0", HardwareAddr: ourMAC, MTU: 1500}
	})
	return l
}

// open opens a Conn on our end that receives.
func (r *rig) open(t testing.TB) (*Conn, <-chan heard) {
	t.Helper()
	got := make(chan heard, 4096)
	c := r.openWith(t, r.link(t), func(payload []byte, from netip.Addr) { got <- newHeard(payload, from) })
	if err := c.Receive(true); err != nil {
		t.Fatal(err)
	}
	return c, got
}

func (r *rig) openWith(t testing.TB, link lease.LinkState, receive func([]byte, netip.Addr)) (c *Conn) {
	t.Helper()
	return r.openAs(t, Config{Link: link}, receive)
}

func (r *rig) openAs(t testing.TB, cfg Config, receive func([]byte, netip.Addr)) (c *Conn) {
	t.Helper()
	cfg.Logger = slog.New(slog.NewTextHandler(&r.log, nil))
	r.near.Do(t, func() {
		var err error
		c, err = Open(cfg, receive)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	})
	return c
}

func newHeard(payload []byte, from netip.Addr) heard {
	text := ""
	if len(payload) > 108 {
		text = string(bytes.TrimRight(payload[44:108], "\x00"))
	}
	return heard{text, from}
}

// inject sends a frame from the far end.
func (r *rig) inject(t testing.TB, frame []byte) {
	t.Helper()
	if _, err := r.far.WriteTo(frame, &packet.Addr{HardwareAddr: farMAC[:]}); err != nil {
		t.Fatal(err)
	}
}

// say injects a good reply that can be told by its text.
func (r *rig) say(t testing.TB, text string) {
	t.Helper()
	m := newReply()
	m.text = text
	r.inject(t, m.frame())
}

// hear waits for the next delivery, which must be text: what must not be
// delivered is shown by what comes after it.
func hear(t testing.TB, got <-chan heard, text string) heard {
	t.Helper()
	select {
	case h := <-got:
		if h.text != text {
			t.Fatalf("heard %q, want %q", h.text, text)
		}
		return h
	case <-time.After(patience):
		t.Fatalf("%q was not delivered", text)
		panic("unreachable")
	}
}

// capture waits for the next frame from our end that is one of those wanted.
func (r *rig) capture(t testing.TB, what string, wanted func(frame []byte) bool) []byte {
	t.Helper()
	if err := r.far.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	for {
		n, _, err := r.far.ReadFrom(buf)
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		if b := buf[:n]; n >= 34 && bytes.Equal(b[6:12], ourMAC[:]) && wanted(b) {
			return bytes.Clone(b)
		}
	}
}

func isIPv4(b []byte) bool { return b[12] == 8 && b[13] == 0 }
func isUDP(b []byte) bool  { return isIPv4(b) && b[23] == unix.IPPROTO_UDP && len(b) >= 42 }
func isICMP(b []byte) bool { return isIPv4(b) && b[23] == unix.IPPROTO_ICMP }
func isARP(b []byte) bool  { return b[12] == 8 && b[13] == 6 }

// answerARP says, as farMAC, that it has the address that is asked for in b.
func (r *rig) answerARP(t testing.TB, b []byte) {
	t.Helper()
	reply := append(append(append([]byte{}, ourMAC[:]...), farMAC[:]...), 8, 6, 0, 1, 8, 0, 6, 4, 0, 2)
	reply = append(append(reply, farMAC[:]...), b[38:42]...)
	reply = append(append(reply, ourMAC[:]...), b[28:32]...)
	r.inject(t, reply)
}

// wait waits for a condition, with a deadline.
func wait(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s never came", what)
		}
	}
}

// holdPoller keeps the goroutine that reads busy until the function that it
// returns is called: what comes meanwhile stays in the socket.
func holdPoller(t testing.TB) (release func()) {
	t.Helper()
	p := make([]int, 2)
	if err := unix.Pipe2(p, unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	held, free := make(chan bool), make(chan bool)
	reg, err := poll.Register(p[0], func() {
		unix.Read(p[0], make([]byte, 1))
		held <- true
		<-free
	})
	if err != nil {
		t.Fatal(err)
	}
	unix.Write(p[1], []byte{1})
	<-held
	release = sync.OnceFunc(func() {
		close(free)
		reg.Close()
		unix.Close(p[0])
		unix.Close(p[1])
	})
	t.Cleanup(release)
	return release
}

// waiting is how many octets the next frame in the packet socket has; 0: none.
func waiting(t testing.TB, c *Conn) (n int) {
	t.Helper()
	if err := c.packet.Control(func(fd int) (err error) { n, err = unix.IoctlGetInt(fd, unix.SIOCINQ); return err }); err != nil {
		t.Fatal(err)
	}
	return n
}

// without runs f on a thread that lacks capabilities.
func without(t testing.TB, f func(), caps ...uint) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var full, less [2]unix.CapUserData
	if err := unix.Capget(&hdr, &full[0]); err != nil {
		t.Fatal(err)
	}
	less = full
	for _, c := range caps {
		less[c/32].Effective &^= 1 << (c % 32)
	}
	if err := unix.Capset(&hdr, &less[0]); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Capset(&hdr, &full[0]); err != nil {
			t.Error(err)
		}
	}()
	f()
}

// holdPort binds UDP port 68 of our end.
func (r *rig) holdPort(t testing.TB, reuse bool) {
	t.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) (err error) {
		if reuse {
			rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
		}
		return err
	}}
	r.near.Do(t, func() {
		c, err := lc.ListenPacket(context.Background(), "udp4", "0.0.0.0:68")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
	})
}

// warnings are the lines that were logged.
func (r *rig) warnings() []string {
	return strings.FieldsFunc(r.log.String(), func(c rune) bool { return c == '\n' })
}

// A syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// mustBe fails unless err is want, or nil for nil.
func mustBe(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || (err != nil) != (want != nil) {
		t.Fatalf("%s: %v, want %v", what, err, want)
	}
}
