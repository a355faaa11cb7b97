package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// go test ./cmd/dhclient-go -run TestView -rewrite writes what is drawn to
// testdata/view: look at it as at a screen.
var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

// viewTime is when it is in these tests.
var viewTime = time.Date(2026, 11, 25, 14, 21, 3, 0, time.UTC)

func viewOf(width int, ascii, colour bool) *view {
	v := &view{width: width, colour: colour, pen: boxPen, now: viewTime, zone: time.UTC}
	if ascii {
		v.pen = asciiPen
	}
	return v
}

// viewLease has begun that long ago.
func viewLease(ago, valid time.Duration) *lease.Lease {
	a := netip.MustParseAddr
	l := &lease.Lease{
		Address: a("192.0.2.10"), Bits: 24, Server: a("192.0.2.1"), Start: viewTime.Add(-ago),
		Valid: valid, T1: valid / 2, T2: valid / 8 * 7,
		Routes: []lease.Route{
			{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: a("192.0.2.1")},
			{Dst: netip.MustParsePrefix("10.0.0.0/8"), Gateway: a("192.0.2.254")},
			{Dst: netip.MustParsePrefix("198.51.100.0/24")},
		},
		DNS: []netip.Addr{a("192.0.2.3"), a("192.0.2.4")}, Domain: "example.org",
	}
	if valid >= lease.Infinite {
		l.T1, l.T2 = 0, 0
	}
	return l
}

// aStatus is that of eth0 in a state since some time.
func aStatus(state, why string, since time.Duration, l *lease.Lease) *linkStatus {
	st := &linkStatus{
		Time: viewTime, Interface: "eth0", PID: 4711, Version: "0.4.0", State: state, Reason: why, Since: viewTime.Add(-since),
		Link: linkUp, Lease: l,
		Counters: linkCounters{
			Sent: map[string]uint64{"DISCOVER": 1, "REQUEST": 3}, Received: map[string]uint64{"OFFER": 1, "ACK": 3},
			ARP: map[string]uint64{"probes": 3, "announcements": 2},
		},
	}
	if l != nil {
		st.HeldSince = some(viewTime.Add(-3 * time.Hour))
		st.RenewAt, st.RebindAt, st.ExpiresAt = some(l.RenewAt()), some(l.RebindAt()), some(l.ExpireAt())
		st.Events = []*eventLine{
			{Time: l.Start, Interface: "eth0", Event: "transition", From: "BOUND", To: "RENEWING", Reason: "T1"},
			{Time: l.Start, Interface: "eth0", Event: "renewed", Address: prefix(l)},
			{Time: l.Start, Interface: "eth0", Event: "transition", From: "RENEWING", To: "BOUND", Reason: "acknowledged"},
		}
	}
	return st
}

// with changes a status.
func (st *linkStatus) with(change func(*linkStatus)) *linkStatus {
	change(st)
	return st
}

var statusScenes = map[string]struct {
	st            *linkStatus
	width         int
	ascii, colour bool
}{
	"bound":         {st: aStatus("BOUND", "acknowledged", 19*time.Minute, viewLease(19*time.Minute, time.Hour))},
	"bound-ascii":   {st: aStatus("BOUND", "acknowledged", 19*time.Minute, viewLease(19*time.Minute, time.Hour)), ascii: true},
	"bound-colour":  {st: aStatus("BOUND", "acknowledged", 19*time.Minute, viewLease(19*time.Minute, time.Hour)), colour: true},
	"bound-narrow":  {st: aStatus("BOUND", "acknowledged", 19*time.Minute, viewLease(19*time.Minute, time.Hour)), width: 40},
	"bound-days":    {st: aStatus("BOUND", "acknowledged", 50*time.Hour, viewLease(50*time.Hour, 7*24*time.Hour))},
	"bound-seconds": {st: aStatus("BOUND", "acknowledged", 5*time.Second, viewLease(5*time.Second, 30*time.Second))},
	"bound-ever":    {st: aStatus("BOUND", "acknowledged", 400*24*time.Hour, viewLease(400*24*time.Hour, lease.Infinite))},
	"renewing":      {st: aStatus("RENEWING", "T1", 8*time.Minute, viewLease(38*time.Minute, time.Hour))},
	"rebinding":     {st: aStatus("REBINDING", "T2", time.Minute, viewLease(54*time.Minute, time.Hour))},
	"rebooting":     {st: aStatus("REBOOTING", "carrier", time.Second, viewLease(19*time.Minute, time.Hour))},
	"rebooting-unplugged": {st: aStatus("REBOOTING", "no carrier", 90*time.Second, viewLease(19*time.Minute, time.Hour)).
		with(func(st *linkStatus) { st.Link = linkNoCarrier })},
	"rebooting-stored": {st: aStatus("REBOOTING", "a stored lease", time.Second, nil)},
	"selecting": {st: aStatus("SELECTING", "started", 12*time.Second, nil).with(func(st *linkStatus) {
		st.Unanswered, st.Counters = 4, linkCounters{Sent: map[string]uint64{"DISCOVER": 4}, SendErrors: 1}
	})},
	"selecting-pause": {st: aStatus("SELECTING", "no server has answered", 2*time.Minute, nil).
		with(func(st *linkStatus) { st.NextTry = some(viewTime.Add(5 * time.Minute)) })},
	"requesting": {st: aStatus("REQUESTING", "the offer is taken", time.Second, nil)},
	"checking":   {st: aStatus("CHECKING", "acknowledged", time.Second, nil)},
	"applying":   {st: aStatus("APPLYING", "no other station has the address", time.Second, nil)},
	"waiting": {st: aStatus("WAITING", `refused by NAK: "no more addresses here, ask the administrator of this network"`, 18*time.Second, nil).
		with(func(st *linkStatus) { st.NextTry = some(viewTime.Add(42 * time.Second)) })},
	"init-unplugged": {st: aStatus("INIT", "no carrier", time.Hour, nil).with(func(st *linkStatus) { st.Link = linkNoCarrier })},
	"init-released":  {st: aStatus("INIT", "asked to release", 25*time.Hour, nil)},
	"gone":           {st: aStatus("INIT", "the link is gone", time.Hour, nil).with(func(st *linkStatus) { st.Link = linkMissing })},
	"absent": {st: aStatus(stateAbsent, "", time.Hour, nil).with(func(st *linkStatus) {
		st.Since, st.Link, st.Counters = time.Time{}, linkMissing, linkCounters{}
	})},
	"rejected": {st: aStatus("BOUND", "acknowledged", 19*time.Minute, viewLease(19*time.Minute, time.Hour)).with(func(st *linkStatus) {
		st.Counters.Rejected = map[string]uint64{"frame: the UDP checksum is wrong": 3, "not an offer": 12,
			"a reason that is so long that it has to stand on more than one line of a terminal of this width": 1}
		for i := range 7 {
			st.Counters.Rejected[fmt.Sprintf("reason %d", i)] = 1
		}
	})},
	// What came from the network, or from a program that is not ours, moves no
	// cursor.
	"hostile": {st: aStatus("WAITING", "\x1b[2J\x1b]0;owned\a\u202e世界"+strings.Repeat("x", 100), 18*time.Second, nil).with(func(st *linkStatus) {
		st.Interface, st.State, st.Version = "e\x1b[0m", "W\nAITING", "\r0"
		st.Counters.Rejected = map[string]uint64{"\x1b[31m": 1}
		st.Events = []*eventLine{{Time: viewTime, Event: "transition", From: "\x1b", To: "\n", Reason: "\t"}, {Time: viewTime, Event: "lost", Reason: "\u202e"}}
	})},
}

func TestView_Status(t *testing.T) {
	for name, tt := range statusScenes {
		t.Run(name, func(t *testing.T) {
			if tt.width == 0 {
				tt.width = 80
			}
			v := viewOf(tt.width, tt.ascii, tt.colour)
			v.status(tt.st)
			golden(t, name, v.b.String(), tt.width, tt.colour)
		})
	}
}

func TestView_Lease(t *testing.T) {
	l := viewLease(19*time.Minute, time.Hour)
	l.Broadcast, l.Hostname, l.Search, l.MTU = netip.MustParseAddr("192.0.2.255"), "host7", []string{"example.org", "example.net"}, 1400
	l.NTP, l.CaptivePortal = []netip.Addr{netip.MustParseAddr("192.0.2.5")}, "https://portal.example.org/api"
	l.NextServer, l.ServerName, l.BootFile = netip.MustParseAddr("192.0.2.6"), "boot.example.org", "pxelinux.0"
	l.HardwareAddr, l.ClientID, l.RouterMAC = lease.HardwareAddr{2, 0, 0, 0, 0, 1}, []byte{1, 2, 0, 0, 0, 0, 1}, lease.HardwareAddr{2, 0, 0, 0, 0, 2}
	l.Options = map[uint8][]byte{
		1: {255, 255, 255, 0}, 3: {192, 0, 2, 1}, 15: []byte("example.org"), 119: {1},
		224: {0, 1, 2, 255}, 225: []byte("a text"), 226: []byte("\x1b[2J"), 227: bytes.Repeat([]byte{0xab}, 40), 252: []byte("http://wpad/"),
		67: []byte("other.0"), 100: []byte("CET-1"), 101: []byte("Europe/Berlin"),
	}
	v := viewOf(80, false, false)
	v.lease(false, "eth0", l)
	infinite := viewLease(time.Hour, lease.Infinite)
	infinite.Options = map[uint8][]byte{
		162: []byte("\x00\x10\x00\x02\x0d\x03dns\x07example\x00\x00\x23\x00\x01\x0d\x03dns\x07example\x00\x04\xc0\x00\x02\x03" +
			"\x00\x01\x00\x04\x03dot\x00\x03\x00\x02\x20\xfb"),
		120: []byte("\x00\x03sip\x07example\x00"), 150: {192, 0, 2, 7, 192, 0, 2, 8}, 2: {0xff, 0xff, 0xce, 0xc8},
	}
	v.lease(true, "eth1", infinite)
	over := viewLease(2*time.Hour, time.Hour)
	v.lease(true, "eth2", over)
	golden(t, "lease", v.b.String(), 80, false)
}

// What has happened, in words: each event that there is.
func TestView_Events(t *testing.T) {
	l := viewLease(0, time.Hour)
	v := viewOf(80, false, false)
	for _, ev := range []eventLine{
		{Event: "transition", From: "BOUND", To: "RENEWING", Reason: "T1"},
		{Event: "bound", Lease: l}, {Event: "bound", Address: "192.0.2.10/24"},
		{Event: "renewed", Lease: l}, {Event: "renewed", Address: "192.0.2.10/24"},
		{Event: "changed", Lease: l, What: "server", Was: "192.0.2.1", Is: "192.0.2.2"},
		{Event: "other_server", Server: "192.0.2.2", Was: "192.0.2.1"},
		{Event: "expired", Lease: l},
		{Event: "refused", Lease: l, Server: "192.0.2.1", Reason: "no", Wait: 2},
		{Event: "declined", Lease: l, Station: "02:00:00:00:00:01"}, {Event: "declined", Lease: l},
		{Event: "lost", Lease: l, Reason: "hardware address changed"},
		{Event: "released", Lease: l},
		{Event: "unanswered", Server: "192.0.2.1"},
		{Event: "using_stored", Lease: l},
		{Event: "router_changed", Router: "192.0.2.1", Station: "02:00:00:00:00:01"},
		{Event: "verified", Lease: l, Server: "192.0.2.1"}, {Event: "verified", Lease: l, Station: "02:00:00:00:00:01"},
		{Event: "apply_failed", Lease: l, Reason: "operation not permitted"},
		{Event: "probe_failed", Address: "192.0.2.10", Reason: "network is down"},
		{Event: "no_server", Wait: 300},
		{Event: "stopped", Lease: l}, {Event: "stopped"},
		{Event: "dropped", Count: 7},
		{Event: "unheard of"},
	} {
		ev.Time, ev.Interface = viewTime, "eth0"
		v.tell(&ev)
	}
	golden(t, "events", v.b.String(), 200, false)
}

// The JSON is a promise: its names and forms stay.
func TestView_StatusJSON(t *testing.T) {
	full := aStatus("WAITING", "refused by NAK", time.Minute, viewLease(19*time.Minute, time.Hour)).with(func(st *linkStatus) {
		st.NextTry, st.Unanswered = some(viewTime.Add(time.Minute)), 3
		st.Counters.SendErrors, st.Counters.Rejected = 2, map[string]uint64{"not an offer": 1}
	})
	var b bytes.Buffer
	for _, st := range []*linkStatus{full, aStatus("SELECTING", "started", time.Minute, nil)} {
		raw, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Indent(&b, raw, "", "  "); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
		var back linkStatus
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(&back)
		if err != nil || !bytes.Equal(again, raw) {
			t.Errorf("read and written again it is\n%s\nnot\n%s, %v", again, raw, err)
		}
	}
	golden(t, "status-json", b.String(), 1000, false)
}

// golden compares with a file, and what is drawn with a terminal.
func golden(t *testing.T, name, got string, width int, colour bool) {
	t.Helper()
	for line := range strings.Lines(got) {
		line = strings.TrimSuffix(line, "\n")
		if !colour && columns(line) > width {
			t.Errorf("%d columns: %s", columns(line), line)
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && !colour }) {
			t.Errorf("it moves the cursor: %q", line)
		}
	}
	path := filepath.Join("testdata", "view", name+".txt")
	if *rewrite {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("it is\n%s\nnot\n%s", got, want)
	}
}
