package rawudp

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// Every row, as a frame on a cable: the kernel runs the filter.
func TestReceiveInKernel(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	want := map[Reason]uint64{}
	for i, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m := newReply()
			row.edit(&m)
			m.text = row.name
			r.inject(t, m.frame())
			if row.passes && row.why == accepted {
				if h := hear(t, got, row.name); h.from != m.src {
					t.Errorf("from %v, want %v", h.from, m.src)
				}
			} else if row.passes {
				want[row.why]++
			}
			next := fmt.Sprint("after ", i)
			r.say(t, next)
			hear(t, got, next)
			if s := c.Stats(); s.Dropped[row.why] != want[row.why] {
				t.Errorf("dropped for %q: %d, want %d", row.why, s.Dropped[row.why], want[row.why])
			}
		})
	}
	s := c.Stats()
	if len(s.Dropped) != len(want) || s.Overrun != 0 || s.ReadErrors != 0 {
		t.Errorf("stats %+v, want drops %v", s, want)
	}
}

// NET-02: a kernel leaves the checksum to hardware, and a veth has none.
func TestReceive_NET02_UnfinishedChecksum(t *testing.T) {
	r := newRig(t)
	r.addresses(t)
	c, got := r.open(t)
	// A witness of what is on the cable.
	var witness *packet.Conn
	r.near.Do(t, func() {
		var err error
		if witness, err = packet.Listen(&net.Interface{Index: index(t, "eth0")}, packet.Datagram, unix.ETH_P_IP, nil); err != nil {
			t.Fatal(err)
		}
	})
	defer witness.Close()
	r.there.Do(t, func() {
		server, err := net.ListenPacket("udp4", farAddr.String()+":67")
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		m := newReply()
		m.text = "from a kernel"
		if _, err := server.WriteTo(m.message(), &net.UDPAddr{IP: net.IPv4(10, 99, 0, 255), Port: 68}); err != nil {
			t.Fatal(err)
		}
	})
	if h := hear(t, got, "from a kernel"); h.from != farAddr {
		t.Errorf("from %v, want %v", h.from, farAddr)
	}
	buf := make([]byte, 2048)
	n, _, err := witness.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, why := usual.parse(buf[:n], 0); why != UDPChecksum {
		t.Fatalf("the kernel finished the checksum (%q): the test shows nothing", why)
	}
	if s := c.Stats(); len(s.Dropped) != 0 || s.Received != 1 {
		t.Errorf("stats %+v", s)
	}
}

// The largest message of a link with jumbo frames (option 57 is MTU - 28).
func TestReceive_JumboMessage(t *testing.T) {
	r := newRig(t)
	r.near.IP(t, "link", "set", "eth0", "mtu", "65535")
	r.there.IP(t, "link", "set", "eth0", "mtu", "65535")
	_, got := r.open(t)
	m := newReply()
	m.size, m.text = 65535-28, "jumbo"
	r.inject(t, m.frame())
	hear(t, got, "jumbo")
}

func TestReceive_OffDropsWhatCameBefore(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	release := holdPoller(t)
	for range 10 {
		r.say(t, "stale")
	}
	wait(t, "a frame in the queue", func() bool { return waiting(t, c) > 0 })
	mustBe(t, "off", c.Receive(false), nil)
	if n := waiting(t, c); n != 0 {
		t.Errorf("a frame of %d octets is still in the queue", n)
	}
	r.say(t, "while off")
	if n := waiting(t, c); n != 0 {
		t.Errorf("off, and yet a frame of %d octets was queued", n)
	}
	mustBe(t, "on", c.Receive(true), nil)
	release()
	r.say(t, "fresh")
	hear(t, got, "fresh")
	if s := c.Stats(); s.Received != 1 {
		t.Errorf("received %d, want 1", s.Received)
	}
}

// A frame that the filter was letting pass while it was changed is not
// delivered either.
func TestReceive_OffWhileOneIsOnItsWay(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	release := holdPoller(t)
	r.say(t, "stale")
	wait(t, "a frame in the queue", func() bool { return waiting(t, c) > 0 })
	c.rx.Lock()
	c.on = false // as Receive has it when its drain has just ended
	c.rx.Unlock()
	release()
	wait(t, "an empty queue", func() bool { return waiting(t, c) == 0 })
	mustBe(t, "on", c.Receive(true), nil)
	r.say(t, "fresh")
	hear(t, got, "fresh")
}

// An error that is pending stands before the frames.
func TestReceive_OffAfterLinkDown(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	release := holdPoller(t)
	r.say(t, "stale")
	wait(t, "a frame in the queue", func() bool { return waiting(t, c) > 0 })
	r.near.IP(t, "link", "set", "eth0", "down")
	mustBe(t, "off", c.Receive(false), nil)
	if n := waiting(t, c); n != 0 {
		t.Errorf("a frame of %d octets is still in the queue", n)
	}
	release()
	r.near.IP(t, "link", "set", "eth0", "up")
	waitUp(t, r)
	mustBe(t, "on", c.Receive(true), nil)
	r.say(t, "fresh")
	hear(t, got, "fresh")
}

// Nothing is heard before Receive, and nothing that came before it after it.
func TestOpen_IsDeaf(t *testing.T) {
	r := newRig(t)
	got := make(chan heard, 16)
	release := holdPoller(t)
	c := r.openWith(t, r.link(t), func(p []byte, from netip.Addr) { got <- newHeard(p, from) })
	r.say(t, "too early")
	if n := waiting(t, c); n != 0 {
		t.Errorf("a frame of %d octets was queued", n)
	}
	release()
	mustBe(t, "on", c.Receive(true), nil)
	r.say(t, "in time")
	hear(t, got, "in time")
}

// A flood of frames that pass the filter fills the queue of one socket only,
// and is counted.
func TestReceive_OverrunIsCounted(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	release := holdPoller(t)
	const flood = 1000
	for range flood {
		r.say(t, "flood")
	}
	wait(t, "an overrun", func() bool { return c.Stats().Overrun > 0 })
	release()
	wait(t, "the rest", func() bool { s := c.Stats(); return s.Received+s.Overrun == flood })
	for len(got) > 0 {
		<-got
	}
	r.say(t, "after the flood")
	hear(t, got, "after the flood")
}

// The same socket goes on after the link was down, for both directions.
func TestReceive_LinkDownAndUp(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	r.say(t, "before")
	hear(t, got, "before")
	for i := range 3 {
		r.near.IP(t, "link", "set", "eth0", "down")
		wait(t, "ENETDOWN", func() bool { return c.Stats().ReadErrors == uint64(i+1) })
		mustBe(t, "send while down", c.Send([]byte("lost"), netip.Addr{}, broadcast), unix.ENETDOWN)
		r.near.IP(t, "link", "set", "eth0", "up")
		waitUp(t, r)
		r.say(t, "after")
		hear(t, got, "after")
		mustBe(t, "send after it", c.Send([]byte("there again"), netip.Addr{}, broadcast), nil)
		r.capture(t, "a frame", isUDP)
	}
}

// A link that is down when the Conn is opened is heard when it is up.
func TestOpen_LinkDown(t *testing.T) {
	r := newRig(t)
	r.near.IP(t, "link", "set", "eth0", "down")
	_, got := r.open(t)
	r.near.IP(t, "link", "set", "eth0", "up")
	waitUp(t, r)
	r.say(t, "up")
	hear(t, got, "up")
}

// The error of a link that was down for a moment is not that of a later Send.
func TestSend_StaleErrorIsNotIts(t *testing.T) {
	r := newRig(t)
	c, _ := r.open(t)
	defer holdPoller(t)() // nobody else takes the error
	r.near.IP(t, "link", "set", "eth0", "down")
	r.near.IP(t, "link", "set", "eth0", "up")
	waitUp(t, r)
	mustBe(t, "send", c.Send([]byte("now"), netip.Addr{}, broadcast), nil)
	r.capture(t, "the frame", isUDP)
}

func TestFollow_LinkMadeAgain(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	r.say(t, "first link")
	hear(t, got, "first link")
	r.near.IP(t, "link", "del", "eth0")
	wait(t, "ENETDOWN", func() bool { return c.Stats().ReadErrors > 0 })
	if err := c.Send([]byte("x"), netip.Addr{}, broadcast); err == nil {
		t.Error("sent over a link that is gone")
	}
	mustBe(t, "follow nothing", c.Follow(0, nil), nil)
	mustBe(t, "send over nothing", c.Send([]byte("x"), netip.Addr{}, broadcast), unix.ENODEV)
	mustBe(t, "send unicast over nothing", c.Send([]byte("x"), ourAddr, farAddr), unix.ENODEV)
	mustBe(t, "receive from nothing", c.Receive(true), nil)

	r.cable(t)
	link := r.link(t)
	mustBe(t, "follow", c.Follow(link.Index, ourMAC[:]), nil)
	r.say(t, "second link")
	hear(t, got, "second link")
	mustBe(t, "send", c.Send([]byte("over the second"), netip.Addr{}, broadcast), nil)
	r.capture(t, "a frame", isUDP)
}

// A link made again with the index of the old one is another link.
func TestFollow_SameIndex(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	old := r.link(t)
	r.near.IP(t, "link", "del", "eth0")
	wait(t, "ENETDOWN", func() bool { return c.Stats().ReadErrors > 0 })
	r.near.IP(t, "link", "add", "eth0", "index", fmt.Sprint(old.Index), "type", "veth", "peer", "name", "eth0", "netns", r.there.Name)
	r.near.IP(t, "link", "set", "eth0", "up", "address", ourMAC.String())
	r.there.IP(t, "link", "set", "eth0", "up", "address", farMAC.String())
	waitUp(t, r)
	r.there.Do(t, func() {
		var err error
		if r.far, err = packet.Listen(&net.Interface{Index: index(t, "eth0")}, packet.Raw, unix.ETH_P_ALL, nil); err != nil {
			t.Fatal(err)
		}
	})
	defer r.far.Close()
	if l := r.link(t); l.Index != old.Index {
		t.Fatalf("index %d, want %d", l.Index, old.Index)
	}
	mustBe(t, "follow", c.Follow(old.Index, ourMAC[:]), nil)
	r.say(t, "same index")
	hear(t, got, "same index")
}

// With a new hardware address, replies to the old one are not ours any more,
// also those that had come already.
func TestFollow_NewHardwareAddr(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	link := r.link(t)
	release := holdPoller(t)
	r.say(t, "to the old address")
	wait(t, "a frame in the queue", func() bool { return waiting(t, c) > 0 })
	mustBe(t, "follow", c.Follow(link.Index, otherMAC[:]), nil)
	release()
	m := newReply()
	m.to = allStations
	r.inject(t, m.frame())
	m.chaddr, m.text = otherMAC, "to the new address"
	r.inject(t, m.frame())
	hear(t, got, "to the new address")
}

func TestFollow_WhileDeaf(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	mustBe(t, "off", c.Receive(false), nil)
	mustBe(t, "follow", c.Follow(r.link(t).Index, ourMAC[:]), nil)
	r.say(t, "deaf")
	if n := waiting(t, c); n != 0 {
		t.Errorf("a frame of %d octets was queued", n)
	}
	mustBe(t, "on", c.Receive(true), nil)
	r.say(t, "not deaf")
	hear(t, got, "not deaf")
}

func TestFollow_Refuses(t *testing.T) {
	r := newRig(t)
	c, _ := r.open(t)
	mustBe(t, "no such link", c.Follow(1<<20, ourMAC[:]), unix.ENODEV)
	mustBe(t, "send then", c.Send([]byte("x"), netip.Addr{}, broadcast), unix.ENODEV)
	for _, mac := range []net.HardwareAddr{nil, make(net.HardwareAddr, 5), make(net.HardwareAddr, 20)} {
		if err := c.Follow(r.link(t).Index, mac); err == nil {
			t.Errorf("a hardware address of %d octets was taken", len(mac))
		}
	}
}

// A Conn of a link that does not exist hears no link, until there is one.
func TestOpen_NoLink(t *testing.T) {
	r := newRig(t)
	got := make(chan heard, 16)
	c := r.openWith(t, lease.LinkState{Name: "eth0"}, func(p []byte, from netip.Addr) { got <- newHeard(p, from) })
	mustBe(t, "on", c.Receive(true), nil)
	// Not even the filter stands between it and the other links.
	mustBe(t, "filter", c.packet.SetFilter(mustAssemble([]bpf.Instruction{bpf.RetConstant{Val: whole}})), nil)
	release := holdPoller(t)
	r.say(t, "of another link")
	if n := waiting(t, c); n != 0 {
		t.Errorf("a frame of %d octets came in over another link", n)
	}
	release()
	mustBe(t, "send", c.Send([]byte("x"), netip.Addr{}, broadcast), unix.ENODEV)
	mustBe(t, "follow", c.Follow(r.link(t).Index, ourMAC[:]), nil)
	r.say(t, "there is one")
	hear(t, got, "there is one")
}

// VAL-32: another link of the same namespace is not heard.
func TestReceive_VAL32_OtherLink(t *testing.T) {
	r := newRig(t)
	r.near.IP(t, "link", "add", "eth1", "type", "veth", "peer", "name", "eth1", "netns", r.there.Name)
	_, got := r.open(t)
	r.near.IP(t, "link", "set", "eth1", "up", "address", ourMAC.String())
	r.there.IP(t, "link", "set", "eth1", "up")
	var other *packet.Conn
	r.there.Do(t, func() {
		var err error
		if other, err = packet.Listen(&net.Interface{Index: index(t, "eth1")}, packet.Raw, unix.ETH_P_ALL, nil); err != nil {
			t.Fatal(err)
		}
	})
	defer other.Close()
	if _, err := other.WriteTo(newReply().frame(), &packet.Addr{HardwareAddr: farMAC[:]}); err != nil {
		t.Fatal(err)
	}
	r.say(t, "over eth0")
	hear(t, got, "over eth0")
}

// 50 000 datagrams for others wake nobody: the kernel counts none that passed.
func TestReceive_NET08_UnrelatedTraffic(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	m := newReply()
	m.to, m.dst, m.dport = allStations, broadcast, 5353
	frame := m.frame()
	for range 50_000 {
		r.inject(t, frame)
	}
	n, dropped, err := c.packet.Counted()
	if err != nil || n != 0 || dropped != 0 {
		t.Errorf("the kernel queued %d and dropped %d (%v), want none", n, dropped, err)
	}
	r.say(t, "for us")
	hear(t, got, "for us")
	if n, _, err = c.packet.Counted(); err != nil || n != 1 {
		t.Errorf("the kernel queued %d (%v), want 1", n, err)
	}
}

// After Close receive is not called, whatever comes, and nothing works.
func TestClose(t *testing.T) {
	r := newRig(t)
	stop, flooded := make(chan bool), make(chan bool)
	go func() {
		defer close(flooded)
		frame := newReply().frame()
		for {
			select {
			case <-stop:
				return
			default:
				r.far.WriteTo(frame, &packet.Addr{HardwareAddr: farMAC[:]})
			}
		}
	}()
	for range 50 {
		var c *Conn
		closed := make(chan bool)
		once := make(chan bool, 1)
		c = r.openWith(t, r.link(t), func([]byte, netip.Addr) {
			select {
			case <-closed:
				t.Error("called after Close")
			default:
			}
			select {
			case once <- true:
			default:
			}
			_ = c.Send([]byte("from receive"), netip.Addr{}, broadcast)
		})
		mustBe(t, "on", c.Receive(true), nil)
		<-once
		mustBe(t, "close", c.Close(), nil)
		close(closed)
		mustBe(t, "close again", c.Close(), nil)
		mustBe(t, "send", c.Send([]byte("x"), netip.Addr{}, broadcast), net.ErrClosed)
		mustBe(t, "receive", c.Receive(true), net.ErrClosed)
		mustBe(t, "follow", c.Follow(r.link(t).Index, ourMAC[:]), net.ErrClosed)
		mustBe(t, "flush", c.Flush(time.Second), net.ErrClosed)
		if c.Stats().Received == 0 {
			t.Error("the count was lost")
		}
	}
	close(stop)
	<-flooded
}

func waitUp(t testing.TB, r *rig) {
	t.Helper()
	nettest.WaitUp(t, r.near, "eth0")
	nettest.WaitUp(t, r.there, "eth0")
}
