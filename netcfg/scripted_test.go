package netcfg

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// An address that a script put on the link gets the time of its lease, and
// nothing else is changed: neither about it, nor about others.
func TestScripted_OnlyLifetimesAreOurs(t *testing.T) {
	nettest.Require(t)
	b := newBench(t)
	b.IP(t, "address", "add", "198.51.100.9/24", "dev", "eth0")
	link := b.link(t, "eth0", Config{})
	s, err := link.Scripted()
	if err != nil {
		t.Fatal(err)
	}
	b.IP(t, "address", "add", "192.0.2.5/24", "broadcast", "192.0.2.255", "label", "eth0:dhcp", "dev", "eth0", "metric", "77")
	l := &lease.Lease{Address: netip.MustParseAddr("192.0.2.5"), Bits: 24, Start: lease.Now(), Valid: time.Hour}
	if err := s.SetLifetimes(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	show := func() string { return b.IP(t, "-4", "-o", "address", "show", "dev", "eth0") }
	got := show()
	for _, want := range []string{"192.0.2.5/24 metric 77 brd 192.0.2.255", "eth0:dhcp", "valid_lft 3600sec", "198.51.100.9/24"} {
		if !strings.Contains(strings.ReplaceAll(got, "valid_lft 3599sec", "valid_lft 3600sec"), want) {
			t.Errorf("the link has not %q:\n%s", want, got)
		}
	}
	if n := strings.Count(got, "valid_lft forever"); n != 1 {
		t.Errorf("%d addresses are for ever, want the administrator's:\n%s", n, got)
	}
	if n := strings.Count(b.IP(t, "route"), "192.0.2.0/24"); n != 1 {
		t.Errorf("the prefix route is there %d times", n)
	}
}

// A script may give the address another prefix length: it ends all the same.
func TestScripted_OtherPrefixLength(t *testing.T) {
	nettest.Require(t)
	b := newBench(t)
	s, err := b.link(t, "eth0", Config{}).Scripted()
	if err != nil {
		t.Fatal(err)
	}
	b.IP(t, "address", "add", "192.0.2.5/32", "dev", "eth0")
	l := &lease.Lease{Address: netip.MustParseAddr("192.0.2.5"), Bits: 24, Start: lease.Now(), Valid: time.Hour}
	if err := s.SetLifetimes(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	if got := b.IP(t, "-4", "-o", "address", "show", "dev", "eth0"); strings.Contains(got, "forever") || !strings.Contains(got, "192.0.2.5/32") {
		t.Errorf("the link has\n%s", got)
	}
}

// An administrator's address that the lease has too stays the administrator's,
// and that there is none is no error.
func TestScripted_AdministratorsAddressStays(t *testing.T) {
	nettest.Require(t)
	b := newBench(t)
	b.IP(t, "address", "add", "192.0.2.5/24", "dev", "eth0")
	s, err := b.link(t, "eth0", Config{}).Scripted()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"192.0.2.5", "192.0.2.6"} {
		l := &lease.Lease{Address: netip.MustParseAddr(a), Bits: 24, Start: lease.Now(), Valid: time.Hour}
		if err := s.SetLifetimes(context.Background(), l); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.IP(t, "-4", "-o", "address", "show", "dev", "eth0"); strings.Count(got, "inet ") != 1 || !strings.Contains(got, "valid_lft forever") {
		t.Errorf("the link has\n%s", got)
	}
}

// Whoever dies, the address goes with the lease.
func TestScripted_KernelEndsTheAddress(t *testing.T) {
	nettest.Require(t)
	b := newBench(t)
	s, err := b.link(t, "eth0", Config{}).Scripted()
	if err != nil {
		t.Fatal(err)
	}
	b.IP(t, "address", "add", "192.0.2.5/24", "dev", "eth0")
	l := &lease.Lease{Address: netip.MustParseAddr("192.0.2.5"), Bits: 24, Start: lease.Now(), Valid: 2 * time.Second}
	if err := s.SetLifetimes(context.Background(), l); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(20 * time.Second)
	for strings.Contains(b.IP(t, "-4", "-o", "address", "show", "dev", "eth0"), "192.0.2.5") {
		if time.Now().After(deadline) {
			t.Fatal("the address is still there")
		}
		time.Sleep(100 * time.Millisecond)
	}
}
