package packetsocket

import (
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func filter(tb testing.TB, passes uint32) []bpf.RawInstruction {
	tb.Helper()
	prog, err := bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: passes}})
	if err != nil {
		tb.Fatal(err)
	}
	return prog
}

// loop opens a namespace and brings its loopback link up, on which all that is sent
// is received.
func loop(tb testing.TB) *nettest.NS {
	nettest.Require(tb)
	ns := nettest.NewNS(tb, "socket")
	ns.IP(tb, "link", "set", "lo", "up")
	return ns
}

func (s *Socket) read(tb testing.TB) (frame []byte, err error) {
	tb.Helper()
	buf := make([]byte, 2000)
	n := 0
	if cerr := s.Control(func(fd int) error { n, err = unix.Read(fd, buf); return nil }); cerr != nil {
		tb.Fatal(cerr)
	}
	return buf[:max(n, 0)], err
}

func (s *Socket) send(tb testing.TB, text string) {
	tb.Helper()
	to := &unix.SockaddrLinklayer{Protocol: NetworkOrder(unix.ETH_P_IP), Ifindex: 1, Halen: 6}
	if err := s.Control(func(fd int) error { return unix.Sendto(fd, []byte(text), 0, to) }); err != nil {
		tb.Fatal(err)
	}
}

// With the filter that it is opened with a socket hears nothing from the first frame
// on, and without a link in any case.
func TestOpen(t *testing.T) {
	loop(t).Do(t, func() {
		deaf, all := filter(t, 0), filter(t, 1<<16)
		open := func(index int, prog []bpf.RawInstruction) *Socket {
			s, err := Open(unix.SOCK_DGRAM, unix.ETH_P_IP, index, prog)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			return s
		}
		from, none, without, hears := open(1, deaf), open(1, deaf), open(0, all), open(1, all)
		from.send(t, "one")
		for _, s := range []*Socket{none, without} {
			if frame, err := s.read(t); !errors.Is(err, unix.EAGAIN) {
				t.Errorf("heard %q, %v", frame, err)
			}
		}
		if frame, err := hears.read(t); err != nil || string(frame) != "one" {
			t.Errorf("heard %q, %v", frame, err)
		}
		if err := errors.Join(none.SetFilter(all), without.Bind(unix.ETH_P_IP, 1)); err != nil {
			t.Fatal(err)
		}
		from.send(t, "two")
		for _, s := range []*Socket{none, without, hears} {
			if frame, err := s.read(t); err != nil || string(frame) != "two" {
				t.Errorf("heard %q, %v", frame, err)
			}
		}
		if passed, dropped, err := hears.Counted(); err != nil || passed != 2 || dropped != 0 {
			t.Errorf("counted %d and %d, %v", passed, dropped, err)
		}
		if _, err := Open(unix.SOCK_DGRAM, unix.ETH_P_IP, 999, deaf); !errors.Is(err, unix.ENODEV) {
			t.Errorf("on a link that does not exist: %v", err)
		}
	})
}

func TestClose(t *testing.T) {
	loop(t).Do(t, func() {
		s, err := Open(unix.SOCK_RAW, unix.ETH_P_ARP, 1, filter(t, 0))
		if err != nil {
			t.Fatal(err)
		}
		number := s.fd
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat("/proc/self/fd/" + string(rune('0'+number))); number < 10 && err == nil {
			t.Error("the descriptor is open when Close has returned")
		}
		_, _, counted := s.Counted()
		for what, err := range map[string]error{
			"close": s.Close(), "bind": s.Bind(unix.ETH_P_ARP, 1), "filter": s.SetFilter(filter(t, 0)), "count": counted,
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

// One after the other the sockets of a thousand links would take twenty seconds, and
// all at once as many threads, which the runtime keeps.
func TestClose_ManyAtOnce(t *testing.T) {
	const n = 300
	loop(t).Do(t, func() {
		var all []*Socket
		for range n {
			s, err := Open(unix.SOCK_DGRAM, unix.ETH_P_IP, 1, filter(t, 0))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		before := threads(t)
		var running sync.WaitGroup
		for _, s := range all {
			running.Go(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		if closers.most > maxClosers || closers.most < 2 {
			t.Errorf("%d threads have closed %d sockets", closers.most, n)
		}
		// The runtime may keep a few of its own.
		for limit := time.Now().Add(10 * time.Second); threads(t) > before+10; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("%d threads before, %d after", before, threads(t))
			}
		}
	})
}

func threads(tb testing.TB) int {
	tb.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		tb.Fatal(err)
	}
	return len(tasks)
}

// BenchmarkClose is what one of two thousand sockets costs that are closed one after
// the other, and side by side.
func BenchmarkClose(b *testing.B) {
	loop(b).Do(b, func() {
		prog := filter(b, 0)
		open := func() *Socket {
			s, err := Open(unix.SOCK_DGRAM, unix.ETH_P_IP, 1, prog)
			if err != nil {
				b.Fatal(err)
			}
			return s
		}
		b.Run("serial", func(b *testing.B) {
			for b.Loop() {
				_ = open().Close()
			}
		})
		b.Run("parallel", func(b *testing.B) {
			for b.Loop() {
				var running sync.WaitGroup
				for range 2000 {
					s := open()
					running.Go(func() { _ = s.Close() })
				}
				running.Wait()
			}
		})
	})
}
