#!/usr/bin/env bash
# Runs every fuzz target of the module in turn, for the time given each, and says
# at the end how often each was executed.
set -euo pipefail
time=${1:-60s}
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
go list -f '{{.ImportPath}} {{.Dir}}' ./... | while read -r pkg dir; do
	for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]*' "$dir"/*_test.go 2>/dev/null | sed 's/^func //'); do
		echo "== $pkg $target ($time)"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 20x "$pkg" </dev/null
	done
done | tee "$log"
awk '/^== / { name = $2 " " $3 }
	/ execs: / { sub(/.* execs: /, ""); n[name] = $1 + 0 }
	END { for (name in n) { printf "%12d  %s\n", n[name], name; all += n[name] }; printf "%12d  executions\n", all }' "$log" | sort -k 2
