package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/client/lease"
)

// initCommand is the command that gets a lease and then runs a program: the
// first process of a container or a small machine.
func initCommand() command {
	return command{
		name: "init", help: "get a lease, then run a program and keep the lease", run: asInit,
		args: "[FLAG...] IF... -- PROGRAM [ARG...]", flags: initFlags, more: `
Brings up lo and the links, waits for a lease, and runs PROGRAM with what the
lease says in its environment (DHCP4_ADDRESS ...). The lease is kept while it
runs, and given back when it has ended. Signals go to the program; children
that it has left are buried. It may be process 1, and need not be.

The flags of the client do the same here, but that --wait-link has no limit,
--on-exit is release and --timeout is 60s unless they are given; there are no
--oneshot, --background, --dry-run and --netns. The program begins behind "--"
or, for command lines of the kernel, with the first argument that has a slash. A
program called init is this command.

Exit     that of the program, 128 and its signal, 127 there is no such program,
         126 it cannot be run; without a lease 2, 3 others use each address,
         4 a capability is missing; 64 wrong command line`,
	}
}

// initFlags are those that init has beside the client's.
var initFlags = []flagRow{
	{name: "before-lease", help: "run the program at once; without a lease by --timeout\nit is ended, unless --on-failure says otherwise",
		set: func(o *options, _ string) error { o.charge.beforeLease = true; return nil }},
	{name: "on-failure", value: "WHAT", help: "without a lease by --timeout: exit (default), run, or\nfallback=CIDR[,GATEWAY], an address to run it with",
		set: setOnFailure},
}

// notInit are flags of the client that make no sense there.
var notInit = []string{"oneshot", "background", "dry-run", "netns", "fallback", "fallback-after", "link-local"}

// allInitFlags are the client's flags and its own.
var allInitFlags = sync.OnceValue(func() []flagRow {
	all := slices.DeleteFunc(slices.Clone(allFlags()), func(row flagRow) bool { return slices.Contains(notInit, row.name) })
	return append(all, initFlags...)
})

// asInit is the runner of init.
func asInit(args []string, stdout, stderr io.Writer) int {
	o, err := parseInit(args)
	switch {
	case err != nil:
		complain(stderr, err)
		return exitCode(err)
	case o.help:
		findCommand("init").printHelp(stdout)
		return exitDone
	case o.version:
		fmt.Fprintln(stdout, versionLine())
		return exitDone
	}
	signals := newSignals()
	signals.all = true // they are the program's
	defer signals.stop()
	o.charge.signals = signals
	return launch(o, signals, stdout, stderr)
}

// parseInit reads the arguments behind the command's name.
func parseInit(args []string) (*options, error) {
	own, program, err := splitProgram(args, allInitFlags())
	if err != nil {
		return nil, err
	}
	c := &charge{}
	o, err := readInto(func() *options {
		o := newOptions()
		o.charge, o.waitLink, o.timeout, o.client.OnExit = c, forever, onceTimeout, client.Release
		return o
	}, own, allInitFlags(), (*options).addArgument)
	if err != nil || o.help || o.version {
		return o, err
	}
	if len(program) == 0 {
		return nil, badUsage("no program named: init %s -- PROGRAM", strings.Join(append(o.links, "IF")[:max(len(o.links), 1)], " "))
	}
	if c.fallback != nil && len(o.links) > 1 {
		return nil, &usageError{"--on-failure", "a fallback is for one interface"}
	}
	c.argv = program
	c.schedule(o)
	o.exit = c.exitCode
	return o, o.check()
}

// splitProgram finds where the program begins: behind "--" or, where the kernel
// has taken that away, at the first argument with a slash, which no interface
// has in its name.
func splitProgram(args []string, flags []flagRow) (own, program []string, err error) {
	a := arranger{flags: flags, of: "init"}
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--":
			return args[:i], args[i+1:], nil
		case len(arg) > 1 && arg[0] == '-':
			used, err := a.flag(arg, args[i+1:])
			if err != nil {
				return nil, nil, err
			}
			i += used
		case strings.Contains(arg, "/"):
			return args[:i], args[i:], nil
		}
	}
	return args, nil, nil
}

// setOnFailure reads exit, run or fallback=CIDR[,GATEWAY].
func setOnFailure(o *options, s string) (err error) {
	c := o.charge
	c.runAnyway, c.fallback = false, nil
	if spec, ok := strings.CutPrefix(s, "fallback="); ok {
		c.fallback, err = staticLease(spec)
		return err
	}
	c.runAnyway, err = choose(s, choice[bool]{"exit", false}, choice[bool]{"run", true}, choice[bool]{"fallback=CIDR[,GATEWAY]", false})
	return err
}

// staticLease makes a lease without end of an address with its prefix length and,
// behind a comma, a gateway.
func staticLease(spec string) (*lease.Lease, error) {
	cidr, gateway, hasGateway := strings.Cut(spec, ",")
	p, err := netip.ParsePrefix(cidr)
	if err != nil || !lease.UsableAddr(p.Addr()) || p.Bits() < 8 {
		return nil, fmt.Errorf("%q is not a host's address as 192.0.2.7/24", cidr)
	}
	if m := p.Masked().Addr(); p.Bits() < 31 && (p.Addr() == m || p.Addr() == lastOf(p)) {
		return nil, fmt.Errorf("%v is not a host of %v", p.Addr(), p.Masked())
	}
	mask := uint32(0xffffffff) << (32 - p.Bits())
	options := map[uint8][]byte{
		1:  {byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)},
		51: {0xff, 0xff, 0xff, 0xff},
	}
	if hasGateway {
		gw, err := netip.ParseAddr(gateway)
		if err != nil || !lease.UsableAddr(gw) || gw == p.Addr() {
			return nil, fmt.Errorf("%q is not the address of a gateway", gateway)
		}
		// As ip-route(8) has it, but where there is no subnet.
		if p.Bits() < 32 && (!p.Contains(gw) || p.Bits() < 31 && (gw == p.Masked().Addr() || gw == lastOf(p))) {
			return nil, fmt.Errorf("the gateway %v is not a host of %v", gw, p.Masked())
		}
		options[3] = gw.AsSlice()
	}
	return client.LeaseFromOptions(p.Addr(), options)
}

// lastOf is the last address of p, which all its hosts have.
func lastOf(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		a[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(a)
}

// findProgram is the path of a program as a shell would find it, and the exit
// code of a shell where there is none.
func findProgram(name string) (path string, err error) {
	path, err = exec.LookPath(name)
	switch {
	case err == nil:
		return path, checkInterpreter(path)
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return "", &startError{127, err}
	}
	return "", &startError{126, err}
}

// A startError is a program that could not be started.
type startError struct {
	code int
	err  error
}

// Error says why.
func (e *startError) Error() string { return e.err.Error() }

// Unwrap is the system's error.
func (e *startError) Unwrap() error { return e.err }
