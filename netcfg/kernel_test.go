package netcfg

import (
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A bench is a namespace with a handle on it, and a link eth0 whose other end,
// also eth0, is in another namespace.
type bench struct {
	*nettest.NS
	far    *nettest.NS
	handle *Namespace
	log    *logBuffer
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{NS: nettest.NewNS(t, "near"), far: nettest.NewNS(t, "far"), log: &logBuffer{}}
	nettest.Veth(t, b.NS, "eth0", b.far, "eth0")
	b.open(t)
	return b
}

func (b *bench) open(t testing.TB) {
	t.Helper()
	b.Do(t, func() {
		var err error
		if b.handle, err = Open(b.log.logger(slog.LevelDebug)); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() {
		if err := b.handle.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func (b *bench) link(t *testing.T, name string, cfg Config) *Link {
	t.Helper()
	l, err := b.handle.Link(name, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// state is what is on the links with these indexes, as a fakeKernel has it: the
// first is 2, the next 3.
func (b *bench) state(t *testing.T, indexes ...int) string {
	t.Helper()
	k := &fakeKernel{addresses: map[int][]address{}}
	// What we have the kernel do is not read with the same eyes.
	var routes []netlink.Route
	var err error
	b.Do(t, func() {
		routes, err = netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	})
	if err != nil && len(routes) > 0 {
		t.Fatal(err)
	}
	for i, index := range indexes {
		if k.addresses[i+2], err = b.handle.addresses(index); err != nil {
			t.Fatal(err)
		}
		for _, r := range routes {
			if r.LinkIndex == index {
				k.table = append(k.table, fakeRoute{fromLibrary(r), i + 2, r.Protocol.String()})
			}
		}
	}
	return k.String()
}

// fromLibrary is a route as the library reads it.
func fromLibrary(r netlink.Route) route {
	out := route{metric: r.Priority, mtu: r.MTU, scope: uint8(r.Scope),
		onLink: r.Flags&int(netlink.FLAG_ONLINK) != 0, boot: r.Protocol == unix.RTPROT_BOOT}
	bits, _ := r.Dst.Mask.Size()
	out.dst = netip.PrefixFrom(addr4(r.Dst.IP.To4()), bits)
	out.gateway, out.source = addr4(r.Gw.To4()), addr4(r.Src.To4())
	return out
}

// sorted is text without what the two kernels may differ in: the order of
// routes, the routes of the kernel itself and a second of lifetime.
func sorted(text string) string {
	out := strings.Split(lines(text), "\n")
	out = slices.DeleteFunc(out, func(s string) bool { return strings.HasSuffix(s, "proto kernel") })
	slices.Sort(out)
	return strings.NewReplacer("3599sec", "3600sec", "1799sec", "1800sec").Replace(strings.Join(out, "\n"))
}

// prepare makes the real kernel what a fake one reads from text.
func (b *bench) prepare(t *testing.T, text string, names map[string]string) {
	t.Helper()
	for line := range strings.SplitSeq(lines(text), "\n") {
		num, rest, _ := strings.Cut(line, ": ")
		words := strings.Fields(rest)
		switch {
		case rest == "" || strings.HasSuffix(rest, "proto kernel"):
		case words[0] == "address":
			words = slices.DeleteFunc(words[1:], func(s string) bool { return s == "secondary" })
			for i, w := range words {
				if w == "peer" { // ip puts the length after the peer
					addr, bits, _ := strings.Cut(words[0], "/")
					words[0], words[i+1] = addr, words[i+1]+"/"+bits
				}
			}
			args := append([]string{"address", "add"}, words...)
			for i, w := range words {
				if w == "valid_lft" {
					lft := strings.TrimSuffix(words[i+1], "sec")
					args[2+i+1] = lft
					args = append(args, "preferred_lft", lft)
				}
			}
			b.IP(t, append(args, "dev", names[num])...)
		default:
			b.IP(t, append(append([]string{"route", "append"}, words[1:]...), "dev", names[num])...)
		}
	}
}

// The scenes end on the real kernel as on the fake one.
func TestFakeKernelIsLikeTheRealOne(t *testing.T) {
	for _, s := range slices.Concat(scenes, adoptions) {
		t.Run(s.name, func(t *testing.T) {
			b := newBench(t)
			nettest.Veth(t, b.NS, "eth1", b.far, "eth1")
			first, second := b.link(t, "eth0", Config{}), b.link(t, "eth1", Config{})
			if !s.noPromote {
				if err := b.handle.setPromote(first.index); err != nil {
					t.Fatal(err)
				}
			}
			b.prepare(t, s.before, map[string]string{"2": "eth0", "3": "eth1"})
			want, own := s.leases(t)
			if _, err := configure(t.Context(), rtnetlink{b.handle, unix.RT_TABLE_MAIN, true}, first.index, want, own, slog.New(slog.DiscardHandler)); err != nil {
				t.Error(err)
			}
			compare(t, "kernel", sorted(b.state(t, first.index, second.index)), sorted(s.then))
		})
	}
}

// Every plan of TestPlan is taken by the real kernel as it is.
func TestKernelTakesEveryPlan(t *testing.T) {
	b := newBench(t)
	for _, tt := range planRows {
		t.Run(tt.name, func(t *testing.T) {
			cfg := tt.cfg
			if cfg.Metric == 0 {
				cfg.Metric = 1002
			}
			link := b.link(t, "eth0", cfg)
			l := newLease(t, tt.lease)
			if err := link.Apply(t.Context(), l, nil); err != nil {
				t.Fatal(err)
			}
			var want strings.Builder
			p, err := planLease(l, cfg, facts{index: link.index, mtu: 1500}, l.Start)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&want, "2: address %v\n", p.address)
			for _, r := range p.routes {
				fmt.Fprintf(&want, "2: route %v proto dhcp\n", r)
			}
			lifetimes := regexp.MustCompile(`valid_lft \d+sec`) // it goes down while we look
			noTime := func(s string) string { return lifetimes.ReplaceAllString(sorted(s), "valid_lft ...") }
			compare(t, "kernel", noTime(b.state(t, link.index)), noTime(want.String()))
			if err := link.Apply(t.Context(), nil, []*lease.Lease{l}); err != nil {
				t.Fatal(err)
			}
			compare(t, "kernel afterwards", b.state(t, link.index), "")
		})
	}
	if got := b.log.String(); strings.Contains(got, "refused") {
		t.Errorf("log: %s", got)
	}
}
