//go:build !darwin && !windows && !systray

package tray

import (
	"slices"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
)

const (
	// rootID is the menu itself; a line's is its place, from firstID on, and so
	// the same as long as the line means the same.
	rootID      = 0
	firstID     = 1
	separatorID = 1000 // and the next
)

// heldClicks are taken without making the panel wait for its answer.
const heldClicks = 64

// dbusMenu is the menu on the bus, as com.canonical.dbusmenu version 3. Its
// exported methods are called over the bus, each in a goroutine of its own.
type dbusMenu struct {
	conn    *dbus.Conn
	clicked chan int
	quit    <-chan struct{}

	mu       sync.Mutex
	lines    [places]Line
	revision uint32
}

// menuNode is the D-Bus type (ia{sv}av).
type menuNode struct {
	ID       int32
	Props    map[string]dbus.Variant
	Children []dbus.Variant
}

// menuProps is the D-Bus type (ia{sv}).
type menuProps struct {
	ID    int32
	Props map[string]dbus.Variant
}

// menuEvent is the D-Bus type (isvu).
type menuEvent struct {
	ID   int32
	Kind string
	Data dbus.Variant
	Time uint32
}

func newDBusMenu(conn *dbus.Conn, quit <-chan struct{}) *dbusMenu {
	return &dbusMenu{conn: conn, clicked: make(chan int, heldClicks), quit: quit, revision: 1}
}

// line replaces a line and tells panels of it. Some go by the properties of
// lines they know, some ask for everything when the layout has changed.
func (m *dbusMenu) line(place int, l Line) {
	m.mu.Lock()
	was := m.lines[place]
	m.lines[place] = l
	m.revision++
	revision := m.revision
	m.mu.Unlock()
	// An error is the bus's end, which its context tells.
	if was.Text != "" && l.Text != "" {
		_ = m.conn.Emit(menuPath, menuFace+".ItemsPropertiesUpdated",
			[]menuProps{{int32(firstID + place), lineProps(l)}}, []struct {
				ID    int32
				Names []string
			}{})
	}
	_ = m.conn.Emit(menuPath, menuFace+".LayoutUpdated", revision, int32(rootID))
}

func lineProps(l Line) map[string]dbus.Variant {
	props := map[string]dbus.Variant{
		// A single underscore marks the next letter as a shortcut.
		"label":   dbus.MakeVariant(strings.ReplaceAll(l.Text, "_", "__")),
		"enabled": dbus.MakeVariant(l.Enabled),
		"visible": dbus.MakeVariant(true),
	}
	if l.Mark != Unmarked {
		props["toggle-type"] = dbus.MakeVariant("checkmark")
		props["toggle-state"] = dbus.MakeVariant(int32(l.Mark - SwitchedOff)) // 0 is off, 1 is on
	}
	return props
}

// nodes returns the whole menu, the root first. Lines without text are not in
// it.
func (m *dbusMenu) nodes() []menuProps {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := []menuProps{{rootID, map[string]dbus.Variant{"children-display": dbus.MakeVariant("submenu")}}}
	part, separators := false, int32(0)
	for place, l := range m.lines {
		if place == statusPlaces || place == generalPlace {
			part = len(all) > 1
		}
		if l.Text == "" {
			continue
		}
		if part {
			all = append(all, menuProps{separatorID + separators, map[string]dbus.Variant{"type": dbus.MakeVariant("separator")}})
			separators++
			part = false
		}
		all = append(all, menuProps{int32(firstID + place), lineProps(l)})
	}
	return all
}

// GetLayout returns the menu, or one line of it.
func (m *dbusMenu) GetLayout(parent int32, depth int32, _ []string) (uint32, menuNode, *dbus.Error) {
	m.mu.Lock()
	revision := m.revision
	m.mu.Unlock()
	all := m.nodes()
	i := slices.IndexFunc(all, func(n menuProps) bool { return n.ID == parent })
	if i < 0 {
		return 0, menuNode{}, noSuchLine()
	}
	node := menuNode{ID: all[i].ID, Props: all[i].Props, Children: []dbus.Variant{}}
	if parent == rootID && depth != 0 {
		for _, n := range all[1:] {
			node.Children = append(node.Children, dbus.MakeVariant(menuNode{n.ID, n.Props, []dbus.Variant{}}))
		}
	}
	return revision, node, nil
}

// GetGroupProperties returns the properties of lines, of all for no ids.
func (m *dbusMenu) GetGroupProperties(ids []int32, _ []string) ([]menuProps, *dbus.Error) {
	return slices.DeleteFunc(m.nodes(), func(n menuProps) bool {
		return len(ids) > 0 && !slices.Contains(ids, n.ID)
	}), nil
}

// GetProperty returns one property of a line.
func (m *dbusMenu) GetProperty(id int32, name string) (dbus.Variant, *dbus.Error) {
	for _, n := range m.nodes() {
		if v, ok := n.Props[name]; ok && n.ID == id {
			return v, nil
		}
	}
	return dbus.Variant{}, noSuchLine()
}

// Event takes clicks and nothing else. It answers when the click is sure not
// to be lost.
func (m *dbusMenu) Event(id int32, kind string, _ dbus.Variant, _ uint32) *dbus.Error {
	if place := int(id) - firstID; kind == "clicked" && place >= 0 && place < places {
		m.click(place)
	}
	return nil
}

// click returns when the click is sure not to be lost.
func (m *dbusMenu) click(place int) {
	select {
	case m.clicked <- place:
	case <-m.quit:
	}
}

// EventGroup is Event for several; unknown ids are no error.
func (m *dbusMenu) EventGroup(events []menuEvent) ([]int32, *dbus.Error) {
	for _, e := range events {
		_ = m.Event(e.ID, e.Kind, e.Data, e.Time) // always nil
	}
	return []int32{}, nil
}

// AboutToShow reports that nothing changes by being opened.
func (m *dbusMenu) AboutToShow(int32) (bool, *dbus.Error) { return false, nil }

// AboutToShowGroup is AboutToShow for several.
func (m *dbusMenu) AboutToShowGroup([]int32) (update, unknown []int32, err *dbus.Error) {
	return []int32{}, []int32{}, nil
}

func noSuchLine() *dbus.Error {
	return dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", []any{"no such line"})
}
