package helper

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

const (
	// maxAttrs is how many attributes of a record come over, and maxValue the
	// longest text of one.
	maxAttrs = 32
	maxValue = 2048
)

// A record is a line for the log of the first process.
type record struct {
	Level slog.Level `json:"level"`
	Text  string     `json:"text"`
	// Attrs are keys and values in turn.
	Attrs []string `json:"attrs,omitempty"`
}

// levelOf is the lowest level that the helper sends. All but the finest words come
// over in any case: a client may speak up later.
func levelOf(log *slog.Logger) slog.Level {
	if log.Enabled(context.Background(), slog.LevelDebug) {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// replay logs r as if it had happened here.
func (r *record) replay(log *slog.Logger) {
	ctx := context.Background()
	if !log.Enabled(ctx, r.Level) {
		return
	}
	out := slog.NewRecord(time.Now(), r.Level, cut(r.Text, maxValue), 0)
	for i := 0; i+1 < len(r.Attrs) && i < 2*maxAttrs; i += 2 {
		out.AddAttrs(slog.String(cut(r.Attrs[i], maxValue), cut(r.Attrs[i+1], maxValue)))
	}
	_ = log.Handler().Handle(ctx, out)
}

// A relay is a slog.Handler that sends records to the first process.
type relay struct {
	send  func(*answer)
	level slog.Level
	attrs []string
	group string
}

// Enabled says that the first process would log that level.
func (h *relay) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

// WithAttrs returns a handler that adds attrs to each record.
func (h *relay) WithAttrs(attrs []slog.Attr) slog.Handler {
	to := *h
	to.attrs = slices.Clone(h.attrs)
	for _, a := range attrs {
		to.attrs = appendAttr(to.attrs, h.group, a)
	}
	return &to
}

// WithGroup returns a handler that puts name before the keys of its records.
func (h *relay) WithGroup(name string) slog.Handler {
	to := *h
	to.group += name + "."
	return &to
}

// Handle sends a record.
func (h *relay) Handle(_ context.Context, r slog.Record) error {
	out := &record{Level: r.Level, Text: cut(r.Message, maxValue), Attrs: slices.Clone(h.attrs)}
	r.Attrs(func(a slog.Attr) bool {
		out.Attrs = appendAttr(out.Attrs, h.group, a)
		return true
	})
	h.send(&answer{Log: out})
	return nil
}

func appendAttr(list []string, group string, a slog.Attr) []string {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		for _, member := range v.Group() {
			list = appendAttr(list, group+a.Key+".", member)
		}
		return list
	}
	if len(list) >= 2*maxAttrs {
		return list
	}
	return append(list, cut(group+a.Key, maxValue), cut(v.String(), maxValue))
}
