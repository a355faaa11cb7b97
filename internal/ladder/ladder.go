package ladder

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
)

// Config says how a ladder is drawn and where.
type Config struct {
	// W gets each row, with its newline, in one Write. An error of it is
	// nobody's to handle: it is returned to the logger, no more.
	W io.Writer
	// Links are the names of the clients' links. With several, each row says
	// which it is of.
	Links []string
	// Level is that from which records are shown that are no part of the
	// exchange; all that are part of it always are.
	Level slog.Level
	// ASCII draws with nothing else, for terminals that have no UTF-8.
	ASCII bool
	// Width is asked for each row how many columns there are; nil is 80. What
	// is longer is cut. It is taken to be minWidth at least.
	Width func() int
	// Clock is the time from some moment on; nil is the time since boot, which
	// counts a suspend and no step of the wall clock.
	Clock func() time.Duration
}

const (
	defaultWidth = 80
	// minWidth is the least that a ladder can be drawn in.
	minWidth = 40
	// maxName is the longest name of a link (IFNAMSIZ in the kernel).
	maxName = 15
)

// A Handler is a slog.Handler that draws.
type Handler struct {
	d *drawing
	// attrs are those that were given to With.
	attrs []slog.Attr
	group string
}

// New returns a Handler that draws a ladder of its own.
func New(cfg Config) *Handler {
	d := &drawing{cfg: cfg, pen: penOf(cfg.ASCII), links: map[string]*side{}}
	if d.cfg.Width == nil {
		d.cfg.Width = func() int { return defaultWidth }
	}
	if d.cfg.Clock == nil {
		d.cfg.Clock = lease.SinceBoot
	}
	d.setLinks(cfg.Links)
	return &Handler{d: d}
}

// SetLinks says what the links are called, where that was not known before. What
// is drawn already stays as it is.
func (h *Handler) SetLinks(names []string) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	h.d.setLinks(names)
}

func (d *drawing) setLinks(names []string) {
	d.cfg.Links, d.names = names, 0
	if len(names) < 2 {
		return
	}
	for _, name := range names {
		d.names = min(max(d.names, columns(d.pen.clean(name))), maxName)
	}
}

// Enabled says that every record may be part of the exchange.
func (h *Handler) Enabled(context.Context, slog.Level) bool { return true }

// WithAttrs returns a Handler of the same ladder that adds attrs to each record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	to := *h
	to.attrs = slices.Clip(to.attrs)
	for _, a := range attrs {
		a.Key = to.group + a.Key
		to.attrs = append(to.attrs, a)
	}
	return &to
}

// WithGroup returns a Handler of the same ladder that puts name before the keys.
func (h *Handler) WithGroup(name string) slog.Handler {
	to := *h
	if name != "" {
		to.group += name + "."
	}
	return &to
}

// Handle draws the rows of a record.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	e := entry{message: r.Message, level: r.Level, time: r.Time}
	for _, a := range h.attrs {
		e.add("", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		e.add(h.group, a)
		return true
	})
	return h.d.draw(&e)
}

// An entry is a record taken apart.
type entry struct {
	message string
	level   slog.Level
	time    time.Time
	link    string
	attrs   []slog.Attr // groups are resolved
}

func (e *entry) add(group string, a slog.Attr) {
	a.Value = a.Value.Resolve()
	if a.Value.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, member := range a.Value.Group() {
			e.add(group, member)
		}
		return
	}
	a.Key = group + a.Key
	if (a.Key == "if" || a.Key == "link") && a.Value.Kind() == slog.KindString && e.link == "" {
		e.link = a.Value.String()
		return
	}
	e.attrs = append(e.attrs, a)
}

// text is the value of key; empty for what is not there or is the zero address.
func (e *entry) text(key string) string {
	for _, a := range e.attrs {
		if a.Key == key {
			return valueText(a.Value)
		}
	}
	return ""
}

// duration is the value of key as people say it; empty for none.
func (e *entry) duration(key string) string {
	for _, a := range e.attrs {
		if a.Key == key && a.Value.Kind() == slog.KindDuration && a.Value.Duration() != 0 {
			return span(a.Value.Duration())
		}
	}
	return ""
}

// valueText is v for a person. Its control characters are taken out when it is
// drawn.
func valueText(v slog.Value) string {
	switch v.Kind() {
	case slog.KindDuration:
		if v.Duration() == 0 {
			return ""
		}
		return span(v.Duration())
	case slog.KindTime:
		if v.Time().IsZero() {
			return ""
		}
		return v.Time().Local().Format("2006-01-02 15:04:05")
	}
	switch s := v.String(); s {
	case "invalid IP", "invalid Prefix", "<nil>":
		return ""
	default:
		return s
	}
}

// A drawing is one ladder, of all its links.
type drawing struct {
	cfg Config
	pen pen
	// names is how wide the column with the link's name is, 0 for none.
	names int

	mu      sync.Mutex
	began   time.Duration
	started bool
	links   map[string]*side
}

// draw draws e, in one Write.
func (d *drawing) draw(e *entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.links[e.link]
	if s == nil {
		s = &side{to: d.pen.to}
		d.links[e.link] = s
	}
	now := d.cfg.Clock()
	rows := s.rows(e, d.cfg.Level)
	if rows = s.thin(rows, now); len(rows) == 0 {
		return nil
	}
	f := d.frame()
	var b strings.Builder
	if !d.started {
		d.started, d.began = true, now
		f.head(&b, e.time, d.heading())
	}
	for _, r := range rows {
		f.row(&b, now-d.began, e.link, r)
	}
	_, err := io.WriteString(d.cfg.W, b.String())
	return err
}

// heading is what stands over the left end of the rungs.
func (d *drawing) heading() string {
	if len(d.cfg.Links) == 1 {
		return d.cfg.Links[0]
	}
	return "client"
}

// frame is where the parts of a row are, in a terminal as wide as it is now.
func (d *drawing) frame() frame {
	return frame{pen: &d.pen, names: d.names, width: max(cmp.Or(d.cfg.Width(), defaultWidth), minWidth)}
}
