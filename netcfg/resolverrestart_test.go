package netcfg

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// A lease that a process before this one left, and that ends with no server to
// ask, takes its name servers with it.
func TestResolver_StoredLeaseExpires(t *testing.T) {
	d := newDesk(t)
	apply(t, d.client(t, "eth0", 1), dnsA)
	apply(t, d.client(t, "eth0", 1), "", dnsA+" for 0s")
	if got := readFile(t, d.path); got != original {
		t.Errorf("after the end of the lease:\n%s", got)
	}
}

// The options of the C library are the administrator's: they outlive the notes
// about the file, which a boot wipes out, even if nothing else that stood there
// goes along in it.
func TestResolver_OptionsOutliveABoot(t *testing.T) {
	d := newDesk(t)
	writeFile(t, d.path, ourFile("eth0", "nameserver 10.0.0.1\noptions edns0 trust-ad\n"))
	r := d.client(t, "eth0", 1)
	for _, next := range []string{dnsB, ""} {
		apply(t, r, next, dnsA)
		if got := readFile(t, d.path); !strings.Contains(got, "\noptions edns0 trust-ad\n") {
			t.Errorf("with lease %q:\n%s", next, got)
		}
	}
}

// A Resolver that is told to stop tries no other method: it would put a lease
// into resolv.conf that nobody wants any more, and forget what it began.
func TestResolver_Cancelled(t *testing.T) {
	nettest.Require(t)
	calls := programs(t, map[string]string{"resolvconf": `[ "$1" = -d ] || { sleep 1000 & wait; }`})
	file := readFile(t, DefaultResolvConf)
	r, _ := host(t, MethodAuto)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	if err := r.Apply(ctx, newLease(t, dnsA), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply: %v", err)
	}
	if got := readFile(t, DefaultResolvConf); got != file {
		t.Errorf("the file was written:\n%s", got)
	}
	apply(t, r, "", dnsA)
	if got := calls(); !slices.Contains(got, "resolvconf -d lo.dhclient-go -f") {
		t.Errorf("calls %q", got)
	}
}

// Name servers are taken back when a client stops, however long that takes the
// program that has them: nobody would do it later.
func TestResolver_LeavesThoughCancelled(t *testing.T) {
	nettest.Require(t)
	calls := programs(t, map[string]string{"resolvconf": `[ "$1" = -a ] || sleep 0.2`})
	r, _ := host(t, MethodAuto)
	apply(t, r, dnsA)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Apply(ctx, nil, []*lease.Lease{newLease(t, dnsA)}); err != nil {
		t.Error(err)
	}
	if got, want := calls(), []string{"resolvconf -a lo.dhclient-go", "resolvconf -d lo.dhclient-go -f"}; !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}
