//go:build !darwin && !windows

package tray

import (
	"image"
	"sync"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/assets"
)

const (
	itemFace  = "org.kde.StatusNotifierItem"
	propsFace = "org.freedesktop.DBus.Properties"
)

// pixmapSizes are those of panels, and twice the smaller ones for fine screens.
// A panel takes the one that fits.
var pixmapSizes = []int{16, 22, 24, 32, 44, 48, 64}

// item is the icon's properties on the bus, instead of systray's (v1.12.2),
// which have three faults. systray overwrites the pixmap in place while a panel
// may be reading it, which the race detector finds. It multiplies colours by
// their alpha, which panels take as straight ones and draw with dark rims. And
// it panics when the bus is gone. Here values are replaced and never changed.
type item struct {
	conn *dbus.Conn

	mu    sync.Mutex
	props map[string]dbus.Variant
}

// pixmap and hint are the D-Bus types (iiay) and (sa(iiay)ss).
type pixmap struct {
	W, H int32
	ARGB []byte
}

type hint struct {
	IconName string
	Icon     []pixmap
	Title    string
	Text     string
}

// newItem makes the properties; serve puts them on the bus.
func newItem(conn *dbus.Conn) *item {
	return &item{conn: conn, props: map[string]dbus.Variant{
		"Category":      dbus.MakeVariant("ApplicationStatus"),
		"Id":            dbus.MakeVariant(name),
		"Title":         dbus.MakeVariant(name),
		"Status":        dbus.MakeVariant("Active"), // panels hide a Passive one
		"IconName":      dbus.MakeVariant(""),
		"IconThemePath": dbus.MakeVariant(""),
		"ItemIsMenu":    dbus.MakeVariant(true),
		"Menu":          dbus.MakeVariant(dbus.ObjectPath(itemPath + "/menu")),
	}}
}

// serve answers for the properties from now on. What a panel has read of
// systray's before, it reads again.
func (i *item) serve() error {
	if err := i.conn.Export(i, itemPath, propsFace); err != nil {
		return err
	}
	i.tell("IconPixmap", "NewIcon")
	i.tell("ToolTip", "NewToolTip")
	return nil
}

func (i *item) icon(m assets.Mark, s assets.Scheme) {
	var maps []pixmap
	for _, px := range pixmapSizes {
		maps = append(maps, pixmapOf(assets.Icon(m, s, px)))
	}
	i.set("IconPixmap", maps)
	i.tell("IconPixmap", "NewIcon")
}

func (i *item) tooltip(text string) {
	i.set("ToolTip", hint{Title: text})
	i.tell("ToolTip", "NewToolTip")
}

func (i *item) set(name string, value any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.props[name] = dbus.MakeVariant(value)
}

// tell says that a property has changed, in the words of the item's interface
// and in those of D-Bus; panels go by one or the other. An error is the bus's
// end, which its context tells.
func (i *item) tell(name, signal string) {
	_ = i.conn.Emit(itemPath, itemFace+"."+signal)
	_ = i.conn.Emit(itemPath, propsFace+".PropertiesChanged", itemFace, map[string]dbus.Variant{}, []string{name})
}

// Get is called over the bus.
func (i *item) Get(face, name string) (dbus.Variant, *dbus.Error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	v, ok := i.props[name]
	if face != itemFace || !ok {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", []any{"no property " + face + "." + name})
	}
	return v, nil
}

// GetAll is called over the bus.
func (i *item) GetAll(face string) (map[string]dbus.Variant, *dbus.Error) {
	all := map[string]dbus.Variant{}
	if face != itemFace {
		return all, nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for name, v := range i.props {
		all[name] = v
	}
	return all, nil
}

// Set is called over the bus, by nobody who knows the interface.
func (i *item) Set(face, name string, _ dbus.Variant) *dbus.Error {
	return dbus.NewError("org.freedesktop.DBus.Error.PropertyReadOnly", []any{face + "." + name + " is read-only"})
}

// pixmapOf returns a picture as the interface wants it: alpha, red, green, blue.
func pixmapOf(img image.Image) pixmap {
	size := img.Bounds().Size()
	p := pixmap{W: int32(size.X), H: int32(size.Y), ARGB: make([]byte, 0, 4*size.X*size.Y)}
	pix := assets.Straight(img)
	for at := 0; at < len(pix); at += 4 {
		p.ARGB = append(p.ARGB, pix[at+3], pix[at], pix[at+1], pix[at+2])
	}
	return p
}
