package ladder

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// A board is a ladder whose clock a test sets.
type board struct {
	bytes.Buffer
	now time.Duration
	*slog.Logger
}

func newBoard(cfg Config) *board {
	b := &board{now: 100 * time.Hour}
	cfg.W, cfg.Clock = b, func() time.Duration { return b.now }
	b.Logger = slog.New(New(cfg))
	return b
}

func (b *board) pass(d time.Duration) { b.now += d }

// body is what was drawn, without the time of day.
func (b *board) body() string {
	_, rest, _ := strings.Cut(b.String(), "\n")
	return rest
}

func (b *board) check(t *testing.T, want string) {
	t.Helper()
	if got := b.body(); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

var (
	addr   = netip.MustParseAddr("192.0.2.50")
	server = netip.MustParseAddr("192.0.2.1")
	all    = "ff:ff:ff:ff:ff:ff"
)

// The first row has the time of day, and the others count from it.
func TestLadder_TellsTheTimeOfDayFirst(t *testing.T) {
	b := newBoard(Config{Links: []string{"eth0"}})
	r := slog.NewRecord(time.Date(2026, 11, 25, 7, 47, 2, 0, time.UTC), slog.LevelInfo, "state", 0)
	r.AddAttrs(slog.String("from", "OFF"), slog.String("to", "SELECTING"))
	if err := b.Handler().Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if first, _, _ := strings.Cut(b.String(), "\n"); first != "   0.000  Wed 2026-11-25 07:47:02 UTC" {
		t.Errorf("first row %q", first)
	}
}

// The probes and announcements of package arpcheck are part of the exchange.
func TestLadder_DrawsARP(t *testing.T) {
	b := newBoard(Config{Links: []string{"eth0"}})
	log := b.With("if", "eth0")
	for range 2 {
		log.Debug("ARP sent", "as", "probe", "address", addr, "to", all)
		b.pass(70 * time.Millisecond)
	}
	log.Debug("ARP received", "as", "probe", "address", addr, "from", "02:00:00:00:00:03")
	log.Debug("ARP received", "as", "user", "address", addr, "from", "02:00:00:00:00:03")
	log.Debug("ARP sent", "as", "announcement", "address", addr, "to", all)
	log.Debug("ARP sent", "as", "router check", "address", server, "to", "02:00:00:00:00:01")
	log.Debug("ARP received", "as", "router", "address", server, "from", "02:00:00:00:00:01")
	log.Debug("ARP packet rejected", "reason", "poll")
	b.check(t, `
          eth0                                         server
   0.000  ├─ ARP who has 192.0.2.50? (probe) ───────────────►  all
   0.070  ├─ ARP who has 192.0.2.50? (probe 2) ─────────────►  all
   0.140  ◄─────────────── ARP who has 192.0.2.50? (probe) ─┤  02:00:00:00:00:03
   0.140  ◄──────────────────────── ARP 192.0.2.50 is mine ─┤  02:00:00:00:00:03
   0.140  ├─ ARP 192.0.2.50 is mine ────────────────────────►  all
   0.140  ├─ ARP who is the router 192.0.2.1? ──────────────►  02:00:00:00:00:01
   0.140  ◄──────────────── ARP the router 192.0.2.1 is me ─┤  02:00:00:00:00:01
   0.140  × ARP packet rejected: poll                       │
`)
}

// Several links stand in one ladder and are told apart; so is what is of none.
func TestLadder_TellsLinksApart(t *testing.T) {
	b := newBoard(Config{Links: []string{"eth0", "wlp0s20f3"}})
	for _, name := range []string{"eth0", "wlp0s20f3"} {
		b.With("if", name).Debug("sent", "message", "DISCOVER", "xid", "00000001", "to", netip.AddrFrom4([4]byte{255, 255, 255, 255}))
	}
	b.With("if", "eth0").Debug("received", "message", "OFFER", "xid", "00000001", "address", addr, "server", server, "lease", time.Hour)
	b.Error("the clock stands still")
	b.check(t, `
                    client                             server
   0.000  eth0      ├─ DISCOVER xid 00000001 ───────────────►  all
   0.000  wlp0s20f3 ├─ DISCOVER xid 00000001 ───────────────►  all
   0.000  eth0      ◄───────────── OFFER 192.0.2.50 for 1h ─┤  192.0.2.1
   0.000            ! the clock stands still                │
`)
}

// Without UTF-8 a ladder is made of ASCII, whatever the texts are.
func TestLadder_DrawsInASCII(t *testing.T) {
	b := newBoard(Config{Links: []string{"eth0"}, ASCII: true})
	b.Info("state", "from", "SELECTING", "to", "REQUESTING", "why", "the offer is taken")
	b.Debug("sent", "message", "REQUEST", "xid", "00000001", "to", server, "ciaddr", addr)
	b.Debug("received", "message", "NAK", "xid", "00000001", "server", server, "text", "größer")
	b.Warn("cannot send", "message", "REQUEST", "err", errors.New("network is down"))
	b.Debug("message ignored", "reason", "late offer")
	b.Warn("a long text that goes on until it reaches the end of the line", "where", "it is cut")
	b.check(t, `
          eth0                                         server
   0.000  * SELECTING -> REQUESTING: the offer is taken     |
   0.000  +- REQUEST to keep 192.0.2.50 xid 00000001 ------->  192.0.2.1
   0.000  <---------------------------------- NAK "gr??er" -+  192.0.2.1
   0.000  +- REQUEST --x network is down                    |
   0.000  x message ignored: late offer                     |
   0.000  ! a long text that goes on until it reaches the end of the line (wher~
`)
}

// What is no part of the exchange is shown from a level on, with its keys.
func TestLadder_ShowsOtherRecordsFromALevelOn(t *testing.T) {
	b := newBoard(Config{Links: []string{"eth0"}})
	log := b.With("link", "eth0")
	log.Debug("changed", "change", "route")
	log.Info("link MTU is set", "mtu", 1400, "old", 1500)
	log.WithGroup("a").Warn("odd", "err", "x", slog.Group("b", "c", time.Second, "none", netip.Addr{}))
	log.Warn("lost", "err", errors.New("no"), "until", time.Time{})
	b.check(t, `
          eth0                                         server
   0.000  │ link MTU is set (mtu 1400, old 1500)            │
   0.000  ! odd (a.err x, a.b.c 1s)                         │
   0.000  ! lost: no                                        │
`)
}

// A refusal is a row, and when the next try is another.
func TestLadder_TellsWhatFollowsARefusal(t *testing.T) {
	b := newBoard(Config{Links: []string{"eth0"}})
	b.Warn("NAK", "server", server, "message", "no", "wait", time.Duration(0))
	b.Warn("NAK", "server", server, "message", "no", "wait", 10*time.Second)
	b.Warn("address declined: it cannot be used here", "address", addr, "wait", 10*time.Second)
	b.Warn("lease given up", "address", addr, "reason", "no carrier")
	b.check(t, `
          eth0                                         server
   0.000  ! refused, next try in 10s                        │
   0.000  ! 192.0.2.50 is declined: it cannot be used here, next try in 10s
   0.000  ! the lease of 192.0.2.50 is given up: no carrier │
`)
}

// Why there is no link is said once: by what happened, or where nothing did, by
// what is missing.
func TestLadder_TellsOnceWhyThereIsNoLink(t *testing.T) {
	b := newBoard(Config{Links: []string{"eth0"}})
	b.Warn("no carrier; waiting for it")
	b.Debug("carrier is back")
	b.Debug("carrier is lost")
	b.Warn("no carrier; waiting for it")
	b.Debug("the link is gone")
	b.Warn("the link is gone; waiting for it")
	b.Debug("the link is there", "carrier", true)
	b.Info("verified", "address", "192.0.2.50/24", "by", "router", "station", "02:00:00:00:00:01")
	b.check(t, `
          eth0                                         server
   0.000  ! no carrier; waiting for it                      │
   0.000  ! carrier is back                                 │
   0.000  ! carrier is lost                                 │
   0.000  ! the link is gone                                │
   0.000  ! the link is there                               │
   0.000  │ 192.0.2.50/24 is verified by the router 02:00:00:00:00:01
`)
}

// A flood is thinned: some rows a second, and how many more there were.
func TestLadder_ThinsAFlood(t *testing.T) {
	b := newBoard(Config{Links: []string{"eth0"}})
	for range 3000 {
		b.Debug("message rejected", "err", errors.New("message rejected: of another exchange"))
		b.pass(time.Millisecond)
	}
	b.Info("state", "from", "SELECTING", "to", "REQUESTING", "why", "the offer is taken")
	if n := strings.Count(b.String(), "rejected"); n != 3*inRows {
		t.Errorf("%d rows in 3 s, want %d", n, 3*inRows)
	}
	told := 0
	for _, line := range strings.Split(b.String(), "\n") {
		if strings.Contains(line, "980 more messages came and are not shown") {
			told++
		}
	}
	if told != 3 || !strings.Contains(b.String(), "● SELECTING → REQUESTING") {
		t.Errorf("%d lines tell of the others in\n%s", told, b.String())
	}
}

// The time is short however long the client has run.
func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                              "   0.000  ",
		1500 * time.Millisecond:        "   1.500  ",
		9999999 * time.Millisecond:     "9999.999  ",
		10000 * time.Second:            " 2:46:40  ",
		100*time.Hour - time.Second:    "99:59:59  ",
		100 * time.Hour:                " 4d04:00  ",
		90*24*time.Hour + 61*time.Hour: "92d13:00  ",
	} {
		if got := clock(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 90 * time.Minute: "1h30m", 1234567 * time.Microsecond: "1.235s",
		36 * time.Hour: "1d12h", 48 * time.Hour: "2d", 10353 * time.Millisecond: "10s",
		24*time.Hour - time.Millisecond: "1d", lease.Infinite: "ever",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// Whatever the network says, a row is one line that fits, of characters that
// stay where they are written.
func TestLadder_HostileTextsStayInTheirRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(0, 300).Draw(t, "width")
		ascii := rapid.Bool().Draw(t, "ascii")
		links := rapid.SampledFrom([][]string{{"eth0"}, {"a", "überlanger-name"}}).Draw(t, "links")
		b := newBoard(Config{Links: links, ASCII: ascii, Width: func() int { return width }, Level: slog.LevelDebug})
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"\x1b[2J\r\n", "\u202egnp.exe", "e\u0301\u0301\u0301", "\u200b\u200d", "漢字かなカナ한글", "🙂", "\xff\xfe", "\u00ad", "\t",
		}))
		draw := func(name string) string { return text.Draw(t, name) }
		message := rapid.SampledFrom([]string{"sent", "received", "cannot send", "ARP sent", "ARP received", "state", "NAK",
			"bound", "message ignored", "message rejected", "lease given up", draw("message")}).Draw(t, "record")
		b.Warn(message, "if", draw("if"), "message", draw("type"), "xid", draw("xid"), "server", draw("server"), "address", draw("address"),
			"to", draw("to"), "from", draw("from"), "why", draw("why"), "text", draw("text"), "err", draw("err"), "reason", draw("reason"),
			draw("key"), draw("value"), "lease", time.Duration(rapid.Int64().Draw(t, "lease")))
		for line := range strings.Lines(b.String()) {
			wide := 0
			for _, r := range strings.TrimSuffix(line, "\n") {
				wide++
				if r > 0x3000 {
					wide++ // Han and its neighbours
				}
				if ascii && r > '~' || !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.IsMark(r) {
					t.Fatalf("%U in %q", r, line)
				}
			}
			if !strings.HasSuffix(line, "\n") || wide > max(width, minWidth) && width != 0 || wide > 80 && width == 0 {
				t.Fatalf("%d columns of %d: %q", wide, width, line)
			}
		}
	})
}

// An error of the writer is the logger's.
func TestLadder_ReturnsTheWritersError(t *testing.T) {
	_, w := io.Pipe()
	_ = w.CloseWithError(nil)
	h := New(Config{W: w, Level: slog.LevelInfo})
	if err := h.Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelInfo, "x", 0)); err == nil {
		t.Error("no error")
	}
}
