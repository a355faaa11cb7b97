package helper

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dhclient-go/dhclient-go/client/hook"
	"github.com/dhclient-go/dhclient-go/netcfg"
)

// Config is all that a helper may ever do. What is nil or empty it does not do.
type Config struct {
	// Resolver says how the resolver of the host is told of name servers: Path,
	// StateDir and Method count.
	Resolver *netcfg.ResolverConfig
	// MoreResolvers are others, for other links.
	MoreResolvers []netcfg.ResolverConfig
	// Hostname says when the host is named.
	Hostname *netcfg.HostnameConfig
	// Scripts are the programs for leases, a row for each way to run them:
	// Programs, Dialect, Configures, Env, Limit, Options and Attached count. A
	// link has one row.
	Scripts []hook.Config
	// Program is what Run runs, once.
	Program *Program
}

// A Program is one that runs beside the client, with its standard input, output
// and error, in its working directory and its process group.
type Program struct {
	// Path is the file to execute: it is not looked for.
	Path string
	// Args are its arguments, of which the first is the name that it is called
	// by.
	Args []string
	// Env is its environment, NAME=value each; nil is that of this process.
	// What Run adds to it are variables whose names begin with VarPrefix.
	Env []string
}

// VarPrefix begins the names of all variables that Run may add to the
// environment of its Program: the configuration has the rest.
const VarPrefix = "DHCP4_"

// A wireConfig is Config as the helper gets it. What may have any octet, as
// paths do, is []byte: JSON has no other way.
type wireConfig struct {
	// Level is the lowest that the first process logs.
	Level slog.Level `json:"level"`
	// Wall and Boot are the origin of the time line of its leases.
	Wall     time.Time     `json:"wall"`
	Boot     time.Duration `json:"boot"`
	Resolver *wireResolver `json:"resolver,omitempty"`
	// MoreResolvers follow Resolver in the numbers of their rows.
	MoreResolvers []wireResolver `json:"more_resolvers,omitempty"`
	Hostname      *wireHostname  `json:"hostname,omitempty"`
	Scripts       []wireScript   `json:"scripts,omitempty"`
	Program       *wireProgram   `json:"program,omitempty"`
}

type wireResolver struct {
	// Path and StateDir are empty for the usual ones.
	Path     []byte        `json:"path,omitempty"`
	StateDir []byte        `json:"state_dir,omitempty"`
	Method   netcfg.Method `json:"method,omitempty"`
}

type wireHostname struct {
	Always bool   `json:"always,omitempty"`
	State  []byte `json:"state,omitempty"`
}

type wireProgram struct {
	Path []byte   `json:"path"`
	Args [][]byte `json:"args"`
	// Env is nil for that of the helper, which is that of the first process.
	Env [][]byte `json:"env,omitempty"`
}

// wire checks the configuration, and makes its paths absolute: the helper has a
// working directory of its own.
func (c *Config) wire() (*wireConfig, error) {
	w := &wireConfig{}
	var failed error
	abs := func(path string) []byte {
		if path == "" {
			return nil
		}
		a, err := filepath.Abs(path)
		if err != nil {
			failed = fmt.Errorf("make %q absolute: %w", path, err)
		}
		return []byte(a)
	}
	if r := c.Resolver; r != nil {
		w.Resolver = &wireResolver{abs(r.Path), abs(r.StateDir), r.Method}
	}
	for _, r := range c.MoreResolvers {
		w.MoreResolvers = append(w.MoreResolvers, wireResolver{abs(r.Path), abs(r.StateDir), r.Method})
	}
	if n := c.Hostname; n != nil {
		w.Hostname = &wireHostname{n.Always, abs(n.State)}
	}
	for i := range c.Scripts {
		w.Scripts = append(w.Scripts, scriptOnWire(&c.Scripts[i], abs))
	}
	if p := c.Program; p != nil {
		w.Program = &wireProgram{abs(p.Path), octets(p.Args), octets(p.Env)}
	}
	if failed != nil {
		return nil, failed
	}
	return w, w.check()
}

// check is what both processes want of a configuration.
func (w *wireConfig) check() error {
	for row := range 1 + len(w.MoreResolvers) {
		if r := w.resolver(row); r != nil && (r.Method > netcfg.MethodFile || !isPathOrNone(r.Path) || !isPathOrNone(r.StateDir)) {
			return errors.New("resolver: a path or a method is none")
		}
	}
	if n := w.Hostname; n != nil && !isPathOrNone(n.State) {
		return fmt.Errorf("host name: %q is not the path of a file", n.State)
	}
	for i := range w.Scripts {
		if err := w.Scripts[i].check(); err != nil {
			return fmt.Errorf("scripts: %w", err)
		}
	}
	if w.Program != nil {
		return w.Program.check()
	}
	return nil
}

// resolver is that of a row; nil for none.
func (w *wireConfig) resolver(row int) *wireResolver {
	switch {
	case row == 0:
		return w.Resolver
	case row > 0 && row <= len(w.MoreResolvers):
		return &w.MoreResolvers[row-1]
	}
	return nil
}

func (p *wireProgram) check() error {
	switch {
	case !isPath(p.Path):
		return fmt.Errorf("%q is not the path of a program", p.Path)
	case len(p.Args) == 0:
		return errors.New("a program without the name that it is called by")
	case slices.ContainsFunc(slices.Concat(p.Args, p.Env), hasNul):
		return errors.New("an argument or a variable has an octet 0")
	}
	return nil
}

// checkVar is what a variable of a request must be.
func checkVar(v []byte) error {
	name, _, ok := strings.Cut(string(v), "=")
	rest, ours := strings.CutPrefix(name, VarPrefix)
	bad := func(r rune) bool { return !(r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_') }
	if !ok || !ours || rest == "" || strings.ContainsFunc(rest, bad) || hasNul(v) {
		return fmt.Errorf("%.60q is not %sNAME=value", v, VarPrefix)
	}
	return nil
}

// isPath says that b can be the absolute path of a file.
func isPath(b []byte) bool { return len(b) > 1 && b[0] == '/' && !hasNul(b) }

func isPathOrNone(b []byte) bool { return len(b) == 0 || isPath(b) }

func hasNul(b []byte) bool { return slices.Contains(b, 0) }

func octets(list []string) [][]byte {
	if list == nil {
		return nil
	}
	out := make([][]byte, len(list))
	for i, s := range list {
		out[i] = []byte(s)
	}
	return out
}

func texts(list [][]byte) []string {
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, b := range list {
		out[i] = string(b)
	}
	return out
}
