package main

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
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
	commandHelp = flagRow{name: "help", short: "h", help: "print this and exit", set: func(o *options, _ string) error { o.help = true; return nil }}
)

const exitText = `

Exit     0 done, 1 no client for that or an error, 2 it did not come to that,
         4 no permission, 64 wrong command line`

// controlCommands are those that speak to the clients that run.
func controlCommands() []command {
	act := []flagRow{waitFlag, dirFlag, commandHelp}
	end := []flagRow{allFlag, waitFlag, dirFlag, commandHelp}
	return []command{
		{name: "status", help: "how the links are: lease, server, counts, history", run: with("status", showStatus),
			args: "[IF...] [--json]", flags: []flagRow{jsonFlag, dirFlag, commandHelp}, more: `
Shows for each link that a client keeps a lease on, or for those named: its
state, the lease and how much of it is over (o is now; T1, T2: when it is
renewed, and when any server is asked), what is configured, what was sent,
received and rejected, and what happened last. --json prints a line for each.

Exit     0 each has a lease, 2 one has none, 1 no client, 4 no permission,
         64 wrong command line`},
		{name: "lease", help: "the whole lease, with options that have no name", run: with("lease", showLease),
			args: "[IF...] [--json]", flags: []flagRow{jsonFlag, dirFlag, storedFlag, commandHelp}, more: `
Shows all that the server has given. If no client runs, the stored lease is
shown, and that it is only stored.

Exit     0 there is a lease, 2 there is none, 1 an error, 4 no permission,
         64 wrong command line`},
		{name: "watch", help: "events as they come, until the client ends", run: with("watch", watch),
			args: "[IF...] [--json]", flags: []flagRow{jsonFlag, dirFlag, commandHelp}, more: `
Shows how the links are, and then what happens, until the last client ends.
--json prints the lines that the client prints with its own --json. Who reads
too slowly is told how many events were left out: no client waits.` + exitText},
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

// A noClientError says that nobody answers.
type noClientError struct{ name, dir string }

// Error names the link, and where was looked.
func (e *noClientError) Error() string {
	if e.name == "" {
		return fmt.Sprintf("no client runs in this network namespace (none answers in %s)", e.dir)
	}
	return fmt.Sprintf("no client of %s runs in this network namespace (none answers in %s)", e.name, e.dir)
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

// statuses asks for all links that o is about, in order. Each that is named is
// there, or none is and there is an error.
func statuses(o *options) (all []*answeredStatus, err error) {
	var errs []error
	for _, name := range o.asked() {
		found, err := statusOf(o.controlDir, name)
		switch {
		case len(found) == 0 && err == nil:
			return nil, &noClientError{name, o.controlDir}
		case len(found) == 0:
			return nil, err
		case err != nil:
			errs = append(errs, err)
		}
		all = append(all, found...)
	}
	return all, errors.Join(errs...)
}
