// Package hook runs programs for what becomes of a lease: those that are told of
// it, and those that configure the link in the client's place, as dhclient's and
// udhcpc's scripts do.
//
// Programs are run without a shell, one after the other, each in a process group
// of its own and for a limited time, with nothing on the standard input and / as
// the working directory. What a server said reaches them only after
// it was checked: as JSON on the standard input, or in an environment whose
// values hold nothing that a shell could take for more than text (package
// option). script.go has the order of things, run.go how a program is run; a file
// for each dialect has what programs are given.
package hook

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/lease"
	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A Dialect is how programs are told what happens.
type Dialect uint8

const (
	// JSON is a document on the standard input; see Document.
	JSON Dialect = iota
	// Dhclient is the environment of dhclient-script(8).
	Dhclient
	// Udhcpc is the argument and the environment of busybox's udhcpc.
	Udhcpc
)

var dialects = [...]string{"json", "dhclient", "udhcpc"}

func (d Dialect) String() string { return dialects[d] }

// ParseDialect reads json, dhclient or udhcpc.
func ParseDialect(s string) (Dialect, error) {
	for i, name := range dialects {
		if s == name {
			return Dialect(i), nil
		}
	}
	return 0, fmt.Errorf("%q is not %s or %s", s, strings.Join(dialects[:2], ", "), dialects[2])
}

// DefaultLimit is how long a program may run.
const DefaultLimit = 60 * time.Second

// Config says what is run for which link. Interface and Programs are needed.
type Config struct {
	// Interface is the name of the link.
	Interface string
	// Programs are paths of what is run, in that order, from the directory that
	// New is called in.
	Programs []string
	// Dialect is how they are told.
	Dialect Dialect
	// Configures says that they configure the link: they are run for each
	// lease, and their failure is that of the lease. Else they are run when
	// something has changed.
	Configures bool
	// Env are NAME=value, which they are given beside what the dialect has, and
	// of which that counts. They are not given our own environment, except for
	// udhcpc's scripts, which have always had it.
	Env []string
	// Limit is how long each may run; 0 is DefaultLimit. Of a client that stops,
	// those that do not configure the link have 0.4 s.
	Limit time.Duration
	// Requested are the options that are asked for, which dhclient's scripts
	// are told.
	Requested []uint8
	// Options are those of the configuration; nil for the standard ones.
	Options *option.Table
	// After is called with a lease that Programs have configured; nil is fine.
	After func(ctx context.Context, l *lease.Lease) error
	// Pid is the process that dhclient's scripts are told is the client; 0 is
	// this one.
	Pid int
	// Attached leaves them the standard output and error of this process; else
	// what they print goes to Logger.
	Attached bool
	// Logger gets what they print and how they end; nil logs nothing.
	Logger *slog.Logger
}

// check completes the configuration.
func (c *Config) check() error {
	switch {
	case !option.IsSafe(c.Interface) || strings.Contains(c.Interface, "/"):
		return fmt.Errorf("hook: %q cannot be the name of a link for scripts", c.Interface)
	case len(c.Programs) == 0:
		return errors.New("hook: no program named")
	case c.Limit < 0:
		return errors.New("hook: the limit is negative")
	}
	c.Programs = slices.Clone(c.Programs)
	for i, p := range c.Programs {
		if p == "" || strings.IndexByte(p, 0) >= 0 {
			return fmt.Errorf("hook: %q is not the path of a program", p)
		}
		if c.Dialect == Udhcpc && !strings.Contains(p, "/") {
			continue // found by PATH, as by udhcpc
		}
		path, err := filepath.Abs(p)
		if err != nil {
			return fmt.Errorf("hook: %s: %w", p, err)
		}
		c.Programs[i] = path
	}
	for _, e := range c.Env {
		if name, _, ok := strings.Cut(e, "="); !ok || !isEnvName(name) || strings.IndexByte(e, 0) >= 0 {
			return fmt.Errorf("hook: %q is not NAME=value", e)
		}
	}
	c.Limit, c.Pid = cmp.Or(c.Limit, DefaultLimit), cmp.Or(c.Pid, os.Getpid())
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	return nil
}

// isEnvName says that a shell takes s for the name of a variable.
func isEnvName(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !(c >= 'a' && c <= 'z' || s[i] == '_' || i > 0 && s[i] >= '0' && s[i] <= '9') {
			return false
		}
	}
	return s != ""
}
