//go:build generate

package main

import (
	"fmt"
	"strings"
)

// bashCompletion needs nothing but bash: not the package bash-completion.
func bashCompletion(t *topic, _ string) (string, error) {
	var flags, commands, cases []string
	err := t.eachFlag(func(row *flagRow, kind valueKind, words []string) {
		flags = append(flags, "--"+row.name)
		names := "--" + row.name
		if row.short != "" {
			flags = append(flags, "-"+row.short)
			names += "|-" + row.short
		}
		if row.value != "" && !row.optional {
			cases = append(cases, fmt.Sprintf("\t%s) %s ;;\n", names, bashValue(kind, words)))
		}
	})
	for _, c := range t.commands {
		commands = append(commands, c.name)
	}
	return strings.NewReplacer("@FLAGS@", strings.Join(flags, " "), "@COMMANDS@", strings.Join(commands, " "),
		"@OPTIONS@", strings.Join(optionWords(), " "), "@CASES@", strings.Join(cases, "")).Replace(bashText), err
}

func bashValue(kind valueKind, words []string) string {
	switch kind {
	case aFile:
		return "_dhclient_go_paths -f"
	case aDirectory:
		return "_dhclient_go_paths -d"
	case anInterface:
		return "_dhclient_go_interfaces"
	case anOption:
		return "_dhclient_go_options"
	case aWord:
		return "_dhclient_go_words '" + strings.Join(words, " ") + "'"
	}
	return ":"
}

// bashText is the file. Bash takes "=" for a word of its own.
const bashText = `# Completion of dhclient-go for bash. Generated from the program's flags.

_dhclient_go_words() {
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

_dhclient_go_interfaces() {
	local dir names=
	for dir in /sys/class/net/*/; do
		dir=${dir%/}
		dir=${dir##*/}
		[[ $dir == '*' || $dir == lo ]] || names+=" $dir"
	done
	_dhclient_go_words "$names ${1-}"
}

_dhclient_go_paths() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

# Names with commas: the last of them is completed.
_dhclient_go_options() {
	local before=
	[[ $cur == *,* ]] && before=${cur%,*},
	compopt -o nospace 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -P "$before" -W '@OPTIONS@' -- "${cur##*,}")
}

_dhclient_go() {
	local cur=${COMP_WORDS[COMP_CWORD]} flag='' commands='@COMMANDS@'
	COMPREPLY=()
	if ((COMP_CWORD > 1)) && [[ " $commands " == *" ${COMP_WORDS[1]} "* ]]; then
		_dhclient_go_interfaces
		return
	fi
	((COMP_CWORD > 0)) && flag=${COMP_WORDS[COMP_CWORD-1]}
	if [[ $cur == = ]]; then
		cur=
	elif [[ $flag == = ]] && ((COMP_CWORD > 1)); then
		flag=${COMP_WORDS[COMP_CWORD-2]}
	fi
	case $flag in
@CASES@	*)
		if [[ $cur == -* ]]; then
			_dhclient_go_words '@FLAGS@'
		elif ((COMP_CWORD == 1)); then
			_dhclient_go_interfaces "$commands"
		else
			_dhclient_go_interfaces
		fi
		;;
	esac
}

complete -F _dhclient_go dhclient-go
`
