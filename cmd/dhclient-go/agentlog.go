package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// logBurst is how many lines an agent logs at once, and logPause how long it
	// takes until there is room for one more.
	logBurst = 100
	logPause = 2 * time.Second
)

// newBoundedLogger is the log of an agent: a thousand links that fail together do
// not fill a disk. Who wants to read it all (-v) does.
func newBoundedLogger(o *options, log *slog.Logger) *slog.Logger {
	if o.verbosity > 0 {
		return log
	}
	return slog.New(&boundedHandler{Handler: log.Handler(), budget: &logBudget{left: logBurst, now: time.Now}})
}

// A boundedHandler leaves lines out where there are too many.
type boundedHandler struct {
	slog.Handler
	budget *logBudget
	// link has each line name it, empty for none. A thousand links have a logger or
	// two each and nothing to say: Handler gets the name when there is a line.
	link string
}

// A logBudget is what all lines of a log share.
type logBudget struct {
	now func() time.Time

	mu      sync.Mutex
	left    int
	since   time.Time
	skipped int
}

// take says whether there is room for a line, and how many were left out before.
func (b *logBudget) take() (ok bool, skipped int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.since.IsZero() {
		b.since = now
	}
	if more := int(now.Sub(b.since) / logPause); more > 0 {
		b.left = min(b.left+more, logBurst)
		b.since = b.since.Add(time.Duration(more) * logPause)
	}
	if b.left == 0 {
		b.skipped++
		return false, 0
	}
	b.left--
	skipped, b.skipped = b.skipped, 0
	return true, skipped
}

// Handle writes the line if there is room.
func (h *boundedHandler) Handle(ctx context.Context, r slog.Record) error {
	ok, skipped := h.budget.take()
	if !ok {
		return nil
	}
	to := h.named()
	if skipped > 0 {
		note := slog.NewRecord(r.Time, slog.LevelWarn, "lines were left out here: -v has all", 0)
		note.Add("lines", skipped)
		if err := to.Handle(ctx, note); err != nil {
			return err
		}
	}
	return to.Handle(ctx, r)
}

// named is Handler with the name of the link.
func (h *boundedHandler) named() slog.Handler {
	if h.link == "" {
		return h.Handler
	}
	return h.Handler.WithAttrs([]slog.Attr{slog.String("if", h.link)})
}

// WithAttrs shares the budget.
func (h *boundedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 1 && attrs[0].Key == "if" && attrs[0].Value.Kind() == slog.KindString && h.link == "" {
		return &boundedHandler{h.Handler, h.budget, attrs[0].Value.String()}
	}
	return &boundedHandler{h.named().WithAttrs(attrs), h.budget, ""}
}

// WithGroup shares the budget.
func (h *boundedHandler) WithGroup(name string) slog.Handler {
	return &boundedHandler{h.named().WithGroup(name), h.budget, ""}
}
