package tray

import (
	"os"
	"strings"
)

// desktopName is how the desktop calls itself, "" where it has no name.
func desktopName() string {
	for name := range strings.SplitSeq(os.Getenv("XDG_CURRENT_DESKTOP"), ":") {
		if name != "" && !strings.EqualFold(name, "ubuntu") && !strings.EqualFold(name, "X-Generic") {
			return name
		}
	}
	return ""
}

// hostRemedy says how the desktop shows the icon.
func hostRemedy(desktop string) string {
	switch strings.ToLower(strings.TrimPrefix(desktop, "X-")) {
	case "gnome", "gnome-classic", "pop", "endless":
		return "install the extension AppIndicator (package gnome-shell-extension-appindicator), turn it on in Extensions and log in again"
	case "unity":
		return "install the package indicator-application and log in again"
	case "kde":
		return "add the widget System Tray to the panel"
	case "xfce":
		return "add the item Status Tray to the panel"
	case "lxqt":
		return "add the plugin Status Notifier to the panel"
	case "mate":
		return "add the Notification Area to the panel, and install mate-indicator-applet where that shows nothing"
	case "cinnamon":
		return "add the applet XApp Status to the panel"
	case "budgie":
		return "add the applet System Tray to the panel"
	case "sway", "hyprland", "river", "niri", "wlroots", "labwc", "wayfire":
		return "run a bar with a tray, for example waybar with the module tray"
	}
	return "run a panel that shows StatusNotifier icons; snixembed brings them into an older tray"
}
