package dashboard

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/health"
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
		"Sign in with the password as the server knows it now.", "3 reports wait", "too old", `href="/icon/needs-user.ico"`)
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

// A version that was installed while this one runs is offered beside the accounts.
func TestInstalledVersion(t *testing.T) {
	d := newDouble(someAccount())
	w := serve(t, d, nil)
	if got := w.get("/"); strings.Contains(got.body, "/restart") {
		t.Error("offered where nothing new is installed")
	}
	d.set(func() { d.newer, d.broken = "9.9 <b>", errors.New("it does not run") })
	w.get("/").has(t, "Shelfkeeper 9.9 &lt;b&gt; is installed", `action="/restart"`)
	if got := w.post("/restart"); got.status != http.StatusUnprocessableEntity || slices.Contains(d.done(), "replace") {
		t.Errorf("a program that does not run: %d %v", got.status, d.done())
	} else {
		got.has(t, "It does not run")
	}
	d.set(func() { d.broken = nil })
	got := w.post("/restart")
	got.has(t, "Shelfkeeper starts again")
	if strings.Contains(got.body, "9.9") || !slices.Contains(d.done(), "replace") {
		t.Errorf("%v\n%s", d.done(), got.body)
	}
	w.get("/settings?done=act.restarted").has(t, "The program that is installed runs now.")
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
	// Nothing shows whose server it is: the page asks before a password goes to it.
	a.Condition, a.Server = health.ServerUnrecognised.ID, "http://abs.lan"
	d.set(func() { d.accounts[0] = a })
	if got := w.post("/accounts/home/renew"); got.header.Get("Location") != "/accounts/home/same-server" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	w.get("/accounts/home/same-server").has(t, "The server at http://abs.lan knows nothing of this session", `href="/accounts/home/sign-in"`)
	if slices.Contains(d.done(), "same server home") {
		t.Error("to look at the question is no answer")
	}
	if w.post("/accounts/home/same-server"); !slices.Contains(d.done(), "same server home") {
		t.Errorf("did %v", d.done())
	}
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
			moved := w.server.signIn.moved.Rung()
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

// A session that was lost is good until no date.
func TestLostSessionIsNotGood(t *testing.T) {
	a := someAccount()
	a.Session.RefreshExpiresAt = health.At(time.Now().AddDate(0, 1, 0))
	d := newDouble(a)
	w := serve(t, d, nil)
	w.get("/").has(t, "Good until")
	a.Level, a.Condition, a.Reason = health.NeedsUser, health.SessionLost.ID, "the server ended the session"
	d.set(func() { d.accounts[0] = a })
	if got := w.get("/"); strings.Contains(got.body, "Good until") {
		t.Error("a session that was lost is called good")
	}
}
