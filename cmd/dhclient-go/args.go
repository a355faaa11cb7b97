package main

import (
	"fmt"
	"strings"
)

// arrange puts the flags of args first and what is left behind "--", each flag
// in the form --name or --name=value under its long name: package flag takes
// whatever stands behind the first interface for another interface. Flags are
// given as getopt_long(3) has them (-v, -vv, -iIF, -i IF, --name=value,
// --name value), and long ones with one hyphen too, as dhclient's are. A lone
// "--" ends the flags.
func arrange(args []string, flags []flagRow) ([]string, error) {
	a := arranger{flags: flags}
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			a.rest = append(a.rest, args...)
			args = nil
		case len(arg) < 2 || arg[0] != '-':
			a.rest = append(a.rest, arg)
		default:
			used, err := a.flag(arg, args)
			if err != nil {
				return nil, err
			}
			args = args[used:]
		}
	}
	return append(append(a.out, "--"), a.rest...), nil
}

type arranger struct {
	flags     []flagRow
	out, rest []string
	// of is the command whose flags they are, of which the client has more; empty
	// where it has not.
	of string
}

// unknown says that there is no such flag here, and whether the client has it.
func (a *arranger) unknown(flag string, in func(*arranger) *flagRow) error {
	if a.of != "" && in(&arranger{flags: allFlags()}) != nil {
		return badUsage("%s is not a flag of %s, but of the client", flag, a.of)
	}
	return badUsage("unknown flag %s (--help lists them)", printable(flag))
}

// flag takes one argument that begins with a hyphen and says how many of those
// after it are its values: none or one.
func (a *arranger) flag(arg string, after []string) (used int, err error) {
	name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
	if f := a.long(name); f != nil {
		return a.add(f, value, hasValue, after)
	}
	long := func(a *arranger) *flagRow { return a.long(name) }
	if strings.HasPrefix(arg, "--") || a.of != "" && long(&arranger{flags: allFlags()}) != nil {
		return 0, a.unknown("--"+name, long)
	}
	return a.cluster(arg, after)
}

// cluster takes short flags that share a hyphen. The first that takes a value
// has the rest, or the next argument.
func (a *arranger) cluster(arg string, after []string) (used int, err error) {
	for i, c := range arg[1:] {
		f := a.short(string(c))
		switch {
		case f == nil:
			return 0, a.unknown("-"+string(c), func(a *arranger) *flagRow { return a.short(string(c)) })
		case f.value != "" && !f.optional:
			rest := strings.TrimPrefix(arg[1+i+len(string(c)):], "=")
			return a.add(f, rest, rest != "", after)
		}
		if _, err := a.add(f, "", false, nil); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// add appends a flag in its one form.
func (a *arranger) add(f *flagRow, value string, hasValue bool, after []string) (used int, err error) {
	name := "--" + f.name
	switch {
	case f.value == "" && hasValue:
		return 0, &usageError{name, fmt.Sprintf("takes no value, but has %q", value)}
	case f.value == "":
		a.out = append(a.out, name)
		return 0, nil
	case !hasValue && f.optional:
		value = optionalUnset
	case !hasValue && len(after) == 0:
		return 0, &usageError{name, "needs a value: " + f.value}
	case !hasValue:
		value, used = after[0], 1
	}
	a.out = append(a.out, name+"="+value)
	return used, nil
}

func (a *arranger) long(name string) *flagRow {
	return a.find(func(f *flagRow) bool { return f.name == name && name != "" })
}

func (a *arranger) short(name string) *flagRow {
	return a.find(func(f *flagRow) bool { return f.short == name })
}

func (a *arranger) find(is func(*flagRow) bool) *flagRow {
	for i := range a.flags {
		if is(&a.flags[i]) {
			return &a.flags[i]
		}
	}
	return nil
}

// printable is s without what could move a terminal's cursor.
func printable(s string) string {
	q := fmt.Sprintf("%q", s)
	return q[1 : len(q)-1]
}
