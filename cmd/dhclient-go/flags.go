package main

import (
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/dhclient-go/dhclient-go/client/hook"
)

// A flagRow is a flag: how it is written, what --help says, and what it does
// to the options. A new flag is a new row.
type flagRow struct {
	// name is the long name, short the letter, if it has one.
	name, short string
	// value stands for the value in the help; a flag without one is a switch.
	value string
	// optional values are given as --name=value only.
	optional bool
	// list is a flag that may be repeated; else the last one counts.
	list bool
	// help is a line of 53 columns at most, or more of them.
	help string
	// set is called for each value, with an empty one for a switch.
	set func(o *options, value string) error
}

// A flagGroup is a heading of the help and the flags under it.
type flagGroup struct {
	title string
	flags []flagRow
}

// optionalUnset is the value of an optional value that was not given.
const optionalUnset = "forever"

var flagGroups = []flagGroup{
	{"How it runs", []flagRow{
		{name: "oneshot", short: "1", help: "get a lease, leave it in place and exit",
			set: func(o *options, _ string) error { o.oneshot = true; return nil }},
		{name: "background", short: "b", help: "go to the background with the first lease",
			set: func(o *options, _ string) error { o.background = afterLease; return nil }},
		{name: "control-dir", value: "DIR", help: "where commands find it (" + defaultControlDir + ");\nempty: nowhere", set: setControlDir},
		{name: "pid-file", value: "PATH", help: "write the number of the process to PATH", set: setPidFile},
		{name: "metrics-file", value: "FILE", help: "keep metrics in FILE for Prometheus: DIR/NAME.prom", set: setMetricsFile},
		{name: "timeout", value: "DUR", help: "exit 2 without a lease by then (60s with -1, -b and\n--dry-run); 0 is no limit", set: setTimeout},
		{name: "wait", value: "any|all|first", help: "which must get a lease (all); first: that one alone", set: setWait},
		{name: "wait-link", value: "DUR", optional: true, help: "wait for the interface to appear", set: setWaitLink},
		{name: "takeover", help: "take over from the client before, or ip=dhcp",
			set: func(o *options, _ string) error { o.client.Takeover = true; return nil }},
		{name: "on-exit", value: "MODE", help: "keep (default), remove or release the lease", set: setOnExit},
		{name: "dry-run", help: "print the lease as JSON, configure nothing",
			set: func(o *options, _ string) error { o.dryRun = true; return nil }},
		{name: "start-delay", value: "DUR", help: "wait before the first DISCOVER", set: setStartDelay},
		{name: "no-sandbox", help: "keep all capabilities, run scripts in this process",
			set: func(o *options, _ string) error { o.noSandbox = true; return nil }},
		{name: "netns", value: "NAME", help: "in network namespace NAME, of process PID, or at PATH", set: setNetns},
		{name: "interface", short: "i", value: "IF", list: true, help: "the same as the argument IF", set: addLink},
	}},
	{"What it asks for", []flagRow{
		{name: "hostname", value: "NAME", help: "send the host name NAME", set: setHostname},
		{name: "client-id", value: "ID", help: "mac (default), duid (of the machine id), none, hex as\n01:02:0a, or a text", set: setClientID},
		{name: "vendor-class", value: "TEXT", help: "send the vendor class TEXT", set: setVendorClass},
		{name: "request-ip", value: "ADDR", help: "ask for this address; another may come", set: setRequestIP},
		{name: "request-option", short: "O", value: "OPT", list: true, help: "ask for more: numbers or names, with commas", set: addRequestOption},
		{name: "rapid-commit", help: "take a lease in two messages, where the server does",
			set: func(o *options, _ string) error { o.client.RapidCommit = true; return nil }},
		{name: "ipv6-only", help: "no address where the network prefers to be IPv6-only",
			set: func(o *options, _ string) error { o.client.IPv6Only = true; return nil }},
		{name: "select-timeout", value: "DUR", help: "wait so long for offers, and take the best", set: setSelectTimeout},
		{name: "prefer", value: "WHAT", help: "the best is of the address (default), the server that\nwe had, or the longest lease", set: setPrefer},
		{name: "require-option", value: "OPT", list: true, help: "take no offer without it: numbers or names", set: addRequireOption},
		{name: "allow-server", value: "WHO", list: true, help: "hear no others: an address, a network or a MAC", set: allowServer},
		{name: "deny-server", value: "WHO", list: true, help: "do not hear it", set: denyServer},
		{name: "broadcast", help: "ask for broadcast replies from the start",
			set: func(o *options, _ string) error { o.client.Broadcast = true; return nil }},
		{name: "retransmit", value: "MODE", help: "fast (after 1, 2, 4s; default) or rfc2131 (4, 8, 16s)", set: setRetransmit},
		{name: "acd", value: "MODE", help: "probe for other users of the address: 200ms (default)\nor another DUR, rfc5227 (4 to 7s), optimistic, off", set: setACD},
	}},
	{"Extensions", []flagRow{
		{name: "fallback", value: "CIDR,GW", help: "use this address if no server answers and nobody has\nit; servers are asked on, and a lease takes its place", set: setFallback},
		{name: "link-local", help: "take a free address of 169.254/16 then (RFC 3927)",
			set: func(o *options, _ string) error { o.client.LinkLocal = true; return nil }},
		{name: "fallback-after", value: "DUR", help: "how long servers have before that (30s)", set: setFallbackAfter},
		{name: "force-renew", help: "renew when the server says so, with its nonce",
			set: func(o *options, _ string) error { o.client.ForceRenew = true; return nil }},
		{name: "anonymous", help: "say nothing that tells who you are (RFC 7844)",
			set: func(o *options, _ string) error { o.client.Anonymous = true; return nil }},
		{name: "auth-key", value: "FILE", help: "sign, and take only what is signed (RFC 3118), with\nthe ID:SECRET (in hexadecimal) that FILE has", set: setAuthKey},
		{name: "fqdn", value: "NAME", help: "send NAME for the DNS, in place of a host name", set: setFQDN},
		{name: "fqdn-update", value: "WHO", help: "who enters it: server (default), client or none", set: setFQDNUpdate},
		{name: "user-class", value: "TEXT", list: true, help: "send the user class TEXT; may be repeated", set: addUserClass},
		{name: "bare-user-class", help: "send it as it is, without its length",
			set: func(o *options, _ string) error { o.client.BareUserClass = true; return nil }},
		{name: "vi-class", value: "N:TEXT", list: true, help: "send a class of the vendor of number N (RFC 3925)", set: addVendorClass},
		{name: "vi-option", value: "N:C:HEX", list: true, help: "send option C of the vendor of number N", set: addVendorOption},
		{name: "mud-url", value: "URL", help: "send where it is said what this device does", set: setMUDURL},
		{name: "send-option", value: "O=VAL", list: true, help: "send another, by its number or name", set: addSendOption},
	}},
	{"What it configures", []flagRow{
		{name: "metric", value: "N", help: "metric of the routes (1000 + interface index)", set: setMetric},
		{name: "table", value: "N", help: "routing table of the routes (that of the link's VRF,\nelse main)", set: setTable},
		{name: "routes", value: "WHAT", help: "all (default), subnet, default or none", set: setRoutes},
		{name: "max-routes", value: "N", help: "how many routes of a lease at most (512)", set: setMaxRoutes},
		{name: "no-routes", help: "the same as --routes none", set: func(o *options, _ string) error { return setRoutes(o, "none") }},
		{name: "no-dns", help: "leave the resolver alone",
			set: func(o *options, _ string) error { o.noDNS = true; return nil }},
		{name: "resolv-conf", value: "PATH", help: "write the name servers to PATH", set: setResolvConf},
		{name: "no-mtu", help: "ignore the MTU that the server sends",
			set: func(o *options, _ string) error { o.netcfg.NoMTU = true; return nil }},
		{name: "min-mtu", value: "N", help: "the least MTU that a server may set (576)", set: setMinMTU},
		{name: "max-mtu", value: "N", help: "the largest (the link's own)", set: setMaxMTU},
		{name: "set-hostname", value: "HOW", optional: true, help: "take the name that the server sends, where the host\nhas none (unnamed, default) or always", set: setSetHostname},
		{name: "lease-dir", value: "DIR", help: "where leases are kept (" + defaultLeaseDir + ")", set: setLeaseDir},
	}},
	{"What it runs", []flagRow{
		{name: "script", value: "PATH", list: true, help: "run PATH when the lease changes; may be repeated", set: addScript},
		{name: "script-env", value: "MODE", help: "how it is told: json (default), dhclient or udhcpc,\nwith which it configures the link in our place", set: setScriptEnv},
		{name: "script-timeout", value: "DUR", help: "how long one may run (" + span(hook.DefaultLimit) + ")", set: setScriptTimeout},
	}},
	{"What it says", []flagRow{
		{name: "verbose", short: "v", list: true, help: "each state change, and counts at the end;\ntwice (-vv): each message",
			set: func(o *options, _ string) error { o.verbosity++; return nil }},
		{name: "quiet", short: "q", help: "errors only",
			set: func(o *options, _ string) error { o.quiet = true; return nil }},
		{name: "json", help: "events as JSON lines on standard output",
			set: func(o *options, _ string) error { o.json = true; return nil }},
		{name: "log-format", value: "FORM", help: "standard error is text (default) or json", set: setLogFormat},
		{name: "trace", help: "the exchange as a ladder on standard error, in place\nof the log; -v and -vv add the rest",
			set: func(o *options, _ string) error { o.trace = true; return nil }},
		{name: "pcap", value: "FILE", help: "write all DHCP and ARP frames to FILE, which must not\nexist; - is standard output", set: setPcap},
		{name: "version", help: "print the version and exit",
			set: func(o *options, _ string) error { o.version = true; return nil }},
		{name: "help", short: "h", help: "print this and exit",
			set: func(o *options, _ string) error { o.help = true; return nil }},
	}},
}

// allFlags are the rows of every group.
var allFlags = sync.OnceValue(func() (all []flagRow) {
	for _, g := range flagGroups {
		all = append(all, g.flags...)
	}
	return all
})

// parse reads the arguments behind the program's name.
func parse(args []string) (*options, error) {
	o, err := read(args, allFlags(), (*options).addArgument)
	if err != nil || o.help || o.version {
		return o, err
	}
	return o, o.check()
}

// read reads arguments by the flags that there are; add takes what is none.
func read(args []string, flags []flagRow, add func(o *options, arg string) error) (*options, error) {
	return readInto(newOptions, args, flags, add)
}

// readInto is read with what options are without a flag.
func readInto(fresh func() *options, args []string, flags []flagRow, add func(o *options, arg string) error) (*options, error) {
	args, err := arrange(args, flags)
	if err != nil {
		return nil, err
	}
	o := fresh()
	// The package goes through all its flags for each of them, with a regular
	// expression: more than half a millisecond before anything is sent.
	flags = named(flags, args)
	app := newApp(flags, func(c *cli.Context) error { return o.fill(c, flags, add) })
	if err := app.Run(append([]string{app.Name}, args...)); err != nil {
		return nil, err
	}
	return o, nil
}

// named are the flags that stand among args, as arrange has written those.
func named(flags []flagRow, args []string) (list []flagRow) {
	args = args[:slices.Index(args, "--")]
	for _, f := range flags {
		if slices.ContainsFunc(args, func(arg string) bool {
			name, _, _ := strings.Cut(arg, "=")
			return name == "--"+f.name
		}) {
			list = append(list, f)
		}
	}
	return list
}

// newApp is the command for package cli, which calls fill when it runs. What the
// package would print itself is off: we exit with 64 and one line.
func newApp(flags []flagRow, fill cli.ActionFunc) *cli.App {
	// Else a flag of its name keeps Action from running, HideHelp or not.
	cli.HelpFlag = nil
	app := &cli.App{
		Name: "dhclient-go", Usage: "get an IPv4 address by DHCP and keep it", ArgsUsage: "IF...",
		HideHelp: true, HideVersion: true, DisableSliceFlagSeparator: true,
		Writer: io.Discard, ErrWriter: io.Discard,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   func(_ *cli.Context, err error, _ bool) error { return &usageError{problem: err.Error()} },
		Action:         fill,
	}
	for _, row := range flags {
		app.Flags = append(app.Flags, row.cli())
	}
	return app
}

// cli is the row for package cli. It has no category: the help is our own, and
// the package would format each flag at every start to sort them.
func (row *flagRow) cli() cli.Flag {
	var aliases []string
	if row.short != "" {
		aliases = []string{row.short}
	}
	switch {
	case row.value == "":
		return &cli.BoolFlag{Name: row.name, Aliases: aliases, Usage: row.help, Count: new(int)}
	case row.list:
		return &cli.StringSliceFlag{Name: row.name, Aliases: aliases, Usage: row.help}
	}
	return &cli.StringFlag{Name: row.name, Aliases: aliases, Usage: row.help}
}

// fill gives every flag that was set to its row, then the arguments.
func (o *options) fill(c *cli.Context, flags []flagRow, add func(*options, string) error) error {
	set := c.LocalFlagNames()
	for _, row := range flags {
		for _, value := range row.given(c, set) {
			if err := row.set(o, value); err != nil {
				return &usageError{"--" + row.name, err.Error()}
			}
		}
	}
	if o.help || o.version {
		return nil
	}
	for _, arg := range c.Args().Slice() {
		if err := add(o, arg); err != nil {
			return err
		}
	}
	return nil
}

// given are the values that the flag has on the command line, where the flags of
// the names in set are. (Context.IsSet would go through all flags for each.)
func (row *flagRow) given(c *cli.Context, set []string) []string {
	switch {
	case !slices.Contains(set, row.name):
		return nil
	case row.value == "":
		n := 1
		if row.list {
			n = c.Count(row.name)
		}
		return slices.Repeat([]string{""}, n)
	case row.list:
		return c.StringSlice(row.name)
	}
	return []string{c.String(row.name)}
}
