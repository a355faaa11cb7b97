package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestLog_IsALineForAPerson(t *testing.T) {
	for _, tt := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"a warning", func(l *slog.Logger) {
			l.With("if", "eth0").Warn("NAK", "server", netip.MustParseAddr("192.0.2.1"), "wait", 2*time.Second)
		},
			"eth0: warning: NAK (server 192.0.2.1, wait 2s)\n"},
		{"an error", func(l *slog.Logger) { l.Error("no timer", "err", errors.New("it broke")) }, "error: no timer: it broke\n"},
		{"a second error is an attribute", func(l *slog.Logger) { l.Warn("odd", "err", errors.New("one"), "err", errors.New("two")) },
			"warning: odd: one (err two)\n"},
		{"what is not there is left out", func(l *slog.Logger) {
			l.Warn("declined", "address", netip.Addr{}, "wait", time.Duration(0), "text", "")
		},
			"warning: declined\n"},
		{"the network's words stay in their line", func(l *slog.Logger) { l.Warn("NAK", "message", "a\nb, \x1b[2J\xffc") },
			"warning: NAK (message \"a?b, ?[2J?c\")\n"},
		{"groups", func(l *slog.Logger) { l.WithGroup("a").Warn("x", slog.Group("b", "c", 1)) }, "warning: x (a.b.c 1)\n"},
		{"times", func(l *slog.Logger) { l.Warn("x", "until", time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)) }, "warning: x (until 03:04:05)\n"},
		{"netcfg's name for the link", func(l *slog.Logger) { l.With("link", "eth0").Warn("x", "link", 3) }, "eth0: warning: x (link 3)\n"},
		{"durations", func(l *slog.Logger) {
			l.Warn("x", "a", 10353445659*time.Nanosecond, "b", 1234567*time.Nanosecond, "c", time.Nanosecond)
		},
			"warning: x (a 10.4s, b 1ms)\n"},
		{"below the level", func(l *slog.Logger) { l.Info("x") }, ""},
	} {
		var b bytes.Buffer
		tt.log(newLogger(newOptions(), &b))
		if b.String() != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, b.String(), tt.want)
		}
	}
}

func TestLog_Levels(t *testing.T) {
	for _, tt := range []struct {
		flags, want string
	}{
		{"", "we"}, {"-q", "e"}, {"-v", "iwe"}, {"-vv", "diwe"}, {"-vvv", "diwe"}, {"--log-format json", "we"},
	} {
		o, err := parse(append(strings.Fields(tt.flags), "eth0"))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		log := newLogger(o, &b)
		log.Debug("<d>")
		log.Info("<i>")
		log.Warn("<w>")
		log.Error("<e>")
		for _, letter := range "diwe" {
			if has := strings.Contains(b.String(), "<"+string(letter)+">"); has != strings.ContainsRune(tt.want, letter) {
				t.Errorf("%q writes level %c: %v", tt.flags, letter, has)
			}
		}
		if isJSON := strings.HasPrefix(b.String(), "{"); isJSON != o.logJSON {
			t.Errorf("%q writes %q", tt.flags, b.String())
		}
	}
}

func TestLog_ShowsTimeWhenVerbose(t *testing.T) {
	o := newOptions()
	o.verbosity = 1
	var b bytes.Buffer
	newLogger(o, &b).Info("x")
	if _, err := time.Parse("15:04:05.000 x\n", b.String()); err != nil {
		t.Error(err)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 90 * time.Second: "1m30s", 10 * time.Minute: "10m",
		12 * time.Hour: "12h", 90 * time.Minute: "1h30m", 24 * time.Hour: "1d", 36 * time.Hour: "1d12h",
		7 * 24 * time.Hour: "7d", 24*time.Hour + time.Second: "1d1s", 1500 * time.Millisecond: "1.5s",
		time.Hour + 5*time.Second: "1h0m5s", 25*time.Hour + time.Minute: "1d1h1m",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %s, want %s", d, got, want)
		}
	}
}
