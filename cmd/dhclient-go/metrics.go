package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/control"
	"github.com/dhclient-go/dhclient-go/internal/metrics"
)

func setMetricsFile(o *options, s string) error {
	if filepath.Ext(s) != ".prom" {
		return fmt.Errorf("%q does not end with .prom, and node_exporter reads nothing else", s)
	}
	o.metricsFile = s
	return nil
}

// A countable has counted something: a *link.
type countable interface{ totals() *metrics.Totals }

// A meter counts what the links of a process do, those too that are gone. The zero
// meter is ready.
type meter struct {
	mu   sync.Mutex
	live map[countable]bool
	gone metrics.Totals
	// began is when the process did.
	began time.Time
	// changed has room for one word that something is new. file is where metrics
	// are kept, and stop ends that; all are nil for nowhere.
	changed chan struct{}
	file    *metrics.File
	stop    func()
}

// join counts l from now on.
func (m *meter) join(l countable) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live == nil {
		m.live = map[countable]bool{}
	}
	m.live[l] = true
}

// retire keeps what was counted of l, which has ended.
func (m *meter) retire(l countable) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live[l] {
		delete(m.live, l)
		m.gone.Add(l.totals())
	}
}

// totals are those of all links that there ever were.
func (m *meter) totals() (t metrics.Totals) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t.Add(&m.gone)
	for l := range m.live {
		t.Add(l.totals())
	}
	return t
}

// change says that something is new. It does not wait.
func (m *meter) change() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// open has metrics be kept in the file at path later, if that can be; empty for
// nowhere.
func (m *meter) open(path string) (err error) {
	m.began = time.Now()
	if path == "" {
		return nil
	}
	m.changed = make(chan struct{}, 1)
	m.file, err = metrics.Open(path)
	return err
}

// keep keeps the metrics in the file until close.
func (f *fleet) keepMetrics(report func() *metrics.Report) {
	m := &f.meter
	if m.file == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var keeping sync.WaitGroup
	m.stop = func() { cancel(); keeping.Wait() }
	keeping.Go(func() {
		m.file.Keep(ctx, m.changed, func() []byte { return metrics.Text([]*metrics.Report{report()}) }, f.log)
	})
}

// close ends that, and removes the file.
func (m *meter) close() {
	if m.stop != nil {
		m.stop()
	}
}

// report is what the process says of the links in some berths and of all that its
// links have done. name is what it is called.
func (f *fleet) report(name string, berths []*berth) *metrics.Report {
	r := &metrics.Report{Process: name, Netns: f.place.label(), Version: versionNumber(), Go: runtime.Version(),
		Started: f.meter.began, Totals: f.meter.totals()}
	for _, b := range berths {
		r.Links = append(r.Links, b.measures())
	}
	return r
}

// ownReport is report of a process that serves the links that it was told.
func (f *fleet) ownReport() *metrics.Report { return f.report(f.o.links[0], f.roll()) }

// tellMetrics answers a command with r.
func tellMetrics(r *metrics.Report, w *control.Writer) error {
	for _, part := range r.Parts() {
		if err := w.Link(part); err != nil {
			return err
		}
	}
	return nil
}

// measures is what is measured of the link of b.
func (b *berth) measures() metrics.Link {
	m := metrics.Link{Interface: b.name, Netns: b.netns, State: stateAbsent}
	select {
	case <-b.ready:
	default:
		return m
	}
	b.story.mu.Lock()
	defer b.story.mu.Unlock()
	m.State = b.story.state.String()
	if l := b.story.held; l != nil {
		m.Held, m.RenewAt, m.ExpireAt = true, onWall(l.RenewAt()), onWall(l.ExpireAt())
	}
	return m
}

// onWall is a time of ours on the clock on the wall, which may have been set since
// the process has looked at it. No time is none.
func onWall(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.Now().Round(0).Add(t.Sub(lease.Now()))
}

// totals are what was counted of a link.
func (l *link) totals() *metrics.Totals {
	s := l.client.Stats()
	t := &metrics.Totals{
		Bound: s.Bound, Renewed: s.Renewed, Expired: s.Expired, Refused: s.Refused, Declined: s.Declined,
		Sent: s.Sent, Received: s.Received, Retransmitted: s.Retransmitted, SendErrors: s.SendErrors,
		Rejected: s.Rejected, TimeToAddress: s.TimeToAddress,
	}
	if l.detector == nil {
		return t
	}
	arp := l.detector.Stats()
	t.ARPSent = map[string]uint64{"probe": arp.Probes, "announcement": arp.Announcements, "router request": arp.RouterRequests}
	t.ARPErrors, t.Conflicts, t.Defences = arp.SendErrors, arp.Conflicts, arp.Defences
	if t.Rejected == nil {
		t.Rejected = map[string]uint64{}
	}
	for why, n := range arp.Dropped {
		t.Rejected["arp: "+why.String()] = n
	}
	if arp.Overrun > 0 {
		t.Rejected["arp: no room in the queue"] = arp.Overrun
	}
	return t
}
