package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client"
	"github.com/dhclient-go/dhclient-go/internal/agentconf"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// The exit codes, which scripts rely on. 2 is what ISC dhclient -1 ends with.
const (
	exitDone       = 0
	exitRuntime    = 1
	exitNoLease    = 2
	exitConflict   = 3
	exitCapability = 4  // or another permission
	exitUsage      = 64 // EX_USAGE of sysexits.h
)

// A usageError is a command line that says nothing sensible.
type usageError struct {
	// flag is what is wrong, as --acd; empty for the whole.
	flag, problem string
}

// Error names the flag and what is wrong with it.
func (e *usageError) Error() string {
	if e.flag == "" {
		return e.problem
	}
	return e.flag + ": " + e.problem
}

// badUsage returns a *usageError without a flag.
func badUsage(format string, args ...any) error {
	return &usageError{problem: fmt.Sprintf(format, args...)}
}

// fieldFlags are the flags that set what the library calls so.
var fieldFlags = map[string]string{
	"AuthKey": "--auth-key", "ClientID": "--client-id", "DNSUpdate": "--fqdn-update", "ForceRenew": "--force-renew",
	"FQDN": "--fqdn", "Hostname": "--hostname", "MachineID": "--client-id duid", "MUDURL": "--mud-url",
	"RapidCommit": "--rapid-commit", "RequestIP": "--request-ip", "SendOptions": "--send-option", "Takeover": "--takeover",
	"UserClass": "--user-class", "VendorClass": "--vendor-class", "VendorClasses": "--vi-class", "VendorOptions": "--vi-option",
}

// badOptions is what the library finds wrong with what is to be sent, a line for
// each, by the flags.
func badOptions(err error) error {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		end := strings.IndexAny(line, ": ")
		if end < 0 || fieldFlags[line[:end]] == "" {
			continue
		}
		rest := strings.Replace(line[end:], ": SendOptions has option", ": --send-option has option", 1)
		lines[i] = fieldFlags[line[:end]] + rest
	}
	return badUsage("%s", strings.Join(lines, "; "))
}

// A noLeaseError says that there was no lease in time, and what was missing.
type noLeaseError struct {
	name string
	// limit is the time; 0 where it was not time that was counted.
	limit time.Duration
	why   string
}

// Error names the interface, the time and what was missing.
func (e *noLeaseError) Error() string {
	if e.limit == 0 {
		return fmt.Sprintf("%s: no lease: %s", e.name, e.why)
	}
	return fmt.Sprintf("%s: no lease within %s: %s", e.name, span(e.limit), e.why)
}

// errStopped says that a signal came before there was what was asked for.
var errStopped = errors.New("stopped by a signal")

// exitCode tells scripts what err was. Of several errors, the first counts.
func exitCode(err error) int {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return exitCode(many.Unwrap()[0])
	}
	switch {
	case err == nil:
		return exitDone
	case is[*usageError](err):
		return exitUsage
	case is[*client.CapabilityError](err), is[*forbiddenError](err):
		return exitCapability
	case isConflict(err):
		return exitConflict
	case is[*noLeaseError](err), is[*client.IPv6OnlyError](err), errors.Is(err, client.ErrNoServer):
		return exitNoLease
	}
	return exitRuntime
}

// hint is what may help against err.
func hint(err error) string {
	var conflict *client.ConflictError
	if errors.As(err, &conflict) && conflict.AnswersAll() {
		return " (then use --acd=off)"
	}
	return ""
}

// misspelt is the command that was meant by the name of a link that there is not.
func misspelt(err error) string {
	var e *netcfg.LinkError
	if !errors.As(err, &e) || !errors.Is(err, netcfg.ErrNoLink) || len(e.Near) > 0 || findCommand(e.Name) != nil { // -i says that it is none
		return ""
	}
	names := make([]string, len(commands))
	for i := range commands {
		names[i] = commands[i].name
	}
	return strings.Replace(agentconf.Hint(e.Name, names), "mean ", "mean the command ", 1)
}

func isConflict(err error) bool { return is[*client.ConflictError](err) }

// is says that err is an E, or wraps one.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}
