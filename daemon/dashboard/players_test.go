package dashboard

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/problem"
)

func TestPlayers(t *testing.T) {
	a := someAccount()
	a.Proxy.Visitors = []health.Visitor{{Program: "mpv", Scope: "listen", Requests: 1, Last: health.At(time.Now())},
		{Program: "kodi <b>", Grant: "g1", Scope: "full", Requests: 7, Last: health.At(time.Now())}}
	a.Proxy.Refused = []health.Refused{{Program: "Booklight", Origin: "http://tauri.localhost", Reason: "other-origin",
		Cause: "its page is of another origin", Remedy: "run `shelfkeeper players trust`", Count: 3, Last: health.At(time.Now())}}
	d := newDouble(a)
	d.players = []Player{{ID: "g1", Account: "home", Name: "Kodi", Kind: "secret", Scope: "full", Created: time.Now()},
		{ID: "g2", Account: "other", Name: "not mine", Kind: "secret", Scope: "full"}}
	w := serve(t, d, nil)
	got := w.get("/players")
	got.has(t, "mpv", "your own program", "kodi &lt;b&gt;", "grant Kodi", "Booklight was refused 3 times", "http://tauri.localhost",
		"Its page is of another origin", "Music Assistant", "<code>http://127.0.0.1:13379</code>", "Take away", "never")
	if strings.Contains(got.body, "not mine") || strings.Contains(got.body, `value="admin"`) {
		t.Error("another account's grant, or a scope that the account has not")
	}
	got = w.post("/players/add", "account", "home", "name", "Living room", "scope", "full")
	got.has(t, "A grant for Living room", "<code>sk_new</code>", "<dd>any</dd>")
	if got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a grant may be kept: %v", got.header)
	}
	if got := w.get("/players"); strings.Contains(got.body, "sk_new") {
		t.Error("the grant shows again")
	}
	got = w.post("/players/add", "account", "home", "name", "hass", "for", "home-assistant", "scope", "")
	got.has(t, "<dt>API key</dt>", "so the program goes without its sensors of users", "no administrator")
	got = w.post("/players/add", "account", "home", "name", "hass 2", "for", "home-assistant", "scope", "listen")
	got.has(t, "This grant may not administer the server too", "<dt>Host</dt>")
	w.post("/players/add", "account", "home", "name", "other", "for", "", "scope", "")
	w.post("/players/allow", "account", "home", "name", "Booklight", "origin", "http://tauri.localhost", "scope", "nonsense")
	if got := w.post("/players/revoke", "account", "home", "player", "g1"); got.header.Get("Location") != "/players?done=act.revoked" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	want := []string{"add home Living room full", "add home hass admin", "add home hass 2 listen", "add home other listen",
		"add home Booklight listen", "trust home Booklight http://tauri.localhost", "revoke home g1"}
	if acts := d.done(); !slices.Equal(acts, want) {
		t.Errorf("acts %q", acts)
	}
}

// What to paste is whole: every value has its address and key filled in.
func TestRecipes(t *testing.T) {
	for _, r := range filled("http://127.0.0.1:13381", "sk_x") {
		if len(r.Fields) == 0 || r.Program == "" {
			t.Errorf("%+v", r)
		}
		for _, f := range r.Fields {
			if strings.ContainsAny(f.Value, "{}") || f.Value == "" {
				t.Errorf("%s: %+v", r.Program, f)
			}
		}
	}
	parts := filled("http://127.0.0.1:13381", "")
	kodi := slices.IndexFunc(parts, func(r recipe) bool { return r.Program == "Kodi (Breezyslasher)" })
	if got := parts[kodi]; got.Fields[0].Value != "127.0.0.1" || got.Fields[1].Value != "13381" {
		t.Errorf("parts of the address: %+v", got)
	}
}

// Each attempt has its place on its day, and a loss is told in words too.
func TestWeek(t *testing.T) {
	now := time.Date(2026, 11, 26, 14, 0, 0, 0, time.Local)
	entries := []history.Entry{
		{At: now.AddDate(0, 0, -8), Kind: history.Refresh, Outcome: history.Renewed}, // too long ago
		history.Sleep(now.AddDate(0, 0, -1).Add(-7*time.Hour), 10*time.Hour),         // over midnight
		{At: now.AddDate(0, 0, -1), Kind: history.Refresh, Outcome: history.Renewed},
		history.Move(now.Add(-3*time.Hour), true),
		{At: now.Add(-2 * time.Hour), Until: now.Add(-time.Hour), Count: 4, Kind: history.Refresh, Outcome: history.Unreachable},
		{At: now.Add(-time.Hour), Kind: history.Refresh, Outcome: history.Lost, Evidence: "Invalid <refresh> token"},
		{At: now.Add(-time.Hour), Kind: history.Login, Outcome: history.SignedIn},
	}
	days := week(entries, now)
	if len(days) != 7 || days[6].Name != "Thu 26" || days[0].Name != "Fri 20" {
		t.Fatalf("days %+v", days)
	}
	if days[0].Words != "no renewal" || days[5].Words != "1 renewal, 1 sleep" || days[4].Words != "1 sleep" ||
		days[6].Words != "1 sign-in, 1 outage, 1 loss, 1 change of network" {
		t.Errorf("words %q, %q, %q", days[0].Words, days[5].Words, days[6].Words)
	}
	if before := week(entries[5:], now); before[0].Words != "not on record" {
		t.Errorf("before the record: %q", before[0].Words)
	}
	for _, want := range []string{`class="outage" x="720" y="6" width="60"`, `class="loss" x="780" y="0"`, `class="handoff" x="660" y="0"`} {
		if !strings.Contains(string(days[6].Picture), want) {
			t.Errorf("no %s in %s", want, days[6].Picture)
		}
	}
	d := newDouble(someAccount())
	d.entries = entries
	w := serve(t, d, nil)
	w.get("/record").has(t, "the server ended the session", "Invalid &lt;refresh&gt; token", "5 times", "stored password",
		"changed its network", "slept")
	w.get("/accounts/home").has(t, "The last seven days", `<svg class="day"`)
}

func TestPauseAndReports(t *testing.T) {
	a := someAccount()
	a.Progress.SetAside = 1
	d := newDouble(a)
	w := serve(t, d, nil)
	w.get("/").has(t, `href="/accounts/home/pause"`, `href="/accounts/home/reports"`)
	w.get("/accounts/home/pause").has(t, "The session is kept alive.", "Until tomorrow")
	w.post("/accounts/home/pause", "until", "tomorrow")
	w.post("/accounts/home/pause", "until", "resume")
	a.Level, a.Condition = health.Paused, health.AccountPaused.ID
	d.set(func() { d.accounts[0] = a })
	w.get("/").has(t, `action="/accounts/home/resume"`)
	w.post("/accounts/home/resume")
	w.get("/accounts/home/reports").has(t, "li_1", "1m30s", "it is &lt;gone&gt;", "Of this report only")
	w.post("/accounts/home/reports/retry", "id", "7")
	w.post("/accounts/home/reports/drop", "id", "7")
	w.post("/accounts/home/reports/drop").has(t, "Choose at least one") // none would mean all
	w.post("/accounts/home/pause", "until", "for", "minutes", "120")
	w.post("/accounts/home/pause", "until", "for", "minutes", "0").has(t, "Choose how long")
	w.post("/accounts/home/pause", "until", "for", "minutes", "99999999").has(t, "Choose how long")
	want := []string{"pause home true 0s", "pause home false 0s", "resume home", "retry home[7]", "drop home[7]", "pause home false 2h0m0s"}
	if acts := d.done(); !slices.Equal(acts, want) {
		t.Errorf("acts %q", acts)
	}
}

func TestSettings(t *testing.T) {
	var start StartWish
	d := newDouble(someAccount())
	w := serve(t, d, func(c *Config) {
		c.File = "/home/alice/config.toml"
		c.Starts = func(context.Context) (Start, error) {
			return Start{On: start.On, Headless: start.Headless, MayHeadless: true, Reason: "it is <so>", Remedy: "run `this`"}, nil
		}
		c.SetStart = func(_ context.Context, wish StartWish) error {
			if strings.Contains(wish.PassphraseFile, "nowhere") {
				return problem.Newf(problem.Usage, "", "there is no <file>")
			}
			start = wish
			return nil
		}
	})
	w.get("/settings").has(t, "does not start by itself", "/home/alice/config.toml", `value="13379"`)
	if got := w.post("/settings/start", "on", "yes"); got.header.Get("Location") !=
		"/settings?done=act.start.on" || start != (StartWish{On: true}) {
		t.Errorf("got %d %v", got.status, got.header)
	}
	w.get("/settings?done=act.start.on").has(t, "starts at login from now on", "starts when you log in",
		"It is &lt;so&gt;", "<code>this</code>")
	w.post("/settings/start", "on", "headless", "passphrase", "/nowhere").has(t, "There is no &lt;file&gt;", `value="/nowhere"`)
	w.post("/settings/start", "on", "headless", "passphrase", " /home/alice/secret ")
	if start != (StartWish{On: true, Headless: true, PassphraseFile: "/home/alice/secret"}) {
		t.Errorf("without a desktop: %+v", start)
	}
	w.get("/settings").has(t, "starts without a desktop")
	w.post("/settings/port", "account", "home", "port", "many").has(t, "A port is a number", `value="many"`, `aria-invalid="true"`)
	w.post("/settings/port", "account", "home", "port", "13380").has(t, "That is the status page&#39;s", "Choose another")
	w.post("/settings/port", "account", "home", "port", "14000")
	if acts := d.done(); !slices.Equal(acts, []string{"port home 13380", "port home 14000"}) {
		t.Errorf("acts %q", acts)
	}
	// Where the system cannot, it is not offered.
	w = serve(t, newDouble(someAccount()), nil)
	if got := w.get("/settings"); strings.Contains(got.body, "Start at login") {
		t.Error("it offers what it cannot")
	}
}

// Each setting is shown as it stands, says what a change does, and is changed by
// a form of its own; config.toml's are not.
func TestSettingsOfTheConfiguration(t *testing.T) {
	d := newDouble(someAccount())
	d.settings = map[string][]string{
		"notifications": {"true"}, "page_port": {"13380"}, "store": {"os"}, "local_access": {"user"}, "log_level": {"info"},
		"accounts.home.upstream.addresses": {"https://abs.example.org", "http://192.168.1.5:13378"},
	}
	d.given = map[string]bool{"log_level": true}
	w := serve(t, d, nil)
	got := w.get("/settings")
	got.has(t, `Messages of the desktop: <span class="is">yes</span>`, "the desktop&#39;s keychain", "config.toml says so. Change it there.",
		"https://abs.example.org, http://192.168.1.5:13378", `<textarea id="value-addresses-home"`, "cuts streams off")
	got = w.post("/settings/set", "key", "addresses", "account", "home", "value", "https://a.example.org\r\nhttps://b.example.org\r\n")
	got.has(t, "Shelfkeeper starts again", `data-restart="/settings?done=act.set"`)
	w.post("/settings/set", "key", "page_port", "value", " 14000 ").has(t, "http://localhost:14000/")
	w.post("/settings/set", "key", "user_agent", "value", "").has(t, "Shelfkeeper starts again")
	if got := w.post("/settings/set", "key", "page_port", "value", "bad"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("a bad value: %d", got.status)
	} else {
		got.has(t, "Page_port is &lt;bad&gt;", `id="set-page_port" open`, `value="bad"`)
	}
	for _, key := range []string{"listen", "upstream", "", "accounts.home.listen"} {
		if got := w.post("/settings/set", "key", key, "value", "1"); got.status != http.StatusNotFound {
			t.Errorf("a key that is not offered, %q: %d", key, got.status)
		}
	}
	want := []string{`set accounts.home.upstream.addresses ["https://a.example.org" "https://b.example.org"]`, "restart",
		`set page_port ["14000"]`, "restart", `set user_agent []`, "restart", `set page_port ["bad"]`}
	if acts := d.done(); !slices.Equal(acts, want) {
		t.Errorf("acts %q", acts)
	}
}

// An account gets another name, and its user another password, at the server.
func TestNameAndPassword(t *testing.T) {
	d := newDouble(someAccount())
	w := serve(t, d, nil)
	w.get("/settings").has(t, `id="name-home"`, `href="/accounts/home/password"`)
	if got := w.post("/settings/name", "account", "home", "name", " attic "); got.header.Get("Location") != "/settings?done=act.name" {
		t.Errorf("a name: %d", got.status)
	}
	w.post("/settings/name", "account", "home", "name", "taken").has(t, "An account is called taken", `value="taken"`)
	w.get("/accounts/home/password").has(t, "Empty means the one that is kept here")
	w.post("/accounts/home/password", "old", "a", "new", "b", "again", "c").has(t, "The two new passwords differ")
	got := w.post("/accounts/home/password", "old", "wrong", "new", "n3w", "again", "n3w")
	if got.has(t, "The server refused the change"); strings.Contains(got.body, "n3w") {
		t.Error("a password shows")
	}
	got = w.post("/accounts/home/password", "old", "", "new", "n3w", "again", "n3w")
	if got.header.Get("Location") != "/accounts/home?done=act.changed" {
		t.Errorf("the change: %d", got.status)
	}
	want := []string{"rename home attic", "rename home taken", "password home wrong n3w", "password home  n3w"}
	if acts := d.done(); !slices.Equal(acts, want) {
		t.Errorf("acts %q", acts)
	}
}
