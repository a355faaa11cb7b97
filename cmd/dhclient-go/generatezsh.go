//go:build generate

package main

import "strings"

// zshCompletion is a function for the completion system of zsh.
func zshCompletion(t *topic, _ string) (string, error) {
	var specs, commands []string
	err := t.eachFlag(func(row *flagRow, kind valueKind, words []string) {
		specs = append(specs, "\t"+row.zsh(kind, words)+" \\\n")
	})
	for _, c := range t.commands {
		commands = append(commands, "\t"+shellQuote(zshEscape(c.name)+":"+oneText(c.help))+"\n")
	}
	return strings.NewReplacer("@SPECS@", strings.Join(specs, ""), "@COMMANDS@", strings.Join(commands, ""),
		"@OPTIONS@", strings.Join(optionWords(), " ")).Replace(zshText), err
}

// zsh is the flag as _arguments has it: (what it excludes){names}[text]:what:how
func (row *flagRow) zsh(kind valueKind, words []string) string {
	long, names, excludes := "--"+row.name, "", ""
	switch {
	case row.optional:
		long += "=-"
	case row.value != "":
		long += "="
	}
	names = long
	if row.short != "" {
		short := "-" + row.short
		if row.value != "" {
			short += "+" // the value may be in the same word
		}
		names, excludes = "'{"+short+","+long+"}'", "-"+row.short+" --"+row.name
	}
	if excludes != "" {
		excludes = "(" + excludes + ")"
	}
	if row.list {
		excludes = "*"
	}
	spec := excludes + names + "[" + strings.ReplaceAll(zshEscape(oneText(row.help)), "'", `'\''`) + "]"
	if row.value != "" {
		colon := ":"
		if row.optional {
			colon = "::"
		}
		spec += colon + zshEscape(row.value) + ":" + zshValue(kind, words)
	}
	return "'" + spec + "'"
}

func zshValue(kind valueKind, words []string) string {
	switch kind {
	case aFile:
		return "_files"
	case aDirectory:
		return "_files -/"
	case anInterface:
		return "_dhclient_go_interfaces"
	case anOption:
		return "_dhclient_go_options"
	case aWord:
		return "(" + strings.Join(words, " ") + ")"
	}
	return " "
}

// zshEscape keeps text from ending a part of a specification.
func zshEscape(s string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`, "[", `\[`, "]", `\]`).Replace(s)
}

func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// zshText is the file.
const zshText = `#compdef dhclient-go
# Completion of dhclient-go for zsh. Generated from the program's flags.

_dhclient_go_interfaces() {
	local -a names
	names=(/sys/class/net/*(N:t))
	names=(${names:#lo})
	_wanted interfaces expl interface compadd -a names
}

# Names with commas: each of them is completed.
_dhclient_go_options() {
	_values -s , option @OPTIONS@
}

local -a dhclient_go_commands
dhclient_go_commands=(
@COMMANDS@)

_dhclient_go_arguments() {
	((CURRENT == 2 && $#dhclient_go_commands)) && _describe -t commands command dhclient_go_commands
	_dhclient_go_interfaces
}

if ((CURRENT > 2 && ${dhclient_go_commands[(I)$words[2]:*]})); then
	_dhclient_go_interfaces
	return
fi
_arguments -s -S \
@SPECS@	'*:interface:_dhclient_go_arguments'
`
