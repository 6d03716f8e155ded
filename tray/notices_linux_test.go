package tray

import (
	"errors"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/daemon/health"
)

// screen stands in for a desktop's service of notifications.
type screen struct {
	conn  *dbus.Conn
	mu    sync.Mutex
	next  uint32
	all   int
	shown map[uint32]string // titles
}

const (
	noticesName = "org.freedesktop.Notifications"
	noticesPath = "/org/freedesktop/Notifications"
)

func newScreen(t testing.TB, b *privateBus) *screen {
	t.Helper()
	conn, err := dbus.Connect(b.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &screen{conn: conn, shown: map[uint32]string{}}
	if err := conn.Export(s, noticesPath, noticesName); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(noticesName, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return s
}

// GetCapabilities is called over the bus.
func (s *screen) GetCapabilities() ([]string, *dbus.Error) { return []string{"body", "actions"}, nil }

// Notify is called over the bus.
func (s *screen) Notify(
	_ string, _ uint32, _, title, _ string, _ []string, _ map[string]dbus.Variant, _ int32,
) (uint32, *dbus.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	s.all++
	s.shown[s.next] = title
	return s.next, nil
}

// CloseNotification is called over the bus.
func (s *screen) CloseNotification(id uint32) *dbus.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.shown, id)
	return nil
}

// shows checks how many notices are there, and how many there were in all.
func (s *screen) shows(now, all int) func() error {
	return func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.shown) != now || s.all != all {
			return fmt.Errorf("%d of %d: %v; want %d of %d", len(s.shown), s.all, s.shown, now, all)
		}
		return nil
	}
}

// Without a panel a notice is all that a desktop shows: it comes once, a click
// on it acts, it goes when it is over, and with the daemon.
func TestNoticesWithoutAPanel(t *testing.T) {
	d, b := newDouble(t), newBus(t)
	b.start(t)
	s := newScreen(t, b)
	r := startTray(t, d, b.env())
	d.set(snapshotOf(&health.ServerUnreachable))
	d.set(snapshotOf(&health.SessionLost))
	eventually(t, "it is shown", s.shows(1, 1))
	if err := s.conn.Emit(noticesPath, noticesName+".ActionInvoked", s.next, "default"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the click acts", func() error {
		if d.reauths() != 1 {
			return errors.New("it does not")
		}
		return nil
	})
	d.set(snapshotOf(nil))
	eventually(t, "it is over", s.shows(0, 1))
	d.set(snapshotOf(&health.VaultLocked))
	eventually(t, "the next one is shown", s.shows(1, 2))
	r.kill(syscall.SIGTERM)
	if code := r.code(t); code != 0 {
		t.Errorf("the tray ended with %d", code)
	}
	eventually(t, "nothing is left on the screen", s.shows(0, 2))
}
