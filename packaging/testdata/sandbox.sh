#!/bin/sh
# sandbox.sh CAPABILITIES WRITABLE COMMAND...: runs the command as systemd does with
# ProtectSystem=strict, ReadWritePaths=, CapabilityBoundingSet= and
# NoNewPrivileges=, in the mount namespace it is in.
set -eu
capabilities=$1 writable=$2
shift 2
for path in $writable; do
	case $path in
	-*) path=${path#-} && [ -e "$path" ] || continue ;;
	esac
	mount --bind "$path" "$path"
done
# What was made first is under what was made later, and each has to be read-only.
while read -r _ _ _ _ point options _; do
	case $point in
	/proc* | /sys* | /dev*) continue ;;
	esac
	case " $writable " in
	*" $point "* | *" -$point "*) continue ;;
	esac
	mount -o "remount,bind,$options,ro" "$point" 2>/dev/null || [ ! -e "$point" ]
done </proc/self/mountinfo
set -f # for -all
exec setpriv --bounding-set "-all$(printf ',+%s' $capabilities)" --inh-caps -all --no-new-privs "$@"
