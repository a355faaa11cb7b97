package dhclientargs

import (
	"fmt"
	"strings"
)

// Usage is the text of --help, in lines of 80 columns at most, for a program
// that is called name.
func Usage(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s [FLAG...] [INTERFACE...]\n\n", name)
	b.WriteString("Gets IPv4 addresses by DHCP, and keeps them. Flags as in dhclient(8):\n\n")
	for _, f := range flags {
		if f.Effect != Refused {
			fmt.Fprintf(&b, "  %-29s %s\n", f.head(), f.about())
		}
	}
	b.WriteString("\nNot supported, for they are for DHCPv6:")
	for _, f := range flags {
		if f.Effect == Refused {
			b.WriteString(" " + f.Names[0])
		}
	}
	return b.String() + "\n"
}

// head is how a flag is written.
func (f *Flag) head() string {
	s := strings.Join(f.Names, ", ")
	if f.Value != "" {
		s += " " + f.Value
	}
	return s
}

func (f *Flag) about() string {
	if f.Effect == None {
		return "no effect: " + f.Help
	}
	return f.Help
}
