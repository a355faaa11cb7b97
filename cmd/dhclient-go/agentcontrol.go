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
		return a.end(r, meant, w)
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
	return noNumber
}

// noNumber is that of no namespace.
const noNumber = ^uint64(0)

// statusOf is how a link is.
func (a *agency) statusOf(st *agent.Status) *linkStatus {
	var ls *linkStatus
	if b := berthOf(st); b != nil {
		ls = b.status()
	} else {
		ls = newLinkStatus(st.Link.Netns)
		ls.State, ls.Link = strings.ToUpper(st.Phase.String()), linkUp
		if st.Phase == agent.Left {
			ls.Reason = "another process serves it"
		}
	}
	ls.Interface, ls.Agent = st.Link.Name, true
	ls.Restarts, ls.Panics = st.Restarts, st.Panics
	if st.Err != nil {
		ls.Error = oneLine(st.Err.Error())
	}
	if !st.Retry.IsZero() {
		ls.Reason, ls.NextTry = ls.Error, some(lease.Now().Add(time.Until(st.Retry)))
	}
	return ls
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
		if err := w.Link(report{Interface: meant[i].Link.Name, Text: "no client runs: " + meant[i].Phase.String()}); err != nil {
			return err
		}
	}
	return act(ctx, command, run, w)
}

// end ends the agent, if all links are meant: one of them it would begin to serve
// again at the next opportunity.
func (a *agency) end(r *control.Request, meant []agent.Status, w *control.Writer) error {
	if len(meant) == 0 {
		return nil
	}
	if r.Interface != "" {
		return w.Link(report{Interface: r.Interface,
			Text: "an agent serves it: leave it out of the config file and reload that, or stop all with --all"})
	}
	for i := range meant {
		if err := w.Link(report{Interface: meant[i].Link.Name, OK: true, Text: "stopping"}); err != nil {
			return err
		}
	}
	a.signal.cancel()
	return nil
}
