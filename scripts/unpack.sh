#!/usr/bin/env bash
# Unpacks Debian packages below DIR, each in a directory of its name, without
# installing them: those that take over /etc/resolv.conf exclude each other, and
# would take over that of this machine. Tests lay them over /usr in namespaces.
set -euo pipefail
dir=$1
shift
missing=()
for p in "$@"; do
	[ -d "$dir/$p" ] || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null; then
	echo "The tests need what is in these Debian packages: ${missing[*]}" >&2
	exit 1
fi
echo "Unpacking what the tests need: ${missing[*]}"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
tmp=$(mktemp -d "$dir/.new.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
download() { apt-get download -qq "${missing[@]}" >log 2>&1; }
if ! download; then # the lists may be missing, or old
	[ "$(id -u)" -ne 0 ] || apt-get update -qq
	download || { cat log >&2; exit 1; }
fi
for p in "${missing[@]}"; do
	dpkg-deb -x "$p"_*.deb "$p"
	# As the file systems of these days have it: all in /usr.
	for d in bin sbin lib; do
		[ -d "$p/$d" ] && mkdir -p "$p/usr" && cp -a "$p/$d" "$p/usr/" && rm -r "${p:?}/$d"
	done
	mv "$p" "$dir/$p"
done
