#!/bin/sh
set -e
# deb says "remove" or "upgrade", rpm the number of versions that stay, Arch
# the version. An upgrade leaves the daemons alone.
case "${1:-remove}" in
remove | 0 | [0-9]*.*) ;;
*) exit 0 ;;
esac
# SIGTERM lets a renewal that is under way finish. The keychain's entries and
# the settings of each user stay: `shelfkeeper uninstall` takes them.
for exe in /proc/[0-9]*/exe; do
	program=$(readlink "$exe" 2>/dev/null || true)
	program=${program% (deleted)}
	if [ "${program#/usr/bin/}" = shelfkeeper ]; then
		pid=${exe#/proc/}
		kill -TERM "${pid%/exe}" 2>/dev/null || true
	fi
done
exit 0
