package daemon

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/dashboard"
	"shelfkeeper/daemon/doctor"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/statuspage"
)

// posed is a daemon whose accounts are in states that are hard to bring about.
type posed struct {
	dashboard.Daemon
	snapshot health.Snapshot
}

func (d posed) Snapshot() health.Snapshot { return d.snapshot }

func (d posed) Changed() <-chan struct{} { return nil }

func (d posed) Known(account string) (dashboard.Known, bool) {
	known := dashboard.Known{Name: account, User: account, Server: "https://abs.example.org", Method: dashboard.ByPassword}
	if account == "spare-key" {
		known.Method = dashboard.ByOpenID
	}
	return known, true
}

func (d posed) Search(_ context.Context, _, words string) (library.Found, string, error) {
	if words == "zzz" {
		return library.Found{}, "", nil
	}
	return library.Found{Items: []library.Item{
		{ID: "b", Kind: library.Book, Title: "The Lighthouse at Low Tide", Author: "Mara Quill", Series: "Tides #1", Duration: 600,
			Place: &library.Place{Seconds: 77}},
		{ID: "p", Kind: library.Podcast, Title: "The Harbour Hour", Author: "Nell Ashby"},
	}, More: true}, "http://127.0.0.1:1", nil
}

func (d posed) Cover(context.Context, string, string) (string, []byte, error) {
	return "", nil, errors.New("there is none")
}

func (d posed) Restart() {}

func (d posed) Quit() {}

func (d posed) SetSetting(context.Context, []string, []string) error { return nil }

func (d posed) Forget(context.Context, string) ([]string, error) {
	return []string{"The keychain still holds the session of fine; `secret-tool` shows it."}, nil
}

func (d posed) Examine(ctx context.Context, which string, _ bool, progress func(string)) (doctor.Report, error) {
	if which == "slow" {
		progress("the certificate")
		<-ctx.Done()
		return doctor.Report{}, ctx.Err()
	}
	return doctor.Report{Server: "https://abs.example.org", Primary: "websocket", Findings: []doctor.Finding{
		{ID: "tls", Verdict: doctor.OK, Evidence: "good until tomorrow"}, {ID: "clock", Verdict: doctor.Note, Evidence: "two seconds behind"},
		{ID: "websocket", Verdict: doctor.Fault, Evidence: "answered with 400", Remedy: "let `Upgrade` pass"},
	}}, nil
}

func (d posed) SetAside(context.Context, string) ([]dashboard.Report, error) {
	return []dashboard.Report{
		{ID: 1, At: time.Now().Add(-time.Hour), Item: "li_2aa4", Seconds: 1234, Reason: "the server does not know the item", Retryable: true},
		{ID: 2, At: time.Now(), Item: "li_77b1/ep_5", Seconds: 60, Reason: "the report was too large"},
	}, nil
}

func (d posed) Gateway(context.Context, string) ([]dashboard.GatewayPart, error) {
	return []dashboard.GatewayPart{
		{Kind: dashboard.GatewayHeader, Name: "CF-Access-Client-Secret", For: []string{"https://abs.example.org"}},
		{Kind: dashboard.GatewayCert, Name: "CN=listener", Until: time.Now().AddDate(0, 1, 0)},
		{Kind: dashboard.GatewayProxy, Name: "http://proxy.lan:3128", Elsewhere: true},
	}, nil
}

// poses is an account in each state that asks something of its user.
func poses(of health.Account) (list []health.Account) {
	now := time.Now()
	for _, c := range []struct {
		name      string
		condition *health.Condition
		level     health.Level
	}{
		{"fine", nil, health.OK}, {"sealed", &health.VaultPassphrase, health.NeedsUser}, {"locked", &health.VaultLocked, health.NeedsUser},
		{"lost", &health.SessionLost, health.NeedsUser}, {"away", &health.ServerUnreachable, health.Offline},
		{"slow", &health.TokenSuspect, health.Degraded}, {"spare-key", &health.EmergencyKey, health.EmergencyKey.Level},
		{"untrusted", &health.ServerUnreachable, health.Offline},
	} {
		a := of
		a.Name, a.User, a.Level = c.name, c.name, c.level
		if c.condition != nil {
			a.Condition, a.Reason, a.Remedy = c.condition.ID, "dial tcp 192.168.1.5:13378: connection refused", c.condition.Remedy
		}
		a.Since = health.At(now.Add(-26 * time.Hour))
		a.Progress = health.Progress{Waiting: 3, Oldest: health.At(now.Add(-time.Hour)), SetAside: 2, SetAsideReason: "too old"}
		a.Proxy.Refused = []health.Refused{
			{Program: "Booklight", Origin: "http://tauri.localhost", Reason: "other-origin", Cause: "its page has another origin",
				Remedy: "run `shelfkeeper players trust Booklight`", Count: 3, Last: health.At(now)},
			{Program: "curl", Reason: "no-grant", Cause: "it presents no grant", Remedy: "make one", Count: 1, Last: health.At(now)}}
		a.Proxy.Visitors = []health.Visitor{{Program: "mpv", Scope: "listen", Requests: 7, Last: health.At(now)}}
		a.Proxy.Streams = []health.Stream{{Program: "mpv", Kind: "feed", ID: "x", Bytes: 7e6, Rate: 64_000, Now: true, Since: health.At(now)}}
		switch c.name {
		case "untrusted":
			a.Remedy = "trust it: `shelfkeeper account set untrusted --pin " + strings.Repeat("ab", 32) + "`"
		case "spare-key":
			a.Admin, a.Session.Method, a.Session.EmergencyKey = true, "openid", health.KeyInUse
			a.Session.EmergencyKeyEndsAt = health.At(now.AddDate(0, 0, 20))
		}
		list = append(list, a)
	}
	return list
}

// Everybody can use each state of the page, in both colour schemes, narrow and
// wide.
func TestPageStates(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	d := posed{Daemon: w.daemon.pageConfig(statuspage.Options{}).Acts(), snapshot: w.daemon.Snapshot()}
	d.snapshot.Accounts = poses(d.snapshot.Accounts[0])
	d.snapshot.Tray = &health.Tray{Condition: "no-host", Reason: "no panel shows the icon", Remedy: "install the extension AppIndicator"}
	d.snapshot.Unlisted = &health.Unlisted{Accounts: []string{"attic"}, Reason: "the vault holds the session of attic", Remedy: "run `x`"}
	own := d.open(t, players.Peer{UID: os.Getuid(), Known: true})
	p := newTab(t, b, "about:blank")
	visit := func(s *dashboard.Server, name, path, says string) {
		t.Helper()
		p.visit(s.URL()+path, says)
		p.js(`document.querySelectorAll("details").forEach((d) => { d.open = true }); return ""`)
		p.judge(name)
	}
	// send presses the button of a form, and judges what comes.
	send := func(name, action, says string) {
		t.Helper()
		p.click(`form[action="` + action + `"] button`)
		p.says(says)
		p.judge(name)
	}
	visit(own, "accounts", "", "fine at")
	visit(own, "unlock", "accounts/sealed/unlock", "sealed with your passphrase")
	visit(own, "set-aside", "accounts/fine/reports", "li_77b1/ep_5")
	visit(own, "players-refused", "players", "Booklight was refused")
	visit(own, "gateway", "accounts/fine/gateway", "CF-Access-Client-Secret")
	visit(own, "search", "search", "Words of a title")
	visit(own, "search-found", "search?q=quill", "The Lighthouse at Low Tide")
	visit(own, "search-nothing", "search?q=zzz", "Nothing has that name")
	visit(own, "settings-all", "settings", "Messages of the desktop")
	visit(own, "password", "accounts/fine/password", "Another password")
	visit(own, "same-server", "accounts/fine/same-server", "Is it your server")
	visit(own, "log", "record/log", "Save a report")
	visit(own, "check", "accounts/fine/check", "Look now")
	send("check-found", "/accounts/fine/check", "Mend this first")
	visit(own, "first-gateway", "sign-in", "The server is behind a gateway")
	visit(own, "refused-missing", "nowhere", "There is no such page")
	visit(own, "check-runs", "accounts/slow/check", "Look now")
	send("check-runs", "/accounts/slow/check", "the certificate")
	visit(own, "check-address", "sign-in/check", "Address of your server")
	visit(own, "pause-for", "accounts/fine/pause", "For a time")
	visit(own, "leave", "accounts/fine/sign-out", "passphrase is gone")
	send("forgotten", "/accounts/fine/forget", "It is forgotten here")
	visit(d.open(t, players.Peer{UID: os.Getuid() + 1, Known: true}), "refused-user", "", "belongs to another user")
	visit(d.open(t, players.Peer{}), "refused-link", "", "does not tell whose browser it is")
}

// The emergency key has states of its own: its form, a mistake in it, and its use.
func TestPageStatesOfEmergencyKey(t *testing.T) {
	b := browser(t)
	w := signedInWorld(t, absfake.Config{})
	d := posed{Daemon: w.daemon.pageConfig(statuspage.Options{}).Acts(), snapshot: w.daemon.Snapshot()}
	d.snapshot.Accounts = poses(d.snapshot.Accounts[0])
	own := d.open(t, players.Peer{UID: os.Getuid(), Known: true})
	p := newTab(t, b, "about:blank")
	p.visit(own.URL()+"accounts/spare-key", "erves players until you sign in")
	p.judge("emergency-key-in-use")
	p.click("#key-spare-key")
	p.says("Days until it ends")
	p.judge("emergency-key")
	p.js(`document.querySelector("#days").value = "soon"; return ""`)
	p.click("form[action='/accounts/spare-key/key'] button")
	p.says("Type a number of days from 1 to 365")
	p.judge("emergency-key-wrong")
	p.visit(own.URL()+"accounts/spare-key/sign-in", "Sign in with OpenID")
	p.judge("emergency-key-again")
}

// open serves the page of d.
func (d posed) open(t *testing.T, peer players.Peer) *dashboard.Server {
	t.Helper()
	none := func(context.Context) (dashboard.Start, error) {
		return dashboard.Start{MayHeadless: true, Reason: "not at once"}, nil
	}
	listening := make(chan error, 10)
	s := dashboard.New(dashboard.Config{Daemon: d, Port: freePort(t), OwnUID: os.Getuid(), File: "/home/ann/.config/shelfkeeper/config.toml",
		Listening: func(err error) { listening <- err }, Starts: none, PeerOf: func(net.Conn) players.Peer { return peer }})
	s.Start()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := <-listening; err != nil {
		t.Fatal(err)
	}
	return s
}
