package helper

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
)

// Config is all that a helper may ever do. What is nil or empty it does not do.
type Config struct {
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
	Level   slog.Level   `json:"level"`
	Program *wireProgram `json:"program,omitempty"`
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
	if p := c.Program; p != nil {
		path, err := filepath.Abs(p.Path)
		if err != nil {
			return nil, fmt.Errorf("make %q absolute: %w", p.Path, err)
		}
		w.Program = &wireProgram{[]byte(path), octets(p.Args), octets(p.Env)}
	}
	return w, w.check()
}

// check is what both processes want of a configuration.
func (w *wireConfig) check() error {
	if w.Program != nil {
		return w.Program.check()
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
	letters := func(r rune) bool { return !(r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_') }
	if !ok || !ours || rest == "" || strings.ContainsFunc(rest, letters) || hasNul(v) {
		return fmt.Errorf("%.60q is not %sNAME=value", v, VarPrefix)
	}
	return nil
}

// isPath says that b can be the absolute path of a file.
func isPath(b []byte) bool { return len(b) > 1 && b[0] == '/' && !hasNul(b) }

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
