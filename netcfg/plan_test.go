package netcfg

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// text is a plan as the tables below have it.
func (p plan) text() string {
	var b strings.Builder
	fmt.Fprintln(&b, p.address)
	for _, r := range p.routes {
		fmt.Fprintln(&b, r)
	}
	for _, n := range p.notes {
		fmt.Fprintln(&b, "#", n)
	}
	return b.String()
}

var planRows = []struct {
	name, lease string
	cfg         Config
	want        string
}{
	{"subnet and router (RFC 2132 3.3, 3.5)", "10.0.0.5/24 route 0.0.0.0/0 10.0.0.1", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			default via 10.0.0.1 src 10.0.0.5 metric 1002`},
	{"no router", "10.0.0.5/24", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`},
	{"metric of the user", "10.0.0.5/24 route 0.0.0.0/0 10.0.0.1", Config{Metric: 7}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 7
			default via 10.0.0.1 src 10.0.0.5 metric 7`},
	{"infinite lease (RFC 2131 3.3)", "10.0.0.5/24 for ever", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft forever
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`},
	{"the longest finite lease is not infinite", "10.0.0.5/24 for 4294967294s", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 2147483647sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`},
	{"lifetime is rounded down", "10.0.0.5/24 for 2900ms", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 2sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`},
	{"lifetime of a live lease is never 0", "10.0.0.5/24 for 100ms", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 1sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`},
	{"no mask, class A (RFC 950)", "10.0.0.5", Config{}, `
			10.0.0.5/8 brd 10.255.255.255 noprefixroute valid_lft 3600sec
			10.0.0.0/8 scope link src 10.0.0.5 metric 1002
			# no subnet mask (option 1): using the natural 8 bits`},
	{"no mask, class B", "172.16.1.5", Config{}, `
			172.16.1.5/16 brd 172.16.255.255 noprefixroute valid_lft 3600sec
			172.16.0.0/16 scope link src 172.16.1.5 metric 1002
			# no subnet mask (option 1): using the natural 16 bits`},
	{"no mask, class C", "192.168.1.5", Config{}, `
			192.168.1.5/24 brd 192.168.1.255 noprefixroute valid_lft 3600sec
			192.168.1.0/24 scope link src 192.168.1.5 metric 1002
			# no subnet mask (option 1): using the natural 24 bits`},
	{"two addresses (RFC 3021)", "10.0.0.4/31 route 0.0.0.0/0 10.0.0.5", Config{}, `
			10.0.0.4/31 noprefixroute valid_lft 3600sec
			10.0.0.4/31 scope link src 10.0.0.4 metric 1002
			default via 10.0.0.5 src 10.0.0.4 metric 1002`},
	{"one address, router elsewhere", "203.0.113.7/32 route 0.0.0.0/0 172.31.1.1", Config{}, `
			203.0.113.7/32 noprefixroute valid_lft 3600sec
			172.31.1.1/32 scope link src 203.0.113.7 metric 1002
			default via 172.31.1.1 src 203.0.113.7 metric 1002 onlink`},
	{"router outside the subnet", "10.99.0.50/24 route 0.0.0.0/0 192.0.2.1", Config{}, `
			10.99.0.50/24 brd 10.99.0.255 noprefixroute valid_lft 3600sec
			10.99.0.0/24 scope link src 10.99.0.50 metric 1002
			192.0.2.1/32 scope link src 10.99.0.50 metric 1002
			default via 192.0.2.1 src 10.99.0.50 metric 1002 onlink`},
	{"router that option 121 puts on the link (RFC 3442)", "10.128.0.2/32 route 0.0.0.0/0 10.128.0.1 route 10.128.0.1/32 0.0.0.0", Config{}, `
			10.128.0.2/32 noprefixroute valid_lft 3600sec
			10.128.0.1/32 scope link src 10.128.0.2 metric 1002
			default via 10.128.0.1 src 10.128.0.2 metric 1002 onlink`},
	{"local subnet routes come before gateways in them (RFC 3442)", "10.0.0.5/24 route 0.0.0.0/0 169.254.1.1 route 169.254.0.0/16 0.0.0.0 route 192.168.5.0/24 -", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			169.254.0.0/16 scope link src 10.0.0.5 metric 1002
			192.168.5.0/24 scope link src 10.0.0.5 metric 1002
			default via 169.254.1.1 src 10.0.0.5 metric 1002 onlink`},
	{"default route on the link", "10.0.0.5/24 route 0.0.0.0/0 0.0.0.0 route 8.0.0.0/8 9.9.9.9", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			default scope link src 10.0.0.5 metric 1002
			9.9.9.9/32 scope link src 10.0.0.5 metric 1002
			8.0.0.0/8 via 9.9.9.9 src 10.0.0.5 metric 1002 onlink`},
	{"two routes through one gateway outside", "10.0.0.5/24 route 8.0.0.0/8 9.9.9.9 route 0.0.0.0/0 9.9.9.9", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			9.9.9.9/32 scope link src 10.0.0.5 metric 1002
			8.0.0.0/8 via 9.9.9.9 src 10.0.0.5 metric 1002 onlink
			default via 9.9.9.9 src 10.0.0.5 metric 1002 onlink`},
	{"gateway that the lease routes elsewhere", "10.0.0.5/24 route 0.0.0.0/0 9.9.9.9 route 9.9.9.9/32 10.0.0.1", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			default via 9.9.9.9 src 10.0.0.5 metric 1002 onlink
			9.9.9.9/32 via 10.0.0.1 src 10.0.0.5 metric 1002`},
	{"host bits are cut off (RFC 3442)", "10.0.0.5/24 route 129.210.177.132/25 10.0.0.1", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			129.210.177.128/25 via 10.0.0.1 src 10.0.0.5 metric 1002`},
	{"the first of several routers (RFC 2132 3.5)", "10.0.0.5/24 route 0.0.0.0/0 10.0.0.8 route 0.0.0.0/0 10.0.0.7 route 0.0.0.0/0 10.0.0.8", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			default via 10.0.0.8 src 10.0.0.5 metric 1002`},
	{"the first valid router", "10.0.0.5/24 route 0.0.0.0/0 10.0.0.5 route 0.0.0.0/0 10.0.0.1", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			default via 10.0.0.1 src 10.0.0.5 metric 1002
			# route 0.0.0.0/0 via 10.0.0.5: gateway is the leased address`},
	{"the leased subnet cannot be sent away", "10.0.0.5/24 route 10.0.0.0/24 10.0.0.66", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`},
	{"gateways that no station has", "10.0.0.5/24 brd 10.255.255.255 route 1.0.0.0/8 255.255.255.255 route 2.0.0.0/8 10.0.0.255 route 3.0.0.0/8 10.0.0.0 " +
		"route 4.0.0.0/8 224.0.0.1 route 5.0.0.0/8 127.0.0.1 route 6.0.0.0/8 240.0.0.1 route 7.0.0.0/8 0.1.2.3 route 8.0.0.0/8 10.255.255.255 route 9.0.0.0/8 fe80::1", Config{}, `
			10.0.0.5/24 brd 10.255.255.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			# route 1.0.0.0/8 via 255.255.255.255: gateway is in 240.0.0.0/4
			# route 2.0.0.0/8 via 10.0.0.255: gateway is the address of the subnet
			# route 3.0.0.0/8 via 10.0.0.0: gateway is the address of the subnet
			# route 4.0.0.0/8 via 224.0.0.1: gateway is a multicast address
			# route 5.0.0.0/8 via 127.0.0.1: gateway is a loopback address
			# route 6.0.0.0/8 via 240.0.0.1: gateway is in 240.0.0.0/4
			# route 7.0.0.0/8 via 0.1.2.3: gateway is in 0.0.0.0/8
			# route 8.0.0.0/8 via 10.255.255.255: gateway is the broadcast address
			# route 9.0.0.0/8 via fe80::1: gateway is not an IPv4 address`},
	{"destinations that are refused", "10.0.0.5/24 route 127.0.0.0/8 10.0.0.1 route 255.255.255.255/32 10.0.0.1 route ::/0 10.0.0.1", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			# route 127.0.0.0/8 via 10.0.0.1: destination is loopback
			# route 255.255.255.255/32 via 10.0.0.1: destination is broadcast
			# route ::/0 via 10.0.0.1: not an IPv4 destination`},
	{"broadcast address that is a station's", "10.0.0.5/24 brd 10.0.0.1 route 0.0.0.0/0 10.0.0.1", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			default via 10.0.0.1 src 10.0.0.5 metric 1002
			# broadcast address 10.0.0.1 (option 28) does not fit 10.0.0.5/24: using 10.0.0.255`},
	{"limited broadcast address", "10.0.0.5/24 brd 255.255.255.255", Config{}, `
			10.0.0.5/24 brd 255.255.255.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`},
	{"MTU on every route (RFC 2132 5.1)", "10.0.0.5/24 mtu 1400 route 0.0.0.0/0 192.0.2.1 route 192.168.5.0/24 0.0.0.0", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002 mtu 1400
			192.168.5.0/24 scope link src 10.0.0.5 metric 1002 mtu 1400
			192.0.2.1/32 scope link src 10.0.0.5 metric 1002 mtu 1400
			default via 192.0.2.1 src 10.0.0.5 metric 1002 mtu 1400 onlink`},
	{"MTU that is too small", "10.0.0.5/24 mtu 68", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002 mtu 576
			# MTU 68 (option 26) is too small: using 576`},
	{"MTU that is the link's", "10.0.0.5/24 mtu 1500", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`},
	{"MTU that the link does not have", "10.0.0.5/24 mtu 9000", Config{}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			# MTU 9000 (option 26) is more than the link's 1500`},
	{"MTU below the floor", "10.0.0.5/24 mtu 1200", Config{MinMTU: 1280}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002 mtu 1280
			# MTU 1200 (option 26) is too small: using 1280`},
	{"MTU above the ceiling", "10.0.0.5/24 mtu 1450", Config{MaxMTU: 1400}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002 mtu 1400
			# MTU 1450 (option 26) is more than is allowed: using 1400`},
	{"MTU within the limits", "10.0.0.5/24 mtu 1300", Config{MinMTU: 1280, MaxMTU: 1400}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002 mtu 1300`},
	{"no more routes than are wanted", "10.0.0.5/24 route 1.0.0.0/8 10.0.0.1 route 2.0.0.0/8 10.0.0.1 route 0.0.0.0/0 10.0.0.1", Config{MaxRoutes: 1}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			1.0.0.0/8 via 10.0.0.1 src 10.0.0.5 metric 1002
			# routes: only the first 1 of 3 are used`},
	{"MTU that is not wanted", "10.0.0.5/24 mtu 1400", Config{NoMTU: true}, `
			10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`},
}

func TestPlan(t *testing.T) {
	for _, tt := range planRows {
		t.Run(tt.name, func(t *testing.T) {
			l := newLease(t, tt.lease)
			p, err := planLease(l, tt.cfg, facts{index: 2, mtu: 1500}, l.Start)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "plan", p.text(), tt.want)
		})
	}
}

// A tunnel's traffic is drawn out of it by routes that are more specific than
// the tunnel's (CVE-2024-3661).
func TestPlan_RoutePolicy(t *testing.T) {
	const text = "10.0.0.5/24 route 0.0.0.0/1 10.0.0.66 route 10.0.0.128/25 10.0.0.66 route 10.0.0.0/8 0.0.0.0 route 0.0.0.0/0 192.0.2.1"
	want := map[Routes]string{
		RoutesAll: `
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			10.0.0.0/8 scope link src 10.0.0.5 metric 1002
			0.0.0.0/1 via 10.0.0.66 src 10.0.0.5 metric 1002
			10.0.0.128/25 via 10.0.0.66 src 10.0.0.5 metric 1002
			192.0.2.1/32 scope link src 10.0.0.5 metric 1002
			default via 192.0.2.1 src 10.0.0.5 metric 1002 onlink`,
		RoutesSubnet: `
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			10.0.0.128/25 via 10.0.0.66 src 10.0.0.5 metric 1002
			default via 192.0.2.1 src 10.0.0.5 metric 1002 onlink
			# refused by the policy subnet: route 0.0.0.0/1 via 10.0.0.66 and 1 more`,
		RoutesDefault: `
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002
			default via 192.0.2.1 src 10.0.0.5 metric 1002 onlink
			# refused by the policy default: route 0.0.0.0/1 via 10.0.0.66 and 1 more`,
		RoutesNone: `
			10.0.0.0/24 scope link src 10.0.0.5 metric 1002`,
	}
	for policy, routes := range want {
		t.Run(policy.String(), func(t *testing.T) {
			l := newLease(t, text)
			p, err := planLease(l, Config{Routes: policy}, facts{index: 2, mtu: 1500}, l.Start)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "plan", p.text(), "10.0.0.5/24 brd 10.0.0.255 noprefixroute valid_lft 3600sec\n"+routes)
		})
	}
}

// A gateway outside of the subnet is a host of the server's choice: a route to it is
// one more that goes before a VPN's, which only the policy all takes (CVE-2024-3661).
func TestPlan_NoRouteToGatewaysPastThePolicy(t *testing.T) {
	const text = "10.0.0.5/24 route 10.0.0.128/26 8.8.8.8 route 10.0.0.192/26 9.9.9.9 route 0.0.0.0/0 1.1.1.1"
	for policy, doors := range map[Routes]int{RoutesAll: 3, RoutesSubnet: 0, RoutesDefault: 0, RoutesNone: 0} {
		l := newLease(t, text)
		p, err := planLease(l, Config{Routes: policy}, facts{index: 2, mtu: 1500}, l.Start)
		if err != nil {
			t.Fatal(err)
		}
		hosts := 0
		for _, r := range p.routes {
			if r.dst.Bits() == 32 {
				hosts++
			}
		}
		if hosts != doors || len(p.drawn) != doors {
			t.Errorf("%v: %d routes to hosts, of which %d are said, want %d", policy, hosts, len(p.drawn), doors)
		}
	}
}

// Routes that are installed and draw traffic out of the default route are named
// once, and again when they change.
func TestApply_DrawnRoutesAreSaid(t *testing.T) {
	b := newBench(t)
	link := b.link(t, "eth0", Config{})
	plain := newLease(t, lease5+" route 10.0.0.128/25 10.0.0.66")
	drawing := newLease(t, lease5+" route 0.0.0.0/1 10.0.0.66 route 128.0.0.0/1 0.0.0.0")
	for _, l := range []*lease.Lease{plain, drawing, drawing, plain, drawing} {
		if err := link.Apply(t.Context(), l, nil); err != nil {
			t.Fatal(err)
		}
	}
	const line = `msg="routes that take precedence over the default route: route 0.0.0.0/1 via 10.0.0.66 and 1 more"`
	if got := b.log.String(); strings.Count(got, line) != 2 || strings.Count(got, "precedence") != 2 {
		t.Errorf("log\n%s", got)
	}
}

func TestPlan_RefusesWhatIsNoLease(t *testing.T) {
	for text, want := range map[string]string{
		"0.0.0.0/24":         "in 0.0.0.0/8",
		"127.0.0.1/8":        "loopback",
		"224.0.0.5/24":       "multicast",
		"255.255.255.255/24": "in 240.0.0.0/4",
		"fe80::1":            "not an IPv4 address",
		"10.0.0.5/24 for 0s": "expired",
	} {
		l := newLease(t, text)
		if _, err := planLease(l, Config{}, facts{index: 2}, l.Start); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("plan of %s: %v, want an error about %q", text, err, want)
		}
	}
	l := newLease(t, "10.0.0.5/24 for 10s")
	if _, err := planLease(l, Config{}, facts{index: 2}, l.Start.Add(10*time.Second)); err == nil {
		t.Error("a lease is planned at the moment when it ends")
	}
}

func TestPlan_CapsRoutesAndNotes(t *testing.T) {
	l := newLease(t, "10.0.0.5/24")
	for i := range 4000 {
		b := binary.BigEndian.AppendUint32(nil, 0x14000000+uint32(i)<<8)
		dst, _ := netip.AddrFromSlice(b)
		gateway := netip.MustParseAddr("10.0.0.1")
		if i%2 == 1 {
			gateway = l.Address
		}
		l.Routes = append(l.Routes, lease.Route{Dst: netip.PrefixFrom(dst, 24), Gateway: gateway})
	}
	p, err := planLease(l, Config{}, facts{index: 2}, l.Start)
	if err != nil {
		t.Fatal(err)
	}
	if got := len(p.routes); got != maxRoutes+1 {
		t.Errorf("%d routes, want %d and the subnet's", got, maxRoutes)
	}
	if got := len(p.notes); got != maxNotes+1 || !strings.HasPrefix(p.notes[maxNotes], "and ") {
		t.Errorf("%d notes, the last of them %q", got, p.notes[got-1])
	}
	// Without the bad ones the cap is what there is to say.
	l.Routes = slices.DeleteFunc(l.Routes, func(r lease.Route) bool { return r.Gateway == l.Address })
	p, _ = planLease(l, Config{}, facts{index: 2}, l.Start)
	if want := "routes: only the first 512 of 2000 are used"; !slices.Equal(p.notes, []string{want}) {
		t.Errorf("notes %q, want %q", p.notes, want)
	}
}

func TestConfig_Limits(t *testing.T) {
	for _, tt := range []struct {
		cfg Config
		ok  bool
	}{
		{Config{Table: 1}, true}, {Config{Table: math.MaxInt32}, true}, {Config{Table: -1}, false}, {Config{Table: 255}, false},
		{Config{MaxRoutes: 512}, true}, {Config{MaxRoutes: 513}, false}, {Config{MaxRoutes: -1}, false},
		{Config{MinMTU: 68, MaxMTU: 68}, true}, {Config{MinMTU: 67}, false}, {Config{MaxMTU: 65536}, false}, {Config{MinMTU: -1}, false},
		{Config{MinMTU: 1280, MaxMTU: 1279}, false}, {Config{MaxMTU: 575}, false}, {Config{MaxMTU: 576}, true},
	} {
		if err := tt.cfg.check(); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt.cfg, err)
		}
	}
}

func TestConfig_Metric(t *testing.T) {
	for metric, ok := range map[int]bool{0: true, 1: true, math.MaxInt32: true, -1: false, math.MinInt32: false} {
		if err := (Config{Metric: metric}).check(); (err == nil) != ok {
			t.Errorf("metric %d: %v", metric, err)
		}
	}
}

func TestRoutes_Names(t *testing.T) {
	for r := RoutesAll; r <= RoutesNone; r++ {
		if got, err := ParseRoutes(r.String()); err != nil || got != r {
			t.Errorf("%v is read as %v, %v", r, got, err)
		}
	}
	if _, err := ParseRoutes("some"); err == nil {
		t.Error("an unknown name is read")
	}
	if got := Routes(9).String(); got != "Routes(9)" {
		t.Errorf("unknown policy is %q", got)
	}
	p := planner{cfg: Config{Routes: Routes(9)}}
	if p.allowed(netip.MustParsePrefix("0.0.0.0/0")) {
		t.Error("an unknown policy allows a route")
	}
}

// FuzzPlan takes any lease: a plan never panics, and what it wants is taken by
// a kernel, in its order, whatever the policy.
func FuzzPlan(f *testing.F) {
	f.Add([]byte{10, 0, 0, 5}, 24, []byte{10, 0, 0, 255}, 3600, 1400, []byte{0, 0, 0, 0, 0, 10, 0, 0, 1}, uint8(0))
	f.Add([]byte{203, 0, 113, 7}, 32, []byte{}, 60, 68, []byte{0, 0, 0, 0, 0, 172, 31, 1, 1, 172, 31, 1, 1, 32, 0, 0, 0, 0}, uint8(1))
	f.Add([]byte{192, 168, 0, 2}, 0, []byte{192, 168, 0, 1}, 0, 65535, []byte{192, 168, 0, 0, 16, 192, 168, 0, 1, 8, 8, 8, 8, 99, 1, 2, 3, 4}, uint8(2))
	f.Add([]byte{10, 0, 0, 4}, 31, []byte{10, 0, 0, 5}, math.MaxInt32, -1, []byte{9, 9, 9, 9, 32, 9, 9, 9, 9, 0, 0, 0, 0, 0, 9, 9, 9, 9}, uint8(3))
	f.Fuzz(func(t *testing.T, addr []byte, bits int, brd []byte, valid, mtu int, routes []byte, policy uint8) {
		l := &lease.Lease{Start: time.Unix(1e9, 0), Valid: time.Duration(valid) * time.Second, Bits: bits, MTU: mtu}
		l.Address, _ = netip.AddrFromSlice(addr)
		l.Broadcast, _ = netip.AddrFromSlice(brd)
		for ; len(routes) >= 9; routes = routes[9:] {
			dst, _ := netip.AddrFromSlice(routes[:4])
			r := lease.Route{Dst: netip.PrefixFrom(dst, int(int8(routes[4])))}
			r.Gateway, _ = netip.AddrFromSlice(routes[5:9])
			l.Routes = append(l.Routes, r)
		}
		p, err := planLease(l, Config{Routes: Routes(policy)}, facts{index: 2, mtu: 1500}, l.Start)
		if err != nil {
			return
		}
		k := &fakeKernel{addresses: map[int][]address{}}
		for _, c := range diff(&p, state{}, owned{}) {
			if err := k.change(2, c); err != nil {
				t.Errorf("kernel refuses %v: %v", c, err)
			}
		}
		have, _ := k.read(2)
		if len(have.addresses) != 1 || len(have.routes) != len(p.routes) {
			t.Errorf("plan\n%s\nbecame\n%v", p.text(), k)
		}
		seen := map[netip.Prefix]bool{}
		for _, r := range p.routes {
			if seen[r.dst] {
				t.Errorf("two routes to %v in\n%s", r.dst, p.text())
			}
			seen[r.dst] = true
		}
		if again := diff(&p, have, owned{}); len(again) != 0 {
			t.Errorf("applied once, there is still to do: %v", again)
		}
		for _, c := range diff(nil, have, ownership(nil, []*lease.Lease{l}, 1002)) {
			if err := k.change(2, c); err != nil {
				t.Errorf("kernel refuses %v: %v", c, err)
			}
		}
		if rest := k.String(); rest != "" {
			t.Errorf("removed, this is left:\n%s", rest)
		}
	})
}
