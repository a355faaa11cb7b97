package main

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// answered is a link's status, with an address that ends so.
func answered(name, netns, state string, last byte, valid time.Duration) *answeredStatus {
	st := &answeredStatus{linkStatus: linkStatus{Interface: name, Netns: netns, State: state, Link: linkUp, Agent: true, Reason: "the interface is\nnot there"}}
	if last > 0 {
		st.Lease = &lease.Lease{Address: netip.AddrFrom4([4]byte{10, 255, 255, last}), Bits: 16, Server: netip.MustParseAddr("10.255.255.254"), Start: tableTime, Valid: valid}
	}
	return st
}

var tableTime = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func drawn(o *options, all []*answeredStatus) []string {
	v := &view{pen: asciiPen, now: tableTime, zone: time.UTC, width: 80}
	o.sortStatuses(all)
	v.table(all)
	return strings.Split(strings.TrimSuffix(v.b.String(), "\n"), "\n")
}

// Whatever links are called, a line has no more columns than the terminal.
func TestTable_FitsATerminal(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 15)
	all := []*answeredStatus{
		answered(long, strings.Repeat("blue", 20), "REQUESTING", 254, time.Hour),
		answered("eth0", "", "BOUND", 5, 10*time.Hour),
		answered("eth1", "green", "RESTING", 0, 0),
	}
	all[2].Reason = strings.Repeat("it cannot be opened ", 20)
	lines := drawn(newOptions(), all)
	for _, line := range lines {
		if n := columns(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if len(lines) != 5 || lines[4] != "3 links: 1 BOUND, 1 REQUESTING, 1 RESTING" || strings.ContainsAny(strings.Join(lines, ""), "\n\x1b") {
		t.Errorf("%q", lines)
	}
	// Without a namespace there is no column for it.
	lines = drawn(newOptions(), []*answeredStatus{answered("eth0", "", "BOUND", 5, 2*time.Hour), answered("eth10", "", "SELECTING", 0, 0)})
	want := []string{
		"LINK   STATE      ADDRESS        EXPIRES  SERVER",
		"eth0   BOUND      10.255.255.5/16  2h       10.255.255.254",
	}
	want[0] = "LINK   STATE      ADDRESS          EXPIRES  SERVER"
	if lines[0] != want[0] || lines[1] != want[1] {
		t.Errorf("%q, not %q", lines, want)
	}
}

func TestTable_Sorted(t *testing.T) {
	t.Parallel()
	all := func() []*answeredStatus {
		return []*answeredStatus{
			answered("eth10", "a", "BOUND", 7, 3*time.Hour), answered("eth2", "b", "WAITING", 0, 0),
			answered("eth3", "", "BOUND", 9, lease.Infinite), answered("eth1", "c", "RENEWING", 8, time.Hour),
		}
	}
	for order, want := range map[string]string{
		"link": "eth1 eth2 eth3 eth10", "netns": "eth3 eth10 eth2 eth1", "state": "eth3 eth10 eth1 eth2",
		"address": "eth10 eth1 eth3 eth2", "expires": "eth1 eth10 eth3 eth2", "server": "eth1 eth3 eth10 eth2",
	} {
		o := newOptions()
		if err := setSort(o, order); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, line := range drawn(o, all())[1:5] {
			got = append(got, strings.Fields(line)[0])
		}
		if strings.Join(got, " ") != want {
			t.Errorf("by %s: %q, not %q", order, got, want)
		}
	}
	if err := setSort(newOptions(), "colour"); err == nil {
		t.Error("there is no such column")
	}
}

// A thousand links that fail at once are a hundred lines, and the next line says how
// many are missing.
func TestBoundedLog(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	now := tableTime
	h := &boundedHandler{Handler: &lineHandler{w: &b, level: slog.LevelWarn}, budget: &logBudget{left: logBurst, now: func() time.Time { return now }}}
	log := slog.New(h).With("if", "eth0").WithGroup("g")
	for i := range 1000 {
		log.Warn("no", "n", i)
		log.Info("this is not written, and takes no room")
	}
	if n := strings.Count(b.String(), "\n"); n != logBurst {
		t.Errorf("%d lines", n)
	}
	b.Reset()
	now = now.Add(7 * logPause)
	for range 5 {
		log.Warn("again")
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 6 || !strings.Contains(lines[0], "lines were left out here") || !strings.Contains(lines[0], "900") {
		t.Errorf("%q", lines)
	}
	b.Reset()
	named := slog.New(h).With("if", "eth1")
	named.Warn("once")
	named.With("n", 1).Warn("twice")
	if got, want := b.String(), "eth1: warning: once\neth1: warning: twice (n 1)\n"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if newBoundedLogger(&options{verbosity: 1}, log) != log {
		t.Error("-v has not all")
	}
}

// Two links that have changed names with one another have each its own lease.
func TestMovableStore_NamesSwapped(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), context.Background()
	store := func(name string) *lease.Dir {
		d, err := lease.NewDir(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	var held []*lease.Lease
	var stores []*movableStore
	for i, name := range []string{"eth0", "eth1"} {
		l := &lease.Lease{Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(5 + i)}), Bits: 24, Start: lease.Now(), Valid: time.Hour,
			T1: time.Minute, T2: 2 * time.Minute, Server: netip.MustParseAddr("192.0.2.1"), HardwareAddr: lease.HardwareAddr{2, 0, 0, 0, 0, byte(i)}}
		s := &movableStore{is: store(name)}
		if err := s.Save(ctx, l); err != nil {
			t.Fatal(err)
		}
		held, stores = append(held, l), append(stores, s)
	}
	for i, name := range []string{"eth1", "eth0"} {
		if err := stores[i].move(store(name), held[i], held[i].HardwareAddr); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"eth1", "eth0"} {
		if l, err := store(name).Load(ctx); err != nil || l == nil || l.Address != held[i].Address {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
	// What is not in use but stored goes with its link.
	if err := stores[0].move(store("wan0"), nil, held[0].HardwareAddr); err != nil {
		t.Fatal(err)
	}
	if l, err := store("wan0").Load(ctx); err != nil || l == nil || l.Address != held[0].Address {
		t.Errorf("%v, %v", l, err)
	}
	if l, err := store("eth1").Load(ctx); err != nil || l != nil {
		t.Errorf("%v, %v", l, err)
	}
	// Another link has the name, and its lease there, before it is known that this one
	// has it no more: each has its own.
	if err := store("wan0").Save(ctx, held[1]); err != nil {
		t.Fatal(err)
	}
	if err := stores[0].move(store("wan1"), nil, held[0].HardwareAddr); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"wan1", "wan0"} {
		if l, err := store(name).Load(ctx); err != nil || l == nil || l.Address != held[i].Address {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	all := slices.Repeat([]agent.Status{{Lease: &lease.Lease{}}}, 411)
	all = append(all, agent.Status{Phase: agent.Resting}, agent.Status{})
	if got, want := summary(all), "413 links, 411 with a lease, 1 not served"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
	if got, want := summary(all[:1]), "1 link, 1 with a lease"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}
