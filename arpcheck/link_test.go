package arpcheck

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// A cable is a veth pair: a Detector on one end, a station that sends and
// captures any frame on the other.
type cable struct {
	host, peer *nettest.NS
	d          *Detector
	index      int
	self       mac // of the host's end
	other      mac // of the station
	station    *packet.Conn
}

func newCable(t *testing.T, cfg Config) *cable {
	t.Helper()
	c := &cable{host: nettest.NewNS(t, "host"), peer: nettest.NewNS(t, "peer")}
	nettest.Veth(t, c.host, "eth0", c.peer, "eth0")
	c.look(t)
	c.d = c.open(t, cfg)
	return c
}

// look learns what the ends are, and opens the station.
func (c *cable) look(t *testing.T) {
	t.Helper()
	near, far := linkOf(t, c.host), linkOf(t, c.peer)
	c.index, c.self, c.other = near.Index, mac(near.HardwareAddr), mac(far.HardwareAddr)
	c.peer.Do(t, func() {
		conn, err := packet.Listen(far, packet.Raw, unix.ETH_P_ARP, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.station = conn
	})
	t.Cleanup(func() { _ = c.station.Close() })
}

func linkOf(t *testing.T, n *nettest.NS) (l *net.Interface) {
	t.Helper()
	n.Do(t, func() {
		var err error
		if l, err = net.InterfaceByName("eth0"); err != nil {
			t.Fatal(err)
		}
	})
	return l
}

// open opens a Detector inside the namespace; it is used from outside.
func (c *cable) open(t *testing.T, cfg Config) (d *Detector) {
	t.Helper()
	c.host.Do(t, func() {
		var err error
		if d, err = Open(c.index, c.self.addr(), cfg); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() {
		if err := errors.Join(d.Close(), d.Close()); err != nil {
			t.Error(err)
		}
	})
	return d
}

// send sends a frame of the station.
func (c *cable) send(t *testing.T, frame []byte) {
	t.Helper()
	if _, err := c.station.WriteTo(frame, &packet.Addr{HardwareAddr: broadcast.addr()}); err != nil {
		t.Fatal(err)
	}
}

// next returns the next ARP frame that reaches the station, and when.
func (c *cable) next(t *testing.T) ([]byte, time.Time) {
	t.Helper()
	if err := c.station.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1500)
	n, _, err := c.station.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n], time.Now()
}

// expect fails the test unless the next frame is want.
func (c *cable) expect(t *testing.T, want []byte) time.Time {
	t.Helper()
	got, at := c.next(t)
	if !bytes.Equal(got, want) {
		t.Fatalf("the station received\n% x, want\n% x", got, want)
	}
	return at
}

// quiet fails the test if a frame comes in d.
func (c *cable) quiet(t *testing.T, d time.Duration) {
	t.Helper()
	if err := c.station.SetReadDeadline(time.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1500)
	if n, _, err := c.station.ReadFrom(b); err == nil {
		t.Errorf("the station received % x", b[:n])
	}
}

// reply is the station's, to a probe of the host.
func (c *cable) reply(spa netip.Addr) []byte {
	return arpFrame{op: 2, dst: c.self, sha: c.other, spa: spa, tha: c.self, tpa: zero}.bytes()
}

func (c *cable) probe() []byte {
	return arpFrame{op: 1, sha: c.self, spa: zero, tpa: ours}.bytes()
}

// wait returns the next callback.
func (a answers) wait(t *testing.T) answer {
	t.Helper()
	select {
	case x := <-a:
		return x
	case <-time.After(patience):
		t.Fatal("no callback")
		return answer{}
	}
}

// free probes and fails the test unless nobody has the address.
func (c *cable) free(t *testing.T) {
	t.Helper()
	got := collect()
	c.d.Probe(ours, got.done)
	if a := got.wait(t); a.by != nil || a.err != nil {
		t.Errorf("probed: %v, %v", a.by, a.err)
	}
}

// taken probes and fails the test unless the frame that the station sends then
// makes it the user of the address.
func (c *cable) taken(t *testing.T, frame []byte) {
	t.Helper()
	got := collect()
	c.d.Probe(ours, got.done)
	c.send(t, frame)
	if a := got.wait(t); a.err != nil || !a.is(c.other) {
		t.Errorf("probed: %v, %v", a.by, a.err)
	}
}

// What leaves the link from the first probe to the last defence, as another
// station sees it (conformance ACD-01, ACD-03, ACD-05, ACD-06).
func TestLinkProbeAnnounceDefend_RFC5227(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{})
	got, start := collect(), time.Now()
	c.d.Probe(ours, got.done)
	var at []time.Time
	for range 3 {
		at = append(at, c.expect(t, c.probe()))
	}
	// How soon is measured in virtual time; here it depends on who else runs.
	if a := got.wait(t); a.by != nil || a.err != nil || a.at.Sub(start) < DefaultDuration {
		t.Errorf("answered %v, %v after %v", a.by, a.err, a.at.Sub(start))
	}
	if at[1].Sub(start) < 60*ms || at[2].Sub(start) < 120*ms {
		t.Errorf("probes at %v, %v, %v", at[0].Sub(start), at[1].Sub(start), at[2].Sub(start))
	}
	announced := arpFrame{op: 1, sha: c.self, spa: ours, tpa: ours}.bytes()
	start = time.Now()
	c.d.Defend(ours, got.lost)
	c.expect(t, announced)
	if after := c.expect(t, announced).Sub(start); after < 2*time.Second {
		t.Errorf("the second announcement came after %v", after)
	}
	c.send(t, announcedBy(c.other, ours))
	c.expect(t, announced)
	if len(got) != 0 {
		t.Error("lost at the first conflict")
	}
	c.send(t, announcedBy(c.other, ours))
	if a := got.wait(t); !a.is(c.other) {
		t.Errorf("lost to %v", a.by)
	}
	for range 100 { // ACD-07
		c.send(t, announcedBy(c.other, ours))
	}
	c.quiet(t, 100*ms)
	if s := c.d.Stats(); s.Probes != 3 || s.Announcements != 3 || s.Defences != 1 || s.Conflicts != 2 || len(s.Dropped) != 0 {
		t.Errorf("stats %+v", s)
	}
}

// The kernel of a station that has the address answers.
func TestLinkSquatter_RFC5227_2_1_1(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{Duration: RFC5227})
	c.peer.IP(t, "addr", "add", ours.String()+"/24", "dev", "eth0")
	got, start := collect(), time.Now()
	c.d.Probe(ours, got.done)
	c.expect(t, c.probe())
	// No probe that finds nobody ends before 4 s.
	if a := got.wait(t); a.err != nil || !a.is(c.other) || a.at.Sub(start) > 4*time.Second {
		t.Errorf("answered %v, %v after %v", a.by, a.err, a.at.Sub(start))
	}
	// And an address that it does not have is free, though it is there.
	c.peer.IP(t, "addr", "flush", "dev", "eth0")
	c.peer.IP(t, "addr", "add", gateway.String()+"/24", "dev", "eth0")
	c.d = c.open(t, Config{})
	c.free(t)
}

// ACD-04, through the kernel's filter.
func TestLinkConflicts_RFC5227_2_1_1(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{})
	for name, frame := range map[string][]byte{
		"reply":           c.reply(ours),
		"request":         arpFrame{op: 1, sha: c.other, spa: ours, tpa: gateway}.bytes(),
		"foreign probe":   probeOf(c.other, ours),
		"broadcast reply": arpFrame{op: 2, sha: c.other, spa: ours, tpa: zero}.bytes(),
		"priority tag":    tagged(probeOf(c.other, ours), 0x8100, 7<<13),
		"without a tail":  c.reply(ours)[:42],
	} {
		t.Run(name, func(t *testing.T) { c.taken(t, frame) })
	}
	for name, frame := range map[string][]byte{
		"own probe reflected":    c.probe(),
		"own address proxied":    arpFrame{op: 2, src: c.other, sha: c.self, spa: ours, tpa: zero}.bytes(),
		"VLAN 5":                 tagged(probeOf(c.other, ours), 0x8100, 5),
		"overheard":              arpFrame{op: 2, dst: third, sha: c.other, spa: ours, tpa: gateway}.bytes(),
		"VLAN 5, unicast":        tagged(c.reply(ours), 0x8100, 5),
		"device tracking":        arpFrame{op: 1, dst: c.self, sha: c.other, spa: zero, tpa: ours}.bytes(),
		"request for it":         arpFrame{op: 1, sha: c.other, spa: theirs, tpa: ours}.bytes(),
		"reply about another":    c.reply(theirs),
		"runt":                   c.reply(ours)[:40],
		"long addresses":         with(c.reply(ours), 18, 255),
		"not ARP in spite of it": with(c.reply(ours), 14, 0xff),
	} {
		t.Run(name, func(t *testing.T) {
			got := collect()
			c.d.Probe(ours, got.done)
			for range 3 {
				c.send(t, frame)
			}
			if a := got.wait(t); a.by != nil || a.err != nil {
				t.Errorf("probed: %v, %v", a.by, a.err)
			}
		})
	}
	if s := c.d.Stats(); s.Dropped[Own] != 6 || s.Dropped[Poll] != 3 || s.Dropped[Truncated] != 3 || len(s.Dropped) != 3 {
		t.Errorf("dropped %v, want 6 own, 3 polls, 3 runts; the filter takes the rest", s.Dropped)
	}
}

// The ARP of other stations does not reach the process, and does not delay it
// (ACD-11).
func TestLinkFlood(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{})
	flood := arpFrame{op: 1, sha: c.other, spa: gateway, tpa: theirs}.bytes()
	got, start := collect(), time.Now()
	c.d.Probe(ours, got.done)
	sent := 0
	for len(got) == 0 && time.Since(start) < patience {
		for range 20 { // 10000 in a second
			c.send(t, flood)
			sent++
		}
		time.Sleep(2 * ms)
	}
	if a := got.wait(t); a.by != nil || a.err != nil {
		t.Errorf("answered %v, %v", a.by, a.err)
	}
	if s := c.d.Stats(); sent == 0 || len(s.Dropped) != 0 || s.Overrun != 0 {
		t.Errorf("%d frames of a flood, stats %+v", sent, s)
	}
}

// What has arrived counts although the reader is late: another Detector's
// logger may block, or the machine be busy.
func TestLinkReaderLate(t *testing.T) {
	c := newCable(t, Config{})
	got, release, held := collect(), make(chan struct{}), make(chan struct{})
	c.d.Probe(ours, got.done)
	blocker := c.open(t, Config{})
	blocker.Defend(theirs, func(net.HardwareAddr) {})
	go func() {
		blocker.mu.Lock()
		close(held)
		<-release
		blocker.mu.Unlock()
	}()
	<-held
	c.send(t, announcedBy(c.other, theirs)) // the reader waits for the lock
	c.send(t, c.reply(ours))
	a := got.wait(t)
	close(release)
	if !a.is(c.other) {
		t.Errorf("answered %v, %v", a.by, a.err)
	}
}

// A flood of what passes the filter is cut by the socket's queue, counted, and
// does not keep the answer from coming.
func TestLinkFloodOfPolls(t *testing.T) {
	c := newCable(t, Config{})
	got := collect()
	c.d.Probe(ours, got.done)
	poll := arpFrame{op: 1, dst: c.self, sha: c.other, spa: zero, tpa: ours}.bytes()
	// The reader is held up: that of the whole process, so this test and its
	// like are not parallel.
	c.d.mu.Lock()
	for range 2000 {
		c.send(t, poll)
	}
	c.d.mu.Unlock()
	if a := got.wait(t); a.by != nil || a.err != nil {
		t.Errorf("answered %v, %v", a.by, a.err)
	}
	s := c.d.Stats()
	if s.Overrun == 0 || s.Dropped[Poll] == 0 {
		t.Errorf("stats %+v", s)
	}
	if again := c.d.Stats(); again.Overrun != s.Overrun {
		t.Errorf("overrun was %d, is %d", s.Overrun, again.Overrun)
	}
}

// A link that goes down and comes back: packets count as tried, the socket goes
// on.
func TestLinkDown(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{})
	got := collect()
	c.d.Probe(ours, got.done)
	c.expect(t, c.probe())
	c.host.IP(t, "link", "set", "dev", "eth0", "down")
	if a := got.wait(t); a.by != nil || a.err != nil {
		t.Errorf("down during the probe: %v, %v", a.by, a.err)
	}
	c.d.Probe(ours, got.done)
	if a := got.wait(t); a.by != nil || !errors.Is(a.err, unix.ENETDOWN) {
		t.Errorf("down all the time: %v, %v", a.by, a.err)
	}
	c.host.IP(t, "link", "set", "dev", "eth0", "up")
	nettest.WaitUp(t, c.host, "eth0")
	nettest.WaitUp(t, c.peer, "eth0")
	c.free(t)
	c.taken(t, c.reply(ours))
	if s := c.d.Stats(); s.ReadErrors == 0 || s.SendErrors < 3 {
		t.Errorf("stats %+v", s)
	}
}

// That the link was down a while ago is told once, by whatever is called next:
// not to the sender.
func TestLinkDownUnread(t *testing.T) {
	c := newCable(t, Config{})
	c.d.mu.Lock() // the reader is held up
	defer c.d.mu.Unlock()
	c.host.IP(t, "link", "set", "dev", "eth0", "down")
	c.host.IP(t, "link", "set", "dev", "eth0", "up")
	nettest.WaitUp(t, c.host, "eth0")
	nettest.WaitUp(t, c.peer, "eth0")
	if err := c.d.sock.send(c.probe()); err != nil {
		t.Error(err)
	}
	c.expect(t, c.probe())
}

// A Detector for a link that is down, and one for none yet.
func TestLinkOpenEarly(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{})
	c.host.IP(t, "link", "set", "dev", "eth0", "down")
	for range 50 { // the socket is readable at once
		c.d = c.open(t, Config{})
	}
	index := c.index
	c.index = 0
	waiting := c.open(t, Config{})
	c.index = index
	if err := waiting.sock.Control(func(fd int) error {
		name, err := unix.Getsockname(fd)
		if sa, ok := name.(*unix.SockaddrLinklayer); !ok || sa.Protocol != 0 {
			t.Errorf("without a link bound to %+v: every link is heard", name)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	got := collect()
	waiting.Probe(ours, got.done)
	if a := got.wait(t); !errors.Is(a.err, unix.ENODEV) {
		t.Errorf("without a link: %v, %v", a.by, a.err)
	}
	c.host.IP(t, "link", "set", "dev", "eth0", "up")
	nettest.WaitUp(t, c.host, "eth0")
	nettest.WaitUp(t, c.peer, "eth0")
	c.taken(t, c.reply(ours))
	if err := waiting.Follow(c.index, c.self.addr()); err != nil {
		t.Fatal(err)
	}
	c.d = waiting
	c.taken(t, c.reply(ours))
	c.free(t)
	// No link any more, though this one is still there.
	if err := waiting.Follow(0, nil); err != nil {
		t.Fatal(err)
	}
	waiting.Probe(ours, got.done)
	c.send(t, c.reply(ours))
	if a := got.wait(t); !errors.Is(a.err, unix.ENODEV) {
		t.Errorf("followed to nothing: %v, %v", a.by, a.err)
	}
}

// A link that is removed and made again has another index; the same Detector
// goes on, also when a probe runs.
func TestLinkRemade(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{Duration: 4 * time.Second})
	got := collect()
	c.d.Probe(ours, got.done)
	c.expect(t, c.probe())
	c.send(t, c.reply(theirs))
	c.host.IP(t, "link", "del", "dev", "eth0")
	if err := c.d.Follow(c.index, c.self.addr()); !errors.Is(err, unix.ENODEV) {
		t.Errorf("followed what is gone: %v", err)
	}
	nettest.Veth(t, c.host, "eth0", c.peer, "eth0")
	c.look(t)
	if err := c.d.Follow(c.index, c.self.addr()); err != nil {
		t.Fatal(err)
	}
	c.expect(t, c.probe())
	if a := got.wait(t); a.by != nil || a.err != nil {
		t.Errorf("answered %v, %v", a.by, a.err)
	}
	c.taken(t, c.reply(ours))
}

// After a change of the hardware address the old one is another station's.
func TestLinkHardwareAddress(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{})
	old := c.self
	c.host.IP(t, "link", "set", "dev", "eth0", "address", third.String())
	c.self = third
	if err := c.d.Follow(c.index, third.addr()); err != nil {
		t.Fatal(err)
	}
	got := collect()
	c.d.Probe(ours, got.done)
	c.expect(t, c.probe())
	c.send(t, announcedBy(third, ours))
	c.send(t, announcedBy(old, ours))
	if a := got.wait(t); !a.is(old) || c.d.Stats().Dropped[Own] != 1 {
		t.Errorf("answered %v, %v; stats %+v", a.by, a.err, c.d.Stats())
	}
}

// What arrived over the link before is forgotten.
func TestLinkFollowForgets(t *testing.T) {
	c := newCable(t, Config{})
	c.d.Defend(ours, func(net.HardwareAddr) {})
	c.d.mu.Lock()
	c.send(t, announcedBy(c.other, ours))
	// The lock keeps the reader out: what has come waits.
	c.queued(t)
	if err := c.d.link.follow(c.index); err != nil {
		t.Error(err)
	}
	c.d.mu.Unlock()
	c.free(t)
	if n := c.d.Stats().Conflicts; n != 0 {
		t.Errorf("%d conflicts", n)
	}
}

// queued waits until the Detector's socket has something to read.
func (c *cable) queued(t *testing.T) {
	t.Helper()
	err := c.d.sock.Control(func(fd int) error {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		if err == nil && n == 0 {
			err = os.ErrDeadlineExceeded
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The kernel sends ARP requests for one link's address over another (weak host
// model): that is no other station.
func TestLinkOfSameHost_RFC5227_2_1_1(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{})
	nettest.Veth(t, c.host, "eth1", c.peer, "eth1")
	c.host.IP(t, "link", "set", "dev", "eth1", "address", third.String())
	c.taken(t, arpFrame{op: 1, src: c.other, sha: c.other, spa: ours, tpa: gateway}.bytes())
	c.host.IP(t, "addr", "add", "192.0.2.1/24", "dev", "eth1")
	c.host.IP(t, "addr", "add", "192.0.2.2/24", "dev", "eth1")
	got := collect()
	c.d.Probe(ours, got.done)
	c.send(t, arpFrame{op: 1, sha: third, spa: ours, tpa: gateway}.bytes())
	if a := got.wait(t); a.by != nil || c.d.Stats().Dropped[Own] != 1 {
		t.Errorf("answered %v, %v; stats %+v", a.by, a.err, c.d.Stats())
	}
	c.taken(t, arpFrame{op: 1, src: c.other, sha: c.other, spa: ours, tpa: gateway}.bytes())
}

// A router answers by its kernel, to a unicast and to a broadcast request.
func TestLinkCheckRouter_RFC4436_2_1(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{})
	c.peer.IP(t, "addr", "add", gateway.String()+"/24", "dev", "eth0")
	for name, to := range map[string]net.HardwareAddr{"unicast": c.other.addr(), "broadcast": nil} {
		t.Run(name, func(t *testing.T) {
			got := collect()
			c.d.CheckRouter(ours, gateway, to, got.lost)
			want := arpFrame{op: 1, sha: c.self, spa: ours, tpa: gateway}
			copy(want.dst[:], to)
			c.expect(t, want.bytes())
			if a := got.wait(t); !a.is(c.other) {
				t.Errorf("found %v", a.by)
			}
		})
	}
	got := collect()
	c.d.CheckRouter(ours, theirs, nil, got.lost)
	for range 3 {
		c.next(t)
	}
	c.quiet(t, 200*ms)
	if len(got) != 0 {
		t.Error("a router that is not there was found")
	}
}

// Many Detectors in one process, as an agent of many links has.
func TestLinkMany(t *testing.T) {
	t.Parallel()
	c := newCable(t, Config{})
	all := []*Detector{c.d}
	for range 20 {
		all = append(all, c.open(t, Config{}))
	}
	got := make(answers, len(all))
	for i, d := range all {
		addr := [4]byte{10, 99, 1, byte(i)}
		d.Probe(netip.AddrFrom4(addr), got.done)
	}
	c.send(t, c.reply(netip.AddrFrom4([4]byte{10, 99, 1, 7})))
	used := 0
	for range all {
		if a := got.wait(t); a.by != nil {
			used++
		}
	}
	if used != 1 {
		t.Errorf("%d of %d addresses are used, want 1", used, len(all))
	}
}

func TestOpenErrors(t *testing.T) {
	nettest.Require(t)
	if _, err := Open(1<<30, self.addr(), Config{}); !errors.Is(err, unix.ENODEV) {
		t.Errorf("a link that is not there: %v", err)
	}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with its rights
		done <- withoutRights(func() error { _, err := Open(1, self.addr(), Config{}); return err })
	}()
	if err := <-done; !errors.Is(err, unix.EPERM) || !errors.Is(err, os.ErrPermission) {
		t.Errorf("without CAP_NET_RAW: %v", err)
	}
}

// withoutRights runs f without capabilities on this thread.
func withoutRights(f func() error) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("drop capabilities: %w", err)
	}
	return f()
}

// A socket that is closed has errors, not panics.
func TestSocketClosed(t *testing.T) {
	c := newCable(t, Config{})
	s := c.d.sock
	if err := c.d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.send(c.probe()), s.follow(c.index)); err == nil {
		t.Error("no error")
	}
	if _, err := s.read(); err == nil || errors.Is(err, unix.EAGAIN) {
		t.Errorf("read: %v", err)
	}
	if s.overrun() != 0 || s.isOurs(c.self) {
		t.Error("a closed socket knows something")
	}
}
