//go:build !darwin && !windows && !systray

package tray

import (
	"fmt"
	"image"
	"log/slog"
	"os"
	"strings"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"

	"shelfkeeper/assets"
)

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

// look is what an icon depends on besides its size.
type look struct {
	mark   assets.Mark
	scheme assets.Scheme
}

// dbusPanel is a StatusNotifierItem with its menu, on a connection of its own.
//
// fyne.io/systray v1.12.2 has one too, which is not used here: it overwrites
// the pixmap while a panel may be reading it, and counts the revisions of the
// menu without a lock, both of which the race detector finds in a thousand
// updates; it multiplies colours by their alpha, which panels take as straight
// ones and draw with dark rims; it offers one size; it panics when the bus is
// gone; and its one attempt to register can come before its watch for a panel.
type dbusPanel struct {
	conn     *dbus.Conn
	props    *properties
	status   string // the property Status
	drawn    map[look][]pixmap
	files    *iconFiles
	fileless bool // it has been logged that no files can be written
	log      *slog.Logger
	*dbusMenu
}

// newDBusPanel makes the icon; serve puts it on the bus. quit frees panels that
// wait for a click to be taken.
func newDBusPanel(conn *dbus.Conn, quit <-chan struct{}, log *slog.Logger) *dbusPanel {
	files := newIconFiles()
	return &dbusPanel{
		conn:   conn,
		status: "Active",
		drawn:  map[look][]pixmap{},
		files:  files, log: log,
		dbusMenu: newDBusMenu(conn, quit),
		props: newProperties(itemFace, map[string]any{
			"Category":          "ApplicationStatus",
			"Id":                name,
			"Title":             name,
			"Status":            "Active",
			"IconName":          "",
			"AttentionIconName": "",
			"OverlayIconName":   "", // panels ask for it, and log that it is missing
			"OverlayIconPixmap": []pixmap{},
			"IconThemePath":     files.path(),
			"ItemIsMenu":        true,
			"Menu":              dbus.ObjectPath(menuPath),
		}),
	}
}

// serve puts the icon, which has been drawn, on the bus.
func (p *dbusPanel) serve() error {
	menu := newProperties(menuFace, map[string]any{
		"Version": uint32(3), "TextDirection": "ltr", "Status": "normal", "IconThemePath": []string{},
	})
	for _, o := range []struct {
		object any
		path   dbus.ObjectPath
		face   string
	}{
		{p.props, itemPath, propsFace},
		{activation{p.dbusMenu}, itemPath, itemFace},
		{describe(itemFace, p.props, activation{p.dbusMenu}), itemPath, "org.freedesktop.DBus.Introspectable"},
		{menu, menuPath, propsFace},
		{p.dbusMenu, menuPath, menuFace},
		{describe(menuFace, menu, p.dbusMenu), menuPath, "org.freedesktop.DBus.Introspectable"},
	} {
		if err := p.conn.Export(o.object, o.path, o.face); err != nil {
			return fmt.Errorf("offer %s: %w", o.face, err)
		}
	}
	// Panels do not need the name, but people who look at the bus do.
	if _, err := p.conn.RequestName(itemName(), dbus.NameFlagDoNotQueue); err != nil {
		return fmt.Errorf("take the name %s: %w", itemName(), err)
	}
	return nil
}

func (p *dbusPanel) clicks() <-chan int { return p.clicked }

func (p *dbusPanel) icon(m assets.Mark, s assets.Scheme) {
	maps := p.pixmaps(m, s)
	status := "Active" // panels hide a Passive one
	if m == assets.NeedsUser {
		status = "NeedsAttention" // then they draw the attention icon, and bring it out of a fold
	}
	name, err := p.files.name(m, s)
	if err != nil && !p.fileless {
		p.fileless = true
		p.log.Warn("the panel may show a wrong icon", "reason", err)
	}
	p.props.set("IconName", name)
	p.props.set("AttentionIconName", name)
	p.set("IconPixmap", maps, "NewIcon", "IconName")
	p.set("AttentionIconPixmap", maps, "NewAttentionIcon", "AttentionIconName")
	if status != p.status {
		p.status = status
		p.props.set("Status", status)
		_ = p.conn.Emit(itemPath, itemFace+".NewStatus", status)
		_ = p.conn.Emit(itemPath, propsFace+".PropertiesChanged", itemFace, map[string]dbus.Variant{}, []string{"Status"})
	}
}

// pixmaps draws an icon in every size, once: a level that comes and goes costs no
// drawing.
func (p *dbusPanel) pixmaps(m assets.Mark, s assets.Scheme) []pixmap {
	what := look{m, s}
	if _, ok := p.drawn[what]; !ok {
		for _, px := range pixmapSizes {
			p.drawn[what] = append(p.drawn[what], pixmapOf(assets.Icon(m, s, px)))
		}
	}
	return p.drawn[what]
}

func (p *dbusPanel) tooltip(text string) { p.set("ToolTip", hint{Title: text}, "NewToolTip") }

// set tells of a change in the words of the item's interface and in those of
// D-Bus; panels go by one or the other. An error is the bus's end, which its
// context tells.
func (p *dbusPanel) set(property string, value any, signal string, also ...string) {
	p.props.set(property, value)
	_ = p.conn.Emit(itemPath, itemFace+"."+signal)
	_ = p.conn.Emit(itemPath, propsFace+".PropertiesChanged", itemFace, map[string]dbus.Variant{}, append(also, property))
}

// itemName is the customary name of the first icon of a process.
func itemName() string { return fmt.Sprintf("%s-%d-1", itemFace, os.Getpid()) }

// activation answers clicks on the icon itself. Panels that go by ItemIsMenu
// open the menu for every click; the others, as those of LXQt and MATE, call
// Activate for the left one. What it refuses makes panels open the menu.
type activation struct{ menu *dbusMenu }

func (a activation) Activate(int32, int32) *dbus.Error {
	a.menu.click(activated)
	return nil
}
func (activation) SecondaryActivate(int32, int32) *dbus.Error { return &dbus.ErrMsgUnknownMethod }
func (activation) Scroll(int32, string) *dbus.Error           { return &dbus.ErrMsgUnknownMethod }

// ContextMenu is for panels that draw no menu. The bar of sway is one, and a
// refused call is a click that does nothing there.
func (a activation) ContextMenu(int32, int32) *dbus.Error {
	if strings.EqualFold(desktopName(), "sway") {
		a.menu.click(activated)
		return nil
	}
	return &dbus.ErrMsgUnknownMethod
}

// describe tells programs that ask which methods and properties there are.
func describe(face string, p *properties, methods any) introspect.Introspectable {
	own := introspect.Interface{Name: face, Methods: introspect.Methods(methods)}
	for name, v := range p.values {
		own.Properties = append(own.Properties, introspect.Property{Name: name, Type: v.Signature().String(), Access: "read"})
	}
	return introspect.NewIntrospectable(&introspect.Node{Interfaces: []introspect.Interface{
		introspect.IntrospectData, {Name: propsFace, Methods: introspect.Methods(p)}, own,
	}})
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
