package dashboard

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/health"
)

// An account is forgotten without its vault, from the page where one signs out; so is
// what the vault holds of an account that is not listed. What stays is said.
func TestForget(t *testing.T) {
	d := newDouble(someAccount())
	d.unlisted = &health.Unlisted{Accounts: []string{"attic"}, Reason: "the vault holds <attic>", Remedy: "run `x`"}
	w := serve(t, d, nil)
	w.get("/accounts/home/sign-out").has(t, `action="/accounts/home/forget"`, "The server is not told")
	w.get("/").has(t, "The vault holds &lt;attic&gt;", `name="account" value="attic"`)
	w.post("/accounts/home/forget").has(t, "The keychain still holds &lt;home&gt;.")
	w.post("/forget", "account", "attic").has(t, "The keychain still holds &lt;attic&gt;.")
	if got := w.post("/forget", "account", "unknown"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("an account that is nowhere: %d", got.status)
	}
	if got := d.done(); !slices.Equal(got, []string{"forget home", "forget attic", "forget unknown"}) {
		t.Errorf("acts %q", got)
	}
}

// That no panel shows the icon is said on the page too, with what helps.
func TestNoPanel(t *testing.T) {
	d := newDouble(someAccount())
	d.tray = &health.Tray{Condition: "no-host", Reason: "no panel shows the icon", Remedy: "install the `AppIndicator` extension"}
	w := serve(t, d, nil)
	w.get("/").has(t, "No panel shows the icon. Everything works without it", "Install the <code>AppIndicator</code> extension")
}

// Whoever administers the server is offered that, and the program can be ended.
func TestOpenAsAdministratorAndQuit(t *testing.T) {
	a := someAccount()
	d := newDouble(a)
	w := serve(t, d, nil)
	if got := w.get("/"); strings.Contains(got.body, "Open as administrator") {
		t.Error("somebody who is none is offered to be administrator")
	}
	a.Admin = true
	d.set(func() { d.accounts[0] = a })
	w.get("/").has(t, "Open as administrator", `action="/accounts/home/open/admin"`)
	w.post("/accounts/home/open/admin")
	w.get("/settings").has(t, "End Shelfkeeper", "No player is served then")
	w.post("/settings/quit").has(t, "Shelfkeeper ends", "<code>shelfkeeper run</code>")
	if got := d.done(); !slices.Equal(got, []string{"open home admin", "quit"}) {
		t.Errorf("acts %q", got)
	}
}

// The pages of a webview come in with a grant that is there already.
func TestTrustOfAGrant(t *testing.T) {
	d := newDouble(someAccount())
	d.players = []Player{{ID: "g1", Account: "home", Name: "Obsidian", Kind: "secret", Scope: "listen"}}
	w := serve(t, d, nil)
	w.get("/players").has(t, `action="/players/trust"`, "Let a webview in")
	if got := w.post("/players/trust", "account", "home", "player", "g1", "origin", " app://obsidian.md "); got.header.Get("Location") !=
		"/players?done=act.trusted" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	if got := d.done(); !slices.Equal(got, []string{"trust home g1 app://obsidian.md"}) {
		t.Errorf("acts %q", got)
	}
}

// An administrator who signs in in the browser may have a key kept; nobody else is
// offered one. With it in use, signing in again is what helps, and players go on.
func TestEmergencyKey(t *testing.T) {
	a := someAccount()
	d := newDouble(a)
	w := serve(t, d, nil)
	if got := w.get("/"); strings.Contains(got.body, "Emergency key") {
		t.Error("it is offered to whoever signs in by password")
	}
	a.Admin, a.Session.Method = true, "openid"
	a.Session.EmergencyKey, a.Session.EmergencyKeyEndsAt = health.KeyInUse, health.At(time.Now().AddDate(0, 0, 20))
	a.Level, a.Condition, a.Reason = health.Degraded, health.EmergencyKey.ID, health.EmergencyKey.Text
	d.set(func() { d.accounts[0] = a })
	w.get("/").has(t, `href="/accounts/home/key"`, "Serves players until you sign in", "Sign in before the key ends",
		`action="/accounts/home/open"`)
	w.get("/accounts/home/key").has(t, "One is kept until", `value="30"`)
	for _, wrong := range []string{"0", "366", "many", ""} {
		w.post("/accounts/home/key", "days", wrong).has(t, "Type a number of days from 1 to 365.")
	}
	if got := w.post("/accounts/home/key", "days", "90"); got.header.Get("Location") != "/accounts/home?done=act.key" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	w.post("/accounts/home/key", "days", "7").has(t, "The key &lt;before&gt; stays at the server.")
	w.post("/accounts/home/key", "days", "many", "drop", "1")
	if got := d.done(); !slices.Equal(got, []string{"key home 90", "key home 7", "key home 0"}) {
		t.Errorf("acts %q", got)
	}
}
