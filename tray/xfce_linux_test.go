package tray

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"
)

// desktopPrograms are Debian's xvfb, xdotool, imagemagick and dbus.
var desktopPrograms = []string{"Xvfb", "dbus-daemon", "xdotool", "import"}

// panelConfig is a panel at the top of the screen with nothing but icons.
const panelConfig = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="32"/>
      <property name="icon-size" type="uint" value="24"/>
      <property name="background-style" type="uint" value="1"/>
      <property name="background-rgba" type="array">
        <value type="double" value="%[1]f"/>
        <value type="double" value="%[1]f"/>
        <value type="double" value="%[1]f"/>
        <value type="double" value="1"/>
      </property>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="hide-new-items" type="bool" value="false"/>
      <property name="icon-size" type="int" value="24"/>
    </property>
  </property>
</channel>
`

// desktop is an X server, a session bus and a real panel.
type desktop struct {
	env   []string
	bus   *privateBus
	argv  []string // the panel's
	panel *run
}

// newDesktop starts a desktop whose panel has the given grey, from 0 to 1.
func newDesktop(t *testing.T, grey float64) *desktop {
	t.Helper()
	return newDesktopOf(t, "XFCE", "xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml", fmt.Sprintf(panelConfig, grey),
		"xfce4-panel", "--disable-wm-check")
}

// newDesktopOf starts a desktop of that name with a panel, whose configuration is
// in a file.
func newDesktopOf(t *testing.T, name, file, text string, panel ...string) *desktop {
	t.Helper()
	need(t, append([]string{panel[0]}, desktopPrograms...)...)
	home := shortDir(t)
	file = filepath.Join(home, "config", file)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &desktop{bus: &privateBus{dir: home, path: filepath.Join(home, "bus")}, argv: panel}
	d.env = []string{
		"HOME=" + home, "XDG_RUNTIME_DIR=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "XDG_DATA_HOME=" + filepath.Join(home, "data"),
		"GDK_BACKEND=x11", "NO_AT_BRIDGE=1", "GTK_A11Y=none", "XDG_CURRENT_DESKTOP=" + name, "GIO_USE_VFS=local",
		d.bus.env(), "DISPLAY=" + startX(t),
	}
	// Unlike newBus, with the services of the system: the panel needs xfconfd.
	d.bus.daemon = start(t, d.env, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address", "--address="+d.bus.address())
	eventually(t, "the bus starts", func() error {
		if !strings.Contains(d.bus.daemon.out.String(), "unix:") {
			return errors.New("no address yet")
		}
		return nil
	})
	t.Cleanup(func() { d.bus.daemon.kill(syscall.SIGTERM) }) // so that xfconfd ends too
	d.startPanel(t)
	return d
}

// startX starts an X server without a screen and returns its display.
func startX(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "640x400x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{w}
	if err := x.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	t.Cleanup(func() {
		_ = x.Process.Kill()
		_ = x.Wait() // killed
	})
	var number int
	if _, err := fmt.Fscan(r, &number); err != nil {
		t.Fatalf("Xvfb did not come up: %v", err)
	}
	return ":" + strconv.Itoa(number)
}

// startPanel starts the panel and waits until it takes icons.
func (d *desktop) startPanel(t *testing.T) {
	t.Helper()
	d.panel = start(t, d.env, d.argv...)
	conn, err := dbus.Connect(d.bus.address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	eventually(t, "the panel takes icons", func() error {
		return conn.Object(watcherName, watcherPath).CallWithContext(t.Context(), "org.freedesktop.DBus.Peer.Ping", 0).Err
	})
}

func (d *desktop) run(t *testing.T, argv ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, d.env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", argv, err)
	}
	return out
}

// screen is what is to be seen now.
func (d *desktop) screen(t *testing.T) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(d.run(t, "import", "-window", "root", "png:-")))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// near counts the pixels of an area that have nearly a colour, and returns the
// middle of them.
func near(img image.Image, area image.Rectangle, c color.NRGBA) (n int, middle image.Point) {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			p, ok := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if ok && far(p.R, c.R) < 24 && far(p.G, c.G) < 24 && far(p.B, c.B) < 24 {
				n++
				middle = middle.Add(image.Pt(x, y))
			}
		}
	}
	if n > 0 {
		middle = middle.Div(n)
	}
	return n, middle
}

func far(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }

// keep writes a picture into the directory that SHELFKEEPER_SHOTS names.
func keep(t *testing.T, name string, img image.Image, area image.Rectangle) {
	t.Helper()
	dir := os.Getenv("SHELFKEEPER_SHOTS")
	if dir == "" {
		return
	}
	cut := image.NewNRGBA(image.Rectangle{Max: area.Size()})
	for y := range area.Dy() {
		for x := range area.Dx() {
			cut.Set(x, y, img.At(area.Min.X+x, area.Min.Y+y))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, cut); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
