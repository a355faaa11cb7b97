package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/dhclient-go/dhclient-go/internal/control"
	"github.com/dhclient-go/dhclient-go/internal/metrics"
)

// actionTimeout is how long a command waits for an outcome, unless --timeout
// says another.
const actionTimeout = 10 * time.Second

// processPatience is how long a process may be silent that has only to say how
// things are.
const processPatience = 5 * time.Second

// The flags of the commands.
var (
	jsonFlag    = flagRow{name: "json", help: "as JSON", set: func(o *options, _ string) error { o.json = true; return nil }}
	waitFlag    = flagRow{name: "timeout", value: "DUR", help: "wait so long for the outcome (10s)", set: setActionTimeout}
	allFlag     = flagRow{name: "all", help: "each of several links", set: func(o *options, _ string) error { o.all = true; return nil }}
	dirFlag     = flagRow{name: "control-dir", value: "DIR", help: "where clients listen (" + defaultControlDir + ")", set: setAskedDir}
	storedFlag  = flagRow{name: "lease-dir", value: "DIR", help: "where leases are kept (" + defaultLeaseDir + ")", set: setLeaseDir}
	sortFlag    = flagRow{name: "sort", value: "COLUMN", help: "a table, by link (default), netns, state, address,\nexpires or server", set: setSort}
	netnsFlag   = flagRow{name: "netns", value: "NAME", help: "links of that network namespace (NAME, PID or PATH)", set: setNetns}
	commandHelp = flagRow{name: "help", short: "h", help: "print this and exit", set: func(o *options, _ string) error { o.help = true; return nil }}
)

const exitText = `

Exit     0 done, 1 no client for that or an error, 2 it did not come to that,
         4 no permission, 64 wrong command line`

// controlCommands are those that speak to the clients that run.
func controlCommands() []command {
	act := []flagRow{waitFlag, netnsFlag, dirFlag, commandHelp}
	end := []flagRow{allFlag, waitFlag, netnsFlag, dirFlag, commandHelp}
	return []command{
		{name: "status", help: "how the links are: lease, server, counts, history", run: with("status", showStatus),
			args: "[IF...] [--json]", flags: []flagRow{jsonFlag, sortFlag, netnsFlag, dirFlag, commandHelp}, more: `
Shows for each link that a client keeps a lease on, or for those named: its
state, the lease and how much of it is over (o is now; T1, T2: when it is
renewed, and when any server is asked), what is configured, what was sent,
received and rejected, and what happened last. --json prints a line for each.
All links of an agent are a table, of a line each.

Exit     0 each has a lease, 2 one has none, 1 no client, 4 no permission,
         64 wrong command line`},
		{name: "lease", help: "the whole lease, with options that have no name", run: with("lease", showLease),
			args: "[IF...] [--json]", flags: []flagRow{jsonFlag, netnsFlag, dirFlag, storedFlag, commandHelp}, more: `
Shows all that the server has given. If no client runs, the stored lease is
shown, and that it is only stored.

Exit     0 there is a lease, 2 there is none, 1 an error, 4 no permission,
         64 wrong command line`},
		{name: "watch", help: "events as they come, until the client ends", run: with("watch", watch),
			args: "[IF...] [--json]", flags: []flagRow{jsonFlag, netnsFlag, dirFlag, commandHelp}, more: `
Shows how the links are, and then what happens, until the last client ends.
--json prints the lines that the client prints with its own --json. Who reads
too slowly is told how many events were left out: no client waits.` + exitText},
		{name: "metrics", help: "what is counted, for Prometheus", run: with("metrics", showMetrics),
			flags: []flagRow{netnsFlag, dirFlag, commandHelp}, more: `
Prints what all processes count, and until when their leases last, as Prometheus
reads it. docs/metrics.md has what there is. With --metrics-file a process keeps
that in a file, for the textfile collector of node_exporter.` + exitText},
		{name: "renew", help: "renew the lease now, and wait until it is", run: with("renew", actOn("renew")),
			args: "[IF...]", flags: act, more: `
Asks the server that gave the lease for more, now and not at T1. A client
without a lease tries to get one at once.` + exitText},
		{name: "rebind", help: "the same, but ask every server", run: with("rebind", actOn("rebind")),
			args: "[IF...]", flags: act, more: `
Asks every server for more, and not the one that gave the lease.` + exitText},
		{name: "release", help: "give the lease back; idle until renew", run: with("release", actOn("release")),
			args: "[IF...] [--all]", flags: end, more: `
Gives the lease back to the server, and takes the address off the link. The
client stays, idle until renew. With several links, name them or say --all.` + exitText},
		{name: "stop", help: "end the client, as --on-exit of it says", run: with("stop", actOn("stop")),
			args: "[IF...] [--all]", flags: end, more: `
Ends the client of a link, and the process with its last link, as a signal
would: what becomes of the lease is what the process was told by --on-exit.
With several links, name them or say --all.` + exitText},
		{name: "help", help: "this, or the help of a command", run: help, args: "[COMMAND]", more: "Lists flags and commands, or explains a command."},
	}
}

func setActionTimeout(o *options, s string) (err error) {
	o.timeout, err = positive(s)
	return err
}

func setAskedDir(o *options, s string) error {
	o.controlDir = s
	return notEmpty(s)
}

// asked are the links that a command is about: one empty name for all.
func (o *options) asked() []string {
	if len(o.links) == 0 {
		return []string{""}
	}
	return o.links
}

// request is what to ask about the link called name, or all: those of --netns or
// of this network namespace. Where nothing is done to them, home includes those
// that processes of this namespace serve in others.
func (o *options) request(command, name string, home bool) (r control.Request, err error) {
	r = control.Request{Command: command, Interface: name, Home: home && o.netns == nil}
	if o.netns != nil {
		r.Netns, err = o.netns.number()
	}
	return r, err
}

// A noClientError says that nobody answers.
type noClientError struct {
	name, dir string
	// asked is the network namespace that was asked about, empty for this one,
	// and other another one with such a client.
	asked, other string
	// agent says that an agent runs, which has no such link.
	agent bool
}

// Error names the link, and where was looked.
func (e *noClientError) Error() string {
	of, in := "", "this network namespace"
	if e.name != "" {
		of = " of " + e.name
	}
	if e.asked != "" {
		in = "the network namespace " + e.asked
	}
	text := fmt.Sprintf("no client%s runs in %s (none answers in %s)", of, in, e.dir)
	if e.agent && e.name == "" {
		text = fmt.Sprintf("the agent has no link in %s (in %s only it answers)", in, e.dir)
	} else if e.agent {
		text = fmt.Sprintf("no client%s runs in %s: the agent there does not serve it", of, in)
	}
	if e.other != "" {
		text += "; one does with --netns " + e.other
	}
	return text
}

// noClient is the error for the link called name.
func (o *options) noClient(name string) error {
	e := &noClientError{name: name, dir: o.controlDir}
	if o.netns != nil {
		e.asked = o.netns.text
		return e
	}
	if all, err := statusOf(o, name, true); err == nil && len(all) > 0 {
		e.other = all[0].Netns
	}
	if reports, _ := reportsOf(o); e.other == "" {
		e.agent = slices.ContainsFunc(reports, func(r *metrics.Report) bool { return r.Process == agentName })
	}
	return e
}

// A forbiddenError says that we may not ask.
type forbiddenError struct{ err error }

// Error names the socket, and who may.
func (e *forbiddenError) Error() string {
	return e.err.Error() + ": only root, or who may write to that, can ask the client"
}

// Unwrap is the kernel's word.
func (e *forbiddenError) Unwrap() error { return e.err }

// unasked is what an error of an Asking means.
func unasked(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		var at *fs.PathError
		if errors.As(err, &at) {
			return &forbiddenError{at}
		}
		return &forbiddenError{err}
	}
	return err
}

// statuses asks for all links that o is about, in order; home is that of request.
// Each that is named is there, or none is and there is an error.
func statuses(o *options, home bool) (all []*answeredStatus, err error) {
	var errs []error
	for _, name := range o.asked() {
		found, err := statusOf(o, name, home)
		switch {
		case len(found) == 0 && err == nil:
			return nil, o.noClient(name)
		case len(found) == 0:
			return nil, err
		case err != nil:
			errs = append(errs, err)
		}
		all = append(all, found...)
	}
	return all, errors.Join(errs...)
}
