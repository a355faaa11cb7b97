package e2e_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile/lab"
	"github.com/dhclient-go/dhclient-go/internal/nettest"
)

// aside bounds how many rows run at a time: they wait, most of them.
var aside = make(chan struct{}, 32)

// Each row of the table of hostile servers, on a real link, in its brief form.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	nettest.Require(t)
	for _, g := range hostile.Table() {
		t.Run(g.Title, func(t *testing.T) {
			t.Parallel()
			for _, row := range g.Rows {
				t.Run(row.Name, func(t *testing.T) {
					t.Parallel()
					aside <- struct{}{}
					defer func() { <-aside }()
					playHostile(t, row)
				})
			}
		})
	}
}

func playHostile(t *testing.T, row hostile.Row) {
	rec, found := lab.Play(t, row, hostile.Brief, lab.Client{
		Ours: true, Patience: patience, Slack: 2 * time.Second,
		Start: func(_ testing.TB, ns *nettest.NS) lab.Process {
			c := start(t, &station{NS: ns}, stateDir(t))
			return lab.Process{
				Stop: func() { c.stop(t) },
				DNS:  func() []netip.Addr { return lab.NameServers(c.resolver()) },
			}
		},
	})
	for _, f := range found {
		if f.OK {
			t.Log(f)
			continue
		}
		t.Error(f)
	}
	if t.Failed() {
		t.Logf("%s\n%s", row.About, rec)
	}
}
