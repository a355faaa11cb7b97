package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// newLogger is the log on standard error: as lines for people, as JSON, or as the
// ladder that --trace draws.
func newLogger(o *options, w io.Writer) *slog.Logger {
	level := slog.LevelWarn
	switch {
	case o.quiet:
		level = slog.LevelError
	case o.verbosity == 1:
		level = slog.LevelInfo
	case o.verbosity > 1:
		level = slog.LevelDebug
	}
	if o.voice != nil {
		return newVoiceLogger(o.voice, w, o.aloud.Load)
	}
	if o.trace {
		return slog.New(newLadder(o, w, level))
	}
	if o.logJSON {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: byName}))
	}
	return slog.New(&lineHandler{w: w, level: level, times: o.verbosity > 0})
}

// byName gives JSON the words for what is a number to the handler: durations,
// and the states of a client.
func byName(_ []string, a slog.Attr) slog.Attr {
	switch v := a.Value.Any().(type) {
	case slog.Level, time.Time:
	case fmt.Stringer:
		a.Value = slog.StringValue(v.String())
	}
	return a
}

// A lineHandler writes a record as a line that a person reads:
//
//	eth0: warning: NAK (server 10.0.0.1, wait 2s)
type lineHandler struct {
	w     io.Writer
	level slog.Level
	// times puts the time before each line.
	times bool
	attrs []slog.Attr
	group string
}

// Enabled says that records of that level are written.
func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// WithAttrs returns a handler that adds attrs to each line.
func (h *lineHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	to := *h
	to.attrs = append(to.attrs[:len(to.attrs):len(to.attrs)], attrs...)
	return &to
}

// WithGroup returns a handler that puts name before the keys of its records.
func (h *lineHandler) WithGroup(name string) slog.Handler {
	to := *h
	to.group += name + "."
	return &to
}

// Handle writes one line.
func (h *lineHandler) Handle(_ context.Context, r slog.Record) error {
	l := logLine{}
	for _, a := range h.attrs {
		l.add("", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		l.add(h.group, a)
		return true
	})
	var b strings.Builder
	if l.link != "" {
		b.WriteString(l.link + ": ")
	}
	switch {
	case r.Level >= slog.LevelError:
		b.WriteString("error: ")
	case r.Level >= slog.LevelWarn:
		b.WriteString("warning: ")
	}
	b.WriteString(oneLine(r.Message))
	if l.err != "" {
		b.WriteString(": " + l.err)
	}
	if len(l.rest) > 0 {
		b.WriteString(" (" + strings.Join(l.rest, ", ") + ")")
	}
	b.WriteByte('\n')
	stamp := ""
	if h.times {
		stamp = r.Time.Format("15:04:05.000 ")
	}
	if to, ok := h.w.(*output); ok {
		to.record(r.Level, stamp, b.String())
		return nil
	}
	_, err := io.WriteString(h.w, stamp+b.String())
	return err
}

// A logLine are the attributes of a line: two have a place of their own.
type logLine struct {
	link, err string
	rest      []string
}

func (l *logLine) add(group string, a slog.Attr) {
	v := a.Value.Resolve()
	text := oneLine(v.String())
	switch v.Kind() {
	case slog.KindGroup:
		for _, member := range v.Group() {
			l.add(group+a.Key+".", member)
		}
		return
	case slog.KindDuration:
		text = span(about(v.Duration()))
	case slog.KindTime:
		text = v.Time().Local().Format("15:04:05")
	case slog.KindString:
		if strings.ContainsAny(text, " ,()") {
			text = strconv.Quote(text)
		}
	}
	switch {
	case (a.Key == "if" || a.Key == "link") && v.Kind() == slog.KindString && l.link == "":
		l.link = text
	case a.Key == "err" && l.err == "":
		l.err = oneLine(v.String())
	case text != "" && text != "0s" && text != "invalid IP":
		// What is not there is not worth its place.
		l.rest = append(l.rest, group+a.Key+" "+text)
	}
}

// oneLine is s without what could end a line or move a terminal's cursor.
func oneLine(s string) string {
	if strings.ContainsFunc(s, unprintable) {
		return strings.Map(func(r rune) rune {
			if unprintable(r) {
				return '?'
			}
			return r
		}, s)
	}
	return s
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }

// about is d without the digits that tell a person nothing.
func about(d time.Duration) time.Duration {
	if d.Abs() > 10*time.Second {
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Millisecond)
}

// span is d as a person says it: 12h, 1d12h, 90s as 1m30s, 1.5s.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%time.Second == 0 {
		days := fmt.Sprintf("%dd", d/day)
		if d%day == 0 {
			return days
		}
		return days + span(d%day)
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
