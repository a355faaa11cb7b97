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

func (l *fakeLink) Found() ([]netcfg.Found, error) { return nil, nil }
func (l *fakeLink) Adopt(netcfg.Found)             {}

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
