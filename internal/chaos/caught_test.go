package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A crime is something that a client must never do, done by hand to a link with
// a lease, and what the judge has to say.
type crime struct {
	name string
	// do is given the leased address, and returns what undoes it.
	do   func(l *lab, a netip.Prefix) (undo func())
	want string
	// heals says that the client itself undoes it with the next renewal, which
	// may come before the judge has seen it for long enough.
	heals bool
}

var crimes = []crime{
	{"an address that nobody granted", func(l *lab, _ netip.Prefix) func() {
		return l.put(&netlink.Addr{IPNet: net4(netip.MustParsePrefix("192.0.2.211/24")), Flags: unix.IFA_F_NOPREFIXROUTE, ValidLft: 60, PreferedLft: 60})
	}, "192.0.2.211/24 is on the link, but no server has acknowledged it", false},
	{"a second address", func(l *lab, _ netip.Prefix) func() {
		return l.put(&netlink.Addr{IPNet: net4(netip.MustParsePrefix("192.0.2.212/24")), Flags: unix.IFA_F_NOPREFIXROUTE, ValidLft: 60, PreferedLft: 60})
	}, "more than one address of ours", false},
	{"an address that nobody granted, for a moment", func(l *lab, a netip.Prefix) func() {
		undo := l.put(&netlink.Addr{IPNet: net4(netip.MustParsePrefix("192.0.2.213/24")), ValidLft: 60, PreferedLft: 60})
		undo()
		return func() {}
	}, "address 192.0.2.213/24 was set, but no server", false},
	{"a second default route", func(l *lab, a netip.Prefix) func() {
		return l.lay(&netlink.Route{Dst: net4(netip.MustParsePrefix("0.0.0.0/0")), Src: a.Addr().AsSlice(), Priority: 77})
	}, "more than one default route of ours", false},
	{"a route without an address", func(l *lab, a netip.Prefix) func() {
		return l.lay(&netlink.Route{Dst: net4(netip.MustParsePrefix("203.0.113.0/24")), Scope: unix.RT_SCOPE_LINK})
	}, "without its address", false},
	{"the administrator's address", func(l *lab, a netip.Prefix) func() {
		l.toggleAddress(adminAddresses[0])
		l.must("remove an address", l.cli.AddrDel(l.link, &netlink.Addr{IPNet: net4(adminAddresses[0])}))
		return func() { l.judge.permit(func(addrs map[netip.Prefix]bool, _ map[string]route) { clear(addrs) }) }
	}, "the administrator's address 198.18.7.1/24 is gone", false},
	{"half a resolver file", func(l *lab, _ netip.Prefix) func() {
		b, err := os.ReadFile(l.resolv())
		l.must("read the resolver file", err)
		l.must("write half of it", os.WriteFile(l.resolv(), b[:len(b)/2], 0o644))
		return func() { l.must("write it", os.WriteFile(l.resolv(), b, 0o644)) }
	}, "the resolver file is without what stood there before", false},
	{"a torn lease file", func(l *lab, _ netip.Prefix) func() {
		b, err := os.ReadFile(l.store.File())
		l.must("read the lease file", err)
		l.must("write half of it", os.WriteFile(l.store.File(), b[:len(b)/2], 0o644))
		return func() { l.must("write it", os.WriteFile(l.store.File(), b, 0o644)) }
	}, "the lease file cannot be read", true},
	{"descriptors without end", func(l *lab, _ netip.Prefix) func() {
		l.inspect()
		l.client.fds -= moreFDs + 1
		l.inspect()
		return func() {}
	}, "the client takes", false},
	{"no lease in time", func(l *lab, a netip.Prefix) func() {
		l.signal(syscall.SIGUSR2)
		for held := true; held; _, held = l.address() {
			time.Sleep(lookEvery)
		}
		l.leased(time.Second, false)
		return func() {}
	}, "no lease in 1s on a network that is well", false},
	{"an end by itself", func(l *lab, a netip.Prefix) func() {
		l.must("kill the client", l.client.cmd.Process.Kill())
		<-l.client.ended
		return func() {}
	}, "the client ended by itself", false},
}

func (l *lab) put(a *netlink.Addr) (undo func()) {
	l.must("add an address", l.cli.AddrAdd(l.link, a))
	return func() { l.must("remove an address", l.cli.AddrDel(l.link, a)) }
}

func (l *lab) lay(r *netlink.Route) (undo func()) {
	r.LinkIndex, r.Protocol = l.link.Attrs().Index, unix.RTPROT_DHCP
	l.must("add a route", l.cli.RouteAdd(r))
	return func() { l.must("remove a route", l.cli.RouteDel(r)) }
}

// What a client must not do is seen, on a real link. Each of these is done by
// hand, behind the judge's back.
func TestCaught(t *testing.T) {
	t.Parallel()
	path := require(t)
	s := &stage{}
	err := s.act(func() {
		l := newLab(context.Background(), s, 0, 0, path, t.Logf)
		l.watch()
		l.home[0].opts.Lease = time.Hour
		l.home[0].stop()
		l.home[0].start()
		l.start([]string{"--acd=off"})
		if got := l.leased(calmLimit, false); len(l.judge.violations()) > 0 {
			t.Error(got, l.judge.violations())
			return
		}
		for _, c := range crimes {
			l.judge.forgive()
			a, _ := l.address()
			undo := c.do(l, a.prefix)
			caught := l.catches(c.want)
			if !caught && c.heals {
				undo()
				undo = c.do(l, a.prefix)
				caught = l.catches(c.want)
			}
			if !caught {
				t.Errorf("%s was not seen; the judge has %q, and has seen:\n%s", c.name, l.judge.violations(), l.judge.diary.tail(40))
				b, err := os.ReadFile(l.store.File())
				t.Logf("%s %v; client:\n%s", b, err, l.client.log)
			}
			undo()
			time.Sleep(2 * lookEvery) // until it is seen that it is over
		}
	})
	if err != nil {
		t.Error(err)
	}
}

// forgive forgets what was found.
func (j *judge) forgive() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.verdict, j.resolver.told = nil, false
	clear(j.bad)
}

// catches waits for a violation.
func (l *lab) catches(want string) bool {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(lookEvery) {
		if slices.ContainsFunc(l.judge.violations(), func(v string) bool { return strings.Contains(v, want) }) {
			return true
		}
	}
	return false
}
