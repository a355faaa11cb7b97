package wire

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

func TestServers_AreFilteredInOrder_OPT15_OPT18(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []string
		want []netip.Addr
	}{
		{"order kept, each once", []string{"10.99.0.4", "10.99.0.3", "10.99.0.4", "0.0.0.0"}, addrs("10.99.0.4", "10.99.0.3")},
		{"none that is a host", []string{"127.0.0.53", "224.0.0.251", "255.255.255.255", "240.0.0.1", "0.0.0.1"}, nil},
		{"of another network", []string{"192.0.2.53"}, addrs("192.0.2.53")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := parsed(t, ack(optAddrs(6, tt.in...), optAddrs(42, tt.in...)))
			if !reflect.DeepEqual(l.DNS, tt.want) || !reflect.DeepEqual(l.NTP, tt.want) {
				t.Errorf("DNS %v, NTP %v; want %v", l.DNS, l.NTP, tt.want)
			}
		})
	}
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprintf("10.99.1.%d", i+1))
	}
	l := parsed(t, ack(optAddrs(6, many...), optAddrs(42, many...)))
	if want := addrs(many[:16]...); !slices.Equal(l.DNS, want) || !slices.Equal(l.NTP, want) {
		t.Errorf("of 20: DNS %v, NTP %v; want the first 16", l.DNS, l.NTP)
	}
}

func TestMTU_RFC2132_5_1_OPT16(t *testing.T) {
	for _, tt := range []struct {
		hi, lo byte
		want   int
	}{
		{0, 0, 0}, {0, 20, 0}, {0, 67, 0}, {0, 68, 68}, {0x02, 0x3f, 575}, {0x05, 0x78, 1400}, {0x23, 0x28, 9000}, {255, 255, 65535},
	} {
		if got := parsed(t, ack(opt(26, tt.hi, tt.lo))).MTU; got != tt.want {
			t.Errorf("option 26 %d: MTU %d, want %d", int(tt.hi)<<8|int(tt.lo), got, tt.want)
		}
	}
}

func TestBroadcast_RFC2132_5_3(t *testing.T) {
	for _, tt := range []struct {
		mask, broadcast string
		want            bool
	}{
		{"255.255.255.0", "10.99.0.255", true},
		{"255.255.255.0", "255.255.255.255", true},
		{"255.255.254.0", "10.99.1.255", true},
		{"255.255.255.0", "10.99.255.255", false},
		{"255.255.255.0", "10.99.1.255", false},
		{"255.255.255.0", "10.99.0.7", false},
		{"255.255.255.0", "10.99.0.50", false},
		{"255.255.255.0", "8.8.8.8", false},
		{"255.255.255.0", "0.0.0.0", false},
		{"255.255.255.254", "10.99.0.51", false}, // RFC 3021
		{"255.255.255.255", "10.99.0.50", false},
		{"255.255.255.255", "255.255.255.255", true},
		{"", "10.99.0.255", true},
		{"", "10.255.255.255", true},
		{"", "10.99.0.51", true}, // of 10.99.0.48/30
		{"", "10.99.0.50", false},
		{"", "10.99.1.255", true}, // of 10.99.0.0/23
		{"", "10.99.2.255", false},
		{"", "8.8.8.8", false},
		{"", "9.255.255.255", false},
	} {
		mask := without(1)
		if tt.mask != "" {
			mask = optAddrs(1, tt.mask)
		}
		l := parsed(t, ack(mask, optAddrs(28, tt.broadcast)))
		if got := l.Broadcast.IsValid(); got != tt.want || got && l.Broadcast.String() != tt.broadcast {
			t.Errorf("mask %q, option 28 %s: %v", tt.mask, tt.broadcast, l.Broadcast)
		}
	}
	for _, tt := range []struct{ yiaddr, broadcast string }{
		{"10.99.0.51", "10.99.0.51"}, // our own
		{"10.99.0.48", "10.99.0.49"}, // of a /31, which has none (RFC 3021)
	} {
		if l := parsed(t, yiaddr(ack(without(1), optAddrs(28, tt.broadcast)), tt.yiaddr)); l.Broadcast.IsValid() {
			t.Errorf("%s, option 28 %s: %v, want none", tt.yiaddr, tt.broadcast, l.Broadcast)
		}
	}
}

func TestCaptivePortal_RFC8910_2_CP01(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"https://portal.example.org/api?x=1#y", "https://portal.example.org/api?x=1#y"},
		{"http://192.0.2.1:8080/", "http://192.0.2.1:8080/"},
		{"HTTPS://portal.example.org", "HTTPS://portal.example.org"},
		{"https://portal.example.org/\x00\x00", "https://portal.example.org/"},
		{"https://[2001:db8::1]/", "https://[2001:db8::1]/"},
		{"urn:ietf:params:capport:unrestricted", ""},
		{"https://a/" + strings.Repeat("x", 245), "https://a/" + strings.Repeat("x", 245)},
		{"https:///path", ""},
		{"https://:443/", ""},
		{"//portal.example.org/", ""},
		{"/api", ""},
		{"portal.example.org", ""},
		{"file://host/etc/passwd", ""},
		{"javascript:alert(1)", ""},
		{"https://portal.example.org/\nnameserver 6.6.6.6", ""},
		{"https://portal.example.org/a b", ""},
		{"https://portal.example.org/\x00x", ""},
		{"https://portal.example.org/`id`", ""},
		{"https://portal.example.org/\"", ""},
		{"https://portal.example.org/%zz", ""},
		{"https://portal.example.org:port/", ""},
		{"https://pörtal.example.org/", ""},
		{"\x1b[2J", ""},
	} {
		if got := parsed(t, ack(opts(114, tt.in))).CaptivePortal; got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
	long := "https://a/" + strings.Repeat("x", 246)
	if got := parsed(t, ack(opts(114, long[:200]), opts(114, long[200:]))).CaptivePortal; got != "" {
		t.Errorf("256 octets: %q, want none", got)
	}
}

func TestOptionTable_NamesEachOptionOnce(t *testing.T) {
	asked := V6Only(DefaultParams()) // what is asked for on demand too
	seen := map[uint8]bool{}
	for _, o := range options {
		if seen[o.code] || !slices.Contains(asked, o.code) || (o.fixed > 0) == (o.each > 0) {
			t.Errorf("row of option %d: twice, not asked for, or without one length", o.code)
		}
		seen[o.code] = true
	}
}

// The time without IPv4 is MIN_V6ONLY_WAIT at least, and an option of another
// length than four octets is none (RFC 8925 3.1, 3.4; V6O-03).
func TestV6OnlyWait_RFC8925_3(t *testing.T) {
	for _, tt := range []struct {
		in   []byte
		want time.Duration
	}{
		{opt32(108, 0), 300 * time.Second},
		{opt32(108, 299), 300 * time.Second},
		{opt32(108, 1800), 30 * time.Minute},
		{opt32(108, 0xffffffff), lease.Infinite},
		{opt(108, 0, 0, 7), 0},
		{opt(108, 0, 0, 0, 7, 8), 0},
		{nil, 0},
	} {
		if got := parsed(t, offer(tt.in)).V6OnlyWait; got != tt.want {
			t.Errorf("%v: %v, want %v", tt.in, got, tt.want)
		}
	}
	if got := V6Only([]byte{1, 108, 3}); !slices.Equal(got, []byte{1, 108, 3}) {
		t.Errorf("asked for twice: %v", got)
	}
}
