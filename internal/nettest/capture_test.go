package nettest_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// inject sends a frame as it is.
func inject(t *testing.T, n *nettest.NS, ifname string, frame []byte) {
	t.Helper()
	n.Do(t, func() {
		link, err := net.InterfaceByName(ifname)
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Index, Halen: 6}); err != nil {
			t.Fatal(err)
		}
	})
}

// Both ends see a ping, in its order, and which end sent what.
func TestCapture(t *testing.T) {
	t.Parallel()
	a, b := nettest.NewNS(t, "a"), nettest.NewNS(t, "b")
	nettest.Veth(t, a, "eth0", b, "eth0")
	a.IP(t, "addr", "add", "192.0.2.1/24", "dev", "eth0")
	b.IP(t, "addr", "add", "192.0.2.2/24", "dev", "eth0")
	near, far := nettest.Capture(t, a, "eth0"), nettest.Capture(t, b, "eth0")
	start := time.Now()
	if out, err := a.Command(context.Background(), "ping", "-c1", "-W5", "192.0.2.2").CombinedOutput(); err != nil {
		t.Fatalf("ping: %v\n%s", err, out)
	}
	for i, s := range []*nettest.Sniffer{near, far} {
		icmp := func(f nettest.Frame) bool { return f.IPv4 != nil && f.IPv4.Protocol == 1 }
		ask := s.WaitFor(t, 5*time.Second, frame.IsARP(func(p frame.ARP) bool { return p.Op == 1 && p.TargetIP.String() == "192.0.2.2" }))
		answer := s.WaitFor(t, 5*time.Second, frame.IsARP(func(p frame.ARP) bool { return p.Op == 2 }))
		echo := s.WaitFor(t, 5*time.Second, icmp)
		reply := s.WaitFor(t, 5*time.Second, icmp)
		if answer.Src != ask.ARP.TargetMAC && answer.Dst != ask.Src {
			t.Errorf("%v\n%v", ask, answer)
		}
		if echo.Outgoing != (i == 0) || reply.Outgoing != (i == 1) || echo.IPv4.Src != reply.IPv4.Dst {
			t.Errorf("side %d: %v, %v", i, echo, reply)
		}
		if d := ask.Time.Sub(start); d < -time.Second || d > 10*time.Second || reply.Time.Before(ask.Time) {
			t.Errorf("times %v, %v", ask.Time, reply.Time)
		}
		if n := len(s.Matching(icmp)); n != 2 || len(s.Frames()) < 4 {
			t.Errorf("%d ICMP frames of %d", n, len(s.Frames()))
		}
	}
}

// The kernel takes a VLAN tag off; the frame still has it.
func TestCaptureVLAN(t *testing.T) {
	t.Parallel()
	a, b := nettest.NewNS(t, "a"), nettest.NewNS(t, "b")
	nettest.Veth(t, a, "eth0", b, "eth0")
	s := nettest.Capture(t, b, "eth0")
	frame := append([]byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x81, 0, 0x60, 42, 0x88, 0xb5}, make([]byte, 46)...)
	inject(t, a, "eth0", frame)
	f := s.WaitFor(t, 5*time.Second, func(f nettest.Frame) bool { return f.EtherType == 0x88b5 })
	if !f.Tagged || f.VLAN != 42 || f.Priority != 3 {
		t.Errorf("%+v", f)
	}
}

// A kernel leaves the UDP checksum to a veth that does not compute it.
func TestCapturePendingChecksum(t *testing.T) {
	t.Parallel()
	a, b := nettest.NewNS(t, "a"), nettest.NewNS(t, "b")
	nettest.Veth(t, a, "eth0", b, "eth0")
	a.IP(t, "addr", "add", "192.0.2.1/24", "dev", "eth0")
	s := nettest.Capture(t, b, "eth0")
	b.IP(t, "addr", "add", "192.0.2.2/24", "dev", "eth0")
	a.Do(t, func() {
		c, err := net.Dial("udp4", "192.0.2.2:9")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	})
	f := s.WaitFor(t, 5*time.Second, func(f nettest.Frame) bool { return f.UDP != nil && f.UDP.DstPort == 9 })
	if !f.ChecksumPending || !f.IPv4.ChecksumOK {
		t.Errorf("%v: pending %v", f, f.ChecksumPending)
	}
}

// What the buffer cannot hold goes from its front, and the link may flap.
func TestCaptureIsBounded(t *testing.T) {
	t.Parallel()
	a, b := nettest.NewNS(t, "a"), nettest.NewNS(t, "b")
	nettest.Veth(t, a, "eth0", b, "eth0")
	s := nettest.Capture(t, b, "eth0")
	b.IP(t, "link", "set", "dev", "eth0", "down")
	b.IP(t, "link", "set", "dev", "eth0", "up")
	nettest.WaitUp(t, a, "eth0")
	frame := append([]byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 0x88, 0xb5}, make([]byte, 46)...)
	a.Do(t, func() {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		last := func(n byte) func(nettest.Frame) bool {
			return func(f nettest.Frame) bool { return f.EtherType == 0x88b5 && f.Raw[14] == n }
		}
		for n := range 25 {
			// Each thousand is seen before the next is sent.
			for i := range 1000 {
				frame[14] = 0
				if i == 999 {
					frame[14] = byte(n + 1)
				}
				if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link.Index, Halen: 6}); err != nil {
					t.Fatal(err)
				}
			}
			s.WaitFor(t, 20*time.Second, last(byte(n+1)))
		}
	})
	if n := len(s.Frames()); n < 10000 || n > 20000 {
		t.Errorf("%d frames are kept", n)
	}
}

func TestWaitForFails(t *testing.T) {
	n := nettest.NewNS(t, "a")
	nettest.Veth(t, n, "eth0", n, "eth1")
	var s *nettest.Sniffer
	t.Run("capture", func(t *testing.T) {
		s = nettest.Capture(t, n, "eth0")
		inject(t, n, "eth1", make([]byte, 60))
		msg := fatal(func(tb testing.TB) { s.WaitFor(tb, 50*time.Millisecond, frame.IsDHCP()) })
		if !strings.Contains(msg, "no such frame on "+n.Name+"/eth0 in 50ms") {
			t.Error(msg)
		}
	})
	msg := fatal(func(tb testing.TB) { s.WaitFor(tb, 5*time.Second, frame.IsDHCP()) })
	if !strings.Contains(msg, "ended") {
		t.Error(msg)
	}
	if msg := fatal(func(tb testing.TB) { nettest.Capture(tb, n, "nosuch0") }); !strings.Contains(msg, "nosuch0") {
		t.Error(msg)
	}
	if msg := fatal(func(tb testing.TB) { n.IP(tb, "link", "show", "nosuch0") }); !strings.Contains(msg, "does not exist") {
		t.Error(msg)
	}
	gone := &nettest.NS{Name: "gone"}
	if msg := fatal(func(tb testing.TB) { gone.Do(tb, func() {}) }); !strings.Contains(msg, "enter network namespace gone") {
		t.Error(msg)
	}
}

// fatalTB turns Fatalf into a panic with the message.
type fatalTB struct{ testing.TB }

func (fatalTB) Helper()        {}
func (fatalTB) Cleanup(func()) {}
func (fatalTB) Fatalf(format string, args ...any) {
	panic(fatalMsg(fmt.Sprintf(format, args...)))
}

type fatalMsg string

func fatal(f func(testing.TB)) (msg string) {
	defer func() {
		if r, ok := recover().(fatalMsg); ok {
			msg = string(r)
		}
	}()
	f(fatalTB{})
	return "it did not fail"
}
