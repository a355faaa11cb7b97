#!/usr/bin/env bash
# version.sh VERSION: the Debian version for what `git describe` says. v1.2.3 is
# 1.2.3; v1.2.3-rc.1 is older (1.2.3~rc.1), four commits later is newer
# (1.2.3+4.gabc). What has no tag is older than all, by the order of
# SOURCE_DATE_EPOCH (0~git20231114221320.abc).
set -euo pipefail
export LC_ALL=C
v=$1 dirty=
[[ $v == *-dirty ]] && v=${v%-dirty} dirty=+dirty
if [[ $v =~ ^v?([0-9]+(\.[0-9]+)+)(-([A-Za-z][0-9A-Za-z.]*))?(-([0-9]+)-(g[0-9a-f]+))?$ ]]; then
	out=${BASH_REMATCH[1]}
	[ -z "${BASH_REMATCH[4]}" ] || out+=~${BASH_REMATCH[4]}
	[ -z "${BASH_REMATCH[6]}" ] || out+=+${BASH_REMATCH[6]}.${BASH_REMATCH[7]}
else
	out=0~git$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S).${v//[^A-Za-z0-9]/.}
fi
echo "$out$dirty"
