package relay_test

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/nettest"
	"github.com/dhclient-go/dhclient-go/internal/nettest/frame"
	"github.com/dhclient-go/dhclient-go/internal/nettest/relay"
)

const frames = 2000

// Without faults all frames arrive, as they were, in order, both ways.
func TestRelay_NoFaults(t *testing.T) {
	r := newRig(t)
	r.count(t, frames)
	if got := r.settled(t, frames); !slices.Equal(got, upTo(frames)) {
		t.Errorf("%d frames, or out of order", len(got))
	}
	back := append(numbered(macB, macA, 5), bytes.Repeat([]byte{0xa5}, 1400)...)
	send(t, r.fromB, back)
	if f := r.atA.WaitFor(t, patience, isNumber); !bytes.Equal(f.Raw, back) {
		t.Errorf("sent %x, came as %x", back, f.Raw)
	}
	// It counts when it has sent, which may be after the frame is there.
	s, want := r.Stats(relay.BToA), relay.Stats{Received: 1, Sent: 1}
	for limit := time.Now().Add(patience); s.Sent == 0 && time.Now().Before(limit); s = r.Stats(relay.BToA) {
		time.Sleep(time.Millisecond)
	}
	if s != want {
		t.Errorf("%+v, want %+v: does it hear itself?", s, want)
	}
}

// The VLAN tag that a kernel takes out of a frame is in it again.
func TestRelay_KeepsTags(t *testing.T) {
	r := newRig(t)
	b := numbered(macA, macB, 1)
	for _, tci := range []uint16{0, 0xe000, 5, 0x2fff} {
		send(t, r.fromA, relay.Packet{Raw: b}.Tagged(tci).Raw)
		f := r.atB.WaitFor(t, patience, isNumber)
		if want := int(tci & 0xfff); !f.Tagged || f.VLAN != want || f.Priority != int(tci>>13) || !bytes.Equal(f.Raw, b) {
			t.Errorf("tag %#x came as %+v", tci, f)
		}
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// near fails unless n of total is what a share gives, within five standard
// deviations.
func near(t *testing.T, what string, n, total int, share float64) {
	t.Helper()
	want := share * float64(total)
	if slack := 5 * math.Sqrt(want*(1-share)); math.Abs(float64(n)-want) > slack {
		t.Errorf("%s: %d of %d, want %.0f ± %.0f", what, n, total, want, slack)
	}
}

func TestFaults_Loss(t *testing.T) {
	r := newRig(t)
	r.Set(relay.AToB, relay.Faults{Loss: 0.3})
	r.count(t, frames)
	got := r.settled(t, frames)
	near(t, "lost", frames-len(got), frames, 0.3)
	if !slices.IsSorted(got) || len(slices.Compact(got)) != len(got) {
		t.Error("out of order, or twice")
	}
	for i := range 10 { // nothing is lost on the other way
		send(t, r.fromB, numbered(macB, macA, i))
		r.atA.WaitFor(t, patience, isNumber)
	}
	// Faults change while it runs.
	r.Set(relay.AToB, relay.Faults{})
	r.count(t, frames)
	if again := r.settled(t, 2*frames); len(again) != len(got)+frames {
		t.Errorf("%d frames without loss, want %d", len(again)-len(got), frames)
	}
	// The same seed, the same luck.
	twin := newRig(t)
	twin.Set(relay.AToB, relay.Faults{Loss: 0.3})
	twin.count(t, frames)
	if other := twin.settled(t, frames); !slices.Equal(other, got) {
		t.Error("with one seed other frames were lost")
	}
}

func TestFaults_Duplicate(t *testing.T) {
	r := newRig(t)
	r.Set(relay.AToB, relay.Faults{Duplicate: 0.2})
	r.count(t, frames)
	got := r.settled(t, frames)
	near(t, "doubled", len(got)-frames, frames, 0.2)
	if once := slices.Compact(slices.Clone(got)); !slices.Equal(once, upTo(frames)) {
		t.Error("something is missing, or there is more than a copy")
	}
	r.Set(relay.AToB, relay.Faults{Duplicate: 1})
	r.count(t, 10)
	eventually(t, "ten frames twice", func() bool { return len(r.numbers()) == len(got)+20 })
}

func TestFaults_Reorder(t *testing.T) {
	r := newRig(t)
	r.Set(relay.AToB, relay.Faults{Reorder: 0.25})
	r.count(t, frames)
	got := r.settled(t, frames)
	behind := 0
	for i := 1; i < len(got); i++ {
		if got[i] < got[i-1] {
			behind++
		}
	}
	// A run of frames that are held back is one step down: the first of each.
	near(t, "steps down", behind, frames, 0.25*0.75)
	near(t, "held back", int(r.Stats(relay.AToB).Reordered), frames, 0.25)
	slices.Sort(got)
	if !slices.Equal(got, upTo(frames)) {
		t.Error("something is missing or twice")
	}
	// A frame that no other follows is not held for ever.
	r.Set(relay.AToB, relay.Faults{Reorder: 1})
	began := time.Now()
	r.count(t, 1)
	eventually(t, "the last frame", func() bool { return len(r.numbers()) == frames+1 })
	if took := time.Since(began); took < relay.HoldLimit {
		t.Errorf("the last frame took %v, want %v at least", took, relay.HoldLimit)
	}
}

func TestFaults_Delay(t *testing.T) {
	const delay, jitter, n = 100 * time.Millisecond, 200 * time.Millisecond, 200
	r := newRig(t)
	r.Set(relay.AToB, relay.Faults{Delay: delay, Jitter: jitter})
	out := nettest.Capture(t, r.a, "eth0")
	r.count(t, n)
	got := r.settled(t, n)
	if slices.IsSorted(got) {
		t.Error("no frame overtook another")
	}
	sent := out.Matching(func(f frame.Frame) bool { return f.EtherType == number })
	came := r.atB.Matching(isNumber)
	var sum time.Duration
	for i, num := range got {
		late := came[i].Time.Sub(sent[num].Time)
		if late < delay {
			t.Errorf("frame %d took %v, want %v at least", num, late, delay)
		}
		sum += late
	}
	// The mean has no upper limit on a machine with other work.
	if mean := sum / n; mean < delay+jitter*4/10 {
		t.Errorf("mean %v, want about %v", mean, delay+jitter/2)
	} else {
		t.Logf("mean %v of %v to %v", mean, delay, delay+jitter)
	}
}

func TestFaults_Rewrite(t *testing.T) {
	r := newRig(t)
	r.Set(relay.AToB, relay.Faults{Rewrite: func(p relay.Packet) []relay.Packet {
		if p.Frame().EtherType != number {
			return []relay.Packet{p}
		}
		switch n := p.Raw[17]; n {
		case 0:
			return nil
		case 1:
			p.Raw[17] = 101
			return []relay.Packet{p, {Raw: numbered(macA, macB, 102)}}
		}
		return []relay.Packet{p}
	}})
	r.count(t, 3)
	eventually(t, "three frames", func() bool { return len(r.numbers()) == 3 })
	if got := r.numbers(); !slices.Equal(got, []int{101, 102, 2}) {
		t.Errorf("came as %v", got)
	}
}

// What is under way is bounded, and what is more is counted.
func TestRelay_QueueIsBounded(t *testing.T) {
	r := newRig(t)
	r.Set(relay.AToB, relay.Faults{Delay: time.Hour})
	const more = 100
	for i := range 4096 + more {
		// No faster than it reads: else its socket overflows before.
		eventually(t, "room", func() bool { return int(r.Stats(relay.AToB).Received)+500 > i })
		send(t, r.fromA, numbered(macA, macB, i))
	}
	eventually(t, "an overflow", func() bool { return r.Stats(relay.AToB).Overflowed == more })
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if n := len(r.numbers()); n != 0 {
		t.Errorf("%d frames did not wait", n)
	}
}

// A link that is down, and up again, does not end the relay; one that is gone
// does not hang it.
func TestRelay_LinkDown(t *testing.T) {
	r := newRig(t)
	r.wires.IP(t, "link", "set", "dev", "b", "down")
	send(t, r.fromA, numbered(macA, macB, 1))
	eventually(t, "a refusal", func() bool { return r.Stats(relay.AToB).Refused == 1 })
	r.wires.IP(t, "link", "set", "dev", "b", "up")
	nettest.WaitUp(t, r.wires, "b")
	nettest.WaitUp(t, r.b, "eth0")
	send(t, r.fromA, numbered(macA, macB, 2))
	eventually(t, "a frame", func() bool { return slices.Equal(r.numbers(), []int{2}) })
	r.wires.IP(t, "link", "delete", "dev", "a")
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestNew_NoSuchLink(t *testing.T) {
	ns := nettest.NewNS(t, "none")
	ns.Do(t, func() {
		for _, names := range [][2]string{{"none", "lo"}, {"lo", "none"}} {
			if r, err := relay.New(names[0], names[1], 1); err == nil {
				t.Errorf("a relay between %v: %v", names, r.Close())
			}
		}
	})
}
