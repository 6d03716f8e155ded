package tray

import (
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
)

// portal stands in for xdg-desktop-portal's setting of light and dark.
type portal struct {
	conn   *dbus.Conn
	scheme atomic.Uint32
}

func newPortal(t testing.TB, b *privateBus, scheme uint32) *portal {
	t.Helper()
	conn, err := dbus.Connect(b.address())
	if err != nil {
		t.Fatal(err)
	}
	p := &portal{conn: conn}
	p.scheme.Store(scheme)
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.Export(p, portalPath, settingsFace); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(portalName, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return p
}

// Read is called over the bus. It wraps its value twice, as the real one does.
func (p *portal) Read(_, key string) (dbus.Variant, *dbus.Error) {
	if key != "color-scheme" {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.portal.Error.NotFound", nil)
	}
	return dbus.MakeVariant(dbus.MakeVariant(p.scheme.Load())), nil
}

func (p *portal) set(t testing.TB, scheme uint32) {
	t.Helper()
	p.scheme.Store(scheme)
	err := p.conn.Emit(portalPath, settingsFace+".SettingChanged", "org.freedesktop.appearance", "color-scheme", dbus.MakeVariant(scheme))
	if err != nil {
		t.Fatal(err)
	}
}

func TestIconFollowsTheColourScheme(t *testing.T) {
	d, b := newDouble(t), newBus(t)
	b.start(t)
	p := newPortal(t, b, 1)
	h := newHost(t, b, 0)
	startTray(t, d, b.env())
	item := h.item(t)
	eventually(t, "dark", func() error { return item.shows(health.OK, assets.DarkPanel) })
	p.set(t, 2)
	eventually(t, "light windows, and whichever panel", func() error { return item.shows(health.OK, assets.AnyPanel) })
	p.set(t, 1)
	eventually(t, "dark again", func() error { return item.shows(health.OK, assets.DarkPanel) })
	p.set(t, 0)
	eventually(t, "no wish", func() error { return item.shows(health.OK, assets.AnyPanel) })
}

// At login the portal may start after the tray.
func TestAPortalThatStartsLateIsAsked(t *testing.T) {
	d, b := newDouble(t), newBus(t)
	b.start(t)
	h := newHost(t, b, 0)
	startTray(t, d, b.env())
	item := h.item(t)
	eventually(t, "nobody knows", func() error { return item.shows(health.OK, assets.AnyPanel) })
	newPortal(t, b, 1)
	eventually(t, "dark", func() error { return item.shows(health.OK, assets.DarkPanel) })
}

func TestGnomesBarIsDark(t *testing.T) {
	d, b := newDouble(t), newBus(t)
	b.start(t)
	h := newHost(t, b, 0)
	startTray(t, d, b.env(), "XDG_CURRENT_DESKTOP=ubuntu:GNOME")
	item := h.item(t)
	eventually(t, "dark", func() error { return item.shows(health.OK, assets.DarkPanel) })
}
