package e2e_test

import (
	"cmp"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile/lab"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// aside bounds how many rows run at a time: they wait, most of them.
var aside = make(chan struct{}, 40)

// Each row of the table of hostile servers, on a real link, in its brief form.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	type named struct {
		name string
		hostile.Row
	}
	var all []named
	for _, g := range hostile.Table() {
		for _, row := range g.Rows {
			all = append(all, named{g.Title + "/" + row.Name, row})
		}
	}
	// The longest first: the others run beside them.
	slices.SortStableFunc(all, func(a, b named) int {
		return cmp.Compare(b.Window(hostile.Brief), a.Window(hostile.Brief))
	})
	for _, row := range all {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			aside <- struct{}{}
			defer func() { <-aside }()
			playHostile(t, row.Row)
		})
	}
}

// standstill is more than what makes a client send a message again.
const standstill = 500 * time.Millisecond

// playHostile plays a row, and again if it fails while the machine stands still:
// the rows count messages, and who waits for a core sends them twice.
func playHostile(t *testing.T, row hostile.Row) {
	for try := range 3 {
		began := time.Now()
		rec, found := playOnce(t, row)
		faults := slices.DeleteFunc(slices.Clone(found), func(f hostile.Finding) bool { return f.OK })
		if len(faults) == 0 {
			t.Log(found)
			return
		}
		if still := meter.between(began, time.Now()); still > standstill && try < 2 {
			t.Logf("again, since the machine stood still for %v: %v", still, faults)
			continue
		}
		t.Errorf("%s\n%v\n%s", row.About, faults, rec)
		return
	}
}

func playOnce(t *testing.T, row hostile.Row) (*hostile.Record, []hostile.Finding) {
	t.Helper()
	return lab.Play(t, row, hostile.Brief, lab.Client{
		Ours: true, Patience: patience, Slack: 2 * time.Second,
		Start: func(_ testing.TB, ns *nettest.NS) lab.Process {
			c := start(t, &station{NS: ns}, stateDir(t))
			return lab.Process{
				Stop: func() { c.stop(t) },
				DNS:  func() []netip.Addr { return lab.NameServers(c.resolver()) },
			}
		},
	})
}
