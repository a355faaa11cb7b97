// Package udhcpcargs reads the command line of busybox's udhcpc, as versions
// 1.35 to 1.37 have it, for scripts that call a client by that name. It runs
// nothing: args.go has what comes out, flags.go a row for each flag, getopt.go
// the ways to write them and send.go what -x says.
package udhcpcargs

import (
	"net/netip"
	"slices"
	"time"
)

// What udhcpc does if nothing else is said.
const (
	DefaultInterface = "eth0"
	DefaultRetries   = 3
	DefaultTimeout   = 3 * time.Second
	DefaultTryAgain  = 20 * time.Second
	DefaultARPTime   = 2 * time.Second
	// DefaultVendorClass names the version whose ways these are: servers have
	// rules for what begins with "udhcp".
	DefaultVendorClass = "udhcp 1.36.1"
)

// DefaultScripts are where the script is if no -s says so, Debian's place and
// busybox's own: the first that exists is run.
var DefaultScripts = []string{"/etc/udhcpc/default.script", "/usr/share/udhcpc/default.script"}

// DefaultRequest are the options that udhcpc asks for unless -o is given.
var DefaultRequest = []uint8{1, 3, 6, 12, 15, 28, 42}

// Args is what a command line says.
type Args struct {
	// Help is --help: print Usage to standard error and exit with 0.
	Help bool

	// Interface is -i.
	Interface string
	// Script is -s; empty for the first of DefaultScripts.
	Script string
	// PidFile is -p; empty for none.
	PidFile string

	// Foreground is -f: the process stays. Else it goes to the background
	// with its first lease.
	Foreground bool
	// Background is -b: without a lease after the first Retries it goes to
	// the background, and goes on there. NoLeaseFails does not matter then.
	Background bool
	// NoLeaseFails is -n: without a lease after the first Retries the exit
	// code is 1. A later failure to renew is none.
	NoLeaseFails bool
	// Quit is -q: the first lease ends the process, with exit code 0.
	Quit bool
	// ReleaseOnExit is -R: SIGTERM, and Quit, give the lease back.
	ReleaseOnExit bool
	// Syslog is -S: what is printed is logged as well.
	Syslog bool
	// Verbose counts the -v.
	Verbose int

	// Retries is -t: how many DISCOVERs are sent before TryAgain is waited; 0
	// for no limit.
	Retries int
	// Timeout is -T: the time between two messages, which does not grow.
	Timeout time.Duration
	// TryAgain is -A.
	TryAgain time.Duration

	// Broadcast is -B: the broadcast flag is set.
	Broadcast bool
	// ARP is -a: the address is probed before it is used, for ARPTime.
	ARP     bool
	ARPTime time.Duration
	// RequestIP is -r; the zero Addr for none.
	RequestIP netip.Addr
	// Port is -P: where the client listens; servers are asked at the port
	// before it. 0 for 68 and 67.
	Port uint16

	// NoDefaultOptions is -o: of Requested only the -O.
	NoDefaultOptions bool
	// Requested are the -O in their order, each once.
	Requested []uint8
	// Send are the options of -x, -F and -H, by their codes; nil for none.
	Send map[uint8][]byte
	// NoClientID is -C: without an option 61 in Send none is sent. Else that is
	// 01 and the hardware address.
	NoClientID bool
	// VendorClass is -V, option 60, unless Send has one; empty for none.
	VendorClass string

	// Warnings are what udhcpc passes over in silence, and a person should
	// know.
	Warnings []string
}

// Request is option 55. What -O names comes first, so that classless routes
// stand before routers (RFC 3442).
func (a *Args) Request() []uint8 {
	list := slices.Clone(a.Requested)
	if !a.NoDefaultOptions {
		for _, code := range DefaultRequest {
			if !slices.Contains(list, code) {
				list = append(list, code)
			}
		}
	}
	return list
}

// An Error is a command line that udhcpc does not take. Its exit code is 1.
type Error struct {
	// Flag is what is wrong, as it was written.
	Flag, Problem string
	// Usage says that udhcpc prints its flags after it.
	Usage bool
}

// ExitCode is that of a bad command line, and of -n without a lease.
const ExitCode = 1

func (e *Error) Error() string { return e.Flag + ": " + e.Problem }

// Parse reads the arguments after the program's name. The error is an *Error.
func Parse(args []string) (*Args, error) {
	p := &parser{a: Args{
		Interface: DefaultInterface, Retries: DefaultRetries, Timeout: DefaultTimeout,
		TryAgain: DefaultTryAgain, ARPTime: DefaultARPTime, VendorClass: DefaultVendorClass,
	}}
	if err := p.getopt(args); err != nil {
		return nil, err
	}
	if p.a.Help {
		return &p.a, nil
	}
	if err := p.sendAll(); err != nil {
		return nil, err
	}
	return &p.a, nil
}
