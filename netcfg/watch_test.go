package netcfg

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A watch is a Watch that runs.
type watch struct {
	states chan lease.LinkState
	ended  chan error
	cancel context.CancelFunc
	last   lease.LinkState
}

func watchLink(t *testing.T, l *Link) *watch {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{states: make(chan lease.LinkState, 1000), ended: make(chan error, 1), cancel: cancel}
	go func() { w.ended <- l.Watch(ctx, func(s lease.LinkState) { w.states <- s }) }()
	t.Cleanup(func() { w.stop(t, nil) })
	return w
}

func (w *watch) stop(t *testing.T, want error) {
	t.Helper()
	w.cancel()
	select {
	case err := <-w.ended:
		if !errors.Is(err, want) {
			t.Errorf("watch ended with %v, want %v", err, want)
		}
		w.ended <- want
	case <-time.After(deadline):
		t.Error("watch does not end")
	}
}

// until waits for a state.
func (w *watch) until(t *testing.T, what string, is func(lease.LinkState) bool) lease.LinkState {
	t.Helper()
	limit := time.After(deadline)
	for {
		select {
		case w.last = <-w.states:
			if is(w.last) {
				return w.last
			}
		case <-limit:
			t.Fatalf("never seen: %s; last was %+v", what, w.last)
		}
	}
}

func (w *watch) next(t *testing.T) lease.LinkState {
	t.Helper()
	return w.until(t, "anything", func(lease.LinkState) bool { return true })
}

func TestWatch_ReportsChanges(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	w := watchLink(t, link)
	first := w.next(t)
	if state, err := link.State(); err != nil || !sameState(first, state) {
		t.Errorf("first report %+v, but the state is %+v, %v", first, state, err)
	}
	if first.Index == 0 || first.Name != "eth0" || first.MTU != 1500 || !first.Carrier || first.HardwareAddr.IsZero() || len(first.Addresses) != 0 {
		t.Errorf("first report %+v", first)
	}

	b.IP(t, "address", "add", "192.0.2.9/24", "dev", "eth0")
	w.until(t, "address", func(s lease.LinkState) bool {
		return len(s.Addresses) == 1 && s.Addresses[0] == netip.MustParsePrefix("192.0.2.9/24")
	})
	b.IP(t, "address", "del", "192.0.2.9/24", "dev", "eth0")
	w.until(t, "address deleted by hand", func(s lease.LinkState) bool { return len(s.Addresses) == 0 })

	b.IP(t, "link", "set", "eth0", "mtu", "1400")
	w.until(t, "MTU", func(s lease.LinkState) bool { return s.MTU == 1400 })
	b.IP(t, "link", "set", "eth0", "address", "02:00:00:00:00:77")
	w.until(t, "hardware address", func(s lease.LinkState) bool { return s.HardwareAddr.String() == "02:00:00:00:00:77" })

	b.far.IP(t, "link", "set", "eth0", "down")
	w.until(t, "carrier lost", func(s lease.LinkState) bool { return !s.Carrier })
	b.far.IP(t, "link", "set", "eth0", "up")
	w.until(t, "carrier back", func(s lease.LinkState) bool { return s.Carrier })

	b.IP(t, "link", "set", "eth0", "name", "lan0")
	w.until(t, "rename", func(s lease.LinkState) bool { return s.Name == "lan0" && s.Index == first.Index })
	b.IP(t, "address", "add", "192.0.2.9/24", "dev", "lan0")
	w.until(t, "address on the renamed link", func(s lease.LinkState) bool { return len(s.Addresses) == 1 })

	// What is of no interest is not reported: the next report is of the mark.
	b.IP(t, "link", "set", "lan0", "alias", "uplink")
	b.IP(t, "address", "add", "198.51.100.1/32", "dev", "lo")
	b.IP(t, "address", "change", "192.0.2.9/24", "dev", "lan0", "valid_lft", "100", "preferred_lft", "100")
	b.IP(t, "link", "set", "lan0", "mtu", "1500")
	if s := w.next(t); s.MTU != 1500 {
		t.Errorf("a change of no interest was reported: %+v", s)
	}
}

// The kernel reports a loss of carrier of less than a second late or not at
// all, but counts it.
func TestWatch_ShortLossOfCarrier(t *testing.T) {
	b := newBench(t)
	w := watchLink(t, b.link(t, "eth0", Config{}))
	before := w.next(t)
	b.far.IP(t, "link", "set", "eth0", "down")
	b.far.IP(t, "link", "set", "eth0", "up")
	w.until(t, "two carrier changes", func(s lease.LinkState) bool { return s.Carrier && s.CarrierChanges >= before.CarrierChanges+2 })
}

func TestWatch_LinkIsDeletedAndMadeAgain(t *testing.T) {
	for _, leaveDown := range []bool{false, true} {
		t.Run(fmt.Sprintf("LeaveDown=%t", leaveDown), func(t *testing.T) {
			b := newBench(t)
			link := b.link(t, "eth0", Config{LeaveDown: leaveDown})
			w := watchLink(t, link)
			first := w.next(t)
			b.IP(t, "link", "del", "eth0")
			w.until(t, "link gone", func(s lease.LinkState) bool { return s.Index == 0 })
			if s, err := link.State(); err != nil || s.Index != 0 {
				t.Errorf("state of a link that is gone: %+v, %v", s, err)
			}

			if b.tun(t, "eth0") { // is not taken for it
				b.IP(t, "link", "del", "eth0")
			}
			b.IP(t, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b.far.Name)
			second := w.until(t, "a new link", func(s lease.LinkState) bool { return s.Index != 0 })
			if second.Index == first.Index || second.HardwareAddr == first.HardwareAddr {
				t.Errorf("the new link %+v is the old one", second)
			}
			b.far.IP(t, "link", "set", "eth0", "up")
			if leaveDown {
				// What comes after the decision is another event of the link.
				b.IP(t, "link", "set", "eth0", "mtu", "1400")
				w.until(t, "mark", func(s lease.LinkState) bool { return s.MTU == 1400 })
				if got := b.IP(t, "link", "show", "eth0", "up"); got != "" {
					t.Errorf("brought up against Config.LeaveDown: %s", got)
				}
				return
			}
			w.until(t, "carrier of the new link", func(s lease.LinkState) bool { return s.Carrier })
		})
	}
}

// A link that comes back from another namespace has its old index and is down:
// nobody has taken it down, so it is brought up like a new one.
func TestWatch_LinkMovesAwayAndBack(t *testing.T) {
	b := newBench(t)
	away := nettest.NewNS(t, "away")
	w := watchLink(t, b.link(t, "eth0", Config{}))
	w.until(t, "the link", func(s lease.LinkState) bool { return s.Carrier })
	b.IP(t, "link", "set", "eth0", "netns", away.Name)
	w.until(t, "link gone", func(s lease.LinkState) bool { return s.Index == 0 })
	away.IP(t, "link", "set", "eth0", "netns", b.Name)
	w.until(t, "brought up again", func(s lease.LinkState) bool { return s.Carrier })
}

func TestWatch_StaysDown(t *testing.T) {
	b := newBench(t)
	b.IP(t, "link", "set", "eth0", "down")
	link := b.link(t, "eth0", Config{})
	w := watchLink(t, link)
	w.until(t, "brought up at first sight", func(s lease.LinkState) bool { return s.Carrier })
	b.IP(t, "link", "set", "eth0", "down")
	w.until(t, "taken down", func(s lease.LinkState) bool { return !s.Carrier })
	b.IP(t, "link", "set", "eth0", "mtu", "1400")
	w.until(t, "mark", func(s lease.LinkState) bool { return s.MTU == 1400 })
	if got := b.IP(t, "link", "show", "eth0", "up"); got != "" {
		t.Errorf("the administrator took it down: %s", got)
	}
	if err := link.Up(); err != nil {
		t.Fatal(err)
	}
	w.until(t, "up again on demand", func(s lease.LinkState) bool { return s.Carrier })
}

// When the kernel drops notifications (ENOBUFS), nothing is missed.
func TestWatch_LostNotifications(t *testing.T) {
	b := newBench(t)
	w := watchLink(t, b.link(t, "eth0", Config{}))
	w.next(t)
	m := b.handle.mon
	var err error
	if control := m.raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) }); err != nil || control != nil {
		t.Fatal(err, control)
	}
	m.mu.Lock() // the reader stops at its next message
	cmd := b.Command(t.Context(), "ip", "-batch", "-")
	var script strings.Builder
	for i := range 200 {
		fmt.Fprintf(&script, "address add 198.51.100.%d/32 dev lo\n", i)
	}
	script.WriteString("address add 192.0.2.9/24 dev eth0\n")
	cmd.Stdin = strings.NewReader(script.String())
	out, err := cmd.CombinedOutput()
	m.mu.Unlock()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.until(t, "the address whose notification was lost", func(s lease.LinkState) bool { return len(s.Addresses) == 1 })
	if !strings.Contains(b.log.String(), "changes were lost") {
		t.Error("nothing was lost: the test tests nothing")
	}
}

// A carrier that is lost while the kernel drops notifications by the thousand is
// seen, and so is its return; and what the reader did not read is not kept.
func TestWatch_CarrierLostInAStorm(t *testing.T) {
	b := newBench(t)
	w := watchLink(t, b.link(t, "eth0", Config{}))
	w.next(t)
	m := b.handle.mon
	var err error
	if control := m.raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 1) }); err != nil || control != nil {
		t.Fatal(err, control)
	}
	before := heap()
	for _, carrier := range []bool{false, true} {
		m.mu.Lock() // the reader stops at its next message
		b.storm(t)
		b.far.IP(t, "link", "set", "eth0", map[bool]string{false: "down", true: "up"}[carrier])
		// The kernel may report it a second late: not before it is there.
		for limit := time.Now().Add(deadline); strings.Contains(b.IP(t, "link", "show", "eth0"), "NO-CARRIER") == carrier; {
			if time.Now().After(limit) {
				m.mu.Unlock()
				t.Fatalf("no carrier %t", carrier)
			}
			time.Sleep(5 * time.Millisecond)
		}
		b.storm(t)
		m.mu.Unlock()
		w.until(t, fmt.Sprintf("carrier %t", carrier), func(s lease.LinkState) bool { return s.Carrier == carrier })
	}
	if lost := strings.Count(b.log.String(), "changes were lost"); lost == 0 {
		t.Error("nothing was lost: the test tests nothing")
	}
	if n := len(w.states); n > 10 {
		t.Errorf("%d more reports, of the same state", n)
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("the heap has grown by %d octets", grown)
	}
}

// storm makes six thousand changes of addresses and routes.
func (b *bench) storm(t *testing.T) {
	t.Helper()
	var script strings.Builder
	for i := range 1500 {
		a := fmt.Sprintf("10.66.%d.%d", i/250, i%250)
		fmt.Fprintf(&script, "address add %s/32 dev lo\nroute add 10.67.%d.%d/32 dev lo\n", a, i/250, i%250)
		fmt.Fprintf(&script, "route delete 10.67.%d.%d/32 dev lo\naddress delete %s/32 dev lo\n", i/250, i%250, a)
	}
	cmd := b.Command(t.Context(), "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(script.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// heap is what is in use of it.
func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestWaitLink(t *testing.T) {
	b := newBench(t)
	if err := b.handle.WaitLink(t.Context(), "eth0"); err != nil {
		t.Errorf("link that is there: %v", err)
	}
	found := make(chan error, 1)
	go func() { found <- b.handle.WaitLink(context.Background(), "eth7") }()
	b.IP(t, "link", "add", "eth6", "type", "veth", "peer", "name", "eth8", "netns", b.far.Name)
	b.IP(t, "link", "set", "eth6", "name", "eth7")
	select {
	case err := <-found:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(deadline):
		t.Fatal("link is there but not found")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := b.handle.WaitLink(ctx, "eth9"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("link that never comes: %v", err)
	}
}

func TestClose_EndsWatches(t *testing.T) {
	nettest.Require(t)
	b := &bench{NS: nettest.NewNS(t, "near"), far: nettest.NewNS(t, "far"), log: &logBuffer{}}
	nettest.Veth(t, b.NS, "eth0", b.far, "eth0")
	before := goleak.IgnoreCurrent()
	b.open(t)
	link := b.link(t, "eth0", Config{})
	w := watchLink(t, link)
	w.next(t)
	waiting := make(chan error, 1)
	go func() { waiting <- b.handle.WaitLink(context.Background(), "eth9") }()
	for range 2 {
		if err := b.handle.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-waiting; !errors.Is(err, ErrClosed) {
		t.Errorf("wait for a link: %v", err)
	}
	select {
	case err := <-w.ended:
		if !errors.Is(err, ErrClosed) {
			t.Errorf("watch: %v", err)
		}
		w.ended <- nil
	case <-time.After(deadline):
		t.Error("watch goes on")
	}
	for what, err := range map[string]error{
		"watch":        link.Watch(t.Context(), func(lease.LinkState) {}),
		"apply":        link.Apply(t.Context(), newLease(t, lease5), nil),
		"up":           link.Up(),
		"wait":         b.handle.WaitLink(t.Context(), "eth0"),
		"look up link": func() error { _, err := b.handle.Link("eth0", Config{}); return err }(),
		"state":        func() error { _, err := link.State(); return err }(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s on a closed handle: %v", what, err)
		}
	}
	goleak.VerifyNone(t, before)
}
