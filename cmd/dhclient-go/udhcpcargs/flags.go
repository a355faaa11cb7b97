package udhcpcargs

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Flag is a row of the table of flags.
type Flag struct {
	// Names are how it is written, hyphens and all: the letter and the word.
	Names []string
	// Value is what stands after it; empty for nothing. Optional is a value
	// that is there only if it is in the same argument.
	Value    string
	Optional bool
	// Old is a flag that busybox had once.
	Old  bool
	Help string

	set func(p *parser, value string) error
}

// Flags are the flags of udhcpc, in the order of its help.
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

var flags = []Flag{
	{Names: []string{"-i", "--interface"}, Value: "IFACE", Help: "use this interface; eth0 by default", set: setInterface},
	{Names: []string{"-s", "--script"}, Value: "PROG", Help: "run this at each event", set: file(func(a *Args) *string { return &a.Script })},
	{Names: []string{"-p", "--pidfile"}, Value: "FILE", Help: "keep the process id in this file", set: file(func(a *Args) *string { return &a.PidFile })},
	{Names: []string{"-B", "--broadcast"}, Help: "ask for broadcast replies", set: yes(func(a *Args) *bool { return &a.Broadcast })},
	{Names: []string{"-t", "--retries"}, Value: "N", Help: "pause after N DISCOVERs; 3 by default, 0 never", set: setRetries},
	{Names: []string{"-T", "--timeout"}, Value: "SEC", Help: "time between two of them; 3 by default", set: seconds(func(a *Args) *time.Duration { return &a.Timeout })},
	{Names: []string{"-A", "--tryagain"}, Value: "SEC", Help: "that pause; 20 by default", set: seconds(func(a *Args) *time.Duration { return &a.TryAgain })},
	{Names: []string{"-b", "--background"}, Help: "without a lease go to the background", set: yes(func(a *Args) *bool { return &a.Background })},
	{Names: []string{"-n", "--now"}, Help: "without a lease exit with 1", set: yes(func(a *Args) *bool { return &a.NoLeaseFails })},
	{Names: []string{"-q", "--quit"}, Help: "exit with the first lease", set: yes(func(a *Args) *bool { return &a.Quit })},
	{Names: []string{"-R", "--release"}, Help: "release the lease on exit", set: yes(func(a *Args) *bool { return &a.ReleaseOnExit })},
	{Names: []string{"-f", "--foreground"}, Help: "stay in the foreground", set: yes(func(a *Args) *bool { return &a.Foreground })},
	{Names: []string{"-S", "--syslog"}, Help: "log to syslog too", set: yes(func(a *Args) *bool { return &a.Syslog })},
	{Names: []string{"-a", "--arping"}, Value: "MSEC", Optional: true, Help: "probe the address, for 2000 ms or MSEC", set: setARP},
	{Names: []string{"-r", "--request"}, Value: "IP", Help: "ask for this address", set: setRequestIP},
	{Names: []string{"-o", "--no-default-options"}, Help: "ask for no options but those of -O", set: yes(func(a *Args) *bool { return &a.NoDefaultOptions })},
	{Names: []string{"-O", "--request-option"}, Value: "OPT", Help: "ask for this option too, by name or number", set: addRequest},
	{Names: []string{"-x"}, Value: "OPT:VAL", Help: "send this option", set: func(p *parser, v string) error { p.sends = append(p.sends, v); return nil }},
	{Names: []string{"-F", "--fqdn"}, Value: "NAME", Help: "ask the server to name this host so in the DNS", set: setFQDN},
	{Names: []string{"-V", "--vendorclass"}, Value: "VENDOR", Help: "vendor class; empty for none", set: setVendorClass},
	{Names: []string{"-C", "--clientid-none"}, Help: "send no client id of the MAC address", set: yes(func(a *Args) *bool { return &a.NoClientID })},
	{Names: []string{"-P", "--client-port"}, Value: "PORT", Help: "listen here, and ask at the port before", set: setPort},
	{Names: []string{"-v"}, Help: "say more", set: func(p *parser, _ string) error { p.a.Verbose++; return nil }},
	{Names: []string{"-H", "-h", "--hostname"}, Value: "NAME", Old: true, Help: "as -x hostname:NAME", set: setHostname},
	{Names: []string{"--help"}, Help: "print this", set: yes(func(a *Args) *bool { return &a.Help })},
}

func yes(of func(*Args) *bool) func(*parser, string) error {
	return func(p *parser, _ string) error {
		*of(&p.a) = true
		return nil
	}
}

func file(of func(*Args) *string) func(*parser, string) error {
	return func(p *parser, v string) error {
		if v == "" {
			return errors.New("the name of a file is empty")
		}
		*of(&p.a) = v
		return nil
	}
}

// setInterface takes what can be the name of a link (the kernel's
// dev_valid_name).
func setInterface(p *parser, v string) error {
	if v == "" || v == "." || v == ".." || len(v) > 15 || strings.ContainsAny(v, "/: \t\n\v\f\r\x00") {
		return fmt.Errorf("%q cannot be the name of an interface", v)
	}
	p.a.Interface = v
	return nil
}

// whole reads a number without sign, 0 to limit.
func whole(v string, limit uint64) (uint64, error) {
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil || n > limit {
		return 0, fmt.Errorf("%q is not a number from 0 to %d", v, limit)
	}
	return n, nil
}

func setRetries(p *parser, v string) error {
	n, err := whole(v, math.MaxInt32)
	p.a.Retries = int(n)
	return err
}

func seconds(of func(*Args) *time.Duration) func(*parser, string) error {
	return func(p *parser, v string) error {
		n, err := whole(v, math.MaxInt32)
		*of(&p.a) = time.Duration(n) * time.Second
		return err
	}
}

func setARP(p *parser, v string) error {
	p.a.ARP = true
	if v == "" {
		return nil
	}
	n, err := whole(v, math.MaxUint32)
	p.a.ARPTime = time.Duration(n) * time.Millisecond
	return err
}

func setRequestIP(p *parser, v string) error {
	addr, err := netip.ParseAddr(v)
	if err != nil || !addr.Is4() {
		return fmt.Errorf("%q is not an IPv4 address", v)
	}
	if p.a.RequestIP = addr; addr.IsUnspecified() {
		p.a.RequestIP = netip.Addr{}
	}
	return nil
}

func setPort(p *parser, v string) error {
	n, err := whole(v, math.MaxUint16)
	if err == nil && n < 2 {
		err = fmt.Errorf("%q: the server's port, which is one less, would be none", v)
	}
	p.a.Port = uint16(n)
	return err
}

// maxFQDN is what option 81 has room for after its three octets of flags
// (RFC 4702 2).
const maxFQDN = 255 - 3

func setFQDN(p *parser, v string) error {
	if v == "" || len(v) > maxFQDN {
		return fmt.Errorf("a name of %d octets: 1 to %d are possible", len(v), maxFQDN)
	}
	p.fqdn = v
	return nil
}

// setVendorClass cuts as udhcpc does.
func setVendorClass(p *parser, v string) error {
	if len(v) > maxText {
		p.warn("-V: of %d octets the first %d are sent", len(v), maxText)
		v = v[:maxText]
	}
	p.a.VendorClass = v
	return nil
}

func setHostname(p *parser, v string) error {
	if len(v) > maxText {
		return fmt.Errorf("a name of %d octets: %d are possible", len(v), maxText)
	}
	p.named = v
	return nil
}

func addRequest(p *parser, v string) error {
	code, _, err := p.option(v)
	if err == nil && !slices.Contains(p.a.Requested, code) {
		p.a.Requested = append(p.a.Requested, code)
	}
	return err
}
