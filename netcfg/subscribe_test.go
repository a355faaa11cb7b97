package netcfg

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// subscribe makes a watch of what a subscriber is told.
func subscribe(t *testing.T, l *Link) *watch {
	t.Helper()
	w := &watch{states: make(chan lease.LinkState, 1000)}
	cancel, err := l.Subscribe(func(s lease.LinkState) { w.states <- s })
	if err != nil {
		t.Fatal(err)
	}
	w.cancel = cancel
	t.Cleanup(cancel)
	return w
}

// batch has `ip` do what is written, a command a line.
func (b *bench) batch(tb testing.TB, script string) {
	tb.Helper()
	cmd := b.Command(tb.Context(), "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
}

// pairs makes links v0 to vN-1, which are each other's peers, and are up.
func (b *bench) pairs(tb testing.TB, n int) {
	tb.Helper()
	var script strings.Builder
	for i := 0; i < n; i += 2 {
		fmt.Fprintf(&script, "link add v%d up type veth peer name v%d\nlink set v%d up\n", i, i+1, i+1)
	}
	b.batch(tb, script.String())
}

// dirty waits until links are to be looked at, or none is any more.
func (b *bench) dirty(t *testing.T, want bool) {
	t.Helper()
	m := b.handle.mon
	for limit := time.Now().Add(deadline); ; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		is := len(m.dirty) > 0 || !want && m.looking
		m.mu.Unlock()
		if is == want {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("links to be looked at: %t, without end", is)
		}
	}
}

func (m *monitor) watching() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}

func TestSubscribe_ReportsChanges(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	w := subscribe(t, link)
	first := w.next(t)
	if state, err := link.State(); err != nil || !sameState(first, state) {
		t.Errorf("first report %+v, but the state is %+v, %v", first, state, err)
	}
	b.IP(t, "link", "set", "eth0", "name", "lan0")
	w.until(t, "rename", func(s lease.LinkState) bool { return s.Name == "lan0" && s.Index == first.Index })
	b.IP(t, "address", "add", "192.0.2.9/24", "dev", "lan0")
	w.until(t, "address", func(s lease.LinkState) bool {
		return len(s.Addresses) == 1 && s.Addresses[0] == netip.MustParsePrefix("192.0.2.9/24")
	})
	b.IP(t, "link", "del", "lan0")
	w.until(t, "link gone", func(s lease.LinkState) bool { return s.Index == 0 })
	// Our name comes as another's new name, and as one of several.
	b.IP(t, "link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
	b.IP(t, "link", "set", "eth7", "name", "eth0")
	second := w.until(t, "a renamed link", func(s lease.LinkState) bool { return s.Index != 0 })
	b.IP(t, "link", "set", "eth8", "up")
	w.until(t, "its carrier", func(s lease.LinkState) bool { return s.Carrier && s.Index == second.Index })
	b.IP(t, "link", "del", "eth0")
	w.until(t, "that gone", func(s lease.LinkState) bool { return s.Index == 0 })
	b.IP(t, "link", "add", "eth5", "up", "type", "veth", "peer", "name", "eth6") // of one that is down it is no news
	b.IP(t, "link", "property", "add", "dev", "eth5", "altname", "eth0")
	w.until(t, "a link with that alternative name", func(s lease.LinkState) bool { return s.Name == "eth5" })
}

// Of a thousand links only those are looked at that something has happened to, and
// no goroutine waits for them.
func TestSubscribe_OthersCostNothing(t *testing.T) {
	b := newBench(t)
	b.pairs(t, 20)
	before := runtime.NumGoroutine()
	for i := range 20 {
		subscribe(t, b.link(t, fmt.Sprintf("v%d", i), Config{})).next(t)
	}
	w := subscribe(t, b.link(t, "eth0", Config{}))
	w.next(t)
	b.dirty(t, false)
	m := b.handle.mon
	if n := runtime.NumGoroutine(); n > before+1 {
		t.Errorf("%d goroutines for 21 links that nothing happens to", n-before)
	}
	var looks atomic.Int32
	lookAt := m.lookAt
	m.mu.Lock()
	m.lookAt = func(subs []*subscription) { looks.Add(int32(len(subs))); lookAt(subs) }
	m.mu.Unlock()
	b.IP(t, "link", "set", "eth0", "mtu", "1400")
	w.until(t, "MTU", func(s lease.LinkState) bool { return s.MTU == 1400 })
	if n := looks.Load(); n > 5 { // an MTU is reported twice
		t.Errorf("%d looks for a change of one link", n)
	}
}

// After news were lost all links are looked at, and many cost no more than a list.
func TestSubscribe_LostNotificationsOfManyLinks(t *testing.T) {
	const n = many + 4
	b := newBench(t)
	b.pairs(t, n)
	var watches []*watch
	for i := range n {
		w := subscribe(t, b.link(t, fmt.Sprintf("v%d", i), Config{}))
		w.until(t, "carrier", func(s lease.LinkState) bool { return s.Carrier })
		watches = append(watches, w)
	}
	absent := subscribe(t, b.link(t, "eth0", Config{}))
	b.IP(t, "link", "del", "eth0")
	absent.until(t, "link gone", func(s lease.LinkState) bool { return s.Index == 0 })
	m := b.handle.mon
	var err error
	if control := m.raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) }); err != nil || control != nil {
		t.Fatal(err, control)
	}
	var script strings.Builder
	for i := range 200 {
		fmt.Fprintf(&script, "address add 198.51.100.%d/32 dev lo\n", i)
	}
	for i := range n {
		fmt.Fprintf(&script, "address add 192.0.2.%d/24 dev v%d\n", i+1, i)
	}
	script.WriteString("link add eth9 up type veth peer name eth8\nlink property add dev eth9 altname eth0\n")
	m.mu.Lock() // the reader stops at its next message
	func() {
		defer m.mu.Unlock()
		b.batch(t, script.String())
	}()
	for i, w := range watches {
		want := netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 24)
		w.until(t, want.String(), func(s lease.LinkState) bool {
			return len(s.Addresses) == 1 && s.Addresses[0] == want && s.Name == fmt.Sprintf("v%d", i) && s.Carrier
		})
	}
	absent.until(t, "a link with that alternative name", func(s lease.LinkState) bool { return s.Name == "eth9" })
	if !strings.Contains(b.log.String(), "changes were lost") {
		t.Error("nothing was lost: the test tests nothing")
	}
}

// The kernel may take its time with an answer: the reader goes on reading.
func TestSubscribe_ReadsWhileItLooks(t *testing.T) {
	b := newBench(t)
	w := subscribe(t, b.link(t, "eth0", Config{}))
	w.next(t)
	m := b.handle.mon
	asked, answer := make(chan bool, 1), make(chan bool)
	m.mu.Lock()
	lookAt := m.lookAt
	m.lookAt = func(subs []*subscription) {
		asked <- true
		<-answer
		lookAt(subs)
	}
	m.mu.Unlock()
	b.IP(t, "link", "set", "eth0", "mtu", "1400")
	<-asked
	found := make(chan error, 1)
	go func() { found <- b.handle.WaitLink(t.Context(), "eth3") }()
	b.IP(t, "link", "add", "eth3", "type", "veth", "peer", "name", "eth4")
	select {
	case err := <-found:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(deadline):
		t.Error("nothing is read while a link is looked at")
	}
	close(answer)
	w.until(t, "MTU", func(s lease.LinkState) bool { return s.MTU == 1400 })
}

func TestSubscribe_CancelWaits(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	called, goOn := make(chan bool, 10), make(chan bool)
	var calls, running atomic.Int32
	cancel, err := link.Subscribe(func(lease.LinkState) {
		calls.Add(1)
		running.Add(1)
		called <- true
		<-goOn
		running.Add(-1)
	})
	if err != nil {
		t.Fatal(err)
	}
	<-called
	b.IP(t, "link", "set", "eth0", "mtu", "1400")
	b.dirty(t, true)
	cancelled := make(chan int32)
	go func() { cancel(); cancelled <- running.Load() }()
	for limit := time.Now().Add(deadline); b.handle.mon.watching() > 0 && time.Now().Before(limit); {
		time.Sleep(time.Millisecond)
	}
	close(goOn)
	if n := <-cancelled; n != 0 {
		t.Error("it is called when cancel has returned")
	}
	cancel()
	w := subscribe(t, link) // it is told after the other one would be
	w.until(t, "MTU", func(s lease.LinkState) bool { return s.MTU == 1400 })
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls, some after cancel", n)
	}
}

// BenchmarkLook is what a look at one link costs, at some of a thousand, and at all
// of them.
func BenchmarkLook(b *testing.B) {
	for _, dirty := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint(dirty), func(b *testing.B) { benchmarkLook(b, 1000, dirty) })
	}
}

func benchmarkLook(tb *testing.B, links, dirty int) {
	b := newBench(tb)
	b.pairs(tb, links)
	var subs []*subscription
	for i := range dirty {
		l, err := b.handle.Link(fmt.Sprintf("v%d", i), Config{LeaveDown: true})
		if err != nil {
			tb.Fatal(err)
		}
		subs = append(subs, &subscription{link: l, f: func(lease.LinkState) {}})
	}
	if _, err := b.handle.snapshot(); err != nil { // so many links there are
		tb.Fatal(err)
	}
	tb.ReportAllocs()
	before := cpuTime(tb)
	for tb.Loop() {
		b.handle.lookAt(subs)
	}
	tb.ReportMetric(float64(cpuTime(tb)-before)/float64(tb.N), "cpu-ns/op")
}

// cpuTime is what this process has used: the kernel may have it wait for others.
func cpuTime(tb testing.TB) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkNotification is what one costs with a thousand subscribers.
func BenchmarkNotification(tb *testing.B) {
	b := newBench(tb)
	l, err := b.handle.Link("eth0", Config{})
	if err != nil {
		tb.Fatal(err)
	}
	m := b.handle.mon
	m.lookAt = func([]*subscription) {}
	for i := range 1000 {
		s := &subscription{link: l}
		s.who = s
		if err := m.add(&s.watcher, topic{index: int32(i + 1000)}); err != nil {
			tb.Fatal(err)
		}
	}
	msg := make([]byte, 32)
	msg[0], msg[4], msg[20], msg[21] = 32, unix.RTM_NEWADDR, 0xe8, 3
	tb.ReportAllocs()
	for tb.Loop() {
		m.dispatch(msg)
	}
}
