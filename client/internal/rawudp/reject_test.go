package rawudp

import (
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Each frame that is dropped is counted by its reason, in words, and at debug
// level it is a line.
func TestRejected_SEC_05(t *testing.T) {
	r := newRig(t)
	var log syncBuffer
	got := make(chan heard, 16)
	var c *Conn
	r.near.Do(t, func() {
		var err error
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c, err = Open(Config{Link: r.link(t), Logger: logger}, func(b []byte, from netip.Addr) { got <- newHeard(b, from) })
		if err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { c.Close() })
	if err := c.Receive(true); err != nil {
		t.Fatal(err)
	}
	want, lines := map[string]uint64{}, 0
	for _, row := range rows {
		if row.passes && row.why != accepted {
			m := newReply()
			row.edit(&m)
			r.inject(t, m.frame())
			want["frame: "+row.why.String()]++
			lines++
		}
	}
	r.say(t, "the last")
	hear(t, got, "the last")
	if got := c.Rejected(); !maps.Equal(got, want) {
		t.Errorf("rejected %v, want %v", got, want)
	}
	if n := strings.Count(log.String(), `msg="frame rejected" reason=`); n != lines {
		t.Errorf("%d lines for %d frames:\n%s", n, lines, log.String())
	}
}

// Frames that the kernel had no room for are counted with the others.
func TestRejected_Overrun(t *testing.T) {
	r := newRig(t)
	c, _ := r.open(t)
	release := holdPoller(t)
	for range 2000 {
		r.say(t, "one of many")
	}
	release()
	wait(t, "an overrun", func() bool { return c.Rejected()["frame: no room in the queue"] > 0 })
}

// A flood of what is dropped takes no memory unless it is logged.
func TestRejected_CostsNoMemory(t *testing.T) {
	c := &Conn{log: slog.New(slog.DiscardHandler), receive: func([]byte, netip.Addr) { t.Error("delivered") }}
	for _, row := range rows {
		if row.why == accepted {
			continue
		}
		m := newReply()
		row.edit(&m)
		frame := m.packet()
		if n := testing.AllocsPerRun(100, func() { c.deliver(frame, 0) }); n != 0 {
			t.Errorf("%s: %v allocations for each frame", row.name, n)
		}
	}
}

// Nor does reading it: a flood makes no garbage on its way here.
func TestReadingCostsNoMemory(t *testing.T) {
	r := newRig(t)
	c, got := r.open(t)
	m := newReply()
	m.checksum = wrong
	frame := m.frame()
	fd, to := sender(t, r)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sent := uint64(0)
	for range 2000 {
		switch err := unix.Sendto(fd, frame, 0, to); {
		case err == nil:
			sent++
		case !errors.Is(err, unix.ENOBUFS):
			t.Fatal(err)
		}
	}
	var s Stats
	wait(t, "the last frame", func() bool { s = c.Stats(); return s.Dropped[UDPChecksum]+s.Overrun >= sent })
	runtime.ReadMemStats(&after)
	if made := after.Mallocs - before.Mallocs; made > s.Dropped[UDPChecksum]/2 {
		t.Errorf("%d objects made for %d frames", made, s.Dropped[UDPChecksum])
	}
	if len(got) != 0 {
		t.Error("one was delivered")
	}
}

// A station that is not to be heard is not, whatever it says, and is counted.
func TestRejected_Station(t *testing.T) {
	r := newRig(t)
	got := make(chan heard, 16)
	var frames atomic.Int32
	c := r.openAs(t, Config{Link: r.link(t), Stations: func(a lease.HardwareAddr) bool {
		if a != farMAC {
			t.Errorf("a frame came from %v, want %v", a, farMAC)
		}
		return frames.Add(1) != 2
	}}, func(b []byte, from netip.Addr) { got <- newHeard(b, from) })
	if err := c.Receive(true); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"heard", "not heard", "heard again"} {
		r.say(t, text)
	}
	hear(t, got, "heard")
	hear(t, got, "heard again")
	if got := c.Rejected(); !maps.Equal(got, map[string]uint64{"frame: station": 1}) {
		t.Errorf("rejected %v", got)
	}
}
