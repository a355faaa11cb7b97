#!/usr/bin/env bash
# Makes the Debian package $DIST/dhclient-go_VERSION_ARCH.deb from the binary
# $BIN, with dpkg-deb. The same input gives the same octets.
set -euo pipefail
: "${VERSION:?}" "${ARCH:?}" "${BIN:?}" "${DIST:?}" "${SOURCE_DATE_EPOCH:?}"
export LC_ALL=C
umask 022
here=$(cd "$(dirname "$0")" && pwd)

debian_arch() {
	case $1 in
	386) echo i386 ;;
	arm) echo armhf ;;
	ppc64le) echo ppc64el ;;
	*) echo "$1" ;;
	esac
}

version=$("$here/debian/version.sh" "$VERSION") arch=$(debian_arch "$ARCH")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root doc=$work/root/usr/share/doc/dhclient-go

"${MAKE:-make}" --no-print-directory -s install DESTDIR="$root" PREFIX=/usr BIN="$BIN" GEN="$work/gen" \
	ZSHDIR=/usr/share/zsh/vendor-completions
gzip -9n "$root"/usr/share/man/man8/*.8 "$root"/usr/share/man/man7/*.7
gzip -9n "$doc/CHANGELOG.md"
# dpkg's own form of it, for a version without a part of Debian's.
gzip -9nc >"$doc/changelog.gz" <<-END
	dhclient-go ($version) unstable; urgency=medium

	  * See CHANGELOG.md.gz.

	 -- $(sed -n 's/^Maintainer: //p' "$here/debian/control")  $(date -R -u -d "@$SOURCE_DATE_EPOCH")
END
rm "$doc/LICENSE" # it is in copyright
{ cat "$here/debian/copyright"; sed 's/^$/./; s/^/ /' "$here/../LICENSE"; } >"$doc/copyright"
install -D -m 644 "$here/debian/default" "$root/etc/default/dhclient-go"
install -D -m 644 "$here/debian/lintian-overrides" "$root/usr/share/lintian/overrides/dhclient-go"

mkdir "$root/DEBIAN"
# dpkg-gencontrol counts so: each file in whole KiB, anything else as one.
size=$(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%s\n' -o -printf '0\n' |
	awk '{ n += $1 > 0 ? int(($1 + 1023) / 1024) : 1 } END { print n }')
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/" "$here/debian/control" >"$root/DEBIAN/control"
echo /etc/default/dhclient-go >"$root/DEBIAN/conffiles"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | grep -zv '^etc/' |
	xargs -0 md5sum >DEBIAN/md5sums)
for script in postinst prerm postrm; do
	install -m 755 "$here/debian/$script" "$root/DEBIAN/$script"
done
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$DIST"
out=$DIST/dhclient-go_${version}_$arch.deb
# gzip, because what xz writes depends on the number of processors.
dpkg-deb --root-owner-group -Zgzip -z6 --build "$root" "$out" >/dev/null
echo "$out"
