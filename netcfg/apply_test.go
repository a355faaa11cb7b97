package netcfg

import (
	"bufio"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

func TestApply_LeavesWhatIsNotOurs(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{Metric: 1002})
	b.IP(t, "address", "add", "192.0.2.9/24", "dev", "eth0")
	b.IP(t, "route", "add", "198.51.100.0/24", "via", "192.0.2.1")
	b.IP(t, "route", "add", "default", "via", "192.0.2.1", "metric", "1002") // our key, not ours
	foreign := b.IP(t, "route") + b.IP(t, "address", "show", "dev", "eth0", "permanent")

	first, second := newLease(t, lease5), newLease(t, "10.0.0.6/24 route 0.0.0.0/0 10.0.0.4")
	for _, next := range []*lease.Lease{first, second, nil} {
		if err := link.Apply(t.Context(), next, []*lease.Lease{first, second}); err != nil {
			t.Fatal(err)
		}
		if next == nil {
			break
		}
		// An address added after ours is secondary to it, and must not go with it.
		if next == first {
			b.IP(t, "address", "add", "10.0.0.200/24", "dev", "eth0")
		}
		if got := b.IP(t, "route", "show", "default"); strings.Count(got, "via 10.0.0.") != 1 || !strings.Contains(got, "via 192.0.2.1") {
			t.Errorf("default routes:\n%s", got)
		}
	}
	if got := b.IP(t, "address", "show", "dev", "eth0"); strings.Count(got, "inet ") != 2 || !strings.Contains(got, "10.0.0.200/24") {
		t.Errorf("addresses:\n%s", got)
	}
	b.IP(t, "address", "del", "10.0.0.200/24", "dev", "eth0")
	compare(t, "foreign", b.IP(t, "route")+b.IP(t, "address", "show", "dev", "eth0", "permanent"), foreign)
}

// An administrator's permanent address is leased: it stays what it is, also
// when the lease never expires and so would explain it.
func TestApply_PermanentAddressIsNotOurs(t *testing.T) {
	for _, text := range []string{lease5, lease5 + " for ever"} {
		b := newBench(t)
		link := b.link(t, "eth0", Config{})
		b.IP(t, "address", "add", "10.0.0.5/24", "dev", "eth0")
		before := b.IP(t, "address", "show", "dev", "eth0") + b.IP(t, "route")
		l := newLease(t, text)
		var prev []*lease.Lease
		for range 3 { // as a client applies and renews
			if err := link.Apply(t.Context(), l, prev); err != nil {
				t.Fatal(err)
			}
			prev = []*lease.Lease{l}
			if got := b.IP(t, "route", "show", "default"); !strings.Contains(got, "via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5") {
				t.Errorf("lease %q: default route %q", text, got)
			}
		}
		if err := link.Apply(t.Context(), nil, prev); err != nil {
			t.Fatal(err)
		}
		compare(t, text, b.IP(t, "address", "show", "dev", "eth0")+b.IP(t, "route"), before)
		const line = `level=INFO msg="permanent address is not ours`
		if got := b.log.String(); strings.Count(got, line) != 1 || !strings.Contains(got, "address=10.0.0.5/24") {
			t.Errorf("lease %q: log\n%s", text, got)
		}
		// The administrator takes it away, the client gets it: now it is ours.
		b.IP(t, "address", "del", "10.0.0.5/24", "dev", "eth0")
		for _, next := range []*lease.Lease{l, l, nil} {
			if err := link.Apply(t.Context(), next, prev); err != nil {
				t.Fatal(err)
			}
		}
		compare(t, text+" without it", b.state(t, link.index), "")
	}
}

// A route of another program that prefers our address and has another metric.
func TestApply_RoutesOfOthers(t *testing.T) {
	b := newBench(t)
	l := newLease(t, lease5)
	if err := b.link(t, "eth0", Config{Metric: 50}).Apply(t.Context(), l, nil); err != nil {
		t.Fatal(err)
	}
	b.IP(t, "route", "add", "8.0.0.0/8", "via", "10.0.0.1", "src", "10.0.0.5", "metric", "7", "proto", "dhcp")
	// The next process has another metric.
	link := b.link(t, "eth0", Config{Metric: 60})
	if err := link.Apply(t.Context(), l, []*lease.Lease{l}); err != nil {
		t.Fatal(err)
	}
	compare(t, "kernel", sorted(b.state(t, link.index)), sorted(`
		2: address 10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
		2: route 10.0.0.0/24 scope link src 10.0.0.5 metric 60 proto dhcp
		2: route 8.0.0.0/8 via 10.0.0.1 src 10.0.0.5 metric 7 proto dhcp
		2: route default via 10.0.0.1 src 10.0.0.5 metric 60 proto dhcp`))
}

// A monitor is `ip monitor` of a namespace.
type monitorOutput struct {
	*bench
	out *bufio.Scanner
}

func (b *bench) monitor(t *testing.T) *monitorOutput {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := b.Command(ctx, "ip", "-o", "monitor", "address", "route")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed
	})
	m := &monitorOutput{b, bufio.NewScanner(io.Reader(out))}
	seen := make(chan bool)
	go func() { m.out.Scan(); close(seen) }()
	for { // it says nothing when it is ready
		b.IP(t, "address", "add", "127.9.9.8/32", "dev", "lo")
		b.IP(t, "address", "del", "127.9.9.8/32", "dev", "lo")
		select {
		case <-seen:
			m.until(t, "127.9.9.9")
			return m
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// until sets a mark and returns what was said before it.
func (m *monitorOutput) until(t *testing.T, mark string) (said []string) {
	t.Helper()
	m.IP(t, "address", "add", mark+"/32", "dev", "lo")
	for m.out.Scan() {
		switch line := m.out.Text(); {
		case strings.Contains(line, mark):
			return said
		case !strings.Contains(line, "127.9.9."):
			said = append(said, line)
		}
	}
	t.Fatal("monitor ended")
	return nil
}

func TestApply_RenewsInPlace_RFC2131_4_4_5(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	const text = "10.0.0.5/24 mtu 1400 route 0.0.0.0/0 10.0.0.1 route 8.0.0.0/8 192.0.2.1 route 192.168.7.0/24 0.0.0.0"
	held := newLease(t, text)
	if err := link.Apply(t.Context(), held, nil); err != nil {
		t.Fatal(err)
	}
	before := b.IP(t, "route")
	m := b.monitor(t)
	for range 3 {
		held.Valid += time.Hour
		if err := link.Apply(t.Context(), held, []*lease.Lease{newLease(t, text)}); err != nil {
			t.Fatal(err)
		}
	}
	said := m.until(t, "127.9.9.1")
	if len(said) != 3 || slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "Deleted") || !strings.Contains(s, "10.0.0.5/24") }) {
		t.Errorf("three renewals were seen as:\n%s", strings.Join(said, "\n"))
	}
	if err := link.Apply(t.Context(), held, nil); err != nil {
		t.Fatal(err)
	}
	if said := m.until(t, "127.9.9.2"); len(said) != 0 {
		t.Errorf("nothing new was seen as:\n%s", strings.Join(said, "\n"))
	}
	compare(t, "routes", b.IP(t, "route"), before)
	if got := b.IP(t, "address", "show", "dev", "eth0"); !strings.Contains(got, "valid_lft 143") || !strings.Contains(got, "preferred_lft 143") {
		t.Errorf("address:\n%s", got)
	}
}

// The client is dead; the kernel takes the address off, and the routes with it.
func TestApply_KernelExpires_RFC2131_4_4_5(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	watch := watchLink(t, link)
	l := newLease(t, "10.0.0.5/24 for 2s route 0.0.0.0/0 10.0.0.1 route 8.0.0.0/8 192.0.2.1 route 192.168.7.0/24 0.0.0.0")
	if err := link.Apply(t.Context(), l, nil); err != nil {
		t.Fatal(err)
	}
	b.IP(t, "address", "add", "10.0.0.200/24", "dev", "eth0", "noprefixroute")
	watch.until(t, "both addresses", func(s lease.LinkState) bool { return len(s.Addresses) == 2 })
	watch.until(t, "our address expired", func(s lease.LinkState) bool { return len(s.Addresses) == 1 })
	if late := lease.Now().Sub(l.ExpireAt()); late > 1500*time.Millisecond {
		t.Errorf("the address outlived its lease by %v", late)
	}
	compare(t, "what is left", b.state(t, link.index), `
		2: address 10.0.0.200/24 noprefixroute valid_lft forever`)
}

func TestApply_Failures(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	if err := link.Apply(t.Context(), newLease(t, lease5+" for 0s"), nil); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("expired lease: %v", err)
	}
	if err := link.Apply(t.Context(), newLease(t, "224.0.0.1/24"), nil); err == nil {
		t.Error("a multicast address was leased")
	}
	b.IP(t, "link", "del", "eth0")
	if err := link.Apply(t.Context(), newLease(t, lease5), nil); !errors.Is(err, ErrNoLink) {
		t.Errorf("link that is gone: %v", err)
	}
	if err := link.Apply(t.Context(), nil, []*lease.Lease{newLease(t, lease5)}); err != nil {
		t.Errorf("there is nothing to remove from a link that is gone: %v", err)
	}
	if err := link.Up(); !errors.Is(err, ErrNoLink) {
		t.Errorf("bring up a link that is gone: %v", err)
	}
}

// capabilities runs f on an OS thread that has these only, and then ends.
func capabilities(t *testing.T, effective uint32, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		data := [2]unix.CapUserData{{Effective: effective, Permitted: effective}}
		err := unix.Capset(&head, &data[0])
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("capset: %v", err)
	}
}

func TestApply_NeedsNetAdminOnly(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{LinkMTU: true})
	l := newLease(t, lease5+" mtu 1400")
	capabilities(t, 1<<unix.CAP_NET_ADMIN, func() {
		if err := link.Up(); err != nil {
			t.Error(err)
		}
		if err := link.Apply(context.Background(), l, nil); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		if err := link.Watch(ctx, func(s lease.LinkState) { cancel() }); err != nil {
			t.Error(err)
		}
	})
	capabilities(t, 0, func() {
		held := *l
		held.Valid *= 2
		// It is on the link, so it is no failure; what could not be done is told.
		if err := link.Apply(context.Background(), &held, nil); err != nil {
			t.Errorf("a renewal that cannot be told to the kernel: %v", err)
		}
		if err := link.Apply(context.Background(), newLease(t, "10.0.0.6/24"), nil); !errors.Is(err, unix.EPERM) {
			t.Errorf("new address without the right to: %v", err)
		}
		if err := link.Apply(context.Background(), nil, []*lease.Lease{l}); !errors.Is(err, unix.EPERM) {
			t.Errorf("removal without the right to: %v", err)
		}
	})
	if got := b.log.String(); !strings.Contains(got, "addresses were refused") {
		t.Errorf("nobody was told that the lifetime stays: %s", got)
	}
}

func TestApply_NotesAreLoggedOnce(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	for range 3 {
		l := newLease(t, "10.0.0.5 mtu 68 route 0.0.0.0/0 10.0.0.5")
		if err := link.Apply(t.Context(), l, nil); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(b.log.String(), "not applied as it came"); got != 1 {
		t.Errorf("logged %d times:\n%s", got, b.log)
	}
}

func TestApply_LinkMTU_RFC2132_5_1(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{LinkMTU: true})
	steps := []struct {
		name, lease string
		mtu         string
	}{
		{"lowered", lease5 + " mtu 1400", "mtu 1400 "},
		{"the same again", lease5 + " mtu 1400", "mtu 1400 "},
		{"lowered further", lease5 + " mtu 1300", "mtu 1300 "},
		{"too small", lease5 + " mtu 68", "mtu 576 "},
		{"the server says nothing any more", lease5, "mtu 1500 "},
		{"again", lease5 + " mtu 1400", "mtu 1400 "},
		{"lease lost", "", "mtu 1500 "},
	}
	for _, s := range steps {
		var next *lease.Lease
		if s.lease != "" {
			next = newLease(t, s.lease)
		}
		if err := link.Apply(t.Context(), next, []*lease.Lease{newLease(t, lease5)}); err != nil {
			t.Fatal(err)
		}
		if got := b.IP(t, "link", "show", "eth0"); !strings.Contains(got, s.mtu) {
			t.Errorf("%s: %s, want %s", s.name, got, s.mtu)
		}
		if got := b.IP(t, "route"); strings.Contains(got, "mtu") {
			t.Errorf("%s: the link has it already, routes need no MTU:\n%s", s.name, got)
		}
	}
	// Changed by somebody else, it is theirs.
	if err := link.Apply(t.Context(), newLease(t, lease5+" mtu 1400"), nil); err != nil {
		t.Fatal(err)
	}
	b.IP(t, "link", "set", "eth0", "mtu", "1450")
	if err := link.Apply(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := b.IP(t, "link", "show", "eth0"); !strings.Contains(got, "mtu 1450 ") {
		t.Errorf("the administrator's MTU was changed: %s", got)
	}
}

// Two links with default routes: losing the one leaves the other (RFC 2131 3.6).
func TestApply_TwoLinks(t *testing.T) {
	b := newBench(t)
	nettest.Veth(t, b.NS, "eth1", b.far, "eth1")
	eth0, eth1 := b.link(t, "eth0", Config{Metric: 100}), b.link(t, "eth1", Config{Metric: 100})
	l0, l1 := newLease(t, lease5), newLease(t, "10.0.0.6/24 route 0.0.0.0/0 10.0.0.1")
	for _, link := range []*Link{eth0, eth1, eth0, eth1} {
		l := l0
		if link == eth1 {
			l = l1
		}
		if err := link.Apply(t.Context(), l, []*lease.Lease{l}); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.IP(t, "route", "show", "default"); strings.Count(got, "default") != 2 {
		t.Errorf("default routes:\n%s", got)
	}
	if err := eth0.Apply(t.Context(), nil, []*lease.Lease{l0}); err != nil {
		t.Fatal(err)
	}
	compare(t, "the other link", b.state(t, eth0.index, eth1.index), `
		3: address 10.0.0.6/24 brd 10.0.0.255 noprefixroute valid_lft 3599sec
		3: route default via 10.0.0.1 src 10.0.0.6 metric 100 proto dhcp
		3: route 10.0.0.0/24 scope link src 10.0.0.6 metric 100 proto dhcp`)
}
