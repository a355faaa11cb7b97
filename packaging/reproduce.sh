#!/usr/bin/env bash
# Builds tarball and package twice from the tracked files: in different
# directories, as users with different habits. Their octets have to be the same.
set -euo pipefail
: "${VERSION:?}" "${SOURCE_DATE_EPOCH:?}"
export VERSION SOURCE_DATE_EPOCH
GOMODCACHE=$(go env GOMODCACHE)
export GOMODCACHE
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build() { # directory, umask, and variables of the environment
	local dir=$work/$1 mask=$2
	shift 2
	mkdir -p "$dir"
	git ls-files -z | tar --null -T - -cf - | tar -C "$dir" -xf -
	# No cache, or the second would be the first.
	(umask "$mask" && cd "$dir" && env "$@" GOCACHE="$dir/.cache" "${MAKE:-make}" -s tarball deb VERSION="$VERSION" \
		SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" DIST=dist)
	rm -rf "$dir/.cache"
}

build one 022 TZ=UTC LANG=C GOFLAGS= GOMAXPROCS=1
build another/and/deeper 077 TZ=Asia/Kathmandu LANG=tr_TR.UTF-8 LC_ALL=C.UTF-8 GOFLAGS=-buildvcs=auto
(cd "$work/one" && sha256sum bin/linux-*/dhclient-go* dist/*) >"$work/sums"
cat "$work/sums"
(cd "$work/another/and/deeper" && sha256sum --quiet -c "$work/sums")
echo "Both builds are the same."
