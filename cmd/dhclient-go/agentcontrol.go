package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/agent"
	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/control"
)

// serveCommands has the commands be served. Without that the links are all the
// same.
func (a *agency) serveCommands() {
	if a.o.controlDir == "" {
		return
	}
	s, err := control.Listen(control.Config{Dir: a.o.controlDir, Name: agentName, Handle: a.obey, Logger: a.log})
	if err != nil {
		a.log.Warn("status, renew and the other commands find nobody", "err", err)
		return
	}
	a.control = s
}

// obey does what a command wants.
func (a *agency) obey(ctx context.Context, r *control.Request, w *control.Writer) error {
	meant := a.meant(r)
	switch r.Command {
	case "status":
		for i := range meant {
			if err := w.Link(a.statusOf(&meant[i])); err != nil {
				return err
			}
		}
		return nil
	case "metrics":
		if len(meant) == 0 && !a.isMeant(r, "", "") {
			return nil // they are elsewhere
		}
		return tellMetrics(a.reportOf(meant), w)
	case "watch":
		return a.watched(ctx, r, meant, w)
	case "renew", "rebind", "release":
		return a.act(ctx, r.Command, meant, w)
	case "stop":
		return a.end(ctx, r, meant, w)
	}
	return fmt.Errorf("%q is not known here", r.Command)
}

// meant are the links that a request is about.
func (a *agency) meant(r *control.Request) (meant []agent.Status) {
	for _, st := range a.lib.Links() {
		if a.isMeant(r, st.Link.Name, st.Link.Netns) {
			meant = append(meant, st)
		}
	}
	return meant
}

func (a *agency) isMeant(r *control.Request, name, netns string) bool {
	here := r.Home && control.SameNetns(r.Netns, a.home) || control.SameNetns(r.Netns, a.numberOf(netns))
	return here && (r.Interface == "" || r.Interface == name)
}

// numberOf is the number of a namespace that is served.
func (a *agency) numberOf(netns string) uint64 {
	if p := a.places[netns]; p != nil || netns == "" {
		return p.number()
	}
	if n := numberIn(netns); n != 0 {
		return n // of a container
	}
	return noNumber
}

// noNumber is that of no namespace.
const noNumber = ^uint64(0)

// phaseWords say what it means that a link has no client.
var phaseWords = map[agent.Phase]string{
	agent.Idle: "not served", agent.Queued: "waits for its turn", agent.Preparing: "about to be served",
	agent.Ending: "let go", agent.Left: "another process has taken it over",
}

// statusOf is how a link is.
func (a *agency) statusOf(st *agent.Status) *linkStatus {
	var ls *linkStatus
	if b := berthOf(st); b != nil {
		ls = b.status()
	} else {
		ls = newLinkStatus(st.Link.Netns)
		ls.State, ls.Link = strings.ToUpper(st.Phase.String()), linkUp
		ls.Reason = phaseWords[st.Phase]
	}
	ls.Interface, ls.Agent = st.Link.Name, true
	ls.Restarts, ls.Panics = st.Restarts, st.Panics
	if st.Err != nil {
		ls.Error = oneLine(unserved(st))
	}
	if !st.Retry.IsZero() {
		ls.Reason, ls.NextTry = ls.Error, some(lease.Now().Add(time.Until(st.Retry)))
	}
	return ls
}

// unserved is why a link is not served, without its name: that stands before.
func unserved(st *agent.Status) string {
	if st.Err == nil {
		return phaseWords[st.Phase]
	}
	return strings.TrimPrefix(st.Err.Error(), st.Link.Name+": ")
}

// watched says what becomes of the links, also of those that appear later, until
// the agent ends: first how they are.
func (a *agency) watched(ctx context.Context, r *control.Request, meant []agent.Status, w *control.Writer) error {
	news := a.news.Subscribe()
	defer news.End()
	for i := range meant {
		if err := w.Link(a.statusOf(&meant[i])); err != nil {
			return err
		}
	}
	w.Patient()
	for {
		line, dropped, ok := news.Next(ctx)
		var err error
		switch {
		case !ok:
			return nil
		case dropped > 0:
			err = w.Event(nil, dropped)
		case a.isMeant(r, line.Interface, line.Netns):
			err = w.Event(line, 0)
		}
		if err != nil {
			return err
		}
	}
}

// act does command on the links, and says what came of it.
func (a *agency) act(ctx context.Context, command string, meant []agent.Status, w *control.Writer) error {
	var run []*berth
	for i := range meant {
		if b := berthOf(&meant[i]); b != nil {
			run = append(run, b)
			continue
		}
		if err := w.Link(report{Interface: meant[i].Link.Name, Unserved: true, Text: unserved(&meant[i])}); err != nil {
			return err
		}
	}
	return act(ctx, command, run, w)
}

// end ends the agent, if all links are meant, of which there may be none: one of
// them it would begin to serve again at the next opportunity.
func (a *agency) end(ctx context.Context, r *control.Request, meant []agent.Status, w *control.Writer) error {
	switch {
	case len(meant) > 0:
	case r.Interface == "" && a.isMeant(r, "", ""):
		text := "stopped; it had no link"
		if len(a.lib.Links()) > 0 {
			text = "stopped; it had links elsewhere"
		}
		a.signal.cancel()
		return w.Link(report{Interface: agentName, OK: true, Text: text})
	default:
		return nil
	}
	if r.Interface != "" {
		return w.Link(report{Interface: r.Interface,
			Text: "an agent serves it: leave it out of the config file and reload that, or stop all with --all"})
	}
	for i := range meant {
		if err := w.Link(report{Interface: meant[i].Link.Name, Pending: true}); err != nil {
			return err
		}
	}
	a.signal.cancel()
	<-ctx.Done() // the server is closed when all have ended, or nobody listens
	for i := range meant {
		text := "stopped"
		if b := berthOf(&meant[i]); b != nil {
			text = b.epilogue()
		}
		if err := w.Link(report{Interface: meant[i].Link.Name, OK: true, Text: text}); err != nil {
			return err
		}
	}
	return nil
}
