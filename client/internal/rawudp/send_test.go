package rawudp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// checkDatagram checks a captured frame from our end, field by field.
func checkDatagram(t *testing.T, b []byte, to []byte, src, dst netip.Addr, payload string) {
	t.Helper()
	ip, s, d := b[14:], src.As4(), dst.As4()
	udp := ip[20:]
	want := map[string]bool{
		"Ethernet destination " + net.HardwareAddr(to).String(): bytes.Equal(b[:6], to),
		"Ethernet source":  bytes.Equal(b[6:12], ourMAC[:]),
		"IPv4 type":        isIPv4(b),
		"no IP options":    ip[0] == 0x45,
		"CS6":              ip[1] == 0xc0,
		"IP length":        int(binary.BigEndian.Uint16(ip[2:])) == 28+len(payload),
		"DF, MF, offset 0": binary.BigEndian.Uint16(ip[6:]) == 0,
		"TTL 64":           ip[8] == 64,
		"UDP":              ip[9] == 17,
		"IP checksum":      naiveSum(ip[:20]) == 0xffff,
		"IP source":        bytes.Equal(ip[12:16], s[:]),
		"IP destination":   bytes.Equal(ip[16:20], d[:]),
		"ports 68, 67":     bytes.Equal(udp[:4], []byte{0, 68, 0, 67}),
		"UDP length":       int(binary.BigEndian.Uint16(udp[4:])) == 8+len(payload),
		"payload":          string(udp[8:]) == payload,
	}
	for what, ok := range want {
		if !ok {
			t.Errorf("not as it must be: %s\n% x", what, b)
		}
	}
}

// checksumRight says that the UDP checksum is there and right.
func checksumRight(b []byte) bool {
	ip := b[14:]
	pseudo := slices.Concat(ip[12:20], []byte{0, 17}, ip[24:26])
	return ip[26]|ip[27] != 0 && naiveSum(slices.Concat(pseudo, ip[20:])) == 0xffff
}

// Broadcasts come from 0.0.0.0 although the link has addresses (MSG-06), with
// right checksums (MSG-28) to all on link and IP level (MSG-29).
func TestSend_RFC2131_4_1_Broadcast(t *testing.T) {
	r := newRig(t)
	r.near.IP(t, "addr", "add", "192.0.2.9/24", "dev", "eth0")
	r.near.IP(t, "addr", "add", "169.254.7.7/16", "dev", "eth0")
	c, _ := r.open(t)
	for _, row := range []struct {
		name          string
		src, dst, has netip.Addr
	}{
		{"no source", netip.Addr{}, broadcast, netip.IPv4Unspecified()},
		{"0.0.0.0", netip.IPv4Unspecified(), broadcast, netip.IPv4Unspecified()},
		{"leased address, to rebind", ourAddr, broadcast, ourAddr},
		{"as IPv6", netip.AddrFrom16(ourAddr.As16()), netip.AddrFrom16(broadcast.As16()), ourAddr},
	} {
		t.Run(row.name, func(t *testing.T) {
			payload := strings.Repeat(row.name, 30)
			mustBe(t, "send", c.Send([]byte(payload), row.src, row.dst), nil)
			b := r.capture(t, "the broadcast", isUDP)
			checkDatagram(t, b, allStations[:], row.has, broadcast, payload)
			if !checksumRight(b) {
				t.Errorf("wrong UDP checksum\n% x", b)
			}
		})
	}
	if s := c.Stats(); s.Sent != 4 || s.SendErrors != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestSend_Refuses(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	c, _ := r.open(t)
	v6 := netip.MustParseAddr("2001:db8::1")
	small, huge := make([]byte, 300), make([]byte, 65508)
	for _, row := range []struct {
		name     string
		payload  []byte
		src, dst netip.Addr
		want     error
	}{
		{"no destination", small, ourAddr, netip.Addr{}, unix.EAFNOSUPPORT},
		{"IPv6 destination", small, ourAddr, v6, unix.EAFNOSUPPORT},
		{"IPv6 source", small, v6, farAddr, unix.EAFNOSUPPORT},
		{"longer than IP can", huge, netip.Addr{}, broadcast, unix.EMSGSIZE},
		{"longer than IP can, unicast", huge, ourAddr, farAddr, unix.EMSGSIZE},
	} {
		t.Run(row.name, func(t *testing.T) {
			mustBe(t, "send", c.Send(row.payload, row.src, row.dst), row.want)
		})
	}
	// EINVAL or ENETUNREACH, as the kernel's version has it.
	if err := c.Send(small, netip.MustParseAddr("10.99.0.77"), farAddr); err == nil {
		t.Error("sent from an address that is not ours")
	}
	if s := c.Stats(); s.SendErrors != 6 || s.Sent != 0 {
		t.Errorf("stats %+v", s)
	}
}

// What does not fit the link's MTU of the moment is refused, by its size.
func TestSend_LongerThanMTU(t *testing.T) {
	r := newRig(t)
	c, _ := r.open(t)
	mustBe(t, "1500 octets", c.Send(make([]byte, 1472), netip.Addr{}, broadcast), nil)
	err := c.Send(make([]byte, 1473), netip.Addr{}, broadcast)
	mustBe(t, "1501 octets", err, unix.EMSGSIZE)
	if !strings.Contains(err.Error(), "1501") || !strings.Contains(err.Error(), "1500") {
		t.Errorf("%v: does not say the sizes", err)
	}
	r.near.IP(t, "link", "set", "eth0", "mtu", "2000")
	mustBe(t, "with a larger MTU", c.Send(make([]byte, 1473), netip.Addr{}, broadcast), nil)
}

// A renewal goes from the leased address, by the kernel's routes and ARP, and
// the server's unicast answer is heard and meets no ICMP port unreachable.
func TestSend_RFC2131_4_4_5_Renewal(t *testing.T) {
	r := newRig(t)
	r.near.IP(t, "addr", "add", "10.99.0.9/24", "dev", "eth0") // an older address of the link
	r.addresses(t)
	c, got := r.open(t)
	var server, closedPort net.PacketConn
	r.there.Do(t, func() {
		var err error
		if server, err = net.ListenPacket("udp4", farAddr.String()+":67"); err != nil {
			t.Fatal(err)
		}
		if closedPort, err = net.ListenPacket("udp4", farAddr.String()+":6767"); err != nil {
			t.Fatal(err)
		}
	})
	defer server.Close()
	defer closedPort.Close()
	payload := strings.Repeat("renew", 60)
	mustBe(t, "send", c.Send([]byte(payload), ourAddr, farAddr), nil)
	checkDatagram(t, r.capture(t, "the renewal", isUDP), farMAC[:], ourAddr, farAddr, payload)

	server.SetDeadline(time.Now().Add(patience))
	buf := make([]byte, 2048)
	n, from, err := server.ReadFrom(buf)
	if err != nil || string(buf[:n]) != payload || from.String() != ourAddr.String()+":68" {
		t.Fatalf("the server got %d octets from %v: %v", n, from, err)
	}
	m := newReply()
	m.text = "ack"
	if _, err := server.WriteTo(m.message(), from); err != nil {
		t.Fatal(err)
	}
	hear(t, got, "ack")
	mustBe(t, "off", c.Receive(false), nil)
	if _, err := server.WriteTo(m.message(), from); err != nil {
		t.Fatal(err)
	}
	// The control: a port that is closed is unreachable, and nothing before it
	// was.
	if _, err := closedPort.WriteTo([]byte("x"), &net.UDPAddr{IP: ourAddr.AsSlice(), Port: 69}); err != nil {
		t.Fatal(err)
	}
	b := r.capture(t, "port unreachable", isICMP)
	if port := binary.BigEndian.Uint16(b[14+20+8+20+2:]); b[34] != 3 || b[35] != 3 || port != 69 {
		t.Errorf("ICMP type %d code %d for port %d, want 3, 3 for 69", b[34], b[35], port)
	}
	if n, err := unix.IoctlGetInt(c.via.fd, unix.SIOCINQ); err != nil || n != 0 {
		t.Errorf("the UDP socket has %d octets (%v), want none", n, err)
	}
	if n := waiting(t, c); n != 0 {
		t.Errorf("the packet socket has %d octets, want none", n)
	}
}

// A server that is not on the link, as behind a relay, is asked through the
// router (MUL-02, REN-05).
func TestSend_MUL02_ServerOffLink(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	r.near.IP(t, "route", "add", "default", "via", farAddr.String())
	c, _ := r.open(t)
	server := netip.MustParseAddr("172.16.0.9")
	mustBe(t, "send", c.Send([]byte("renew"), ourAddr, server), nil)
	checkDatagram(t, r.capture(t, "the renewal", isUDP), farMAC[:], ourAddr, server, "renew")
}

// Without the UDP socket the answer would meet an ICMP error: the test above
// can fail.
func TestRenewalControl_PortUnreachable(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	r.there.Do(t, func() {
		server, err := net.ListenPacket("udp4", farAddr.String()+":67")
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if _, err := server.WriteTo(newReply().message(), &net.UDPAddr{IP: ourAddr.AsSlice(), Port: 68}); err != nil {
			t.Fatal(err)
		}
	})
	r.capture(t, "port unreachable", isICMP)
}

// Two Conns of one namespace share port 68, and each uses its own link,
// whatever the routes prefer.
func TestOpen_TwoLinks(t *testing.T) {
	r := newRig(t)
	r.near.IP(t, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", r.there.Name)
	r.near.IP(t, "link", "set", "eth1", "up")
	r.near.IP(t, "addr", "add", "10.99.0.60/24", "dev", "eth1")
	r.addresses(t)
	if route := r.near.IP(t, "route", "get", farAddr.String()); !strings.Contains(route, "dev eth1") {
		t.Fatalf("the kernel prefers eth0: the test shows nothing: %s", route)
	}
	link := r.link(t)
	r.near.Do(t, func() { link.Index = index(t, "eth1") })
	r.openWith(t, link, func([]byte, netip.Addr) {})
	c, _ := r.open(t)
	if w := r.warnings(); len(w) != 0 {
		t.Errorf("logged %q", w)
	}
	mustBe(t, "send", c.Send([]byte("over eth0"), ourAddr, farAddr), nil)
	checkDatagram(t, r.capture(t, "the datagram", isUDP), farMAC[:], ourAddr, farAddr, "over eth0")
}

// NET-10: another program has the port, and does not share it. Renewals go to
// the next hop's station all the same, and one line says so.
func TestOpen_NET10_PortTaken(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	r.near.IP(t, "route", "add", "198.51.100.0/24", "via", farAddr.String())
	r.holdPort(t, false)
	c, got := r.open(t)
	if w := r.warnings(); len(w) != 1 || !strings.Contains(w[0], "level=WARN") || !strings.Contains(w[0], "port 68: address already in use") {
		t.Errorf("logged %q", w)
	}
	c.hops.limit = patience
	for i := range 8 { // others are in the table too
		r.near.IP(t, "neigh", "add", fmt.Sprintf("10.99.0.%d", 100+i), "lladdr", otherMAC.String(), "dev", "eth0")
	}
	for _, dst := range []netip.Addr{farAddr, netip.MustParseAddr("198.51.100.7")} {
		// The first needs ARP, the second finds its answer.
		mustBe(t, "send", c.Send([]byte("renew"), ourAddr, dst), nil)
		b := r.capture(t, "the renewal", isUDP)
		checkDatagram(t, b, farMAC[:], ourAddr, dst, "renew")
		if !checksumRight(b) {
			t.Errorf("wrong UDP checksum\n% x", b)
		}
	}
	mustBe(t, "no source", c.Send([]byte("renew"), netip.Addr{}, farAddr), nil)
	checkDatagram(t, r.capture(t, "the datagram", isUDP), farMAC[:], netip.IPv4Unspecified(), farAddr, "renew")
	// An address that is no source any more has no route: the server is looked
	// for on the link.
	lost := netip.MustParseAddr("10.99.0.77")
	mustBe(t, "lost source", c.Send([]byte("release"), lost, farAddr), nil)
	checkDatagram(t, r.capture(t, "the datagram", isUDP), farMAC[:], lost, farAddr, "release")
	mustBe(t, "flush", c.Flush(patience), nil)
	r.say(t, "ack")
	hear(t, got, "ack")
}

// With another program's socket that shares the port there is nothing to say.
func TestOpen_NET10_PortShared(t *testing.T) {
	r := newRig(t)
	r.holdPort(t, true)
	r.open(t)
	if w := r.warnings(); len(w) != 0 {
		t.Errorf("logged %q", w)
	}
}

// Without port 68 and without an answer to ARP, all stations get it, after a
// bounded time.
func TestSend_NextHopUnknown(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	r.there.IP(t, "link", "set", "eth0", "arp", "off")
	r.holdPort(t, false)
	c, _ := r.open(t)
	began := time.Now()
	mustBe(t, "send", c.Send([]byte("renew"), ourAddr, farAddr), nil)
	if took := time.Since(began); took < resolveLimit || took > patience/2 {
		t.Errorf("it took %v", took)
	}
	checkDatagram(t, r.capture(t, "the renewal", isUDP), allStations[:], ourAddr, farAddr, "renew")
}

// The kernel is made to ask, and its answer is waited for.
func TestSend_NextHopAsked(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	r.there.IP(t, "link", "set", "eth0", "arp", "off")
	r.holdPort(t, false)
	c, _ := r.open(t)
	c.hops.limit = patience
	sent := make(chan error, 1)
	go func() { sent <- c.Send([]byte("renew"), ourAddr, farAddr) }()
	r.answerARP(t, r.capture(t, "an ARP request", isARP))
	mustBe(t, "send", <-sent, nil)
	checkDatagram(t, r.capture(t, "the renewal", isUDP), farMAC[:], ourAddr, farAddr, "renew")
}

func TestOpen_NeedsNetRaw(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	r.near.Do(t, func() {
		without(t, func() {
			c, err := Open(Config{Link: link}, func([]byte, netip.Addr) {})
			var need *CapabilityError
			if c != nil || !errors.As(err, &need) || need.Cap != "CAP_NET_RAW" || !errors.Is(err, unix.EPERM) {
				t.Fatalf("opened %v: %v", c, err)
			}
			if !strings.Contains(err.Error(), "needs CAP_NET_RAW to open the packet socket: ") {
				t.Errorf("%v", err)
			}
		}, unix.CAP_NET_RAW)
	})
}

// Without the capability for port 68 it is as if the port were taken.
func TestOpen_NeedsNetBindService(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	link := r.link(t)
	var c *Conn
	r.near.Do(t, func() {
		without(t, func() {
			var err error
			if c, err = Open(Config{Link: link, Logger: slog.New(slog.NewTextHandler(&r.log, nil))}, func([]byte, netip.Addr) {}); err != nil {
				t.Fatal(err)
			}
		}, unix.CAP_NET_BIND_SERVICE)
	})
	defer c.Close()
	c.hops.limit = patience
	if w := r.warnings(); len(w) != 1 || !strings.Contains(w[0], "needs CAP_NET_BIND_SERVICE to bind UDP port 68: ") {
		t.Errorf("logged %q", w)
	}
	mustBe(t, "send", c.Send([]byte("renew"), ourAddr, farAddr), nil)
	checkDatagram(t, r.capture(t, "the renewal", isUDP), farMAC[:], ourAddr, farAddr, "renew")
}

// What Open opened works without the capabilities that it took.
func TestConn_WithoutCapabilitiesAfterOpen(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	c, got := r.open(t)
	link := r.link(t)
	without(t, func() {
		mustBe(t, "broadcast", c.Send([]byte("discover"), netip.Addr{}, broadcast), nil)
		mustBe(t, "unicast", c.Send([]byte("renew"), ourAddr, farAddr), nil)
		mustBe(t, "follow", c.Follow(link.Index, ourMAC[:]), nil)
		mustBe(t, "off", c.Receive(false), nil)
		mustBe(t, "on", c.Receive(true), nil)
		mustBe(t, "flush", c.Flush(patience), nil)
	}, unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE, unix.CAP_NET_ADMIN)
	r.say(t, "still")
	hear(t, got, "still")
}

func TestOpen_NoSuchLink(t *testing.T) {
	r := newRig(t)
	link := r.link(t)
	link.Index = 1 << 20
	r.near.Do(t, func() {
		c, err := Open(Config{Link: link}, func([]byte, netip.Addr) {})
		if c != nil || !errors.Is(err, unix.ENODEV) || errors.As(err, new(*CapabilityError)) {
			t.Errorf("opened %v: %v", c, err)
		}
	})
}

// A RELEASE waits for an answer to ARP, which comes late. Flush lets it leave
// before the address goes; without, the kernel drops it with the address.
func TestFlush_RFC2131_4_4_6_Release(t *testing.T) {
	for _, row := range []struct {
		name  string
		flush bool
	}{
		{"flushed", true},
		{"control: not flushed", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newRig(t)
			r.addresses(t)
			r.there.IP(t, "link", "set", "eth0", "arp", "off")
			c, _ := r.open(t)
			const late = 60 * time.Millisecond
			began := time.Now()
			mustBe(t, "send", c.Send([]byte("release"), ourAddr, farAddr), nil)
			request := r.capture(t, "an ARP request", isARP)
			flushed := make(chan error, 1)
			if row.flush {
				go func() { flushed <- c.Flush(patience) }()
				time.Sleep(late) // the server is slow
			} else {
				r.near.IP(t, "addr", "del", ourAddr.String()+"/24", "dev", "eth0")
			}
			r.answerARP(t, request)
			if row.flush {
				mustBe(t, "flush", <-flushed, nil)
				if took := time.Since(began); took < late {
					t.Errorf("flushed after %v, before the answer", took)
				}
				r.near.IP(t, "addr", "del", ourAddr.String()+"/24", "dev", "eth0")
			}
			mustBe(t, "send a mark", c.Send([]byte("mark"), netip.Addr{}, broadcast), nil)
			if row.flush {
				checkDatagram(t, r.capture(t, "the RELEASE", isUDP), farMAC[:], ourAddr, farAddr, "release")
			}
			checkDatagram(t, r.capture(t, "the mark", isUDP), allStations[:], netip.IPv4Unspecified(), broadcast, "mark")
		})
	}
}

// A server that is dead costs the limit, and no more.
func TestFlush_DeadServer(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	r.there.IP(t, "link", "set", "eth0", "arp", "off")
	c, _ := r.open(t)
	mustBe(t, "nothing sent", c.Flush(0), nil)
	mustBe(t, "send", c.Send([]byte("release"), ourAddr, farAddr), nil)
	const limit = 100 * time.Millisecond
	began := time.Now()
	mustBe(t, "flush", c.Flush(limit), os.ErrDeadlineExceeded)
	if took := time.Since(began); took < limit || took > limit+patience/4 {
		t.Errorf("it took %v, the limit is %v", took, limit)
	}
}

// A close does not wait for a dead server, and a Flush notices it.
func TestFlush_Closed(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	r.there.IP(t, "link", "set", "eth0", "arp", "off")
	c, _ := r.open(t)
	mustBe(t, "send", c.Send([]byte("release"), ourAddr, farAddr), nil)
	flushed := make(chan error, 1)
	go func() { flushed <- c.Flush(patience) }()
	mustBe(t, "close", c.Close(), nil)
	mustBe(t, "flush", <-flushed, net.ErrClosed)
}

// NET-09: a firewall that drops what comes to port 68 does not see packets that
// the packet socket reads.
func TestReceive_NET09_Firewall(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	nft(t, r.near, "add table ip t; add chain ip t in { type filter hook input priority 0; policy drop; }")
	_, got := r.open(t)
	r.say(t, "through the firewall")
	hear(t, got, "through the firewall")
}

func nft(t *testing.T, n *nettest.NS, rules string) {
	t.Helper()
	if out, err := n.Command(t.Context(), "nft", rules).CombinedOutput(); err != nil {
		t.Fatalf("nft %s: %v: %s", rules, err, out)
	}
}
