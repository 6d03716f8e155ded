#!/bin/sh
set -e
# A daemon that runs goes on with its old program; `shelfkeeper restart` moves
# it over. Only the caches of the desktop are brought up to date here.
if command -v update-desktop-database >/dev/null 2>&1; then
	update-desktop-database -q /usr/share/applications || true
fi
if command -v gtk-update-icon-cache >/dev/null 2>&1; then
	gtk-update-icon-cache -q -t -f /usr/share/icons/hicolor || true
fi
exit 0
