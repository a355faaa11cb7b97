#!/usr/bin/env bash
# licences.sh BINARY...: the licences of Go and of the modules that are linked into
# them, which ask to go along with them.
set -euo pipefail
export LC_ALL=C
shopt -s nocaseglob nullglob
show() { # name version directory
	local file found=
	for file in "$3"/licen[cs]e* "$3"/copying* "$3"/notice*; do
		[ -f "$file" ] || continue
		found=1
		printf '%s %s, %s\n\n' "$1" "$2" "${file##*/}"
		tr -d '\r' <"$file"
		printf '\n----------------------------------------\n\n'
	done
	[ -n "$found" ] || { echo "licences.sh: $1 has no licence in $3" >&2; exit 1; }
}
echo "dhclient-go contains the following."
echo
show Go "$(go version "$1" | sed 's/.*: go//')" "$(go env GOROOT)"
modules=$(go version -m "$@" | awk '$1 == "dep" { print $2, $3 }' | sort -u)
declare -A dirs
# shellcheck disable=SC2046 # a list of words
while read -r path dir; do dirs[$path]=$dir; done < <(go list -m -f '{{.Path}} {{.Dir}}' $(awk '{ print $1 }' <<<"$modules"))
while read -r path version; do show "$path" "$version" "${dirs[$path]}"; done <<<"$modules"
