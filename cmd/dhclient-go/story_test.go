package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/control"
)

// toState is the transition into a state, by its number: that of the name.
func toState(t *testing.T, from, to string) client.Transition {
	t.Helper()
	find := func(name string) client.State {
		for s := client.State(0); s < 16; s++ {
			if nameOf(s) == name {
				return s
			}
		}
		t.Fatalf("no state %s", name)
		return 0
	}
	return client.Transition{From: find(from), To: find(to), Why: "a reason"}
}

// nameOf is empty for a number that is no state.
func nameOf(s client.State) (name string) {
	defer func() { _ = recover() }()
	return s.String()
}

func newStory() (*story, *control.Feed[*eventLine]) {
	news := &control.Feed[*eventLine]{}
	return &story{name: "eth0", news: news}, news
}

func none() uint64 { return 0 }

// A back-off has a reason and an end, in whatever order they are said, and both
// are forgotten with it.
func TestStory_BackOff(t *testing.T) {
	l := viewLease(0, time.Hour)
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 1}
	for want, ev := range map[string]client.Event{
		`refused by NAK: "go?away"`:                      client.Refused{Lease: l, Message: "go\naway", Wait: time.Minute},
		"station 02:00:00:00:00:01 has 192.0.2.10":       client.Declined{Lease: l, By: mac, Wait: time.Minute},
		"the address cannot be used here":                client.Declined{Lease: l, Wait: time.Minute},
		"the link cannot be configured: no such process": client.ApplyFailed{Lease: l, Err: errors.New("no such process"), Wait: time.Minute},
		"no server has answered":                         client.NoServer{Wait: time.Minute},
	} {
		for _, first := range []bool{true, false} {
			s, _ := newStory()
			s.event(client.Bound{Lease: l}, none)
			evs := []client.Event{ev, toState(t, "REQUESTING", "WAITING")}
			if !first {
				evs[0], evs[1] = evs[1], evs[0]
			}
			for _, ev := range evs {
				s.event(ev, none)
			}
			var st linkStatus
			s.fill(&st)
			_, idle := ev.(client.NoServer) // a lease may last meanwhile
			if st.State != "WAITING" || st.Reason != want || st.NextTry == nil || (st.Lease == nil) == idle {
				t.Errorf("%T first %v: %+v", ev, first, st)
			}
			s.event(toState(t, "WAITING", "SELECTING"), none)
			st = linkStatus{}
			s.fill(&st)
			if st.Reason != "a reason" || st.NextTry != nil {
				t.Errorf("%T: later %+v", ev, st)
			}
		}
	}
}

// DISCOVERs are unanswered since the last answer, and not before.
func TestStory_Unanswered(t *testing.T) {
	s, _ := newStory()
	sent := uint64(3)
	count := func() uint64 { return sent }
	unanswered := func() uint64 {
		st := linkStatus{Counters: linkCounters{Sent: map[string]uint64{"DISCOVER": sent}}}
		s.fill(&st)
		return st.Unanswered
	}
	s.event(toState(t, "OFF", "SELECTING"), count)
	if n := unanswered(); n != 3 {
		t.Errorf("%d", n)
	}
	s.event(toState(t, "SELECTING", "REQUESTING"), count)
	if n := unanswered(); n != 0 {
		t.Errorf("%d while REQUESTING", n)
	}
	sent += 2
	s.event(toState(t, "REQUESTING", "SELECTING"), count)
	if n := unanswered(); n != 2 {
		t.Errorf("%d after an answer", n)
	}
}

// The past is bounded, and holds no leases; what a stranger can cause at will is
// not in it.
func TestStory_IsBounded(t *testing.T) {
	s, news := newStory()
	feed := news.Subscribe()
	defer feed.End()
	l := viewLease(0, time.Hour)
	s.event(client.Bound{Lease: l}, none)
	since := s.heldSince
	for i := range 2 * storyLength {
		s.event(client.Renewed{Lease: l, Old: l}, none)
		s.event(client.Refused{Message: fmt.Sprint(i)}, none)
		s.event(client.Bound{Lease: l}, none)
	}
	for range 3 * storyLength {
		s.event(client.Ignored{Reason: "a flood"}, none)
	}
	var st linkStatus
	s.fill(&st)
	if len(st.Events) != storyLength || cap(s.past) > 2*storyLength {
		t.Errorf("%d events, room for %d", len(st.Events), cap(s.past))
	}
	for i := range s.past {
		if p := &s.past[i]; (p.more != nil) != (p.name == "refused") {
			t.Errorf("%s is remembered as %+v", p.name, p)
		}
	}
	for _, ev := range st.Events {
		if ev.Time.IsZero() || ev.Interface != s.name {
			t.Errorf("%+v", ev)
		}
		if ev.Lease != nil || ev.OldLease != nil || ev.Event == "ignored" || ev.Event != "refused" && ev.Address != "192.0.2.10/24" {
			t.Errorf("%+v", ev)
		}
	}
	if last := st.Events[storyLength-1]; last.Event != "bound" || st.Events[storyLength-2].Reason != fmt.Sprint(2*storyLength-1) {
		t.Errorf("the last are %+v", st.Events[storyLength-2:])
	}
	if !s.heldSince.After(since) {
		t.Error("the address is held since before it was lost")
	}
	// Those who watch get it whole.
	if ev, _, ok := feed.Next(t.Context()); !ok || ev.Event != "bound" || ev.Lease != l {
		t.Errorf("%+v", ev)
	}
}

// The times of a process whose clock on the wall has been set since.
func TestStatus_OnWall(t *testing.T) {
	st := aStatus("BOUND", "", time.Minute, viewLease(time.Minute, time.Hour))
	st.NextTry = some(viewTime)
	before := *st
	before.Lease = st.Lease.Clone()
	st.onWall(viewTime.Add(time.Second))
	if !st.Since.Equal(before.Since) {
		t.Error("an answer that takes a second moves the time")
	}
	st.onWall(viewTime.Add(time.Hour))
	for what, pair := range map[string][2]time.Time{
		"time": {before.Time, st.Time}, "since": {before.Since, st.Since}, "start": {before.Lease.Start, st.Lease.Start}, "event": {viewTime.Add(-time.Minute), st.Events[0].Time},
	} {
		if d := pair[1].Sub(pair[0]); d != time.Hour {
			t.Errorf("%s is moved by %v", what, d)
		}
	}
	if !st.ExpiresAt.Equal(st.Lease.ExpireAt()) || !st.RenewAt.Equal(st.Lease.RenewAt()) || !st.NextTry.Equal(viewTime.Add(time.Hour)) {
		t.Errorf("%+v", st)
	}
}

func TestCompareNames(t *testing.T) {
	names := strings.Fields("br0 eth0 eth1 eth2 eth010 eth10 eth11 wlan")
	for i := range names {
		for j := range names {
			if got := compareNames(names[i], names[j]); got != cmp.Compare(i, j) {
				t.Errorf("%s and %s: %d", names[i], names[j], got)
			}
		}
	}
}

func TestRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 12*time.Second + time.Millisecond: "12s", 61 * time.Second: "1m1s", 2 * time.Minute: "2m",
		41*time.Minute + 59*time.Second: "41m", time.Hour: "1h", 65 * time.Minute: "1h5m", 51 * time.Hour: "2d3h", 240 * time.Hour: "10d",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%v is %s, not %s", d, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "a": "a", "one two": "one|two", "a b c d": "a b c|d", "abcdefghijkl m": "abcdef|ghijkl|m", "  a   b ": "a b", "ab cdefghi": "ab|cdefgh|i",
	} {
		if got := strings.Join(wrap(text, 6), "|"); got != want {
			t.Errorf("%q is %q, not %q", text, got, want)
		}
	}
}

// What is no terminal has no colour; nor has one whose user wants none.
func TestHasColour(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	env := func(m map[string]string) func(string) string { return func(k string) string { return m[k] } }
	if hasColour(null, env(map[string]string{"TERM": "xterm"})) {
		t.Error("a file has colour")
	}
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminal to be had: ", err)
	}
	defer func() { _ = pty.Close() }()
	for _, tt := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{"TERM": "xterm"}, true}, {map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{map[string]string{"TERM": "dumb"}, false}, {nil, false},
	} {
		if got := hasColour(pty, env(tt.env)); got != tt.want {
			t.Errorf("%v: %v", tt.env, got)
		}
	}
}

// A lease of whatever times gives a bar that fits.
func TestView_BarOfOddLeases(t *testing.T) {
	l := viewLease(0, time.Hour)
	for _, valid := range []time.Duration{0, time.Second, time.Minute, 100000 * time.Hour, lease.Infinite - time.Second} {
		for _, ago := range []time.Duration{-time.Hour, 0, time.Second, 1000000 * time.Hour} {
			for width := minWidth; width <= maxWidth; width += 7 {
				l.Valid, l.T1, l.T2, l.Start = valid, valid/2, valid/8*7, viewTime.Add(-ago)
				if width%2 == 0 {
					l.T1, l.T2 = valid, 2*valid // as no client has it
				}
				v := viewOf(width, false, false)
				v.bar(l)
				for line := range strings.Lines(v.b.String()) {
					if columns(strings.TrimSuffix(line, "\n")) > width {
						t.Errorf("%v, %v, %d: %s", valid, ago, width, line)
					}
				}
			}
		}
	}
}
