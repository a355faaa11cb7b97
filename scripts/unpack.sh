#!/usr/bin/env bash
# Unpacks Debian packages below DIR, each in a directory of its name, without
# installing them: those that take over /etc/resolv.conf exclude each other, and
# would take over that of this machine; a kernel would become one to boot. Tests
# lay them over /usr in namespaces, or boot them in a machine of their own.
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

# The newest kernel is in the package that one of a fixed name depends on.
real() {
	case $1 in
	linux-image-*) apt-cache depends "$1" | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' ;;
	*) echo "$1" ;;
	esac
}
download() {
	local all=() p
	for p in "${missing[@]}"; do all+=("$(real "$p")"); done
	apt-get download -qq "${all[@]}" >log 2>&1
}
if ! download; then # the lists may be missing, or old
	[ "$(id -u)" -ne 0 ] || apt-get update -qq
	download || { cat log >&2; exit 1; }
fi

unpack() {
	dpkg-deb -x "$(real "$1")"_*.deb "$1"
	# As the file systems of these days have it: all in /usr.
	local d
	for d in bin sbin lib; do
		[ -d "$1/$d" ] && mkdir -p "$1/usr" && cp -al "$1/$d" "$1/usr/" && rm -r "${1:?}/$d"
	done
	mv "$1" "$dir/$1"
}
for p in "${missing[@]}"; do unpack "$p"; done
