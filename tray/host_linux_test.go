package tray

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
)

// busConfig is a session bus that starts no services.
const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=%s</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`

// privateBus is a bus of the test's own that can die and come back at the same
// address.
type privateBus struct {
	dir, path string
	daemon    *run
}

func newBus(t testing.TB) *privateBus {
	t.Helper()
	need(t, "dbus-daemon")
	dir := shortDir(t)
	b := &privateBus{dir: dir, path: filepath.Join(dir, "bus")}
	if err := os.WriteFile(filepath.Join(dir, "bus.conf"), fmt.Appendf(nil, busConfig, b.path), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *privateBus) start(t testing.TB) {
	t.Helper()
	b.daemon = start(t, nil, "dbus-daemon", "--nofork", "--nopidfile", "--print-address", "--config-file="+filepath.Join(b.dir, "bus.conf"))
	eventually(t, "the bus starts", func() error {
		if !strings.Contains(b.daemon.out.String(), "unix:") {
			return errors.New("no address yet")
		}
		return nil
	})
}

// die kills the bus, whose socket stays behind.
func (b *privateBus) die(t testing.TB) {
	t.Helper()
	b.daemon.kill(syscall.SIGKILL)
	b.daemon.code(t)
}

func (b *privateBus) address() string { return "unix:path=" + b.path }
func (b *privateBus) env() string     { return busVariable + "=" + b.address() }

// host stands in for a panel: a StatusNotifierWatcher that keeps the items
// which register, and looks at them as a panel does.
type host struct {
	conn  *dbus.Conn
	props *prop.Properties

	mu    sync.Mutex
	items []string // unique bus names
	deaf  int      // registrations to refuse, as a watcher does that has only its name yet
}

// newHost appears on the bus as its watcher.
func newHost(t testing.TB, b *privateBus, deaf int) *host {
	t.Helper()
	conn, err := dbus.Connect(b.address())
	if err != nil {
		t.Fatal(err)
	}
	h := &host{conn: conn, deaf: deaf}
	t.Cleanup(h.leave)
	if err := conn.Export(h, watcherPath, watcherName); err != nil {
		t.Fatal(err)
	}
	h.props, err = prop.Export(conn, watcherPath, prop.Map{watcherName: {
		"RegisteredStatusNotifierItems":  {Value: []string{}, Emit: prop.EmitFalse},
		"IsStatusNotifierHostRegistered": {Value: true, Emit: prop.EmitFalse},
		"ProtocolVersion":                {Value: int32(0), Emit: prop.EmitFalse},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName(watcherName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("become the watcher: %v, %v", reply, err)
	}
	return h
}

func (h *host) leave() { _ = h.conn.Close() }

// RegisterStatusNotifierItem is called over the bus.
func (h *host) RegisterStatusNotifierItem(sender dbus.Sender, service string) *dbus.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.deaf > 0 {
		h.deaf--
		return dbus.NewError("org.freedesktop.DBus.Error.UnknownMethod", nil)
	}
	h.items = append(h.items, string(sender))
	listed := make([]string, len(h.items))
	for i, name := range h.items {
		listed[i] = name + service
	}
	h.props.SetMust(watcherName, "RegisteredStatusNotifierItems", listed)
	return nil
}

// registrations returns how often an item has registered.
func (h *host) registrations() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.items)
}

// item waits for an item.
func (h *host) item(t testing.TB) *shownItem {
	t.Helper()
	eventually(t, "the icon registers", func() error {
		if h.registrations() == 0 {
			return errors.New("no item")
		}
		return nil
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	return &shownItem{h.conn, h.items[len(h.items)-1]}
}

// shownItem is an icon as a panel sees it.
type shownItem struct {
	conn *dbus.Conn
	name string
}

func (i *shownItem) property(name string, into any) error {
	v, err := i.conn.Object(i.name, itemPath).GetProperty("org.kde.StatusNotifierItem." + name)
	if err != nil {
		return err
	}
	return v.Store(into)
}

// shows returns nil when the pixmap is the icon of the level.
func (i *shownItem) shows(level health.Level, scheme assets.Scheme) error {
	var maps []struct {
		W, H int32
		Pix  []byte
	}
	if err := i.property("IconPixmap", &maps); err != nil {
		return err
	}
	if len(maps) != len(pixmapSizes) {
		return fmt.Errorf("%d pixmaps", len(maps))
	}
	for n, got := range maps {
		px := pixmapSizes[n]
		want, ok := assets.Icon(markOf(Model{Level: level}), scheme, px).(*image.NRGBA)
		if !ok || int(got.W) != px || int(got.H) != px || len(got.Pix) != len(want.Pix) {
			return fmt.Errorf("a pixmap of %dx%d in %d bytes instead of %d px", got.W, got.H, len(got.Pix), px)
		}
		for at := 0; at < len(want.Pix); at += 4 {
			p, w := got.Pix[at:], want.Pix[at:]
			if p[0] != w[3] || p[1] != w[0] || p[2] != w[1] || p[3] != w[2] { // ARGB, straight
				return fmt.Errorf("not the icon of %v: byte %d is % x, want alpha, red, green, blue of % x", level, at, p[:4], w[:4])
			}
		}
	}
	return nil
}

// calls returns nil when the icon calls for attention, or does not.
func (i *shownItem) calls(want bool) error {
	var status string
	var icons []struct {
		W, H int32
		Pix  []byte
	}
	err := errors.Join(i.property("Status", &status), i.property("AttentionIconPixmap", &icons))
	if err != nil || (status == "NeedsAttention") != want || len(icons) != len(pixmapSizes) {
		return fmt.Errorf("status %q, %d icons (%w)", status, len(icons), err)
	}
	return nil
}

func (i *shownItem) tooltip() (string, error) {
	var tip struct {
		Name  string
		Icons []struct {
			W, H int32
			Pix  []byte
		}
		Title, Text string
	}
	err := i.property("ToolTip", &tip)
	return tip.Title, err
}

// entry is one line of the menu on the bus.
type entry struct {
	id      int32
	label   string
	enabled bool
}

type layoutNode struct {
	ID       int32
	Props    map[string]dbus.Variant
	Children []dbus.Variant
}

// menu returns the visible lines, separators as "---".
func (i *shownItem) menu() ([]entry, error) {
	object := i.conn.Object(i.name, itemPath+"/menu")
	var root layoutNode
	var revision uint32
	if err := object.Call(menuFace+".GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root); err != nil {
		return nil, err
	}
	var out []entry
	for _, v := range root.Children {
		var n layoutNode
		if err := dbus.Store([]any{v.Value()}, &n); err != nil {
			return nil, err
		}
		e := entry{id: n.ID, enabled: true}
		visible := true
		for key, into := range map[string]any{"label": &e.label, "enabled": &e.enabled, "visible": &visible} {
			if v, ok := n.Props[key]; ok {
				if err := v.Store(into); err != nil {
					return nil, err
				}
			}
		}
		if kind, ok := n.Props["type"]; ok && kind.Value() == "separator" {
			e.label = "---"
		}
		if visible {
			out = append(out, e)
		}
	}
	return out, nil
}

// reads returns nil when the menu says so; what cannot be chosen is in brackets.
func (i *shownItem) reads(want ...string) func() error {
	return func() error {
		entries, err := i.menu()
		if err != nil {
			return err
		}
		var got []string
		for _, e := range entries {
			if e.enabled {
				got = append(got, e.label)
			} else {
				got = append(got, "["+e.label+"]")
			}
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			return fmt.Errorf("the menu is %q, want %q", got, want)
		}
		return nil
	}
}

// click chooses the line that begins so.
func (i *shownItem) click(t testing.TB, label string) {
	t.Helper()
	entries, err := i.menu()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.label, label) {
			i.clickID(t, e.id)
			return
		}
	}
	t.Fatalf("no line %q in %v", label, entries)
}

func (i *shownItem) clickID(t testing.TB, id int32) {
	t.Helper()
	err := i.conn.Object(i.name, itemPath+"/menu").Call("com.canonical.dbusmenu.Event", 0, id, "clicked", dbus.MakeVariant(""),
		uint32(0)).Err
	if err != nil {
		t.Fatal(err)
	}
}
