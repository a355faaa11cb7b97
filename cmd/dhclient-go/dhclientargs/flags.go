package dhclientargs

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An Effect is what becomes of a flag.
type Effect uint8

const (
	// Meant is a flag that does what its manual page says.
	Meant Effect = iota
	// None is a flag that is accepted and changes nothing.
	None
	// Refused is a flag that is an error.
	Refused
)

// A Flag is a row of the table of flags.
type Flag struct {
	// Names are how it is written, hyphens and all; the first is the usual.
	Names []string
	// Value is what stands after it; empty for nothing.
	Value string
	// Effect says whether it has one, and Help what, or why not.
	Effect Effect
	Help   string

	set func(a *Args, value string) error
}

// Flags are the flags of dhclient(8), in the order of its manual page, and then
// Red Hat's and SUSE's.
func Flags() []Flag { return slices.Clone(flags) }

// find returns the row of a flag, nil for none.
func find(name string) *Flag {
	for i := range flags {
		if slices.Contains(flags[i].Names, name) {
			return &flags[i]
		}
	}
	return nil
}

const (
	onlyIPv6 = "this client is for DHCPv4 only"
	noUpdate = "this client does not update the DNS"
)

var flags = []Flag{
	{Names: []string{"-4"}, Help: "use DHCPv4, which is all there is", set: nothing},
	{Names: []string{"-6"}, Effect: Refused, Help: onlyIPv6},
	{Names: []string{"-4o6"}, Value: "PORT", Effect: Refused, Help: "DHCPv4 over DHCPv6 needs a DHCPv6 client"},
	{Names: []string{"-1"}, Help: "try once: exit code 2 for no lease in time", set: yes(func(a *Args) *bool { return &a.Once })},
	{Names: []string{"-d"}, Help: "stay in the foreground, and be verbose", set: func(a *Args, _ string) error {
		a.Foreground, a.Verbose = true, true
		return nil
	}},
	{Names: []string{"-nw"}, Help: "go to the background at once", set: yes(func(a *Args) *bool { return &a.NoWait })},
	{Names: []string{"-q"}, Help: "print nothing, which is the default", set: func(a *Args, _ string) error {
		a.Verbose = false
		return nil
	}},
	{Names: []string{"-v"}, Help: "print what happens", set: yes(func(a *Args) *bool { return &a.Verbose })},
	{Names: []string{"-w"}, Help: "go on without any interface", set: yes(func(a *Args) *bool { return &a.Persist })},
	{Names: []string{"-n"}, Help: "configure no interface", set: yes(func(a *Args) *bool { return &a.NoInterfaces })},
	{Names: []string{"-e"}, Value: "NAME=VALUE", Help: "add to the environment of the script", set: environment},
	{Names: []string{"-r"}, Help: "stop the running client and release its lease", set: func(a *Args, _ string) error {
		a.Action, a.Foreground = Release, true
		return nil
	}},
	{Names: []string{"-x"}, Help: "stop the running client and keep its lease", set: func(a *Args, _ string) error {
		a.Action, a.Foreground = Stop, false
		return nil
	}},
	{Names: []string{"-p"}, Value: "PORT", Help: "listen at this port, ask at the one before", set: port},
	{Names: []string{"-s"}, Value: "ADDRESS", Help: "send there what would be broadcast", set: address(func(a *Args) *netip.Addr { return &a.Server })},
	{Names: []string{"-g"}, Value: "ADDRESS", Help: "pretend to be behind this relay", set: address(func(a *Args) *netip.Addr { return &a.Relay })},
	{Names: []string{"-i"}, Help: "identify by a DUID (RFC 4361)", set: func(a *Args, _ string) error {
		if a.DUID == NoDUID {
			a.DUID = DUIDLLT
		}
		return nil
	}},
	{Names: []string{"-I"}, Effect: None, Help: noUpdate, set: nothing},
	{Names: []string{"--decline-wait-time"}, Value: "SECONDS", Effect: None, Help: "ours is 10 s or more (RFC 2131 3.1)", set: seconds(0, func(a *Args) *time.Duration { return &a.DeclineWait })},
	{Names: []string{"--version"}, Help: "print the version", set: act(Version)},
	{Names: []string{"--help", "-h"}, Help: "print the flags", set: act(Help)},
	{Names: []string{"-S"}, Effect: Refused, Help: onlyIPv6},
	{Names: []string{"-T"}, Effect: Refused, Help: onlyIPv6},
	{Names: []string{"-P"}, Effect: Refused, Help: onlyIPv6},
	{Names: []string{"-R"}, Effect: Refused, Help: onlyIPv6},
	{Names: []string{"-D"}, Value: "LL|LLT", Help: "identify by a DUID of this kind", set: duid},
	{Names: []string{"-N"}, Effect: Refused, Help: onlyIPv6},
	{Names: []string{"--address-prefix-len"}, Value: "LENGTH", Effect: None, Help: onlyIPv6, set: number},
	{Names: []string{"--dad-wait-time"}, Value: "SECONDS", Effect: None, Help: onlyIPv6, set: number},
	{Names: []string{"--prefix-len-hint"}, Value: "LENGTH", Effect: None, Help: onlyIPv6, set: number},
	{Names: []string{"-cf"}, Value: "FILE", Help: "read this configuration", set: path(func(a *Args) *Path { return &a.ConfFile })},
	{Names: []string{"-df"}, Value: "FILE", Help: "look for a DUID there as well", set: func(a *Args, v string) error {
		var p Path
		err := path(func(*Args) *Path { return &p })(a, v)
		a.DUIDFile = p.Name
		return err
	}},
	{Names: []string{"-lf"}, Value: "FILE", Help: "keep leases in this file", set: path(func(a *Args) *Path { return &a.LeaseFile })},
	{Names: []string{"-pf"}, Value: "FILE", Help: "keep the process id in this file", set: path(func(a *Args) *Path { return &a.PidFile })},
	{Names: []string{"--no-pid"}, Help: "use no such file", set: yes(func(a *Args) *bool { return &a.NoPid })},
	{Names: []string{"-sf"}, Value: "FILE", Help: "run this script", set: path(func(a *Args) *Path { return &a.Script })},

	{Names: []string{"--timeout", "-timeout"}, Value: "SECONDS", Help: "give up after so long", set: seconds(1, func(a *Args) *time.Duration { return &a.Timeout })},
	{Names: []string{"-B"}, Help: "ask for broadcast replies", set: yes(func(a *Args) *bool { return &a.Broadcast })},
	{Names: []string{"-C"}, Value: "ID", Help: "send this client identifier", set: text(func(a *Args) *string { return &a.ClientID })},
	{Names: []string{"-H"}, Value: "NAME", Help: "send this host name", set: text(func(a *Args) *string { return &a.Hostname })},
	{Names: []string{"-F"}, Value: "NAME", Help: "send this full name", set: text(func(a *Args) *string { return &a.FQDN })},
	{Names: []string{"-V"}, Value: "CLASS", Help: "send this vendor class", set: text(func(a *Args) *string { return &a.VendorClass })},
	{Names: []string{"--request-options"}, Value: "LIST", Help: "ask for these options, and no others", set: request},
}

func nothing(*Args, string) error { return nil }

func yes(of func(*Args) *bool) func(*Args, string) error {
	return func(a *Args, _ string) error {
		*of(a) = true
		return nil
	}
}

func act(what Action) func(*Args, string) error {
	return func(a *Args, _ string) error {
		a.Action = what
		return nil
	}
}

func path(of func(*Args) *Path) func(*Args, string) error {
	return func(a *Args, v string) error {
		if v == "" {
			return errors.New("the name of a file is empty")
		}
		*of(a) = Path{v, true}
		return nil
	}
}

// maxText is the longest value of one option (RFC 2132 2).
const maxText = 255

func text(of func(*Args) *string) func(*Args, string) error {
	return func(a *Args, v string) error {
		if v == "" || len(v) > maxText {
			return fmt.Errorf("%d octets are not 1 to %d", len(v), maxText)
		}
		*of(a) = v
		return nil
	}
}

func address(of func(*Args) *netip.Addr) func(*Args, string) error {
	return func(a *Args, v string) error {
		addr, err := netip.ParseAddr(v)
		if err != nil || !addr.Is4() || addr.IsUnspecified() || addr.IsMulticast() {
			return fmt.Errorf("%q is not an IPv4 address; names are not looked up", v)
		}
		*of(a) = addr
		return nil
	}
}

// maxSeconds keeps what is added to a time inside of it: 68 years.
const maxSeconds = 1<<31 - 1

func seconds(least uint64, of func(*Args) *time.Duration) func(*Args, string) error {
	return func(a *Args, v string) error {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil || n < least || n > maxSeconds {
			return fmt.Errorf("%q is not a number of seconds, %d to %d", v, least, maxSeconds)
		}
		*of(a) = time.Duration(n) * time.Second
		return nil
	}
}

func number(_ *Args, v string) error {
	if _, err := strconv.ParseUint(v, 10, 31); err != nil {
		return fmt.Errorf("%q is not a number", v)
	}
	return nil
}

func port(a *Args, v string) error {
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil || n < 2 {
		return fmt.Errorf("%q is not a port, 2 to 65535", v)
	}
	a.Port = uint16(n)
	return nil
}

func duid(a *Args, v string) error {
	switch strings.ToUpper(v) {
	case "LL":
		a.DUID = DUIDLL
	case "LLT":
		a.DUID = DUIDLLT
	default:
		return fmt.Errorf("%q is not LL or LLT", v)
	}
	return nil
}

func environment(a *Args, v string) error {
	if name, _, ok := strings.Cut(v, "="); !ok || name == "" {
		return fmt.Errorf("%q is not NAME=VALUE", v)
	}
	a.Env = append(a.Env, v)
	return nil
}

func request(a *Args, v string) error {
	list := strings.Split(v, ",")
	for i, name := range list {
		if list[i] = strings.TrimSpace(name); list[i] == "" {
			return fmt.Errorf("%q has an empty name", v)
		}
	}
	a.Request = list
	return nil
}
