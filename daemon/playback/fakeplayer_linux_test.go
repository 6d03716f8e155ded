package playback

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/keychain/keyringtest"
)

const busConfig = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`

// newBus starts a session bus for the test.
func newBus(t *testing.T) {
	t.Helper()
	keyringtest.Need(t, "dbus-daemon")
	dir, err := os.MkdirTemp("/tmp", "bus") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	conf := filepath.Join(dir, "bus.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, busConfig, filepath.Join(dir, "bus")), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("dbus-daemon", "--config-file="+conf, "--nofork", "--print-address")
	said, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	})
	if _, err := said.Read(make([]byte, 500)); err != nil { // it listens once it has said where
		t.Fatal(err)
	}
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(dir, "bus"))
}

// fakePlayer is a program on the bus that plays by the clock.
type fakePlayer struct {
	conn *dbus.Conn

	mu     sync.Mutex
	url    string
	status string
	at     time.Duration // at since
	since  time.Time
	stuck  bool // it does not move
	moved  []time.Duration
	odd    bool // it says no more than the specification demands, in its own types
}

// newFake brings a player onto the bus.
func newFake(name string) (*fakePlayer, error) {
	conn, err := dbus.Connect(os.Getenv("DBUS_SESSION_BUS_ADDRESS"))
	if err != nil {
		return nil, err
	}
	p := &fakePlayer{conn: conn, status: "Stopped", since: time.Now()}
	const path = "/org/mpris/MediaPlayer2"
	if err := conn.Export(p, path, "org.freedesktop.DBus.Properties"); err != nil {
		return nil, err
	}
	if err := conn.ExportWithMap(fakeControls{p}, map[string]string{"SeekBy": "Seek"}, path, "org.mpris.MediaPlayer2.Player"); err != nil {
		return nil, err
	}
	_, err = conn.RequestName("org.mpris.MediaPlayer2."+name, 0)
	return p, err
}

func (p *fakePlayer) position() time.Duration {
	if p.status != "Playing" {
		return p.at
	}
	return p.at + time.Since(p.since)
}

// set is what the user of the player does.
func (p *fakePlayer) set(status, url string, at time.Duration) {
	p.mu.Lock()
	p.status, p.url, p.at, p.since = status, url, at, time.Now()
	p.mu.Unlock()
	_ = p.conn.Emit("/org/mpris/MediaPlayer2", "org.freedesktop.DBus.Properties.PropertiesChanged", "org.mpris.MediaPlayer2.Player",
		map[string]dbus.Variant{"PlaybackStatus": dbus.MakeVariant(status)}, []string{})
}

func (p *fakePlayer) seek(at time.Duration) {
	p.mu.Lock()
	p.at, p.since = at, time.Now()
	p.mu.Unlock()
	_ = p.conn.Emit("/org/mpris/MediaPlayer2", "org.mpris.MediaPlayer2.Player.Seeked", at.Microseconds())
}

func (p *fakePlayer) leave() { _ = p.conn.Close() }

func (p *fakePlayer) GetAll(string) (map[string]dbus.Variant, *dbus.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	about := map[string]dbus.Variant{"xesam:url": dbus.MakeVariant(p.url), "mpris:trackid": dbus.MakeVariant(dbus.ObjectPath("/track/1"))}
	all := map[string]dbus.Variant{"PlaybackStatus": dbus.MakeVariant(p.status), "Position": dbus.MakeVariant(p.position().Microseconds())}
	if p.odd {
		delete(all, "Position")
		delete(about, "mpris:trackid")
	}
	all["Metadata"] = dbus.MakeVariant(about)
	return all, nil
}

func (p *fakePlayer) Get(_, name string) (dbus.Variant, *dbus.Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name != "Position" {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", nil)
	}
	return dbus.MakeVariant(uint64(p.position().Microseconds())), nil
}

// fakeControls are the methods of a player.
type fakeControls struct{ p *fakePlayer }

func (c fakeControls) SetPosition(_ dbus.ObjectPath, at int64) *dbus.Error {
	return c.move(func(time.Duration) time.Duration { return time.Duration(at) * time.Microsecond })
}

func (c fakeControls) SeekBy(by int64) *dbus.Error {
	return c.move(func(now time.Duration) time.Duration { return now + time.Duration(by)*time.Microsecond })
}

func (c fakeControls) move(to func(time.Duration) time.Duration) *dbus.Error {
	c.p.mu.Lock()
	at := to(c.p.position())
	c.p.moved = append(c.p.moved, at)
	stuck := c.p.stuck
	c.p.mu.Unlock()
	if !stuck {
		c.p.seek(at)
	}
	return nil
}
