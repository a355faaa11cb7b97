#!/usr/bin/env bash
# Makes $DIST/dhclient-go-$VERSION-linux-$ARCH.tar.gz, to be unpacked into
# /usr/local, from the binary $BIN. The same input gives the same octets.
set -euo pipefail
: "${VERSION:?}" "${ARCH:?}" "${BIN:?}" "${DIST:?}" "${SOURCE_DATE_EPOCH:?}"
umask 022
name=dhclient-go-$VERSION-linux-$ARCH
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
"${MAKE:-make}" --no-print-directory -s install DESTDIR="$stage" PREFIX=/usr/local BIN="$BIN" GEN="$stage/gen"
mv "$stage/usr/local" "$stage/$name"
mkdir -p "$DIST"
LC_ALL=C tar -C "$stage" --format=ustar --sort=name --mtime="@$SOURCE_DATE_EPOCH" \
	--owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -n >"$DIST/$name.tar.gz.new"
mv "$DIST/$name.tar.gz.new" "$DIST/$name.tar.gz"
echo "$DIST/$name.tar.gz"
