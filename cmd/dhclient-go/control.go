package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/control"
)

// defaultControlDir is where the sockets are by which commands reach the
// processes that run.
const defaultControlDir = "/run/dhclient-go"

// answerLimit is how long a client's loop, which answers at once, may take.
const answerLimit = time.Second

// listen has the commands be served. A host that has no place for the socket
// gets its address all the same.
func (f *fleet) listen() {
	if f.o.controlDir == "" || f.o.once() {
		return
	}
	s, err := control.Listen(control.Config{
		Dir: f.o.controlDir, Name: f.o.links[0], Handle: f.obey, Logger: f.log,
	})
	if err != nil {
		f.log.Warn("status, renew and the other commands find nobody", "err", err)
		return
	}
	f.control = s
}

// unlisten ends that, when the last is said.
func (f *fleet) unlisten() {
	f.news.Close()
	if f.control != nil {
		f.control.Close()
	}
}

// obey does what a command wants.
func (f *fleet) obey(ctx context.Context, r *control.Request, w *control.Writer) error {
	var meant []*berth
	home := r.Home && control.SameNetns(r.Netns, f.home)
	for _, b := range f.roll() {
		here := home || control.SameNetns(r.Netns, b.place.number())
		if here && (r.Interface == "" || r.Interface == b.name) {
			meant = append(meant, b)
		}
	}
	switch r.Command {
	case "status":
		for _, b := range meant {
			if err := w.Link(b.status()); err != nil {
				return err
			}
		}
		return nil
	case "metrics":
		if len(meant) == 0 && !home {
			return nil // they are elsewhere
		}
		return tellMetrics(f.report(f.o.links[0], meant), w)
	case "watch":
		return f.watched(ctx, meant, w)
	case "renew", "rebind", "release":
		return act(ctx, r.Command, meant, w)
	case "stop":
		return f.end(ctx, meant, w)
	}
	return fmt.Errorf("%q is not known here", r.Command)
}

// watched says what becomes of the links until they end: first how they are.
func (f *fleet) watched(ctx context.Context, meant []*berth, w *control.Writer) error {
	news := f.news.Subscribe()
	defer news.End()
	on := map[string]bool{}
	for _, b := range meant {
		on[b.name] = true
		if err := w.Link(b.status()); err != nil {
			return err
		}
	}
	w.Patient()
	for len(on) > 0 {
		line, dropped, ok := news.Next(ctx)
		switch {
		case !ok:
			return nil
		case dropped > 0:
			if err := w.Event(nil, dropped); err != nil {
				return err
			}
			continue
		case !on[line.Interface]:
			continue
		}
		if err := w.Event(line, 0); err != nil {
			return err
		}
		if line.To == "OFF" {
			delete(on, line.Interface)
		}
	}
	return nil
}

// A report is what came of an action on a link. There are two: the first, which
// is Pending, says that there will be another.
type report struct {
	Interface string `json:"interface"`
	Pending   bool   `json:"pending,omitempty"`
	// OK says that it is as it was wanted, and Text what it is.
	OK   bool   `json:"ok"`
	Text string `json:"text,omitempty"`
	// Unserved says that this process has no client for the link, and Text why:
	// another process may have one.
	Unserved bool `json:"unserved,omitempty"`
	// Lease is what is in use now.
	Lease *lease.Lease `json:"lease,omitempty"`
}

// act does command on the links, and says what came of it.
func act(ctx context.Context, command string, meant []*berth, w *control.Writer) error {
	for _, b := range meant {
		if err := w.Link(report{Interface: b.called(), Pending: true}); err != nil {
			return err
		}
	}
	reports := make(chan report, len(meant))
	for _, b := range meant {
		go func() { reports <- b.act(ctx, command) }()
	}
	for range meant {
		if r := <-reports; ctx.Err() == nil {
			_ = w.Link(r) // who has gone has ended ctx
		}
	}
	return nil
}

// act does command on the link of b and waits for the outcome.
func (b *berth) act(ctx context.Context, command string) report {
	r := report{Interface: b.called()}
	select {
	case <-b.ended:
		r.Text = "the client of this link has ended"
		return r
	case <-b.ready:
	default:
		r.Text = "the interface is not there yet"
		return r
	}
	judge := afterRenew
	if command == "release" {
		judge = afterRelease
	}
	o := b.story.await(judge)
	defer b.story.forget(o)
	b.order(command)
	if err := b.answers(ctx); err != nil {
		r.Text = err.Error()
		return r
	}
	if text, good, over := b.stuck(command, o); over {
		r.OK, r.Text = good, text
		return r
	}
	select {
	case <-o.done:
		r.OK, r.Text, r.Lease = o.good, o.text, b.link.client.Lease()
	case <-ctx.Done():
	}
	return r
}

func (b *berth) order(command string) {
	switch c := b.link.client; command {
	case "renew":
		c.Renew()
	case "rebind":
		c.Rebind()
	case "release":
		c.Release()
	}
}

// answers waits until the client has done what it was told.
func (b *berth) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	err := b.link.client.Alive(ctx)
	if errors.Is(err, client.ErrClosed) {
		return errors.New("the client of this link has ended")
	}
	return err
}

// stuck says that nothing will come of command that is worth to be waited for.
func (b *berth) stuck(command string, o *outcome) (text string, good, over bool) {
	select {
	case <-o.done:
		return "", false, false
	default:
	}
	st := b.status()
	switch {
	case command == "release":
		return "there was no lease to give back; idle until renew", true, true
	case st.Link == linkMissing:
		return "the interface is gone", false, true
	case st.Link == linkNoCarrier:
		return "the interface has no carrier", false, true
	case st.State == client.State(0).String():
		return "the client has not begun", false, true
	case st.NextTry != nil && (st.State == "WAITING" || st.State == "V6ONLY"):
		return fmt.Sprintf("waits until %s: %s", st.NextTry.Local().Format("15:04:05"), st.Reason), false, true
	}
	return "", false, false
}

// afterRenew judges what comes of renew and rebind.
func afterRenew(line *eventLine) (is, good bool, text string) {
	switch line.Event {
	case "renewed":
		return true, true, describe(line.Lease) + ", renewed"
	case "bound":
		return true, true, describe(line.Lease)
	case "lost":
		// The next word is of the other address.
		return line.Reason != client.AnotherAddress, false, line.words()
	case "refused", "declined", "expired", "released", "no_server", "ipv6_only", "stopped":
		return true, false, line.words()
	case "apply_failed":
		return line.Wait > 0, false, line.words()
	case "transition":
		// To wait for the link takes as long as that takes.
		return line.To == "INIT" && line.Reason != "asked to renew", false, line.Reason
	}
	return false, false, ""
}

// afterRelease judges what comes of release.
func afterRelease(line *eventLine) (is, good bool, text string) {
	switch line.Event {
	case "released", "lost":
		return true, true, line.words()
	case "stopped":
		return true, false, line.words()
	}
	return false, false, ""
}

// end ends the links, and with the last of them the process.
func (f *fleet) end(ctx context.Context, meant []*berth, w *control.Writer) error {
	for _, b := range meant {
		if err := w.Link(report{Interface: b.name, Pending: true}); err != nil {
			return err
		}
	}
	if len(meant) == 0 {
		return nil
	}
	f.halt(meant)
	for _, b := range meant {
		select {
		case <-b.ended:
		case <-ctx.Done():
			// The server is closed after the last link has ended.
			if !b.hasEnded() {
				return nil
			}
		}
		if err := w.Link(report{Interface: b.name, OK: true, Text: b.epilogue()}); err != nil {
			return err
		}
	}
	return nil
}

// halt has the clients of some links end. Without any other, that is the end of
// the process, as by a signal, unless it has a program to care for: last says so.
func (f *fleet) halt(some []*berth) (last bool) {
	f.halting.Lock()
	defer f.halting.Unlock()
	others := slices.ContainsFunc(f.berths, func(b *berth) bool {
		return !b.hasEnded() && b.halted.Err() == nil && !slices.Contains(some, b)
	})
	if !others && f.stop != nil {
		f.stop()
		return true
	}
	for _, b := range some {
		b.halt()
	}
	return false
}

func (b *berth) hasEnded() bool {
	select {
	case <-b.ended:
		return true
	default:
		return false
	}
}

// epilogue says how the link was left.
func (b *berth) epilogue() string {
	b.story.mu.Lock()
	defer b.story.mu.Unlock()
	for _, line := range b.story.events() {
		switch {
		case line.Event != "stopped":
		case line.Address != "" && b.story.held != nil:
			return line.words() + " " + until(b.story.held)
		default:
			return line.words()
		}
	}
	return "stopped"
}
