package daemon

import (
	"context"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/statuspage"
)

// eventful is a daemon whose account has had a week.
type eventful struct {
	dashboard.Daemon
	entries []history.Entry
}

func (d eventful) History(string) []history.Entry { return d.entries }

// Snapshot names programs that people know.
func (d eventful) Snapshot() health.Snapshot {
	s := d.Daemon.Snapshot()
	for i := range s.Accounts {
		for j := range s.Accounts[i].Proxy.Visitors {
			s.Accounts[i].Proxy.Visitors[j].Program = []string{"mpv", "cliamp", "kodi.bin"}[j%3]
		}
	}
	return s
}

// aWeek is what may happen in one: a renewal an hour while the machine runs, an
// outage, a loss and the sign-in after it.
func aWeek(now time.Time) (entries []history.Entry) {
	for at := now.AddDate(0, 0, -7); at.Before(now); at = at.Add(50 * time.Minute) {
		e := history.Entry{At: at, Kind: history.Refresh, Outcome: history.Renewed}
		switch day := int(now.Sub(at).Hours()) / 24; {
		case at.Hour() < 7 || at.Hour() == 23:
			if n := len(entries); n > 0 && entries[n-1].Outcome != history.Slept && at.Hour() < 7 {
				entries = append(entries, history.Sleep(at.Add(7*time.Hour-time.Duration(at.Hour())*time.Hour), 7*time.Hour))
			}
			continue
		case at.Hour() == 8 && day != 5, at.Hour() == 17 && day < 3:
			entries = append(entries, history.Move(at.Add(-20*time.Minute), true))
		case day == 2 && at.Hour() >= 19:
			e.Outcome, e.Until = history.Unreachable, at.Add(50*time.Minute)
		case day == 4 && at.Hour() == 12:
			e.Outcome, e.Evidence = history.Lost, "Invalid refresh token"
			entries = append(entries, e)
			e = history.Entry{At: at.Add(time.Minute), Kind: history.Login, Outcome: history.SignedIn}
		}
		entries = append(entries, e)
	}
	return entries
}

// The pictures of the README. They are made anew with SHELFKEEPER_SHOTS=DIR
// SHELFKEEPER_PICTURES=1, and then scaled.
func TestPagePictures(t *testing.T) {
	if os.Getenv("SHELFKEEPER_PICTURES") == "" {
		t.Skip("makes pictures when SHELFKEEPER_PICTURES is set")
	}
	b := browser(t)
	w := newPageWorld(t, absfake.Config{Users: []absfake.User{{Name: "alice", Password: "demo", Type: "root"}}})
	server := strings.TrimPrefix(w.server, "http://")
	w.home.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, server)
	}
	p := newTab(t, b, w.page)
	p.emulate("light", 760)
	p.fill("#server", "http://abs.home.arpa")
	p.click("form button")
	p.says("Found it")
	p.fill("#username", "alice")
	p.picture("page-first-run")
	p.fill("#password", "demo")
	p.click("form[action='/sign-in'] button")
	p.says("You are signed in")
	w.until("the session", func(s health.Snapshot) bool {
		return s.Level == health.OK && s.Accounts[0].Socket.State == "authenticated"
	})
	address := w.daemon.Snapshot().Accounts[0].Proxy.URL
	for i := range 7 {
		if r, err := http.NewRequest(http.MethodGet, address+"/api/libraries", nil); err == nil {
			r.Header.Set("User-Agent", []string{"mpv/0.35", "cliamp/1", "Kodi/21"}[i%3])
			if resp, err := http.DefaultClient.Do(r); err == nil {
				_ = resp.Body.Close()
			}
		}
	}
	full := dashboard.New(dashboard.Config{Daemon: eventful{w.daemon.pageConfig(statuspage.Options{}).Acts(), aWeek(time.Now())}, Port: freePort(t), OwnUID: os.Getuid()})
	full.Start()
	defer func() {
		if err := full.Close(); err != nil {
			t.Error(err)
		}
	}()
	for !strings.HasPrefix(p.text(), full.URL()) {
		p.open(full.URL())
	}
	for _, scheme := range []string{"light", "dark"} {
		p.emulate(scheme, 760)
		p.picture("page-account-" + scheme)
	}
	p.emulate("light", 760)
	p.open(full.URL() + "players")
	p.fill("input[name=name]", "Living room")
	p.click("form.fields button")
	p.says("A grant for Living room")
	p.open(full.URL() + "players")
	p.picture("page-players")
	if err := w.fake.SetPassword("alice", "changed"); err != nil {
		t.Fatal(err)
	}
	if err := w.fake.EndSessions("alice"); err != nil {
		t.Fatal(err)
	}
	p.open(full.URL())
	p.click("[id^=renew-]")
	p.until(`document.querySelector("#username") !== null`)
	p.fill("#password", "wrong")
	p.click("form.fields button")
	p.says("The server refused this user name and password")
	p.picture("page-reauth")
}
