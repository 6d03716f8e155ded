package dashboard

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfkeeper/assets"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/problem"
)

func (a answer) has(t *testing.T, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(a.body, want) {
			t.Errorf("no %q in\n%s", want, a.body)
		}
	}
}

func TestAccountPage(t *testing.T) {
	a := someAccount()
	a.Level, a.Condition = health.NeedsUser, health.PasswordRefused.ID
	a.Reason, a.Remedy = "the server refused <b>it</b>", "run `shelfkeeper login`"
	a.Session.RefreshExpiresAt = health.At(time.Now().Add(90 * 24 * time.Hour))
	a.Progress = health.Progress{Waiting: 3, Oldest: health.At(time.Now()), SetAside: 1, SetAsideReason: "too old"}
	w := serve(t, newDouble(a), nil)
	got := w.get("/")
	got.has(t, "alice at abs.example.org", "Needs you", "The server refused &lt;b&gt;it&lt;/b&gt;", `action="/accounts/home/renew"`,
		"Sign in with the password as the server knows it now.", "3 reports wait", "too old", `href="/icon/needs-user.png"`)
	if strings.Contains(got.body, "shelfkeeper login") {
		t.Error("it sends to a terminal where it has a button")
	}
	// A condition without a button of its own keeps its words.
	a.Condition, a.Remedy = health.HeaderEaten.ID, "let `x` through"
	w.daemon.set(func() { w.daemon.accounts[0] = a })
	w.get("/accounts/home").has(t, "Let <code>x</code> through", "Try again")
	if got := w.get("/accounts/other"); got.status != http.StatusNotFound {
		t.Errorf("an account that is not here: %d", got.status)
	}
}

func TestSeveralAccounts(t *testing.T) {
	b := someAccount()
	b.Name, b.User = "the other & one", "bob"
	w := serve(t, newDouble(someAccount(), b), nil)
	w.get("/").has(t, "alice at", "bob at", `href="/accounts/the%20other%20&amp;%20one"`)
	w.get("/accounts/the%20other%20&%20one").has(t, "bob at abs.example.org")
}

func TestRenew(t *testing.T) {
	a := someAccount()
	d := newDouble(a)
	w := serve(t, d, nil)
	if got := w.post("/accounts/home/renew"); got.header.Get("Location") != "/accounts/home?done=act.renewed" {
		t.Errorf("got %v", got.header)
	}
	w.get("/accounts/home?done=act.renewed").has(t, "The session is renewed.")
	// What stands in the address is never shown as it is.
	if got := w.get("/accounts/home?done=act.evil"); strings.Contains(got.body, "act.evil") {
		t.Error("a foreign text shows")
	}
	// Only the user can go on: the form of the account.
	d.renew = problem.Newf(problem.NeedsUser, "", "lost")
	a.Level, a.Condition, a.Reason = health.NeedsUser, health.SessionLost.ID, "the server ended the session: twice"
	d.set(func() { d.accounts[0] = a })
	if got := w.post("/accounts/home/renew"); got.header.Get("Location") != "/accounts/home/sign-in" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	w.get("/accounts/home/sign-in").has(t, "The server ended the session: twice", `value="alice"`, `type="password"`)
	// A temporary failure stays at the account.
	d.renew = problem.Newf(problem.Unreachable, "", "connection refused")
	a.Condition = health.ServerUnreachable.ID
	d.set(func() { d.accounts[0] = a })
	w.post("/accounts/home/renew").has(t, "Connection refused")
}

func TestSignInAgain(t *testing.T) {
	d := newDouble(someAccount())
	w := serve(t, d, nil)
	d.signIn = problem.Newf(problem.Rejected, "check both", "the server refused this user name and password")
	got := w.post("/accounts/home/sign-in", "method", "password", "username", "alice", "password", "wr0ng")
	got.has(t, "The server refused this user name and password", "Check both", `aria-invalid="true"`, `value="alice"`)
	if got.status != http.StatusUnprocessableEntity || strings.Contains(got.body, "wr0ng") {
		t.Errorf("%d, or the password shows", got.status)
	}
	d.signIn = nil
	got = w.post("/accounts/home/sign-in", "method", "password", "username", "alice", "password", "right")
	if got.status != http.StatusSeeOther {
		t.Errorf("got %d", got.status)
	}
	want := []string{"sign in|https://abs.example.org|alice|wr0ng||home||", "sign in|https://abs.example.org|alice|right||home||"}
	if acts := d.done(); !slices.Equal(acts, want) {
		t.Errorf("one request each: %q", acts)
	}
}

func TestFirstRun(t *testing.T) {
	d := newDouble()
	d.store = Store{}
	w := serve(t, d, nil)
	if got := w.get("/"); got.header.Get("Location") != "/sign-in" {
		t.Errorf("without an account: %v", got.header)
	}
	w.post("/sign-in/look", "server", " ").has(t, "Type the address")
	w.post("/sign-in/look", "server", "nowhere").has(t, "nothing answers &lt;there&gt;", "Look at <code>its</code> address", `value="nowhere"`)
	w.post("/sign-in/look", "server", "abs.example.org").has(t, "is Audiobookshelf 2.36.0", "Sign in with OpenID", `name="password"`,
		`name="token"`, "Encrypted", `value="file"`)
	try := func(fields ...string) answer {
		t.Helper()
		return w.post("/sign-in", append([]string{"server", "https://abs.example.org", "method", "password", "username", "alice"}, fields...)...)
	}
	try("password", "p", "store", "file", "passphrase", "short", "passphrase2", "short").has(t, "at least 8")
	try("password", "p", "store", "file", "passphrase", "long enough", "passphrase2", "other one").has(t, "differ")
	got := try("password", "p", "keep", "1", "store", "file", "passphrase", "long enough", "passphrase2", "long enough")
	got.has(t, "You are signed in", "sk_once", "http://127.0.0.1:13379", "Open Audiobookshelf")
	if got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a grant may be kept: %v", got.header)
	}
	w.post("/sign-in", "server", "https://abs.example.org", "method", "token", "token", " key ")
	var acts []string
	for _, act := range d.done() {
		if strings.HasPrefix(act, "sign in") {
			acts = append(acts, act)
		}
	}
	want := []string{"sign in|https://abs.example.org|alice|p|||file|long enough", "sign in|https://abs.example.org|||key||os|"}
	if !slices.Equal(acts, want) {
		t.Errorf("got %q", acts)
	}
}

func TestOpenIDFlow(t *testing.T) {
	d := newDouble()
	show := make(chan Step)
	end := make(chan error)
	var given []string
	d.openID = func(ctx context.Context, tell func(Step) error) error {
		for {
			select {
			case s := <-show:
				if err := tell(s); err != nil {
					return err
				}
			case err := <-end:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	w := serve(t, d, func(c *Config) {
		c.TakeScheme = func(scheme string) (func() error, error) {
			given = append(given, "take "+scheme)
			return func() error { given = append(given, "give back"); return nil }, nil
		}
	})
	until := func(text string) {
		t.Helper()
		for end := time.Now().Add(patience); ; {
			moved := w.server.signIn.changes()
			if strings.Contains(w.get("/sign-in/openid").body, text) {
				return
			}
			select {
			case <-moved:
			case <-time.After(time.Until(end)):
				t.Fatalf("no %q in %s", text, w.get("/sign-in/openid").body)
			}
		}
	}
	w.get("/sign-in/openid").has(t, "No sign-in is under way")
	if got := w.post("/sign-in/openid", "server", "https://abs.example.org"); got.header.Get("Location") != "/sign-in/openid" {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	until("Asking the server")
	show <- Step{URL: "https://idp.example/auth?x=1&y=2", State: "s1", Redirect: "audiobookshelf://oauth"}
	until(`href="https://idp.example/auth?x=1&amp;y=2" rel="noreferrer noopener"`)
	w.post("/sign-in/openid/return", "address", "audiobookshelf://oauth?code=1")
	show <- Step{URL: "https://idp.example/2", State: "s2", Spare: true, Redirect: "audiobookshelf://oauth",
		Answer: &SignedIn{Account: "home", Server: "https://abs.example.org", User: "alice", ProxyURL: "http://127.0.0.1:1"}}
	until("alice at abs.example.org is signed in")
	w.post("/sign-in/openid/skip")
	end <- nil
	until("/sign-in/openid/finish")
	w.post("/sign-in/openid/finish").has(t, "You are signed in", "http://127.0.0.1:1")
	w.get("/sign-in/openid").has(t, "No sign-in is under way")
	if acts := d.done(); !slices.Contains(acts, "return audiobookshelf://oauth?code=1") || !slices.Contains(acts, "skip s2") {
		t.Errorf("acts %q", acts)
	}
	if !slices.Equal(given, []string{"take audiobookshelf", "give back"}) {
		t.Errorf("the scheme: %q", given)
	}
	// One that fails, and one that is called off.
	w.post("/sign-in/openid", "server", "https://abs.example.org")
	end <- problem.Newf(problem.Rejected, "ask the admin", "the provider said no")
	until("The provider said no")
	w.post("/sign-in/openid", "server", "https://abs.example.org")
	w.post("/sign-in/openid/cancel")
	w.get("/sign-in/openid").has(t, "No sign-in is under way")
}

func TestOpenClient(t *testing.T) {
	var shown []string
	failing := false
	w := serve(t, newDouble(someAccount()), func(c *Config) {
		c.Show = func(address string) error {
			if failing {
				return errors.New("no browser")
			}
			shown = append(shown, address)
			return nil
		}
	})
	if got := w.post("/accounts/home/open"); got.header.Get("Location") != "/accounts/home?done=act.opened" || len(shown) != 1 {
		t.Errorf("got %v, %q", got.header, shown)
	}
	failing = true
	w.post("/accounts/home/open").has(t, "works once", "http://127.0.0.1:1/_shelfkeeper/open?nonce=x")
}

func TestSignOutAsksFirst(t *testing.T) {
	w := serve(t, newDouble(someAccount()), nil)
	w.get("/accounts/home/sign-out").has(t, "Sign out of alice at abs.example.org?", "every secret of the account is erased")
	if len(w.daemon.done()) != 0 {
		t.Error("it did not ask")
	}
	w.post("/accounts/home/sign-out").has(t, "Signed out", `name="server"`)
}

func TestUnlock(t *testing.T) {
	a := someAccount()
	a.Level, a.Condition = health.NeedsUser, health.VaultPassphrase.ID
	d := newDouble(a)
	w := serve(t, d, nil)
	w.get("/").has(t, `href="/accounts/home/unlock"`)
	d.renew = problem.Newf(problem.Vault, "", "the passphrase is wrong")
	w.post("/accounts/home/unlock", "passphrase", "no").has(t, "The passphrase is wrong", `type="password"`)
	d.renew = nil
	if got := w.post("/accounts/home/unlock", "passphrase", "yes"); got.status != http.StatusSeeOther {
		t.Errorf("got %d", got.status)
	}
	if acts := d.done(); !slices.Equal(acts, []string{"renew homeno", "renew homeyes"}) {
		t.Errorf("acts %q", acts)
	}
}

// A page hears of a change within moments, and of its own stream's end.
func TestEvents(t *testing.T) {
	d := newDouble(someAccount())
	w := serve(t, d, nil)
	w.get("/")
	r, err := http.NewRequest(http.MethodGet, w.server.origin+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	next := func(want string) {
		t.Helper()
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				if name != want {
					t.Errorf("event %q, want %q", name, want)
				}
				return
			}
		}
		t.Fatal("the stream ended")
	}
	next("hello")
	for range 3 {
		d.set(func() { d.accounts[0].Level = health.Offline })
		next("changed")
	}
	if err := w.server.Close(); err != nil {
		t.Error(err)
	}
	for lines.Scan() {
	}
}

// A port that is taken does not end the page: it comes up when it is free.
func TestTakenPort(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Skip("no IPv6 here:", err)
		}
		heard := make(chan error, 64)
		s := New(Config{Daemon: newDouble(), Port: l.Addr().(*net.TCPAddr).Port, OwnUID: os.Getuid(),
			Listening: func(err error) { heard <- err }})
		s.Start()
		var taken *portTaken
		if err := <-heard; !errors.As(err, &taken) {
			t.Errorf("%s taken: %v", at, err)
		}
		// While another program may answer there, nobody is sent there.
		link, err := s.Link("")
		if p := problem.Of(err); link != "" || p == nil || p.Code != problem.PortTaken || !strings.Contains(p.Remedy, "page_port") {
			t.Errorf("a link: %q, %v", link, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for open := false; !open; {
			select {
			case err := <-heard:
				open = err == nil
			case <-time.After(patience):
				t.Fatal("it does not come up")
			}
		}
		if _, err := s.Link(""); err != nil {
			t.Errorf("a link afterwards: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Each text is used, and each that is used is there.
func TestTexts(t *testing.T) {
	used := map[string]bool{}
	add := func(source string) {
		for _, m := range regexp.MustCompile(`"([a-z]+[a-z0-9.& -]*)"`).FindAllStringSubmatch(source, -1) {
			used[m[1]] = true
		}
	}
	err := fs.WalkDir(assets.Page, "page", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".html" {
			return err
		}
		content, err := assets.Page.ReadFile(path)
		for _, m := range regexp.MustCompile(`\bt "([^"]+)"`).FindAllStringSubmatch(string(content), -1) {
			if _, ok := texts[m[1]]; !ok {
				t.Errorf("%s: no text %q", path, m[1])
			}
		}
		add(string(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range sources {
		if path == "texts.go" || strings.HasSuffix(path, "_test.go") {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		add(string(content))
		for _, m := range regexp.MustCompile(`\b(?:text|count)\("([^"]+[^."])"[,)]`).FindAllStringSubmatch(string(content), -1) {
			if _, ok := texts[m[1]]; !ok {
				t.Errorf("%s: no text %q", path, m[1])
			}
		}
	}
	// Keys whose last part is a value.
	families := []string{"level.", "remedy.", "method.", "socket.", "vault.", "count.", "bytes.", "kind.", "scope.", "play.", "recipe.", "week.", "record."}
	for key := range texts {
		if !used[key] && !slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(key, f) }) {
			t.Errorf("nothing says %q", key)
		}
	}
}

func TestWhen(t *testing.T) {
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.Local)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{now.Add(time.Hour), "11:00"},
		{now.Add(-24 * time.Hour), "Wednesday, 10:00"},
		{now.AddDate(0, 0, 20), "16 December, 10:00"},
		{now.AddDate(1, 0, 0), "26 November 2027, 10:00"},
		{time.Time{}, ""},
	} {
		if got := when(c.at, now).Words; got != c.want {
			t.Errorf("%v: %q, want %q", c.at, got, c.want)
		}
	}
}

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
	w.post("/players/allow", "account", "home", "name", "Booklight", "origin", "http://tauri.localhost", "scope", "nonsense")
	if got := w.post("/players/revoke", "account", "home", "player", "g1"); got.header.Get("Location") != "/players?done=act.revoked" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	want := []string{"add home Living room full", "add home Booklight listen", "trust home Booklight http://tauri.localhost", "revoke home g1"}
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
	if got := filled("http://127.0.0.1:13381", "")[9]; got.Fields[0].Value != "127.0.0.1" || got.Fields[1].Value != "13381" {
		t.Errorf("parts of the address: %+v", got)
	}
}

// Each attempt has its place on its day, and a loss is told in words too.
func TestWeek(t *testing.T) {
	now := time.Date(2026, 11, 26, 14, 0, 0, 0, time.Local)
	entries := []history.Entry{
		{At: now.AddDate(0, 0, -8), Kind: history.Refresh, Outcome: history.Renewed}, // too long ago
		{At: now.AddDate(0, 0, -1), Kind: history.Refresh, Outcome: history.Renewed},
		{At: now.Add(-2 * time.Hour), Until: now.Add(-time.Hour), Count: 4, Kind: history.Refresh, Outcome: history.Unreachable},
		{At: now.Add(-time.Hour), Kind: history.Refresh, Outcome: history.Lost, Evidence: "Invalid <refresh> token"},
		{At: now.Add(-time.Hour), Kind: history.Login, Outcome: history.SignedIn},
	}
	days := week(entries, now)
	if len(days) != 7 || days[6].Name != "Thu 26" || days[0].Name != "Fri 20" {
		t.Fatalf("days %+v", days)
	}
	if days[0].Words != "nothing was needed" || days[5].Words != "1 renewal" || days[6].Words != "1 sign-in, 1 outage, 1 loss" {
		t.Errorf("words %q, %q, %q", days[0].Words, days[5].Words, days[6].Words)
	}
	for _, want := range []string{`class="outage" x="720" y="6" width="60"`, `class="loss" x="780" y="0"`} {
		if !strings.Contains(string(days[6].Picture), want) {
			t.Errorf("no %s in %s", want, days[6].Picture)
		}
	}
	d := newDouble(someAccount())
	d.entries = entries
	w := serve(t, d, nil)
	w.get("/record").has(t, "the server ended the session", "Invalid &lt;refresh&gt; token", "5 times", "stored password")
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
	w.get("/accounts/home/reports").has(t, "li_1", "1m30s", "it is &lt;gone&gt;", "Only this is kept")
	w.post("/accounts/home/reports/retry", "id", "7")
	w.post("/accounts/home/reports/drop", "id", "7")
	w.post("/accounts/home/reports/drop") // all would be deleted
	want := []string{"pause home true", "pause home false", "resume home", "retry home[7]", "drop home[7]"}
	if acts := d.done(); !slices.Equal(acts, want) {
		t.Errorf("acts %q", acts)
	}
}
