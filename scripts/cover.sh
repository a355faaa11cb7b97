#!/usr/bin/env bash
# Statement coverage of the product by all tests, those that run the binary in
# a process of its own included: by package, and in all.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
product='dhclient-go/(client|netcfg|arpcheck|cmd|examples/(init|acquire)|internal/poll)/'
E2E_COVERDIR=$dir/e2e GOFLAGS=-count=1 go test -timeout 500s -covermode=set -coverpkg=./... -coverprofile="$dir/unit" \
	$(go list ./... | grep -v /internal/nettest$) >"$dir/log" ||
	{ cat "$dir/log"; exit 1; }
go tool covdata textfmt -i="$dir/e2e" -o="$dir/binary"
{
	echo 'mode: set'
	cat "$dir/unit" "$dir/binary" | grep -E "$product" |
		awk '{k = $1 " " $2; if ($3 > 0) c[k] = 1; else if (!(k in c)) c[k] = 0} END {for (k in c) print k, c[k]}' | sort
} >cover.out
awk -F'[ :]' 'NR > 1 {
	pkg = $1; sub(/\/[^\/]*$/, "", pkg); sub(/^github.com\/[^\/]*\/[^\/]*\//, "", pkg)
	n[pkg] += $3; all += $3
	if ($4 > 0) { hit[pkg] += $3; allHit += $3 }
} END {
	for (p in n) printf "%-28s %6.1f %%\n", p, 100 * hit[p] / n[p] | "sort"
	close("sort")
	printf "%-28s %6.1f %%\n", "in all", 100 * allHit / all
}' cover.out
