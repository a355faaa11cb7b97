package arpcheck

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mdlayher/arp"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

var (
	self    = mac{2, 0, 0, 0, 0, 1}
	other   = mac{2, 0, 0, 0, 0, 2}
	third   = mac{2, 0, 0, 0, 0, 3}
	ours    = netip.MustParseAddr("10.99.0.50")
	theirs  = netip.MustParseAddr("10.99.0.51")
	gateway = netip.MustParseAddr("10.99.0.1")
	zero    = netip.IPv4Unspecified()
)

// A fakeLink notes what is sent over it. It is touched with the lock held.
type fakeLink struct {
	d      *Detector
	start  time.Time
	sent   []sent
	tries  int
	hears  wanted
	index  int
	own    []mac
	sendIt func(try int) error // nil sends all
	hearIt error
	bindIt error
	unread [][]byte // what read returns
	panics bool     // isOurs
}

// sent is a frame, and when it was sent.
type sent struct {
	at    time.Duration
	frame []byte
}

func (l *fakeLink) send(frame []byte) error {
	l.tries++
	if l.sendIt != nil {
		if err := l.sendIt(l.tries); err != nil {
			return err
		}
	}
	l.sent = append(l.sent, sent{time.Since(l.start), frame})
	return nil
}

func (l *fakeLink) hear(w wanted) error {
	if l.hearIt != nil {
		return l.hearIt
	}
	l.hears = w
	return nil
}

func (l *fakeLink) follow(index int) error {
	l.hears, l.index = wanted{}, index
	return l.bindIt
}

func (l *fakeLink) read() (frame []byte, err error) {
	if len(l.unread) == 0 {
		return nil, unix.EAGAIN
	}
	frame, l.unread = l.unread[0], l.unread[1:]
	return frame, nil
}

func (l *fakeLink) isOurs(m mac) bool {
	if l.panics {
		panic("here")
	}
	for _, o := range l.own {
		if o == m {
			return true
		}
	}
	return false
}

// virtual runs f in virtual time with a Detector on a fake link, and ends it.
func virtual(t *testing.T, cfg Config, f func(t *testing.T, d *Detector, l *fakeLink)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d, err := newDetector(3, self.addr(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		l := &fakeLink{d: d, start: time.Now(), index: 3}
		d.link = l
		d.clock = func() time.Duration { return time.Since(l.start) }
		d.shut = func() error { return nil }
		f(t, d, l)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		l.locked(func() {
			if d.job != nil || d.query != nil || len(d.calls.queue) != 0 || d.calls.active {
				t.Error("something runs after Close")
			}
		})
	})
}

// receive is a frame that arrives: through the filter, as in the kernel.
func (l *fakeLink) receive(t *testing.T, frame []byte) {
	t.Helper()
	l.locked(func() {
		if passes(t, l.hears, frame) {
			l.d.handle(frame)
		}
	})
	synctest.Wait()
}

// passes runs the filter without its look at what only the kernel knows.
func passes(t testing.TB, w wanted, frame []byte) bool {
	t.Helper()
	vm, err := bpf.NewVM(w.match())
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(frame)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

// locked runs f with the Detector's lock.
func (l *fakeLink) locked(f func()) {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	f()
}

// frames are what was sent.
func (l *fakeLink) frames() (all []sent) {
	l.locked(func() { all = slices.Clone(l.sent) })
	return all
}

// times are when something was sent.
func (l *fakeLink) times() (at []time.Duration) {
	for _, s := range l.frames() {
		at = append(at, s.at)
	}
	return at
}

// tried counts what was to be sent.
func (l *fakeLink) tried() (n int) {
	l.locked(func() { n = l.tries })
	return n
}

// hearing is what the filter lets pass.
func (l *fakeLink) hearing() (w wanted) {
	l.locked(func() { w = l.hears })
	return w
}

// An arpFrame is any ARP packet in any frame, written without the packages that
// are tested.
type arpFrame struct {
	op       arp.Operation
	src, dst mac // of the frame; the zero src is sha, the zero dst all stations
	sha      mac
	spa      netip.Addr
	tha      mac
	tpa      netip.Addr
}

func (f arpFrame) bytes() []byte {
	if f.src == (mac{}) {
		f.src = f.sha
	}
	if f.dst == (mac{}) {
		f.dst = broadcast
	}
	b := append(append([]byte{}, f.dst[:]...), f.src[:]...)
	b = append(b, 8, 6, 0, 1, 8, 0, 6, 4)
	b = binary.BigEndian.AppendUint16(b, uint16(f.op))
	b = append(append(b, f.sha[:]...), f.spa.AsSlice()...)
	b = append(append(b, f.tha[:]...), f.tpa.AsSlice()...)
	return append(b, make([]byte, 60-len(b))...)
}

// Frames of others.
func replyOf(sha mac, spa netip.Addr, tpa netip.Addr) []byte {
	return arpFrame{op: 2, dst: self, sha: sha, spa: spa, tha: self, tpa: tpa}.bytes()
}

func probeOf(sha mac, tpa netip.Addr) []byte {
	return arpFrame{op: 1, sha: sha, spa: zero, tpa: tpa}.bytes()
}

func announcedBy(sha mac, addr netip.Addr) []byte {
	return arpFrame{op: 1, sha: sha, spa: addr, tpa: addr}.bytes()
}

// An answer is what a callback was given.
type answer struct {
	by  net.HardwareAddr
	err error
	at  time.Time
}

func (a answer) is(m mac) bool { return slices.Equal(a.by, m.addr()) }

// answers collects callbacks.
type answers chan answer

func (a answers) done(by net.HardwareAddr, err error) { a <- answer{by, err, time.Now()} }
func (a answers) lost(by net.HardwareAddr)            { a <- answer{by, nil, time.Now()} }

func collect() answers { return make(answers, 8) }

// none fails the test if there was a callback.
func (a answers) none(t *testing.T) {
	t.Helper()
	synctest.Wait()
	select {
	case x := <-a:
		t.Errorf("called with %v, %v", x.by, x.err)
	default:
	}
}

// one returns the one callback that there was until now.
func (a answers) one(t *testing.T) answer {
	t.Helper()
	synctest.Wait()
	if len(a) != 1 {
		t.Fatalf("%d callbacks, want 1", len(a))
	}
	return <-a
}
