//go:build generate

package main

import (
	"fmt"
	"strings"
)

// fishCompletion is a row of the command complete for each flag.
func fishCompletion(t *topic, _ string) (string, error) {
	var b strings.Builder
	b.WriteString(fishHead)
	condition := ""
	for _, c := range t.commands {
		condition += " " + c.name
		fmt.Fprintf(&b, "complete -c dhclient-go -n __fish_is_first_arg -a %s -d %s\n", c.name, fishQuote(oneText(c.help)))
	}
	if condition != "" {
		condition = " -n 'not __fish_seen_subcommand_from" + condition + "'"
	}
	err := t.eachFlag(func(row *flagRow, kind valueKind, words []string) {
		fmt.Fprintf(&b, "complete -c dhclient-go%s -l %s", condition, row.name)
		if row.short != "" {
			fmt.Fprintf(&b, " -s %s", row.short)
		}
		if row.value != "" && !row.optional {
			b.WriteString(" " + fishValue(kind, words))
		}
		fmt.Fprintf(&b, " -d %s\n", fishQuote(oneText(row.help)))
	})
	return b.String(), err
}

func fishValue(kind valueKind, words []string) string {
	switch kind {
	case aFile:
		return "-r -F"
	case aDirectory:
		return "-x -a '(__fish_complete_directories)'"
	case anInterface:
		return "-x -a '(__dhclient_go_interfaces)'"
	case anOption:
		return "-x -a '(__fish_append , " + strings.Join(optionWords(), " ") + ")'"
	case aWord:
		return "-x -a " + fishQuote(strings.Join(words, " "))
	}
	return "-x"
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

const fishHead = `# Completion of dhclient-go for fish. Generated from the program's flags.

function __dhclient_go_interfaces
    set -l paths /sys/class/net/*
    string replace -r '.*/' '' -- $paths | string match -v lo
end

complete -c dhclient-go -f -a '(__dhclient_go_interfaces)' -d interface
`
