package main

import (
	"context"
	"io"
	"log/slog"
	"os"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/capture"
	"github.com/dhclient-go/dhclient-go/internal/ladder"
)

// newLadder is what --trace has in the place of the log's lines; those that are
// no part of the exchange stand in it from level on.
func newLadder(o *options, w io.Writer, level slog.Level) *ladder.Handler {
	return ladder.New(ladder.Config{
		W: w, Links: o.links, Level: level, ASCII: ladder.ASCIIOnly(os.Getenv),
		Width: func() int { return ladder.Width(os.Stderr, os.Getenv) },
	})
}

// toStdout is the value of --pcap that means standard output.
const toStdout = "-"

func setPcap(o *options, s string) error {
	o.pcap = s
	return notEmpty(s)
}

// openCapture makes the file of --pcap; nil without.
func openCapture(o *options, log *slog.Logger) (*capture.File, error) {
	if o.pcap == "" {
		return nil, nil
	}
	cfg := capture.Config{Path: o.pcap, Program: versionLine(), Logger: log}
	if o.pcap == toStdout {
		cfg.Path, cfg.Writer = "", os.Stdout
	}
	if port := o.client.ClientPort; port != 0 {
		cfg.Ports = []uint16{port, port - 1}
	}
	return capture.Create(cfg)
}

// tap captures the link of config from now on, if that is wanted: before its
// client can send.
func (f *fleet) tap(config *client.Config) (*capture.Tap, error) {
	if f.capture == nil {
		return nil, nil
	}
	now, err := config.LinkWatcher.State()
	if err != nil {
		return nil, err
	}
	tap, err := f.capture.Open(now.Index, config.Interface)
	if err != nil {
		return nil, refused("CAP_NET_RAW", "capture frames", err)
	}
	config.LinkWatcher = &tappedLink{config.LinkWatcher, tap, now.Index, f.log.With("if", config.Interface)}
	return tap, nil
}

// closeCapture writes what has come. If nothing was ever to come, since no link
// could be opened, there is to be no file: else it would be in the way next time.
func (f *fleet) closeCapture(begun bool) {
	if f.capture == nil {
		return
	}
	if err := f.capture.Close(); err != nil {
		f.log.Warn("the capture is not whole", "err", err)
	}
	if !begun && f.o.pcap != toStdout {
		_ = os.Remove(f.o.pcap)
	}
}

// A tappedLink has the capture follow when the link is made anew, before the
// client hears of it.
type tappedLink struct {
	client.LinkWatcher
	tap   *capture.Tap
	index int
	log   *slog.Logger
}

// Watch is the watcher's own.
func (w *tappedLink) Watch(ctx context.Context, f func(lease.LinkState)) error {
	return w.LinkWatcher.Watch(ctx, func(s lease.LinkState) {
		if s.Index != w.index {
			w.index = s.Index
			if err := w.tap.Follow(s.Index); err != nil {
				w.log.Warn("the link is not captured any more", "err", err)
			}
		}
		f(s)
	})
}
