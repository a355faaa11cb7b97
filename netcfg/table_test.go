package netcfg

import (
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// The routes of a lease are in the table that was asked for, and in no other, as
// long as it is there; what others have in it stays.
func TestApply_Table(t *testing.T) {
	for _, table := range []struct {
		number int
		text   string
	}{{100, "100"}, {1000, "1000"}} {
		t.Run(table.text, func(t *testing.T) {
			b := newBench(t)
			link := b.link(t, "eth0", Config{Table: table.number, Metric: 7})
			b.IP(t, "link", "set", "dev", "eth0", "up")
			b.IP(t, "address", "add", "198.51.100.1/32", "dev", "eth0") // without one the kernel removes all routes of a link
			b.IP(t, "route", "add", "203.0.113.0/24", "dev", "eth0", "table", table.text)
			foreign := b.IP(t, "route", "show", "table", table.text)
			first, second := newLease(t, lease5), newLease(t, "10.0.0.5/24 route 0.0.0.0/0 192.0.2.1")
			for _, tt := range []struct {
				l    *lease.Lease
				want []string
			}{
				{first, []string{"default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5 metric 7", "10.0.0.0/24 dev eth0 proto dhcp scope link src 10.0.0.5 metric 7"}},
				{first, []string{"default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5 metric 7", "10.0.0.0/24 dev eth0 proto dhcp scope link src 10.0.0.5 metric 7"}},
				{second, []string{"default via 192.0.2.1 dev eth0 proto dhcp src 10.0.0.5 metric 7 onlink", "10.0.0.0/24 dev eth0 proto dhcp scope link src 10.0.0.5 metric 7",
					"192.0.2.1 dev eth0 proto dhcp scope link src 10.0.0.5 metric 7"}},
				{nil, nil},
			} {
				if err := link.Apply(t.Context(), tt.l, []*lease.Lease{first, second}); err != nil {
					t.Fatal(err)
				}
				got := b.IP(t, "route", "show", "table", table.text)
				for _, line := range tt.want {
					if !strings.Contains(got, line) {
						t.Errorf("no %q in\n%s", line, got)
					}
				}
				if n := strings.Count(got, "proto dhcp"); n != len(tt.want) {
					t.Errorf("%d routes of ours, want %d, in\n%s", n, len(tt.want), got)
				}
				if !strings.Contains(got, strings.TrimSpace(foreign)) {
					t.Errorf("the route of another is gone from\n%s", got)
				}
				if main := b.IP(t, "route"); main != "" {
					t.Errorf("the main table has\n%s", main)
				}
			}
		})
	}
}
