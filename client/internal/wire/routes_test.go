package wire

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// RFC 3442's own examples of destination descriptors, and the widths between.
func TestClassless_Descriptors_RFC3442(t *testing.T) {
	for _, tt := range []struct {
		descriptor []byte
		want       string
	}{
		{[]byte{0}, "0.0.0.0/0"},
		{[]byte{8, 10}, "10.0.0.0/8"},
		{[]byte{24, 10, 0, 0}, "10.0.0.0/24"},
		{[]byte{16, 10, 17}, "10.17.0.0/16"},
		{[]byte{24, 10, 27, 129}, "10.27.129.0/24"},
		{[]byte{25, 10, 229, 0, 128}, "10.229.0.128/25"},
		{[]byte{32, 10, 198, 122, 47}, "10.198.122.47/32"},
		{[]byte{1, 128}, "128.0.0.0/1"}, // OPT-02
		{[]byte{9, 10, 128}, "10.128.0.0/9"},
		{[]byte{17, 10, 17, 128}, "10.17.128.0/17"},
		{[]byte{25, 129, 210, 177, 132}, "129.210.177.128/25"}, // OPT-04
		{[]byte{1, 255}, "128.0.0.0/1"},
		{[]byte{12, 172, 31}, "172.16.0.0/12"},
	} {
		v := append(slices.Clone(tt.descriptor), 10, 99, 0, 1)
		for _, code := range []uint8{121, 249} { // OPT-23
			if got, want := parsed(t, ack(opt(code, v...))).Routes, []lease.Route{via(tt.want, "10.99.0.1")}; !reflect.DeepEqual(got, want) {
				t.Errorf("option %d %v: %v, want %v", code, tt.descriptor, got, want)
			}
		}
	}
}

func TestRoutes(t *testing.T) {
	var (
		classless = opt(121, 24, 192, 168, 5, 10, 99, 0, 9)
		microsoft = opt(249, 24, 192, 168, 6, 10, 99, 0, 9)
		static    = optAddrs(33, "10.0.0.0", "10.99.0.9")
		router    = optAddrs(3, "10.99.0.1")
	)
	for _, tt := range []struct {
		name string
		opts [][]byte
		want []lease.Route
	}{
		{"none", nil, nil},
		{"OPT-03 121 alone counts", [][]byte{router, static, classless, microsoft}, []lease.Route{via("192.168.5.0/24", "10.99.0.9")}},
		{"OPT-23 249 without 121", [][]byte{router, static, microsoft}, []lease.Route{via("192.168.6.0/24", "10.99.0.9")}},
		{"33 and then 3", [][]byte{router, static}, []lease.Route{via("10.0.0.0/8", "10.99.0.9"), via("0.0.0.0/0", "10.99.0.1")}},
		{"OPT-05 router 0.0.0.0", [][]byte{opt(121, 24, 192, 168, 5, 0, 0, 0, 0)}, []lease.Route{via("192.168.5.0/24", "")}},
		{"OPT-06 truncated second", [][]byte{router, opt(121, 24, 192, 168, 5, 10, 99, 0, 9, 24, 192, 168)},
			[]lease.Route{via("192.168.5.0/24", "10.99.0.9")}},
		{"OPT-06 width 33 second", [][]byte{router, opt(121, 24, 192, 168, 5, 10, 99, 0, 9, 33, 1, 2, 3, 4, 5, 10, 99, 0, 9, 0, 10, 99, 0, 1)},
			[]lease.Route{via("192.168.5.0/24", "10.99.0.9")}},
		{"OPT-06 width 33 first", [][]byte{router, opt(121, 33, 1, 2, 3, 4, 5, 10, 99, 0, 9)}, []lease.Route{via("0.0.0.0/0", "10.99.0.1")}},
		{"OPT-06 121 useless, 249 good", [][]byte{router, opt(121, 24, 192), microsoft}, []lease.Route{via("192.168.6.0/24", "10.99.0.9")}},
		{"OPT-06 both useless", [][]byte{router, opt(121, 255), opt(249, 24)}, []lease.Route{via("0.0.0.0/0", "10.99.0.1")}},
		{"bad gateway in the middle", [][]byte{opt(121, 8, 11, 10, 99, 0, 50, 8, 12, 127, 0, 0, 1, 8, 13, 10, 99, 0, 9)},
			[]lease.Route{via("13.0.0.0/8", "10.99.0.9")}},
		{"loopback is no destination", [][]byte{opt(121, 8, 127, 10, 99, 0, 9, 1, 0, 10, 99, 0, 9)}, []lease.Route{via("0.0.0.0/1", "10.99.0.9")}},
		{"121 twice the same", [][]byte{opt(121, 8, 11, 10, 99, 0, 9, 8, 11, 10, 99, 0, 9, 8, 11, 10, 99, 0, 8)},
			[]lease.Route{via("11.0.0.0/8", "10.99.0.9"), via("11.0.0.0/8", "10.99.0.8")}},
		{"same after the host bits", [][]byte{opt(121, 8, 11, 10, 99, 0, 9), opt(121, 4, 17, 10, 99, 0, 9, 4, 18, 10, 99, 0, 9)},
			[]lease.Route{via("11.0.0.0/8", "10.99.0.9"), via("16.0.0.0/4", "10.99.0.9")}},
		{"OPT-09 several routers", [][]byte{optAddrs(3, "10.99.0.8", "10.99.0.7", "10.99.0.8")},
			[]lease.Route{via("0.0.0.0/0", "10.99.0.8"), via("0.0.0.0/0", "10.99.0.7")}},
		{"HST-03 routers that are none", [][]byte{optAddrs(3, "10.99.0.50", "0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1",
			"240.1.1.1", "10.99.0.255", "10.99.0.0", "10.99.0.7")}, []lease.Route{via("0.0.0.0/0", "10.99.0.7")}},
		{"HST-02 router of another subnet", [][]byte{optAddrs(3, "192.0.2.1")}, []lease.Route{via("0.0.0.0/0", "192.0.2.1")}},
		{"HST-02 .255 of another subnet", [][]byte{optAddrs(3, "192.0.2.255")}, []lease.Route{via("0.0.0.0/0", "192.0.2.255")}},
		{"VAL-18 /32", [][]byte{optAddrs(1, "255.255.255.255"), router}, []lease.Route{via("0.0.0.0/0", "10.99.0.1")}},
		{"VAL-26 routers of 5 octets", [][]byte{opt(3, 10, 99, 0, 1, 10)}, nil},
		{"VAL-26 33 of 12 octets", [][]byte{optAddrs(33, "10.0.0.0", "10.99.0.9", "11.0.0.0"), router}, []lease.Route{via("0.0.0.0/0", "10.99.0.1")}},
		{"OPT-10 default is illegal in 33", [][]byte{optAddrs(33, "10.0.0.0", "10.99.0.9", "0.0.0.0", "10.99.0.9")},
			[]lease.Route{via("10.0.0.0/8", "10.99.0.9")}},
		{"OPT-10 classes", [][]byte{optAddrs(33, "11.0.0.0", "10.99.0.9", "172.16.0.0", "10.99.0.9", "192.168.5.0", "10.99.0.9",
			"224.0.0.0", "10.99.0.9", "127.0.0.0", "10.99.0.9")},
			[]lease.Route{via("11.0.0.0/8", "10.99.0.9"), via("172.16.0.0/16", "10.99.0.9"), via("192.168.5.0/24", "10.99.0.9")}},
		{"OPT-10 a host is not widened", [][]byte{optAddrs(33, "11.1.2.3", "10.99.0.9", "192.168.5.7", "10.99.0.9")},
			[]lease.Route{via("11.1.2.3/32", "10.99.0.9"), via("192.168.5.7/32", "10.99.0.9")}},
		{"33 via 0.0.0.0", [][]byte{optAddrs(33, "11.0.0.0", "0.0.0.0")}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := parsed(t, ack(tt.opts...)).Routes; !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v\nwant %v", got, tt.want)
			}
		})
	}
}

func TestRoutes_AreCapped_OPT08(t *testing.T) {
	for _, tt := range []struct{ n, want int }{{512, 512}, {513, 512}, {1000, 512}} {
		var v []byte
		for i := range tt.n {
			v = append(v, 24, 11, byte(i>>8), byte(i), 10, 99, 0, 9)
		}
		var parts [][]byte
		for part := range slices.Chunk(v, 255) {
			parts = append(parts, opt(121, part...))
		}
		routes := parsed(t, ack(parts...)).Routes
		if len(routes) != tt.want {
			t.Fatalf("%d routes: %d kept, want %d", tt.n, len(routes), tt.want)
		}
		last := fmt.Sprintf("11.%d.%d.0/24", (tt.want-1)>>8, (tt.want-1)&255)
		if got := routes[tt.want-1].Dst; got != netip.MustParsePrefix(last) {
			t.Errorf("%d routes: the last is %v, want %s", tt.n, got, last)
		}
	}
}
