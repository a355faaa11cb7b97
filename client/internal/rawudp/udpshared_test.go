package rawudp

import (
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// udpOn is how many UDP sockets have the client's port in the namespace of the
// thread.
func udpOn() (n int) {
	for _, f := range procNet("udp") {
		if len(f) > 1 && f[1] == "00000000:0044" {
			n++
		}
	}
	return n
}

// A socket for each link would cost descriptors, and each would get a copy of each
// broadcast to port 68.
func TestOpen_LinksShareTheUDPSockets(t *testing.T) {
	r := newRig(t)
	other := nettest.NewNS(t, "other")
	before := descriptors(t)
	open := func(cfg Config) (c *Conn) {
		c, err := Open(cfg, func([]byte, netip.Addr) {})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	var all []*Conn
	r.near.Do(t, func() {
		for n := range 2 * maxSockets {
			all = append(all, open(Config{})) // without a link there is no claim
			if got, want := udpOn(), min(n+1, maxSockets); got != want {
				t.Errorf("%d UDP sockets for %d links, want %d", got, n+1, want)
			}
		}
		all = append(all, open(Config{ClientPort: 1068, ServerPort: 1067}))
	})
	other.Do(t, func() {
		all = append(all, open(Config{}))
		if n := udpOn(); n != 1 {
			t.Errorf("%d UDP sockets for one link of another namespace", n)
		}
	})
	if n := len(shareds.at); n != 3 {
		t.Errorf("sockets stand at %d places, want 3", n)
	}
	for i, c := range all {
		mustBe(t, "close", c.Close(), nil)
		if i == 0 {
			r.near.Do(t, func() {
				if n := udpOn(); n != maxSockets {
					t.Errorf("%d UDP sockets after a link of many has gone", n)
				}
			})
		}
	}
	if n := descriptors(t); n != before || len(shareds.at) != 0 {
		t.Errorf("%d descriptors before, %d after; sockets stand at %d places", before, n, len(shareds.at))
	}
}

// What is sent to a server that does not answer to ARP is waited for by who has
// sent it, and by nobody else.
func TestFlush_DeadServerOfAnotherLink(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	nettest.Veth(t, r.near, "eth1", r.there, "eth1")
	r.near.IP(t, "addr", "add", "198.51.100.1/24", "dev", "eth1")
	r.there.IP(t, "link", "set", "eth1", "arp", "off")
	var dead lease.LinkState
	r.near.Do(t, func() { dead = lease.LinkState{Index: index(t, "eth1"), Name: "eth1", HardwareAddr: ourMAC, MTU: 1500} })
	lost := r.openWith(t, dead, func([]byte, netip.Addr) {})
	good, _ := r.open(t)
	mustBe(t, "send", lost.Send([]byte("release"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.9")), nil)
	mustBe(t, "send", good.Send([]byte("release"), ourAddr, farAddr), nil)
	mustBe(t, "flush of the good link", good.Flush(patience), nil)
	mustBe(t, "flush of the other", lost.Flush(0), os.ErrDeadlineExceeded)
	// The next is sent behind the one that waits: a Flush is for both.
	mustBe(t, "send", lost.Send([]byte("release"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.8")), nil)
	mustBe(t, "send", good.Send([]byte("again"), ourAddr, farAddr), nil)
	mustBe(t, "flush of the good link", good.Flush(patience), nil)
	if lost.via == good.via {
		t.Error("both wait for the same socket")
	}
}

// Where the kernel cannot tell the namespace of a socket each link has its own.
func TestOpen_NamespaceUnknown(t *testing.T) {
	r := newRig(t)
	r.near.Do(t, func() {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0) // is no socket
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Close(fd) }()
		for n := range 3 {
			s, err := useUDP(fd, usual)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { mustBe(t, "close", s.release(), nil) }()
			if len(s.all) != 1 || udpOn() != n+1 || len(shareds.at) != 0 {
				t.Errorf("%d of %d sockets, at %d places", len(s.all), udpOn(), len(shareds.at))
			}
		}
	})
}
