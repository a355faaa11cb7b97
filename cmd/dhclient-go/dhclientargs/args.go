// Package dhclientargs reads the command line of dhclient(8), as ISC's 4.4.3
// has it with what Red Hat and SUSE added, for scripts that call a client by
// that name. It runs nothing: args.go has what comes out, flags.go a row for
// each flag.
package dhclientargs

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The places of Debian's dhclient(8).
const (
	DefaultLeaseFile = "/var/lib/dhcp/dhclient.leases"
	DefaultPidFile   = "/run/dhclient.pid"
	DefaultScript    = "/sbin/dhclient-script"
)

// DefaultConfFiles are where the configuration is looked for: the first that
// exists is read, and none is as an empty one.
var DefaultConfFiles = []string{"/etc/dhcp/dhclient.conf", "/etc/dhclient.conf"}

// An Action is what dhclient is called for.
type Action uint8

const (
	// Run gets a lease and keeps it.
	Run Action = iota
	// Release is -r: the process of the pid file is stopped and the lease
	// given back.
	Release
	// Stop is -x: the process of the pid file is stopped, the lease kept.
	Stop
	// Help is --help, to standard error, and exit code 0.
	Help
	// Version is --version, to standard error, and exit code 0.
	Version
)

// A DUID says which identifier -i and -D ask for.
type DUID uint8

const (
	// NoDUID sends the client identifier of the configuration, or none.
	NoDUID DUID = iota
	// DUIDLLT is made of the hardware address and the time (RFC 8415 11.2).
	DUIDLLT
	// DUIDLL is made of the hardware address (RFC 8415 11.4).
	DUIDLL
)

// A Path is a file, and whether the command line or the environment named it.
type Path struct {
	Name  string
	Given bool
}

// Args is what a command line says.
type Args struct {
	Action Action
	// Interfaces are those named, each once. With none, and without
	// NoInterfaces, dhclient configures every one that can broadcast.
	Interfaces []string

	// Once is -1: no lease within the timeout of the configuration ends the
	// process with exit code 2.
	Once bool
	// Verbose is -v, or -d: messages go to standard error as well, until the
	// process goes to the background. Else nothing is printed, only logged.
	Verbose bool
	// Foreground is -d or -r: the process stays.
	Foreground bool
	// NoWait is -nw: it goes to the background before there is a lease.
	NoWait bool
	// Persist is -w: having no interface is no reason to exit.
	Persist bool
	// NoInterfaces is -n: none is configured.
	NoInterfaces bool

	// NoPid is --no-pid: no pid file is written or read.
	NoPid bool
	// PidFile, LeaseFile, ConfFile and Script have their defaults if the
	// command line and the environment name none. A ConfFile that nobody
	// named has no Name: see DefaultConfFiles.
	PidFile, LeaseFile, ConfFile, Script Path
	// DUIDFile is -df: where a DUID is looked for that LeaseFile lacks.
	DUIDFile string
	// Env are the -e, as NAME=value.
	Env []string

	// DUID is what -i and -D ask for.
	DUID DUID
	// Server is -s: where messages go that would be broadcast. Invalid for
	// the broadcast address.
	Server netip.Addr
	// Relay is -g: the address in the messages' giaddr field.
	Relay netip.Addr
	// Port is -p: where the client listens; servers are then asked at the
	// port before it. 0 for 68 and 67.
	Port uint16
	// Timeout is --timeout: in place of the configuration's. 0 for that.
	Timeout time.Duration
	// DeclineWait is --decline-wait-time: how long after a DECLINE the next
	// DISCOVER is sent, 10 s if nothing is said.
	DeclineWait time.Duration

	// Broadcast is -B: the broadcast flag is set.
	Broadcast bool
	// ClientID, Hostname, FQDN and VendorClass are -C, -H, -F and -V: options
	// 61, 12, 81 and 60, in place of the configuration's; empty for those.
	ClientID, Hostname, FQDN, VendorClass string
	// Request is --request-options: names or numbers of options, in place of
	// the configuration's list; nil for that.
	Request []string

	// Ignored are the flags that were given and have no effect.
	Ignored []string
}

// An Error is a command line that dhclient does not take.
type Error struct {
	// Flag is what is wrong; empty for the whole.
	Flag, Problem string
}

func (e *Error) Error() string {
	if e.Flag == "" {
		return e.Problem
	}
	return e.Flag + ": " + e.Problem
}

// Parse reads the arguments after the program's name. Flags and interfaces may
// stand in any order; a flag's value is the next argument. getenv is asked for
// the PATH_DHCLIENT_ variables; nil has none. The error is an *Error.
func Parse(args []string, getenv func(string) string) (*Args, error) {
	a := &Args{DeclineWait: 10 * time.Second}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if !strings.HasPrefix(arg, "-") {
			if err := a.addInterface(arg); err != nil {
				return nil, err
			}
			continue
		}
		f := find(arg)
		switch {
		case f == nil:
			return nil, &Error{arg, "dhclient has no such flag"}
		case f.Effect == Refused:
			return nil, &Error{arg, "not supported: " + f.Help}
		}
		value := ""
		if f.Value != "" {
			if len(args) == 0 {
				return nil, &Error{arg, "wants " + f.Value + " after it"}
			}
			value, args = args[0], args[1:]
		}
		if f.Effect == None {
			a.Ignored = append(a.Ignored, arg)
		}
		if err := f.set(a, value); err != nil {
			return nil, &Error{arg, err.Error()}
		}
		if a.Action == Help || a.Action == Version {
			return a, nil
		}
	}
	a.paths(getenv)
	return a, nil
}

// addInterface takes an argument that is no flag.
func (a *Args) addInterface(name string) error {
	switch {
	case a.NoInterfaces:
		return &Error{"-n", fmt.Sprintf("no interface is to be configured, but %q is named", name)}
	case name == "" || name == "." || name == ".." || len(name) > 15 || strings.ContainsAny(name, "/ \t\n\v\f\r\x00"):
		return &Error{"", fmt.Sprintf("%q cannot be the name of an interface", name)}
	}
	if !slices.Contains(a.Interfaces, name) {
		a.Interfaces = append(a.Interfaces, name)
	}
	return nil
}

// paths fills in what the command line did not name.
func (a *Args) paths(getenv func(string) string) {
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	for _, p := range []struct {
		path          *Path
		variable, def string
	}{
		{&a.PidFile, "PATH_DHCLIENT_PID", DefaultPidFile},
		{&a.LeaseFile, "PATH_DHCLIENT_DB", DefaultLeaseFile},
		{&a.ConfFile, "PATH_DHCLIENT_CONF", ""},
		{&a.Script, "PATH_DHCLIENT_SCRIPT", DefaultScript},
	} {
		if p.path.Given {
			continue
		}
		if v := getenv(p.variable); v != "" {
			*p.path = Path{v, true}
			continue
		}
		p.path.Name = p.def
	}
}

// Absolute makes the file names independent of the working directory, dir:
// a process in the background has another.
func (a *Args) Absolute(dir string) {
	for _, p := range []*string{&a.PidFile.Name, &a.LeaseFile.Name, &a.ConfFile.Name, &a.Script.Name, &a.DUIDFile} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
}
