package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// choose clicks on the line of the tray's menu that begins so, over the bus, as a
// panel does.
func (s *screen) choose(label string) {
	s.t.Helper()
	s.until("there is a line "+label, func(uint32, string) bool { return s.clicked(label) })
}

// clicked reports whether there was such a line that can be chosen.
func (s *screen) clicked(label string) bool {
	s.t.Helper()
	var names []string
	if err := s.conn.BusObject().Call("org.freedesktop.DBus.ListNames", 0).Store(&names); err != nil {
		s.t.Fatal(err)
	}
	i := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(name, "org.kde.StatusNotifierItem-") })
	if i < 0 {
		s.t.Fatal("there is no icon")
	}
	menu := s.conn.Object(names[i], "/StatusNotifierItem/menu")
	var lines []struct {
		ID    int32
		Props map[string]dbus.Variant
	}
	if err := menu.Call("com.canonical.dbusmenu.GetGroupProperties", 0, []int32{}, []string{}).Store(&lines); err != nil {
		s.t.Fatal(err)
	}
	for _, l := range lines {
		text, _ := l.Props["label"].Value().(string)
		if enabled, _ := l.Props["enabled"].Value().(bool); enabled && strings.HasPrefix(text, label) {
			if err := menu.Call("com.canonical.dbusmenu.Event", 0, l.ID, "clicked", dbus.MakeVariant(""), uint32(0)).Err; err != nil {
				s.t.Fatal(err)
			}
			return true
		}
	}
	return false
}

// One click in the tray, the whole way: what can be done in silence is done so,
// and the page opens, at the account, only where that is not enough. The page is
// let in by the link and stands at the form that mends the account.
func TestTheClickIsSilentFirst(t *testing.T) {
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	screen := newScreen(p)
	opened := filepath.Join(p.home, "opened")
	bin := filepath.Join(p.home, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	p.write(filepath.Join(bin, "xdg-open"), "#!/bin/sh\necho \"$1\" >> "+opened+"\n")
	if err := os.Chmod(filepath.Join(bin, "xdg-open"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.env = append(p.env, "PATH="+bin+":"+os.Getenv("PATH"), "DISPLAY=:99")
	p.secrets = append(p.secrets, password)
	p.ok(password+"\n", "login", s.url, "--username", user, "--password-stdin", "--store", "file")
	r := p.daemon()
	before := p.until("it is served", fresh)
	screen.untilTrayRuns()

	if err := s.EndSessions(user); err != nil {
		t.Fatal(err)
	}
	screen.choose("Re-authenticate")
	p.until("it is renewed in silence", func(a health.Account) bool {
		return fresh(a) && a.Session.Generation > before.Session.Generation
	})
	if data, err := os.ReadFile(opened); err == nil {
		t.Errorf("a page opened: %s", data)
	}

	if err := s.SetPassword(user, "another"); err != nil {
		t.Fatal(err)
	}
	if err := s.EndSessions(user); err != nil {
		t.Fatal(err)
	}
	screen.choose("Re-authenticate")
	link := strings.TrimSpace(lineOf(t, r, opened, 1))
	a := p.until("the user is needed", func(a health.Account) bool { return a.Level == health.NeedsUser })
	if !strings.Contains(link, "/enter?") || !strings.Contains(link, "account="+a.Name) {
		t.Fatalf("opened %q", link)
	}
	if resp, _ := get(t, link); resp.Header.Get("Location") != "/accounts/"+a.Name+"/sign-in" {
		t.Errorf("the page: %s to %q", resp.Status, resp.Header.Get("Location"))
	}
	p.ok("", "quit")
	r.wait()
	if data, err := os.ReadFile(opened); err != nil || strings.Count(string(data), "\n") != 1 {
		t.Error(fmt.Sprintf("opened %q", data), err)
	}
}
