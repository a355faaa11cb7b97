package main

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/dhclient-go/dhclient-go/internal/agentconf"
)

// agentOptions are what the process of an agent is told, beside what options have
// for any: options.links and selectors are those of --match.
type agentOptions struct {
	// config is the path of the config file, empty for none, and check says that it
	// is to be read, and no more.
	config string
	// cni is the socket for plugins of containers; empty for none.
	cni   string
	check bool
	// netns are the namespaces; none is our own, and so is a nil among them.
	netns []*netns
	// file is what stands in the config file; nil without. plan is then what the
	// flags say of links.
	file *agentConfig
	plan *linkPlan
	// matchGiven and netnsGiven say that the command line has them, whatever the
	// file says.
	matchGiven, netnsGiven bool
}

// agentCommand is the command that serves many links.
func agentCommand() command {
	return command{
		name: "agent", help: "serve every link that matches, in one process", run: asAgent,
		args: "[--match IF]... [--config FILE] [--cni] [FLAG...]", flags: agentFlags, more: `
Serves each link that --match means, now or when it appears, until it is gone:
a name, a pattern as 'veth*', mac:52:54:00:12:34:56 or 'driver:virtio*'. With
--config it is the file that says which links, and how each is to be served;
without, the client's flags do the same for every link. lo is never served, and
a fault on one link is no other's. With --cni containers are served too, for a
plugin of their runtime (see docs/cni.md), and no other link need be matched.

The client's flags do the same here, but for those that end it or follow one
link: there are no --oneshot, --dry-run, --timeout, --wait, --wait-link,
--trace and --pcap. --background goes there when the links are followed.

Signals  TERM, INT stop; HUP reads the config file again, and touches no link
         whose section is the same; USR1 renews all, USR2 releases all
Exit     0 done, 1 an error, 2 the config file is wrong, 4 a capability is
         missing, 64 wrong command line`,
	}
}

// agentFlags are those that the agent has beside the client's: the rows that the
// process has.
var agentFlags = []flagRow{
	{name: "match", value: "IF", list: true, help: "serve links that this means; may be repeated", set: addLink},
	{name: "config", value: "FILE", help: "serve links as FILE says (see docs/agent.md)",
		set: func(o *options, s string) error { o.agent.config = s; return notEmpty(s) }},
	{name: "check-config", help: "say whether that file is fine, and exit",
		set: func(o *options, _ string) error { o.agent.check = true; return nil }},
	{name: "netns", value: "NAME", list: true, help: "links of network namespace NAME, process PID or PATH,\nnot those here; may be repeated, and . is here", set: addNetns},
	cniFlag,
}

// agentsOwn are the flags of the client that are the process's in an agent too.
var agentsOwn = []string{"background", "control-dir", "pid-file", "metrics-file", "no-sandbox", "verbose", "quiet", "json", "log-format", "version", "help"}

// processFlags are all flags of the process.
var processFlags = sync.OnceValue(func() []flagRow {
	rows := slices.Clone(agentFlags)
	for _, row := range allFlags() {
		if slices.Contains(agentsOwn, row.name) {
			rows = append(rows, row)
		}
	}
	return rows
})

// fileFlags are those of the process that [agent] of a config file may have.
var fileFlags = sync.OnceValue(func() []flagRow {
	return slices.DeleteFunc(slices.Clone(processFlags()), func(row flagRow) bool {
		return slices.Contains([]string{"config", "check-config", "background", "version", "help"}, row.name)
	})
})

// addNetns adds a namespace; a dot is our own.
func addNetns(o *options, s string) error {
	var n *netns
	if s != "." {
		var err error
		if n, err = parseNetns(s); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(o.agent.netns, func(m *netns) bool { return n.label() == m.label() }) {
		return fmt.Errorf("%s is named twice", s)
	}
	o.agent.netns = append(o.agent.netns, n)
	return nil
}

// label is what a person calls the namespace; empty for our own.
func (n *netns) label() string {
	if n == nil {
		return ""
	}
	return n.text
}

// newAgentOptions are what an agent does without a flag.
func newAgentOptions() *options {
	o := newOptions()
	o.agent = &agentOptions{}
	return o
}

// asAgent is the runner of agent.
func asAgent(args []string, stdout, stderr io.Writer) int {
	o, err := parseAgent(args)
	switch {
	case err != nil:
		complain(stderr, err)
		return agentExitCode(err)
	case o.help:
		findCommand("agent").printHelp(stdout)
		return exitDone
	case o.version:
		fmt.Fprintln(stdout, versionLine())
		return exitDone
	case o.agent.check:
		return checkAgentConfig(o.agent.config, fileFlags(), newAgentOptions, stdout, stderr)
	}
	signals := newSignals()
	defer signals.stop()
	o.exit = agentExitCode
	return launch(o, signals, stdout, stderr)
}

// parseAgent reads the arguments behind the command's name, and the config file
// that they name.
func parseAgent(args []string) (*options, error) {
	rows := append(slices.Clone(processFlags()), linkFlags()...)
	noArgument := func(_ *options, arg string) error {
		return badUsage("agent takes no arguments: --match %s", oneLine(arg))
	}
	o, err := readInto(newAgentOptions, args, rows, noArgument)
	if err != nil || o.help || o.version {
		return o, err
	}
	if o.agent.config == "" {
		if o.agent.check {
			return nil, &usageError{"--check-config", "needs --config"}
		}
		return o, o.checkAgent()
	}
	if o.agent.check {
		return o, contradiction(args)
	}
	return withAgentConfig(o, args, noArgument)
}

// contradiction is an error if args have a flag of links beside --config.
func contradiction(args []string) error {
	if row := linkFlagIn(args); row != "" {
		return &usageError{"--" + row, "contradicts --config: it stands in the file, under [defaults]"}
	}
	return nil
}

// withAgentConfig is o with what the config file says of the process, where the
// command line does not say another.
func withAgentConfig(o *options, args []string, add func(*options, string) error) (*options, error) {
	file, err := readAgentConfig(o.agent.config, fileFlags(), newAgentOptions)
	if err != nil {
		return nil, &configError{err}
	}
	if err := contradiction(args); err != nil {
		return nil, err
	}
	matches, places := len(o.links) > 0, len(o.agent.netns) > 0
	o, err = readInto(func() *options {
		base := *file.process
		own := *base.agent
		if matches {
			base.links, base.selectors = nil, nil
		}
		if places {
			own.netns = nil
		}
		base.agent = &own
		return &base
	}, args, processFlags(), add)
	if err != nil {
		return nil, err
	}
	o.agent.file, o.agent.matchGiven, o.agent.netnsGiven = file, matches, places
	return o, o.checkAgent()
}

// linkFlagIn is the first flag of links among args; empty for none.
func linkFlagIn(args []string) string {
	arranged, err := arrange(args, append(slices.Clone(processFlags()), linkFlags()...))
	if err != nil {
		return ""
	}
	for _, row := range named(linkFlags(), arranged) {
		return row.name
	}
	return ""
}

// checkAgent looks for what the flags of an agent cannot mean together.
func (o *options) checkAgent() error {
	if o.agent.config == "" && len(o.links) == 0 && o.agent.cni == "" {
		return badUsage("no link is matched: say --match IF, as --match 'veth*', --config FILE or --cni")
	}
	if o.client.Fallback != nil && (len(o.links) != 1 || len(o.selectors) > 0) {
		return &usageError{"--fallback", "is for one interface: the agent needs a --match that is its name"}
	}
	links := o.links
	o.links = []string{"*"} // check wants one
	err := o.check()
	o.links = links
	return err
}

// A configError is a config file that cannot be used.
type configError struct{ err error }

// Error names the file, the line and the key.
func (e *configError) Error() string { return e.err.Error() }

// Unwrap has the errors that it is made of, a line each.
func (e *configError) Unwrap() []error {
	if many, ok := e.err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	return []error{e.err}
}

// agentExitCode is exitCode of an agent.
func agentExitCode(err error) int {
	if is[*agentconf.Error](err) || is[*configError](err) {
		return exitBadConfig
	}
	return exitCode(err)
}
