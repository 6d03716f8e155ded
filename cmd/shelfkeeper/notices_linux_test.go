package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// screen is a session bus with a service of notifications, and no panel.
type screen struct {
	t    testing.TB
	conn *dbus.Conn

	mu    sync.Mutex
	all   uint32
	shown map[uint32]string
}

const (
	noticesName = "org.freedesktop.Notifications"
	noticesPath = "/org/freedesktop/Notifications"
)

// newScreen starts one that every program of p meets from now on.
func newScreen(p *place) *screen {
	p.t.Helper()
	address := "unix:path=" + filepath.Join(p.home, "bus")
	bus := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1", "--address="+address)
	said := newWatched()
	bus.Stdout = said
	if err := bus.Start(); err != nil {
		if os.Getenv("CI") == "true" {
			p.t.Fatal("install dbus:", err)
		}
		p.t.Skip("install dbus:", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = bus.Wait()
	}()
	p.t.Cleanup(func() {
		_ = bus.Process.Kill()
		<-ended
	})
	for text, more := said.look(); !strings.Contains(text, "unix:"); text, more = said.look() {
		select {
		case <-more:
		case <-time.After(patience):
			p.t.Fatal("the bus does not start")
		}
	}
	conn, err := dbus.Connect(address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	s := &screen{t: p.t, conn: conn, shown: map[uint32]string{}}
	if err := conn.Export(s, noticesPath, noticesName); err != nil {
		p.t.Fatal(err)
	}
	if _, err := conn.RequestName(noticesName, dbus.NameFlagDoNotQueue); err != nil {
		p.t.Fatal(err)
	}
	p.env = append(p.env, "DBUS_SESSION_BUS_ADDRESS="+address, "XDG_CURRENT_DESKTOP=GNOME")
	return s
}

// GetCapabilities is called over the bus.
func (s *screen) GetCapabilities() ([]string, *dbus.Error) { return []string{"body", "actions"}, nil }

// Notify is called over the bus.
func (s *screen) Notify(
	_ string, _ uint32, _, title, body string, _ []string, _ map[string]dbus.Variant, _ int32,
) (uint32, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all++
	s.shown[s.all] = title + ": " + body
	return s.all, nil
}

// CloseNotification is called over the bus.
func (s *screen) CloseNotification(id uint32) *dbus.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shown, id)
	return nil
}

// until waits for what is on the screen, as one text.
func (s *screen) until(what string, is func(all uint32, shown string) bool) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		s.mu.Lock()
		all, shown := s.all, fmt.Sprint(s.shown)
		s.mu.Unlock()
		if is(all, shown) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("it does not come that %s: %d in all, %s", what, all, shown)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// untilTrayRuns waits until the tray offers its icon.
func (s *screen) untilTrayRuns() {
	s.t.Helper()
	s.until("the tray runs", func(uint32, string) bool {
		var names []string
		if err := s.conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
			s.t.Fatal(err)
		}
		return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "org.kde.StatusNotifierItem-") })
	})
}

// loseSession ends the session of an account whose password is not stored.
func loseSession(t *testing.T, s *server, p *place) {
	t.Helper()
	if err := s.EndSessions(user); err != nil {
		t.Fatal(err)
	}
	if out := p.run("", "reauth"); out.code == problem.OK {
		t.Fatalf("%+v", out)
	}
	p.until("the session is lost", func(a health.Account) bool { return a.Condition == health.SessionLost.ID })
}

// The whole way: a daemon whose session is lost, its tray without a panel, and
// the desktop's own messages.
func TestADesktopHearsThatTheUserIsNeeded(t *testing.T) {
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	screen := newScreen(p)
	p.secrets = append(p.secrets, password)
	login := []string{"login", s.url, "--username", user, "--password-stdin", "--store", "file", "--no-store-password"}
	p.ok(password+"\n", login...)
	r := p.daemon()
	p.until("it is served", fresh)
	loseSession(t, s, p)
	screen.until("it is shown", func(all uint32, shown string) bool {
		return all == 1 && strings.Contains(shown, user+" at 127.0.0.1 needs you") && strings.Contains(shown, "no password is stored")
	})
	p.ok(password+"\n", login...)
	screen.until("it is over", func(all uint32, shown string) bool { return all == 1 && shown == "map[]" })
	p.ok("", "quit")
	r.wait()
}

func TestNotificationsCanBeTurnedOff(t *testing.T) {
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	screen := newScreen(p)
	p.secrets = append(p.secrets, password)
	p.config(p.read(p.configPath()) + "notifications = false\n")
	p.ok(password+"\n", "login", s.url, "--username", user, "--password-stdin", "--store", "file", "--no-store-password")
	r := p.daemon()
	p.until("it is served", fresh)
	screen.untilTrayRuns()
	loseSession(t, s, p)
	p.ok("", "quit")
	r.wait()
	screen.until("nothing was shown", func(all uint32, _ string) bool { return all == 0 })
}
