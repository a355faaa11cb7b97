package udhcpcargs

import (
	"fmt"
	"strings"
)

// Usage is the text of --help, in lines of 80 columns at most, for a program
// that is called name.
func Usage(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s [FLAG...]\n\n", name)
	b.WriteString("Gets an IPv4 address by DHCP, and keeps it. Flags as in busybox's udhcpc:\n\n")
	for _, f := range flags {
		fmt.Fprintf(&b, "  %-27s %s\n", f.head(), f.about())
	}
	b.WriteString(`
Values of -x: -x hostname:box        a text, a number or addresses, by name
              -x 0x3d:0100BEEFC0FFEE octets in hexadecimal, by number
              -x 14:'"dumpfile"'     a text in quotes, by number

Signals: USR1 renews the lease, USR2 releases it and waits for USR1.
`)
	return b.String()
}

// head is how a flag is written.
func (f *Flag) head() string {
	s := strings.Join(f.Names, ", ")
	switch {
	case f.Optional:
		return strings.Replace(s, ", ", "["+f.Value+"], ", 1) + "[=" + f.Value + "]"
	case f.Value != "":
		s += " " + f.Value
	}
	return s
}

func (f *Flag) about() string {
	if f.Old {
		return f.Help + "; busybox had it once"
	}
	return f.Help
}
