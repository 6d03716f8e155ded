package autostart

import "shelfkeeper/daemon/desktop/entry"

// entryName is the desktop entry's in the autostart directory.
const entryName = "shelfkeeper.desktop"

// entry returns the plan as a desktop entry for the autostart directory
// (freedesktop.org, Desktop Application Autostart Specification).
func (p Plan) entry() string {
	return "# " + mark + `
[Desktop Entry]
Type=Application
Version=1.0
Name=Shelfkeeper
Comment=Keeps you signed in to Audiobookshelf
Exec=` + entry.Exec(p.command()) + `
Terminal=false
StartupNotify=false
X-GNOME-Autostart-enabled=true
`
}

// entryRuns reports whether the desktop runs the entry: its own settings turn
// one off by a key.
func entryRuns(text string) bool {
	return value(text, "Hidden") != "true" && value(text, "X-GNOME-Autostart-enabled") != "false"
}
