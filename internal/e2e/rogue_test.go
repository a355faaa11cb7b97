package e2e_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// A rogue is a station that means harm: it hears all that is said on the link,
// and sends what it wants, as whom it wants.
type rogue struct {
	*station
	fd, link int
}

// rogueID is what it calls itself, and victim an address of somebody else.
var rogueID, victim = host(66), host(200)

// rogue plugs one in. The switch is a hub from then on, so that it hears what
// others are told.
func (l *lan) rogue(t *testing.T) *rogue {
	t.Helper()
	l.wires.IP(t, "link", "set", "dev", "br0", "type", "bridge", "ageing_time", "0")
	return newRogue(t, l.join(t, "rogue"))
}

func newRogue(t *testing.T, s *station) *rogue {
	t.Helper()
	r := &rogue{station: s}
	s.Do(t, func() {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		r.link = link.Index
		if r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatalf("packet socket: %v", err)
		}
	})
	t.Cleanup(func() { unix.Close(r.fd) })
	return r
}

// send sends frames as they are. One that the queue has no room for is lost, as
// on any network.
func (r *rogue) send(frames ...[]byte) {
	for _, b := range frames {
		_ = unix.Sendto(r.fd, b, 0, &unix.SockaddrLinklayer{Ifindex: r.link})
	}
}

// hears has f called with each frame that comes, at once.
func (r *rogue) hears(t *testing.T, f func(frame.Frame)) {
	t.Helper()
	nettest.Follow(t, r.NS, "eth0", func(got frame.Frame) {
		if !got.Outgoing {
			f(got)
		}
	})
}

// An attack is a flood of frames that are made while it goes on.
type attack struct {
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once
	sent  int
	began time.Time
	took  time.Duration
}

// floods sends what next returns, nil for nothing, rate times in a second, 0 for
// as fast as it goes, until end.
func (r *rogue) floods(t *testing.T, rate int, next func(i int) []byte) *attack {
	t.Helper()
	f := &attack{stop: make(chan struct{}), done: make(chan struct{}), began: time.Now()}
	go func() {
		defer close(f.done)
		for {
			select {
			case <-f.stop:
				f.took = time.Since(f.began)
				return
			default:
			}
			due := f.sent + 64
			if rate > 0 {
				time.Sleep(time.Millisecond)
				due = min(due, int(time.Since(f.began).Seconds()*float64(rate)))
			}
			for ; f.sent < due; f.sent++ {
				if b := next(f.sent); b != nil {
					r.send(b)
				}
			}
		}
	}()
	t.Cleanup(func() { f.end() })
	return f
}

// end ends it, and returns how many frames there were, in all and in a second.
func (f *attack) end() (sent, perSecond int) {
	f.once.Do(func() { close(f.stop) })
	<-f.done
	return f.sent, int(float64(f.sent) / f.took.Seconds())
}

// last is the latest message of a client that was heard.
type latest struct {
	mu  sync.Mutex
	msg *dhcpv4.DHCPv4
}

func (l *latest) get() *dhcpv4.DHCPv4 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.msg
}

// follows remembers the latest message of the client.
func (r *rogue) follows(t *testing.T, client *station) *latest {
	l := &latest{}
	is := sent(client)
	r.hears(t, func(f frame.Frame) {
		if is(f) {
			l.mu.Lock()
			l.msg = f.DHCP
			l.mu.Unlock()
		}
	})
	return l
}

// reply is a message of a server that says too much: all of it is as it should
// be, unless change says otherwise.
func reply(req *dhcpv4.DHCPv4, typ dhcpv4.MessageType, server, addr netip.Addr, change ...func(*dhcpv4.DHCPv4)) []byte {
	m, err := dhcpv4.New(dhcpv4.WithReply(req), dhcpv4.WithMessageType(typ), dhcpv4.WithServerIP(nil),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server.AsSlice())))
	if err != nil {
		panic(err) // there is no randomness
	}
	if typ != dhcpv4.MessageTypeNak {
		m.YourIPAddr = addr.AsSlice()
		m.UpdateOption(dhcpv4.OptSubnetMask(net.CIDRMask(24, 32)))
		m.UpdateOption(dhcpv4.OptRouter(router.AsSlice()))
		m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(time.Hour))
	}
	for _, f := range change {
		f(m)
	}
	return m.ToBytes()
}

// says is a broadcast of a server.
func (r *rogue) says(from netip.Addr, payload []byte) []byte {
	return r.saysTo(68, from, payload)
}

func (r *rogue) saysTo(port uint16, from netip.Addr, payload []byte) []byte {
	return frame.EncodeUDP(frame.Broadcast, r.mac, netip.AddrPortFrom(all1, port), netip.AddrPortFrom(from, 67), payload)
}

// arp is an ARP packet to all, from the rogue's own frame.
func (r *rogue) arp(op uint16, sha lease.HardwareAddr, spa, tpa netip.Addr) []byte {
	return frame.EncodeARP(frame.Broadcast, r.mac, frame.ARP{Op: op, SenderMAC: sha, SenderIP: spa, TargetIP: tpa})
}

// quietly runs the program as start does, but with no more to say than flags
// ask for.
func quietly(t *testing.T, s *station, dir string, flags ...string) *client {
	t.Helper()
	resolv := filepath.Join(dir, "resolv.conf")
	args := append([]string{"--lease-dir", filepath.Join(dir, "leases"), "--resolv-conf", resolv, "eth0"}, flags...)
	c := launch(t, s, program(t), args...)
	c.resolv = resolv
	return c
}

// bounded fails the test if more was sent than package client says can be,
// whatever arrives (client/doc.go, and the table of its package fsm).
func bounded(t *testing.T, n *nettest.Sniffer, s *station) {
	t.Helper()
	for _, row := range []struct {
		what      string
		is        func(frame.Frame) bool
		in1, in10 int
	}{
		{"DHCP messages", sent(s), 8, 18},
		{"ARP probes", frame.IsARP(func(a frame.ARP) bool { return a.Probe && a.SenderMAC == s.mac }), 9, 39},
		{"ARP announcements", frame.IsARP(func(a frame.ARP) bool { return a.Announcement && a.SenderMAC == s.mac }), 7, 27},
	} {
		var at []time.Time
		for _, f := range n.Matching(row.is) {
			at = append(at, f.Time)
		}
		most1, most10 := busiest(at, time.Second), busiest(at, 10*time.Second)
		if most1 > row.in1 || most10 > row.in10 {
			t.Errorf("%s: %d in a second, %d in ten, want at most %d and %d", row.what, most1, most10, row.in1, row.in10)
		}
		t.Logf("%s: %d in all, %d in a second, %d in ten", row.what, len(at), most1, most10)
	}
}

// busiest is the most of times, which are in order, within a window.
func busiest(times []time.Time, window time.Duration) (most int) {
	first := 0
	for i, at := range times {
		for at.Sub(times[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// anonymous is the memory that the process has to itself, in octets.
func (c *client) anonymous(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", c.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Anonymous:" {
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatalf("no Anonymous in %s", b)
	return 0
}

// counted is what a client that was run with -v says at its end.
func (c *client) counted(t *testing.T) string {
	t.Helper()
	return c.stderr.wait(t, "the counters", func(line string) bool { return strings.Contains(line, "counted (") })
}

// warnings are the lines of its log.
func (c *client) warnings() []string {
	all, _ := c.stderr.get()
	return slices.DeleteFunc(all, func(line string) bool { return line == "" })
}

// refreshed waits until the address was set a second time, which is a renewal.
func (m *monitor) refreshed(t *testing.T) {
	t.Helper()
	eventually(t, "a renewed address", func() bool {
		n := 0
		for _, c := range m.changes() {
			if !c.deleted && strings.Contains(c.text, " inet ") {
				n++
			}
		}
		return n > 1
	})
}
