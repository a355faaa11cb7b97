package rawudp

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
)

// A client on another port hears what comes there and not what comes to 68, and
// sends, broadcast and unicast, from there to the port that it was told.
func TestPorts(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	got := make(chan heard, 16)
	c := r.openAs(t, Config{Link: r.link(t), ClientPort: 6800, ServerPort: 6799},
		func(payload []byte, from netip.Addr) { got <- newHeard(payload, from) })
	mustBe(t, "receive", c.Receive(true), nil)

	r.say(t, "to 68")
	m := newReply()
	m.text, m.dport = "to 6800", 6800
	r.inject(t, m.frame())
	hear(t, got, "to 6800")
	if s := c.Stats(); s.Received != 1 || len(s.Dropped) != 0 {
		t.Errorf("stats %+v: the kernel does not filter by the port", s)
	}

	ports := []byte{6800 >> 8, 6800 & 0xff, 6799 >> 8, 6799 & 0xff}
	for _, dst := range []netip.Addr{broadcast, farAddr} {
		mustBe(t, "send", c.Send([]byte("payload"), ourAddr, dst), nil)
		b := r.capture(t, fmt.Sprintf("the datagram to %v", dst), isUDP)
		if !bytes.Equal(b[34:38], ports) || !checksumRight(b) && dst == broadcast {
			t.Errorf("to %v: ports and length % x, want % x", dst, b[34:40], ports)
		}
	}
}

// Who holds the other port makes unicasts leave from there all the same.
func TestPorts_OfThePacketSocket(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	r.holdPort(t, false)
	c := r.openAs(t, Config{Link: r.link(t), ServerPort: 68}, nil)
	mustBe(t, "send", c.Send([]byte("payload"), ourAddr, farAddr), nil)
	if b := r.capture(t, "the datagram", isUDP); !bytes.Equal(b[34:38], []byte{0, 68, 0, 68}) {
		t.Errorf("ports % x, want 68 and 68", b[34:38])
	}
}

// What would go to everybody goes to one server, in a frame to all stations, from
// 0.0.0.0 (as ISC's client does with -s); what is unicast is not touched.
func TestEverybody(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	server := netip.MustParseAddr("198.51.100.7")
	c := r.openAs(t, Config{Link: r.link(t), Everybody: server}, nil)
	mustBe(t, "send", c.Send([]byte("a broadcast"), netip.Addr{}, broadcast), nil)
	b := r.capture(t, "the broadcast", isUDP)
	checkDatagram(t, b, allStations[:], netip.IPv4Unspecified(), server, "a broadcast")
	if !checksumRight(b) {
		t.Errorf("wrong UDP checksum\n% x", b)
	}
	mustBe(t, "send", c.Send([]byte("a unicast"), ourAddr, farAddr), nil)
	checkDatagram(t, r.capture(t, "the unicast", isUDP), farMAC[:], ourAddr, farAddr, "a unicast")
}
