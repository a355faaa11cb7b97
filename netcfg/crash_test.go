package netcfg

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// errKilled is what a fake kernel says to a process that has been killed.
var errKilled = errors.New("killed")

// A process is killed after each of the changes that it makes to the link. The
// next one knows the lease that was stored, which is the newer of the two, and
// ends with the same link as one that was never killed (LIF-10).
func TestConfigure_KilledAtEveryChange_LIF_10(t *testing.T) {
	const link = 7
	foreign := "7: address 198.51.100.7/24 brd 198.51.100.255 valid_lft forever\n7: route 198.51.100.0/24 scope link src 198.51.100.7 proto kernel\n"
	for name, c := range map[string]struct{ old, next string }{
		"first":          {"", lease5},
		"renewal":        {lease5, lease5},
		"other router":   {lease5, "10.0.0.5/24 route 0.0.0.0/0 10.0.0.2"},
		"other routes":   {lease5, "10.0.0.5/24 route 10.1.0.0/16 10.0.0.2 route 10.2.0.0/16 10.0.0.3"},
		"other mask":     {lease5, "10.0.0.5/16 route 0.0.0.0/0 10.0.0.1"},
		"narrower":       {"10.0.0.5/16 route 0.0.0.0/0 10.0.9.1", "10.0.0.5/24 route 0.0.0.0/0 10.0.0.1"},
		"router outside": {lease5, "10.0.0.5/32 route 0.0.0.0/0 192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			var old *lease.Lease
			if c.old != "" {
				old = newLease(t, c.old)
			}
			next := newLease(t, c.next)
			whole := killedAfter(t, foreign, link, old, next, 1000)
			restarted(t, whole, link, next)
			for n := range len(whole.changes) {
				k := killedAfter(t, foreign, link, old, next, n)
				restarted(t, k, link, next)
				compare(t, fmt.Sprintf("killed after change %d of %d", n, len(whole.changes)), sorted(k.String()), sorted(whole.String()))
				k.refuse = nil
				if _, err := configure(t.Context(), k, link, nil, ownership(nil, []*lease.Lease{next}, 1007), slog.New(slog.DiscardHandler)); err != nil {
					t.Fatal(err)
				}
				compare(t, fmt.Sprintf("removed after change %d", n), sorted(k.String()), sorted(foreign))
			}
		})
	}
}

// killedAfter puts old on a link as one process, next as another, which is killed
// after n changes.
func killedAfter(t *testing.T, before string, index int, old, next *lease.Lease, n int) *fakeKernel {
	t.Helper()
	k, err := newFakeKernel(before)
	if err != nil {
		t.Fatal(err)
	}
	k.promote = true
	apply := func(next *lease.Lease, prev ...*lease.Lease) error {
		want, err := planLease(next, Config{Metric: 1007}, facts{index: index, mtu: 1500}, next.Start)
		if err != nil {
			t.Fatal(err)
		}
		_, err = configure(t.Context(), k, index, &want, ownership(next, prev, 1007), slog.New(slog.DiscardHandler))
		return err
	}
	if old != nil {
		if err := apply(old); err != nil {
			t.Fatal(err)
		}
	}
	k.changes = nil
	k.refuse = func(change) error {
		if len(k.changes) >= n {
			return errKilled
		}
		return nil
	}
	_ = apply(next, old) // a process that was killed says nothing
	return k
}

// restarted is the next process, which has the lease of the file.
func restarted(t *testing.T, k *fakeKernel, index int, stored *lease.Lease) {
	t.Helper()
	k.refuse = nil
	want, err := planLease(stored, Config{Metric: 1007}, facts{index: index, mtu: 1500}, stored.Start)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	_, err = configure(t.Context(), k, index, &want, ownership(stored, []*lease.Lease{stored}, 1007), slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil || said.Len() > 0 {
		t.Errorf("the next process: %v, %s", err, said.String())
	}
}
