package daemon

import (
	"context"
	"io"
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

// Store is that of most people.
func (d eventful) Store() dashboard.Store { return dashboard.Store{Backend: "os", Open: true} }

// Snapshot names programs that people know.
func (d eventful) Snapshot() health.Snapshot {
	s := d.Daemon.Snapshot()
	for i := range s.Accounts {
		for j := range s.Accounts[i].Proxy.Visitors {
			s.Accounts[i].Proxy.Visitors[j].Program = []string{"mpv", "cliamp", "kodi.bin"}[j%3]
		}
		s.Accounts[i].Vault.Backend = "os"
		for j := range s.Accounts[i].Proxy.Streams {
			s.Accounts[i].Proxy.Streams[j].Program = "mpv"
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
	full := dashboard.New(dashboard.Config{Daemon: eventful{w.daemon.pageConfig(statuspage.Options{}).Acts(), aWeek(time.Now())},
		Port: freePort(t), OwnUID: os.Getuid()})
	full.Start()
	defer func() {
		if err := full.Close(); err != nil {
			t.Error(err)
		}
	}()
	p := newTab(t, b, "about:blank")
	for !strings.HasPrefix(p.text(), full.URL()) {
		p.open(full.URL())
	}
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
	p.open(full.URL())
	item := w.fake.Library().Large()
	slow := w.fake.Inject(absfake.Fault{Kind: absfake.Rate, Path: "/api/items/*/file/*", Bytes: 64_000})
	playing, err := http.Get(address + "/api/items/" + item.ID + "/file/" + item.Files[0].Ino)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, playing.Body) }() // it ends with the body
	p.says(item.Title)
	p.until(`/\d\d\.\d kB a second/.test(document.body.innerText)`)
	for _, scheme := range []string{"light", "dark"} {
		p.emulate(scheme, 760)
		p.picture("page-account-" + scheme)
	}
	_ = playing.Body.Close()
	slow()
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
	// The click that ends signed in, in three pictures.
	p.emulate("light", 430)
	p.open(full.URL())
	p.says("Needs you")
	p.picture("strip-1")
	p.click("[id^=renew-]")
	p.until(`document.querySelector("#username") !== null`)
	p.fill("#password", "changed")
	p.picture("strip-2")
	p.click("form.fields button")
	p.says("The session is renewed")
	p.until(`document.querySelector(".words.ok") !== null`)
	p.picture("strip-3")
}
