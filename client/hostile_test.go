package client

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest"
	"github.com/dhclient-go/dhclient-go/internal/dhcptest/hostile"
)

// Each row of the table of hostile servers, in memory, at its full length.
func TestHostile(t *testing.T) {
	for _, g := range hostile.Table() {
		t.Run(g.Title, func(t *testing.T) {
			for _, row := range g.Rows {
				t.Run(row.Name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { playHostile(t, row) })
				})
			}
		})
	}
}

func playHostile(t *testing.T, row hostile.Row) {
	servers, err := row.Servers(hostile.Full)
	if err != nil {
		t.Fatal(err)
	}
	link := dhcptest.NewLink(servers...)
	r := newRig(t)
	k := &kernel{start: r.start, record: hostile.Record{Form: hostile.Full, Window: row.Window(hostile.Full)}}
	r.cfg.Configurator = k
	r.cfg.OpenTransport = func(at LinkState, receive func([]byte, netip.Addr)) (Transport, error) {
		return link.Open(at, receive)
	}
	r.run()
	r.pass(k.record.Window)
	rec := k.finish()
	for _, m := range link.Log() {
		if m.DHCP != nil {
			rec.Messages = append(rec.Messages, hostile.Message{At: m.Time.Sub(r.start), Sent: m.Up, Src: m.Src, Dst: m.Dst, DHCPv4: m.DHCP})
		}
	}
	for _, f := range row.Judge(rec, true) {
		if f.OK {
			t.Log(f)
			continue
		}
		t.Error(f)
	}
	if t.Failed() {
		t.Logf("%s\n%s", row.About, rec)
	}
	r.stop()
}

// A kernel writes down what it is told.
type kernel struct {
	start  time.Time
	held   *lease.Lease
	record hostile.Record
}

// Apply is the Configurator.
func (k *kernel) Apply(_ context.Context, next *lease.Lease, _ []*lease.Lease) error {
	now := time.Since(k.start)
	if k.held != nil && (next == nil || next.Prefix() != k.held.Prefix()) {
		k.record.Report(hostile.Address{At: now, Prefix: k.held.Prefix(), Gone: true})
	}
	if k.held = next; next == nil {
		return nil
	}
	k.record.Report(hostile.Address{At: now, Prefix: next.Prefix(), Valid: next.Remaining(time.Now().Round(0))})
	k.record.Routes = append(k.record.Routes, k.routes()...)
	return nil
}

// routes are those of the lease held, as package netcfg makes them.
func (k *kernel) routes() (list []hostile.Route) {
	if k.held == nil {
		return nil
	}
	for _, r := range k.held.Routes {
		list = append(list, hostile.Route{At: time.Since(k.start), Dst: r.Dst, Via: r.Gateway, MTU: k.held.MTU})
	}
	return list
}

func (k *kernel) finish() *hostile.Record {
	k.record.Last, k.record.MTU, k.record.DNS = k.routes(), 1500, []netip.Addr{}
	if k.held != nil {
		k.record.DNS = append(k.record.DNS, k.held.DNS...)
	}
	return &k.record
}
