package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	ether "github.com/dhclient-go/dhclient-go/internal/nettest/frame"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

var (
	ourMAC = lease.HardwareAddr{2, 0, 0, 0, 0, 1}
	ours   = netip.MustParseAddr("192.0.2.50")
	theirs = netip.MustParseAddr("192.0.2.1")
)

// A cable joins our host, near, and another, far: each sends whole frames.
type cable struct {
	ns        *nettest.NS
	name      string
	near, far *packet.Conn
}

func newCable(t *testing.T, ns *nettest.NS, name string) *cable {
	t.Helper()
	c := &cable{ns: ns, name: name}
	far := nettest.NewNS(t, "far")
	nettest.Veth(t, ns, name, far, "eth0")
	c.near, c.far = sender(t, ns, name), sender(t, far, "eth0")
	return c
}

func sender(t *testing.T, ns *nettest.NS, name string) (conn *packet.Conn) {
	t.Helper()
	ns.Do(t, func() {
		var err error
		// Protocol 0 receives nothing.
		if conn, err = packet.Listen(&net.Interface{Index: index(t, name)}, packet.Raw, 0, nil); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

func index(t *testing.T, name string) int {
	t.Helper()
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return ifi.Index
}

func send(t *testing.T, conn *packet.Conn, b []byte) {
	t.Helper()
	if _, err := conn.WriteTo(b, &packet.Addr{HardwareAddr: net.HardwareAddr(b[:6])}); err != nil {
		t.Fatal(err)
	}
}

// open captures the cable's near end.
func (c *cable) open(t *testing.T, f *File) (tap *Tap) {
	t.Helper()
	c.ns.Do(t, func() {
		var err error
		if tap, err = f.Open(index(t, c.name), c.name); err != nil {
			t.Fatal(err)
		}
	})
	return tap
}

func create(t *testing.T, cfg Config) *File {
	t.Helper()
	f, err := Create(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// await reads the file until it has n packets: while the capture goes on.
func await(t *testing.T, path string, n int) *trace {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := parseTrace(b)
		if err == nil && len(tr.packets) >= n {
			return tr
		}
		if time.Now().After(end) {
			t.Fatalf("no %d packets in %v: %+v, %v", n, patience, tr, err)
		}
	}
}

func udp(from, to uint16, text string) []byte {
	return ether.EncodeUDP(ether.Broadcast, ourMAC, netip.AddrPortFrom(theirs, to), netip.AddrPortFrom(ours, from), []byte(text))
}

func arp(op uint16) []byte {
	return ether.EncodeARP(ether.Broadcast, ourMAC, ether.ARP{Op: op, SenderMAC: ourMAC, SenderIP: ours, TargetIP: theirs})
}

// tagged is b in a VLAN.
func tagged(b []byte, protocol, tci uint16) []byte {
	tag := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, protocol), tci)
	return slices.Insert(slices.Clone(b), 12, tag...)
}

// options4 is b with four octets of IP options.
func options4(b []byte) []byte {
	b = slices.Insert(slices.Clone(b), 34, 1, 1, 1, 0)
	b[14]++
	return b
}

// taken are the frames of the test that a capture must have, and others those
// that it must not.
var (
	taken = [][]byte{
		udp(68, 67, "discover"), udp(67, 68, "offer"), udp(67, 67, "relay"), udp(1068, 9, "by its port"), udp(9, 1068, "to its port"),
		arp(1), arp(2), options4(udp(68, 67, "options")),
		tagged(arp(1), 0x8100, 3<<13|42), tagged(udp(68, 67, "vlan"), 0x8100, 7), tagged(arp(2), 0x88a8, 9),
		ether.Fragment(udp(68, 67, strings.Repeat("first of two", 200)), 1500)[0],
	}
	others = [][]byte{
		udp(5353, 5353, "mdns"), udp(53, 1067, "dns"), tagged(udp(5353, 53, "vlan"), 0x8100, 7), options4(udp(5353, 67^1, "options")),
		ether.Fragment(udp(68, 67, strings.Repeat("not first", 200)), 1500)[1],
		append(slices.Clone(arp(1)[:12]), make([]byte, 48)...), append(slices.Clone(arp(1)[:12]), 0x86, 0xdd, 0x60, 0, 67, 68),
	}
)

// What is sent and received is in the file, as the kernel has it: compared with
// another capture of the same link, and read by other code than wrote it.
func TestCapture_HasWhatIsSentAndReceived(t *testing.T) {
	c := newCable(t, nettest.NewNS(t, "near"), "eth0")
	path := filepath.Join(t.TempDir(), "trace.pcapng")
	f := create(t, Config{Path: path, Ports: []uint16{1068}, Program: "dhclient-go test"})
	sniffer := nettest.Capture(t, c.ns, "eth0")
	c.open(t, f)
	n := 0
	for i := range max(len(taken), len(others)) {
		for _, conn := range []*packet.Conn{c.near, c.far} {
			if i < len(others) {
				send(t, conn, others[i])
			}
			if i < len(taken) {
				send(t, conn, taken[i])
				n++
			}
		}
	}
	// All is there within a moment, before the capture ends.
	await(t, path, n)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	tr := readTrace(t, path)
	if tr.program != "dhclient-go test" || !slices.Equal(tr.links, []string{"eth0"}) || tr.seen[0] != uint64(n) || tr.lost[0] != 0 {
		t.Errorf("program %q, links %q, %d seen, %d lost", tr.program, tr.links, tr.seen[0], tr.lost[0])
	}
	last := taken[len(taken)-1]
	sniffer.WaitFor(t, patience, func(s nettest.Frame) bool { return bytes.Equal(s.Raw, last) && !s.Outgoing })
	compare(t, tr, sniffer.Matching(func(s nettest.Frame) bool {
		return slices.ContainsFunc(taken, func(b []byte) bool { return bytes.Equal(whole8021Q(s), b) })
	}))
}

// whole8021Q is a frame of the sniffer with its tag, which it shows apart where
// the kernel took it off.
func whole8021Q(s nettest.Frame) []byte {
	if !s.Tagged || s.Raw[12] == 0x81 {
		return s.Raw
	}
	protocol := uint16(0x8100)
	if s.VLAN == 9 {
		protocol = 0x88a8 // the sniffer does not say
	}
	return tagged(s.Raw, protocol, uint16(s.Priority<<13|s.VLAN))
}

func compare(t *testing.T, tr *trace, want []nettest.Frame) {
	t.Helper()
	if len(tr.packets) != len(want) {
		t.Fatalf("%d packets, the sniffer has %d", len(tr.packets), len(want))
	}
	for i, p := range tr.packets {
		flags := uint32(1 | 3<<2) // inbound, broadcast
		if want[i].Outgoing {
			flags = 2
		}
		if !bytes.Equal(p.octets, whole8021Q(want[i])) || p.flags != flags || p.at.Sub(want[i].Time).Abs() > time.Second {
			t.Errorf("packet %d\n% x at %v, flags %d, want\n% x at %v, flags %d",
				i, p.octets, p.at, p.flags, whole8021Q(want[i]), want[i].Time, flags)
		}
	}
}

// Several links are in one file, each by its name, and tcpdump reads it.
func TestCapture_HasSeveralLinks(t *testing.T) {
	ns := nettest.NewNS(t, "near")
	path := filepath.Join(t.TempDir(), "trace.pcapng")
	f := create(t, Config{Path: path})
	for i, name := range []string{"eth0", "wlan-ü"} {
		c := newCable(t, ns, name)
		c.open(t, f)
		for range i + 1 {
			send(t, c.far, udp(67, 68, name))
		}
	}
	await(t, path, 3)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	tr := readTrace(t, path)
	of := map[string]int{}
	for _, p := range tr.packets {
		of[tr.links[p.link]]++
	}
	if of["eth0"] != 1 || of["wlan-ü"] != 2 {
		t.Errorf("packets %v", of)
	}
	if _, err := exec.LookPath("tcpdump"); err != nil {
		return // an independent reader has read it
	}
	out, err := exec.Command("tcpdump", "-n", "-r", path).Output()
	if n := strings.Count(string(out), "192.0.2.50.67 > 192.0.2.1.68"); err != nil || n != 3 {
		t.Errorf("tcpdump shows %d packets, %v:\n%s", n, err, out)
	}
}

// A link that is removed and made again is captured again.
func TestTap_FollowsALinkThatIsMadeAnew(t *testing.T) {
	ns := nettest.NewNS(t, "near")
	path := filepath.Join(t.TempDir(), "trace.pcapng")
	f := create(t, Config{Path: path})
	tap := newCable(t, ns, "eth0").open(t, f)
	ns.IP(t, "link", "delete", "eth0")
	again := newCable(t, ns, "eth0")
	if err := tap.Follow(0); err != nil {
		t.Error(err)
	}
	ns.Do(t, func() {
		if err := tap.Follow(index(t, "eth0")); err != nil {
			t.Error(err)
		}
	})
	send(t, again.near, arp(1))
	send(t, again.far, arp(2))
	tr := await(t, path, 2)
	if tr.packets[0].flags != 2 || tr.packets[1].flags&3 != 1 {
		t.Errorf("flags %d, %d", tr.packets[0].flags, tr.packets[1].flags)
	}
}

// What had come when the capture ends is in the file.
func TestFile_CloseTakesWhatHasCome(t *testing.T) {
	c := newCable(t, nettest.NewNS(t, "near"), "eth0")
	for i := range 20 {
		path := filepath.Join(t.TempDir(), "trace.pcapng")
		f := create(t, Config{Path: path})
		c.open(t, f)
		send(t, c.near, arp(1)) // it has left when this returns
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if n := len(readTrace(t, path).packets); n != 1 {
			t.Fatalf("round %d: %d packets", i, n)
		}
	}
}

// A process without the capability is told so.
func TestFile_OpenNeedsACapability(t *testing.T) {
	f := create(t, Config{Writer: new(bytes.Buffer)})
	if _, err := f.Open(0, "eth9"); err == nil || !strings.Contains(err.Error(), "eth9") {
		t.Errorf("link 0: %v", err)
	}
	if _, err := f.Open(12345, "eth9"); err == nil || !strings.Contains(err.Error(), "eth9") {
		t.Errorf("a link that is not there: %v", err)
	}
	if _, err := Create(Config{Writer: new(bytes.Buffer), Ports: make([]uint16, maxPorts+1)}); err == nil {
		t.Error("too many ports are taken")
	}
}

// mountSmall puts a file system of some pages on a folder.
func mountSmall(t *testing.T, pages int) string {
	t.Helper()
	dir := t.TempDir()
	size := fmt.Sprintf("size=%d", pages*os.Getpagesize())
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
