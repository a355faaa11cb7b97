package client

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/dhclient-go/dhclient-go/client/internal/fsm"
)

// A suspend of any length: what the clock says on waking is done at once, and
// what is left of a lease is verified, since nobody knows where the machine
// woke up.
func TestResume_LIF_06(t *testing.T) {
	for _, c := range []struct {
		name  string
		slept time.Duration
		// state is after a second, without a word of the server; kept says
		// whether the address is on the link.
		state State
		first string
		kept  bool
	}{
		{"before T1", 10 * time.Minute, fsm.Rebooting, "REQUEST", true},
		{"past T1", 40 * time.Minute, fsm.Rebooting, "REQUEST", true},
		{"past T2", 55 * time.Minute, fsm.Rebooting, "REQUEST", true},
		{"past the end", time.Hour + time.Minute, fsm.Selecting, "DISCOVER", false},
		{"a day", 24 * time.Hour, fsm.Selecting, "DISCOVER", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.run()
				r.pass(time.Second)
				r.answer = func(sentMessage) []*dhcpv4.DHCPv4 { return nil }
				r.router = nil
				r.forget()
				applies := len(r.applied)
				r.suspend(c.slept)
				r.pass(time.Second / 2)
				if got := r.client.State(); got != c.state {
					t.Errorf("state %v, want %v", got, c.state)
				}
				if types := r.types(); !slices.Contains(types, c.first) {
					t.Errorf("sent %q, want a %s", types, c.first)
				}
				if kept := r.onTheLink() != nil; kept != c.kept {
					t.Errorf("on the link: %v, want %v", kept, c.kept)
				}
				if c.kept && c.state == fsm.Rebooting && len(r.applied) == applies {
					t.Error("the kernel's lifetimes, which did not count the sleep, were not refreshed")
				}
			})
		})
	}
}

// On the network where it fell asleep, a machine has its lease back at once.
func TestResume_SameNetwork_RFC4436(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run()
		r.pass(time.Second)
		r.forget()
		r.suspend(20 * time.Minute)
		r.pass(time.Second / 2)
		if got := r.client.State(); got != fsm.BoundState {
			t.Errorf("state %v, want BOUND", got)
		}
		if !slices.ContainsFunc(r.events, func(ev Event) bool { _, ok := ev.(Verified); return ok }) {
			t.Errorf("events %+v, want one Verified", r.events)
		}
		if l := r.client.Lease(); l == nil || l.Remaining(r.now()) < 59*time.Minute {
			t.Errorf("lease %+v, want an hour from the resume on", l)
		}
		// The link had no carrier when the machine woke up.
		r.setLink(func(s *LinkState) { s.Carrier = false })
		r.forget()
		r.suspend(time.Minute)
		if types := r.types(); len(types) > 0 {
			t.Errorf("sent %q without a link", types)
		}
	})
}

// A probe that slept with the machine says nothing of where it woke up: the lease
// that was about to be used is verified first.
func TestResume_WhileChecking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.run()
		r.pass(50 * time.Millisecond)
		if got := r.client.State(); got != fsm.Checking {
			t.Fatalf("state %v, want CHECKING", got)
		}
		r.forget()
		r.suspend(20 * time.Minute)
		r.pass(time.Second)
		if types := r.types(); !slices.Contains(types, "REQUEST") {
			t.Errorf("sent %q, want a REQUEST", types)
		}
		if l := r.client.Lease(); l == nil || l.Remaining(r.now()) < 59*time.Minute {
			t.Errorf("lease %+v, want an hour from the resume on", l)
		}
	})
}
