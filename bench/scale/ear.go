package scale

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A heard is a DHCP message on the bridge, where the server is.
type heard struct {
	at         time.Time
	fromServer bool
	kind       dhcpv4.MessageType
	client     [6]byte
}

// An ear hears what the server does, both ways.
type ear struct {
	fd   int
	done chan struct{}

	mu   sync.Mutex
	list []heard
	err  error
}

// earFilter passes UDP of IPv4 from or to port 67 that is no fragment.
var earFilter = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 8},
	bpf.LoadAbsolute{Off: 6, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: 6},
	bpf.LoadMemShift{Off: 0},
	bpf.LoadIndirect{Off: 0, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: 67, SkipTrue: 2},
	bpf.LoadIndirect{Off: 2, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 67, SkipTrue: 1},
	bpf.RetConstant{Val: 2048},
	bpf.RetConstant{Val: 0},
}

// newEar begins to listen.
func newEar() (*ear, error) {
	e := &ear{fd: -1, done: make(chan struct{})}
	raw, err := bpf.Assemble(earFilter)
	if err != nil {
		return nil, err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	if err := inNamespace(serverNS, func() error { return e.open(filter) }); err != nil {
		if e.fd >= 0 {
			_ = unix.Close(e.fd)
		}
		return nil, fmt.Errorf("listen on %s: %w", bridge, err)
	}
	go e.listen()
	return e, nil
}

func (e *ear) open(filter []unix.SockFilter) (err error) {
	ifi, err := interfaceIndex(bridge)
	if err != nil {
		return err
	}
	// Bound to nothing until the filter is there.
	if e.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	// It looks now and then whether it is to end.
	tick := unix.NsecToTimeval((50 * time.Millisecond).Nanoseconds())
	return errors.Join(
		unix.SetsockoptSockFprog(e.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program),
		unix.SetsockoptInt(e.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, roomForEvents),
		unix.SetsockoptTimeval(e.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tick),
		unix.Bind(e.fd, &unix.SockaddrLinklayer{Protocol: swap(unix.ETH_P_ALL), Ifindex: ifi}))
}

func (e *ear) listen() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(e.done)
	buf := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(e.fd, buf, 0)
		now := time.Now()
		switch {
		case errors.Is(err, unix.EINTR) || errors.Is(err, unix.EAGAIN):
			e.mu.Lock()
			ended := e.err != nil
			e.mu.Unlock()
			if ended {
				return
			}
			continue
		case err != nil:
			e.fail(err)
			return
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if h, valid := parseHeard(buf[:n]); ok && valid {
			h.at, h.fromServer = now, ll.Pkttype == unix.PACKET_OUTGOING
			e.mu.Lock()
			e.list = append(e.list, h)
			e.mu.Unlock()
		}
	}
}

// parseHeard reads a datagram that the filter has passed.
func parseHeard(b []byte) (h heard, ok bool) {
	const udp, fixed = 8, 240
	if len(b) < 1 {
		return h, false
	}
	head := int(b[0]&15)*4 + udp
	if len(b) < head+fixed {
		return h, false
	}
	m := b[head:]
	copy(h.client[:], m[28:])
	for o := m[fixed:]; len(o) > 2 && o[0] != 255; {
		if o[0] == 0 {
			o = o[1:]
			continue
		}
		if o[0] == uint8(dhcpv4.OptionDHCPMessageType) {
			h.kind = dhcpv4.MessageType(o[2])
			return h, true
		}
		if 2+int(o[1]) > len(o) {
			break
		}
		o = o[2+int(o[1]):]
	}
	return h, false
}

var errEnded = errors.New("ended")

func (e *ear) fail(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
	}
}

// close ends it; the error is of what it could not hear.
func (e *ear) close() error {
	e.fail(errEnded)
	<-e.done
	lost, stat := unix.GetsockoptTpacketStats(e.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	_ = unix.Close(e.fd)
	switch {
	case e.err != errEnded:
		return fmt.Errorf("listen on %s: %w", bridge, e.err)
	case stat == nil && lost.Drops > 0:
		return fmt.Errorf("listen on %s: %d frames were lost", bridge, lost.Drops)
	}
	return nil
}

// since is what was heard from a moment on, of those that match.
func (e *ear) since(t time.Time, match func(heard) bool) (list []heard) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.list {
		if !h.at.Before(t) && match(h) {
			list = append(list, h)
		}
	}
	return list
}

// toServer is what clients have sent.
func toServer(h heard) bool { return !h.fromServer }

// acked is how many clients have had an ACK since a moment, and when the last of
// them had its first.
func (e *ear) acked(t time.Time) (n int, last time.Time) {
	seen := map[[6]byte]bool{}
	for _, h := range e.since(t, func(h heard) bool { return h.fromServer && h.kind == dhcpv4.MessageTypeAck }) {
		if !seen[h.client] {
			seen[h.client], last = true, h.at
		}
	}
	return len(seen), last
}

// perSecond counts messages by the second since a moment, and finds the most in
// any one second, wherever it begins.
func perSecond(list []heard, since time.Time) (bySecond []int, most int) {
	times := make([]time.Time, len(list))
	for i, h := range list {
		times[i] = h.at
		s := int(h.at.Sub(since) / time.Second)
		bySecond = append(bySecond, make([]int, max(0, s+1-len(bySecond)))...)
		bySecond[s]++
	}
	slices.SortFunc(times, time.Time.Compare)
	first := 0
	for i, t := range times {
		for t.Sub(times[first]) >= time.Second {
			first++
		}
		most = max(most, i+1-first)
	}
	return bySecond, most
}

func nativeUint32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

// swap is htons(3).
func swap(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}

func interfaceIndex(name string) (int, error) {
	req, err := unix.NewIfreq(name)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req); err != nil {
		return 0, fmt.Errorf("find %s: %w", name, err)
	}
	return int(req.Uint32()), nil
}
