package e2e_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
	"github.com/dhclient-go/dhclient-go/internal/nettest/servers"
)

const (
	// floodRate is in frames a second; a machine that is busy sends fewer.
	floodRate = 54_000
	// floodTime is how long a flood is watched.
	floodTime = 2 * time.Second
	// calmTime without waking is a bound client that has nothing more to do: it
	// announces its address two seconds after the first time, and three more
	// later the runtime drops the timer that limits what a lease takes to be
	// applied.
	calmTime = 4 * time.Second
)

// A flood is frames that have nothing to do with the client.
type flood struct {
	fd      int
	frames  [][]byte
	sent    int
	stop    chan bool
	stopped chan bool
	began   time.Time
}

// flood sends frames from eth0 of a station until end is called.
func (s *station) flood(t *testing.T, frames [][]byte) *flood {
	t.Helper()
	f := &flood{frames: frames, stop: make(chan bool), stopped: make(chan bool), began: time.Now()}
	s.Do(t, func() {
		link, err := net.InterfaceByName("eth0")
		if err != nil {
			t.Fatal(err)
		}
		if f.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatalf("packet socket: %v", err)
		}
		// Past the queue, and past the sockets that listen at this end.
		if err := unix.SetsockoptInt(f.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
			t.Fatal(err)
		}
		if err := unix.Bind(f.fd, &unix.SockaddrLinklayer{Ifindex: link.Index}); err != nil {
			t.Fatal(err)
		}
	})
	go f.run()
	t.Cleanup(func() {
		f.end()
		unix.Close(f.fd)
	})
	return f
}

// run sends what is due each millisecond.
func (f *flood) run() {
	defer close(f.stopped)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-tick.C:
		}
		due := int(time.Since(f.began) * floodRate / time.Second)
		for range min(due-f.sent, floodRate/100) {
			_, _ = unix.Write(f.fd, f.frames[f.sent%len(f.frames)]) // what a full queue refuses counts as sent
			f.sent++
		}
	}
}

// end stops it, and returns how many frames a second it sent. Ending twice is
// harmless.
func (f *flood) end() (rate float64) {
	select {
	case <-f.stopped:
		return 0
	default:
	}
	close(f.stop)
	<-f.stopped
	return float64(f.sent) / time.Since(f.began).Seconds()
}

// strangers are frames of every kind that is not for a client with that
// hardware address and that address.
func strangers(t *testing.T, mac lease.HardwareAddr, addr netip.Addr) [][]byte {
	t.Helper()
	one, two := lease.HardwareAddr{2, 0, 0, 0, 9, 1}, lease.HardwareAddr{2, 0, 0, 0, 9, 2}
	mdns := lease.HardwareAddr{1, 0, 0x5e, 0, 0, 0xfb}
	at := func(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }
	server, text := at(router, 67), make([]byte, 200)
	toOther, toUs := replyFor(t, one), replyFor(t, mac)
	tcp := frame.EncodeUDP(mac, one, at(addr, 443), at(host(200), 40000), text)
	tcp[ipAt+9] = 6
	binary.BigEndian.PutUint16(tcp[ipAt+10:], 0)
	binary.BigEndian.PutUint16(tcp[ipAt+10:], ^uint16(frame.Sum(0, tcp[ipAt:][:ipHead])))
	v6 := append(append([]byte{0x33, 0x33, 0, 0, 0, 1}, one[:]...), 0x86, 0xdd)
	frames := [][]byte{
		frame.EncodeUDP(frame.Broadcast, one, at(all1, 5353), at(host(200), 5353), text),
		frame.EncodeUDP(mdns, one, at(netip.MustParseAddr("224.0.0.251"), 5353), at(host(200), 5353), text),
		frame.EncodeUDP(mac, one, at(addr, 9), at(host(200), 40000), text),
		tcp,
		frame.EncodeUDP(two, one, at(host(201), 9), at(host(200), 9), text),
		frame.EncodeARP(frame.Broadcast, one, frame.ARP{Op: 1, SenderMAC: one, SenderIP: host(200), TargetIP: host(201)}),
		frame.EncodeARP(frame.Broadcast, one, frame.ARP{Op: 1, SenderMAC: one, SenderIP: host(200), TargetIP: host(200)}),
		frame.EncodeARP(frame.Broadcast, two, frame.ARP{Op: 1, SenderMAC: two, SenderIP: none, TargetIP: host(201)}),
		frame.EncodeARP(mac, two, frame.ARP{Op: 2, SenderMAC: two, SenderIP: host(201), TargetMAC: mac, TargetIP: addr}),
		// Replies to other clients, and to us in another VLAN or in parts.
		frame.EncodeUDP(frame.Broadcast, one, at(all1, 68), server, toOther),
		frame.EncodeUDP(two, one, at(host(201), 68), server, toOther),
		relay.Packet{Raw: frame.EncodeUDP(frame.Broadcast, one, at(all1, 68), server, toUs)}.Tagged(5).Raw,
		append(v6, make([]byte, 60)...),
	}
	return append(frames, frame.Fragment(frame.EncodeUDP(frame.Broadcast, one, at(all1, 68), server, toUs), 200)...)
}

// replyFor is an OFFER for a station.
func replyFor(t *testing.T, mac lease.HardwareAddr) []byte {
	t.Helper()
	m, err := dhcpv4.New(dhcpv4.WithHwAddr(mac[:]), dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithReply(&dhcpv4.DHCPv4{}))
	if err != nil {
		t.Fatal(err)
	}
	m.OpCode, m.ClientHWAddr, m.YourIPAddr = dhcpv4.OpcodeBootReply, mac[:], host(222).AsSlice()
	return m.ToBytes()
}

// usage is what a process has used: clock ticks of ten milliseconds, and how
// often one of its threads stopped running, which it does once each time that it
// was woken.
type usage struct{ ticks, wakeups int }

func (u usage) sub(before usage) usage {
	return usage{u.ticks - before.ticks, u.wakeups - before.wakeups}
}

func (c *client) usage(t *testing.T) (u usage) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/", c.cmd.Process.Pid)
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		t.Fatalf("%sstat: %s", dir, stat)
	}
	u.ticks = user + system
	files, err := filepath.Glob(dir + "task/*/status")
	if err != nil || len(files) == 0 {
		t.Fatalf("threads of the client: %q, %v", files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // a thread that ended
		}
		for line := range strings.Lines(string(b)) {
			if name, n, _ := strings.Cut(line, ":"); strings.HasSuffix(name, "voluntary_ctxt_switches") { // nonvoluntary too
				i, err := strconv.Atoi(strings.TrimSpace(n))
				if err != nil {
					t.Fatalf("%s: %s", file, line)
				}
				u.wakeups += i
			}
		}
	}
	return u
}

// calm waits until the client does nothing for some time, and returns what it
// has used so far.
func (c *client) calm(t *testing.T, quiet time.Duration) usage {
	t.Helper()
	last, since := c.usage(t), time.Now()
	eventually(t, "a client that waits", func() bool {
		if now := c.usage(t); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) >= quiet
	})
	return last
}

// sends counts the messages of a type that the client says it sent.
func (c *client) sends(typ dhcpv4.MessageType) int {
	return strings.Count(c.stderr.String(), "sent (message "+typ.String()+",")
}

// A bound client is not woken by 54 000 frames a second that are not for it, and
// takes no time: the kernel's filters drop them.
func TestFlood_NET_08_WhileBound(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	o := peer.short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	servers.Start(t, servers.Dnsmasq, o)
	c := start(t, cli, stateDir(t))
	a := c.bound(t).Addr()
	frames := strangers(t, cli.mac, a)
	c.calm(t, calmTime)
	used := c.flooded(t, peer, frames)
	if used != (usage{}) {
		t.Errorf("the client was woken: %+v", used)
	}
	received(t, cli, floodRate/10*int(floodTime/time.Second))
	c.stop(t)
}

// flooded is what the client uses in a flood.
func (c *client) flooded(t *testing.T, from *station, frames [][]byte) usage {
	t.Helper()
	before := c.usage(t)
	f := from.flood(t, frames)
	time.Sleep(floodTime) // the window in which nothing may happen
	used := c.usage(t).sub(before)
	t.Logf("%.0f frames a second: %d wake-ups, %d ticks", f.end(), used.wakeups, used.ticks)
	return used
}

// received fails the test unless so many frames came in over eth0.
func received(t *testing.T, s *station, least int) {
	t.Helper()
	out := strings.Fields(s.IP(t, "-s", "-o", "link", "show", "dev", "eth0"))
	i := slices.Index(out, "RX:")
	for i >= 0 && i < len(out) && !strings.HasSuffix(out[i], `\`) {
		i++ // past the headings, to octets and packets
	}
	if i < 0 || i+2 >= len(out) {
		t.Fatalf("no counters: %q", out)
	}
	if n, err := strconv.Atoi(out[i+2]); err != nil || n < least {
		t.Errorf("only %d frames came in (%v), want %d: the flood shows too little", n, err, least)
	}
}

// The same in SELECTING and REQUESTING, between two messages of which a server
// answers none; and in spite of it the client binds when the server does.
func TestFlood_SEC_05_WhileAcquiring(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	deaf := func(typ dhcpv4.MessageType) func(*dhcptest.Config) {
		return func(c *dhcptest.Config) { c.Ignore = []dhcpv4.MessageType{typ} }
	}
	srv := peer.lie(t, deaf(dhcpv4.MessageTypeDiscover))
	c := start(t, cli, stateDir(t))
	frames := strangers(t, cli.mac, host(10))
	// Seven seconds after its start, and nothing to do for eight.
	c.floodedAfter(t, peer, dhcpv4.MessageTypeDiscover, frames)
	if err := srv.Configure(deaf(dhcpv4.MessageTypeRequest)); err != nil {
		t.Fatal(err)
	}
	c.signal(t, syscall.SIGUSR1) // DISCOVER at once
	c.floodedAfter(t, peer, dhcpv4.MessageTypeRequest, frames)
	f := peer.flood(t, frames)
	srv.repent(t)
	c.bound(t)
	t.Logf("bound at %.0f frames a second", f.end())
	c.stop(t)
}

// floodedAfter floods the client after the fourth message of that type, or a
// later one: a machine that stands still may miss the gap of four or eight
// seconds that follows.
func (c *client) floodedAfter(t *testing.T, from *station, typ dhcpv4.MessageType, frames [][]byte) {
	t.Helper()
	for {
		sent := c.sends(typ)
		eventually(t, "another message", func() bool { return c.sends(typ) > max(sent, 3) })
		sent = c.sends(typ)
		c.calm(t, 300*time.Millisecond)
		used := c.flooded(t, from, frames)
		if c.sends(typ) != sent {
			continue
		}
		if used != (usage{}) {
			t.Errorf("after %v the client was woken: %+v", typ, used)
		}
		return
	}
}

// A client that starts in a flood binds as ever: it is woken for its own
// messages, and not for any of the flood. The probe's filter passes only ARP
// that is about its address.
func TestFlood_ACD_11_WhileProbing(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	cli, peer := cable(t)
	o := peer.short(1)
	o.Lease, o.T1, o.T2 = time.Hour, 0, 0
	servers.Start(t, servers.Dnsmasq, o)
	frames := strangers(t, cli.mac, host(200))
	f := peer.flood(t, frames)
	began := time.Now()
	c := start(t, cli, stateDir(t))
	c.bound(t)
	took := time.Since(began)
	used := c.usage(t)
	rate := f.end()
	t.Logf("bound %v after its start at %.0f frames a second: %d wake-ups, %d ticks", took, rate, used.wakeups, used.ticks)
	soon(t, "binding", began, began.Add(took), 5*time.Second)
	if flooded := int(rate * 0.2); used.wakeups > max(300, flooded/20) {
		t.Errorf("%d wake-ups until bound, of %d frames in the time of the probe alone", used.wakeups, flooded)
	}
	c.stop(t)
}
