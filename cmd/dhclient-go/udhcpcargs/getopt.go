package udhcpcargs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dhclient-go/dhclient-go/internal/option"
)

// A parser reads one command line.
type parser struct {
	a       Args
	options option.Table
	// What is read when all flags are known, since -F comes before -x there.
	fqdn  string
	named string
	sends []string
}

// getopt reads flags as getopt_long(3) does: of one letter, alone or several
// with one hyphen, their value in the same argument or the next; of a word, or
// its beginning where that is of one flag only, with the value after = or in the
// next argument. What is no flag is passed over, as udhcpc does.
func (p *parser) getopt(args []string) error {
	for len(args) > 0 && !p.a.Help {
		arg := args[0]
		args = args[1:]
		var err error
		switch {
		case arg == "--":
			p.pass(args...)
			return nil
		case strings.HasPrefix(arg, "--"):
			args, err = p.long(arg, args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = p.letters(arg, args)
		default:
			p.pass(arg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pass notes arguments that are no flags.
func (p *parser) pass(args ...string) {
	for _, arg := range args {
		p.warn("%q is no flag, and not used: an interface is named with -i", arg)
	}
}

func (p *parser) warn(format string, args ...any) {
	p.a.Warnings = append(p.a.Warnings, fmt.Sprintf(format, args...))
}

// letters reads an argument with flags of one letter.
func (p *parser) letters(arg string, rest []string) ([]string, error) {
	for i := 1; i < len(arg); i++ {
		name := "-" + arg[i:i+1]
		f := find(name)
		switch {
		case f == nil:
			return nil, &Error{name, "udhcpc has no such flag", true}
		case f.Value == "":
			if err := p.set(f, name, ""); err != nil {
				return nil, err
			}
			continue
		}
		value := arg[i+1:]
		if value == "" && !f.Optional {
			if len(rest) == 0 {
				return nil, &Error{name, "wants " + f.Value + " after it", true}
			}
			value, rest = rest[0], rest[1:]
		}
		return rest, p.set(f, name, value)
	}
	return rest, nil
}

// long reads an argument with a flag of a word.
func (p *parser) long(arg string, rest []string) ([]string, error) {
	name, value, given := strings.Cut(arg, "=")
	f, err := findLong(name)
	switch {
	case err != nil:
		return nil, err
	case f.Value == "" && given:
		return nil, &Error{name, "takes no value", true}
	case f.Value != "" && !f.Optional && !given:
		if len(rest) == 0 {
			return nil, &Error{name, "wants " + f.Value + " after it", true}
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, p.set(f, name, value)
}

// findLong finds the flag that a word, or the beginning of one, names.
func findLong(name string) (*Flag, error) {
	if f := find(name); f != nil {
		return f, nil
	}
	var found []*Flag
	for i := range flags {
		if slices.ContainsFunc(flags[i].Names, func(n string) bool { return strings.HasPrefix(n, name) }) {
			found = append(found, &flags[i])
		}
	}
	switch len(found) {
	case 0:
		return nil, &Error{name, "udhcpc has no such flag", true}
	case 1:
		return found[0], nil
	}
	var names []string
	for _, f := range found {
		names = append(names, f.Names[len(f.Names)-1])
	}
	return nil, &Error{name, "may be " + strings.Join(names, " or "), true}
}

func (p *parser) set(f *Flag, name, value string) error {
	if err := f.set(p, value); err != nil {
		return &Error{Flag: name, Problem: err.Error()}
	}
	return nil
}
