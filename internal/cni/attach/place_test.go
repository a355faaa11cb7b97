package attach

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// A fakeLink has addresses, and says what it was told to do.
type fakeLink struct {
	wanted []lease.Route
	client.LinkWatcher
	addresses []netip.Prefix
	applied   []*lease.Lease
}

func (l *fakeLink) State() (client.LinkState, error) {
	return client.LinkState{Index: 2, Addresses: l.addresses}, nil
}

func (l *fakeLink) Apply(_ context.Context, next *lease.Lease, _ []*lease.Lease) error {
	l.applied = append(l.applied, next)
	return nil
}

func (l *fakeLink) Limit(next *lease.Lease) (bool, error) {
	return holds(client.LinkState{Addresses: l.addresses}, next.Address), nil
}

func (l *fakeLink) Found() ([]netcfg.Found, error)                  { return nil, nil }
func (l *fakeLink) Adopt(netcfg.Found)                              {}
func (l *fakeLink) Wanted(*lease.Lease) ([]lease.Route, int, error) { return l.wanted, 1400, nil }

// A renewal that comes when the kernel has just ended the address puts it back; one
// that comes when another program has taken it away, or before the plugin has set
// it, does not.
func TestPlace_ApplyWithoutTheAddress(t *testing.T) {
	now := lease.Now()
	old := func(left time.Duration) []*lease.Lease {
		return []*lease.Lease{{Address: firstAddr, Bits: 24, Start: now.Add(left - time.Minute), Valid: time.Minute}}
	}
	for _, tt := range []struct {
		name  string
		prev  []*lease.Lease
		taken bool
		want  int
	}{
		{"ended by the kernel", old(time.Second), false, 1},
		{"not there yet", old(50 * time.Second), false, 0},
		{"taken away", old(time.Second), true, 0},
		{"the first", nil, false, 0},
	} {
		k := New(Config{Dir: t.TempDir()})
		a := &attachment{keeper: k, key: key, file: fileFor(k.cfg.Dir, key), record: record{Granted: firstAddr, Taken: tt.taken}}
		link := &fakeLink{}
		p := &place{link: link, a: a, log: slog.New(slog.DiscardHandler), lease: a.lease}
		next := &lease.Lease{Address: firstAddr, Bits: 24, Start: now, Valid: time.Minute}
		if err := p.Apply(t.Context(), next, tt.prev); err != nil || len(link.applied) != tt.want || a.now().Ours != (tt.want > 0) {
			t.Errorf("%s: %v, applied %d times, ours %t", tt.name, err, len(link.applied), a.now().Ours)
		}
	}
}

// What a runtime is told of routes is what the policy for the link lets pass.
func TestGrant_ByThePolicyOfTheLink(t *testing.T) {
	gateway := netip.MustParseAddr("192.0.2.1")
	l := &lease.Lease{Address: netip.MustParseAddr("192.0.2.5"), Bits: 24, MTU: 600,
		Routes: []lease.Route{{Dst: netip.MustParsePrefix("0.0.0.0/1"), Gateway: gateway}, {Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: gateway}}}
	for _, wanted := range [][]lease.Route{nil, l.Routes[1:]} {
		g, err := grantOf(l, &fakeLink{wanted: wanted})
		if err != nil || len(g.Routes) != len(wanted) || g.Gateway.IsValid() != (wanted != nil) || g.MTU != 1400 {
			t.Errorf("%d routes allowed: %+v, %v", len(wanted), g, err)
		}
	}
}
