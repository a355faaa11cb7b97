package main

import (
	"fmt"
	"io"
	"strings"
)

const (
	helpHead = `Usage: dhclient-go [FLAG...] IF...
       dhclient-go COMMAND [FLAG...] [IF...]

Gets an IPv4 address by DHCP for each interface IF and keeps it until stopped.
IF is a name or, quoted for the shell, stands for each link that it matches:
'en*', mac:52:54:00:12:34:56 or 'driver:virtio*' (patterns with * ? []).
Flags may stand before or after an interface. DUR is like 300ms, 5s or 1m; a
plain number is seconds.
`
	helpTail = `
Signals  TERM, INT, HUP stop, as --on-exit says; USR1 renews now; USR2 releases
         the lease, and waits for USR1
Exit     0 done, 1 error, 2 no lease in time, 3 others use each address offered,
         4 a capability is missing, 64 wrong command line
With several interfaces, the first that fails ends the command with its code;
with --wait any the others go on. A dry run cannot give its lease back, so the
server keeps it until it ends; a link that is down is brought up, and says so.
`
	// helpColumn is where the text about a flag begins.
	helpColumn = 27
)

// printHelp writes what --help prints.
func printHelp(w io.Writer) {
	var b strings.Builder
	b.WriteString(helpHead)
	b.WriteString("\nCommands (COMMAND --help explains)\n")
	for _, c := range commands {
		fmt.Fprintf(&b, "%-*s%s\n", helpColumn, "  "+c.name, c.help)
	}
	for _, g := range flagGroups {
		fmt.Fprintf(&b, "\n%s\n", g.title)
		writeFlags(&b, g.flags)
	}
	b.WriteString(helpTail)
	_, _ = io.WriteString(w, b.String())
}

func writeFlags(b *strings.Builder, flags []flagRow) {
	for _, row := range flags {
		text := strings.ReplaceAll(row.help, "\n", "\n"+strings.Repeat(" ", helpColumn))
		fmt.Fprintf(b, "%-*s%s\n", helpColumn, row.usage(), text)
	}
}

// usage is how the flag is written.
func (row *flagRow) usage() string {
	s := "      --" + row.name
	if row.short != "" {
		s = "  -" + row.short + ", --" + row.name
	}
	switch {
	case row.optional:
		s += "[=" + row.value + "]"
	case row.value != "":
		s += " " + row.value
	}
	return s
}
