//go:build !darwin && !windows

package tray

// The names of an icon and its menu on the session bus.
const (
	menuPath = itemPath + "/menu"
	menuFace = "com.canonical.dbusmenu"

	propsFace = "org.freedesktop.DBus.Properties"
)

const (
	itemPath = "/StatusNotifierItem"
	itemFace = "org.kde.StatusNotifierItem"

	// name is also the icon's Id, by which desktops remember that the user hides
	// it or always shows it.
	name = "Shelfkeeper"
)

// pixmapSizes are those of panels, and twice the smaller ones for fine screens.
// A panel takes the one that fits.
var pixmapSizes = []int{16, 22, 24, 32, 44, 48, 64}

const (
	watcherName  = "org.kde.StatusNotifierWatcher"
	watcherPath  = "/StatusNotifierWatcher"
	portalName   = "org.freedesktop.portal.Desktop"
	portalPath   = "/org/freedesktop/portal/desktop"
	settingsFace = "org.freedesktop.portal.Settings"
	ownerChanged = "org.freedesktop.DBus.NameOwnerChanged"
)
