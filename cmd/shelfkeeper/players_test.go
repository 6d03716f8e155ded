package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// playerAsks is a player: it returns the status and the body.
func playerAsks(t testing.TB, method, address, body string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

var secretText = regexp.MustCompile(`sk_[A-Za-z0-9_-]{43}`)

// A grant from its making to its end, without a daemon, with one, and across
// its restart.
func TestPlayersAsAUserMeetsThem(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	a := signIn(s.url)
	p.ok(a.stdin, a.args...)
	here := secretText.FindString(p.ok("", "players", "add", "made without a daemon").stdout)
	if here == "" {
		t.Fatal("no secret")
	}
	d := p.daemon()
	p.until("signed in", func(a health.Account) bool { return a.Level == health.OK })
	base := fmt.Sprintf("http://127.0.0.1:%d", p.port)
	added := p.ok("", "players", "add", "Music Assistant", "--scope", "full").stdout
	there := secretText.FindString(added)
	if !strings.Contains(added, base) || !strings.Contains(added, "scope full") {
		t.Errorf("it said\n%s", added)
	}
	var in struct {
		User struct{ Username, AccessToken, RefreshToken string }
	}
	code, body := playerAsks(t, "POST", base+"/login", `{"username":"x","password":"`+here+`"}`, "Content-Type", "application/json",
		"x-return-tokens", "true")
	if err := json.Unmarshal([]byte(body), &in); err != nil || code != 200 || in.User.Username != user {
		t.Fatalf("%d %s", code, body)
	}
	for _, token := range []string{here, there, in.User.AccessToken} {
		if code, body := playerAsks(t, "GET", base+"/api/me?token="+token, ""); code != 200 {
			t.Errorf("%d %s", code, body)
		}
	}
	// What the user types at the server works here too.
	if code, _ := playerAsks(t, "POST", base+"/login", "username="+user+"&password="+url.QueryEscape(password), "Content-Type",
		"application/x-www-form-urlencoded"); code != 200 {
		t.Errorf("the user's own password: %d", code)
	}
	list := p.ok("", "players", "list").stdout
	for _, want := range []string{"made without a daemon", "Music Assistant", "password sign-in", "login", "never"} {
		if !strings.Contains(list, want) {
			t.Errorf("%q is not in\n%s", want, list)
		}
	}
	if secretText.MatchString(list + p.ok("", "players", "list", "--json").stdout) {
		t.Error("the list shows a secret")
	}
	for _, c := range [][]string{
		{"players", "add", "Music Assistant"}, {"players", "add", "x", "--scope", "god"}, {"players", "add"}, {"players", "add", " "},
		{"players", "revoke", "nobody"}, {"players", "trust", "Music Assistant", "null"}, {"players", "trust", "nobody", "app://x"},
		{"players", "trust", "x"}, {"players", "revoke"}, {"players", "list", "--account", "none"}, {"players", "nonsense"},
		{"open", "--scope", "god"}, {"open", "--account", "none", "--print"},
	} {
		if r := p.run("", c...); r.code != problem.Usage {
			t.Errorf("%q: exit code %d\n%s", c, r.code, r.stderr)
		}
	}

	// A program in a webview, of which no request carries a token.
	page := []string{"Origin", "app://obsidian.md", "Sec-Fetch-Site", "cross-site"}
	if code, body := playerAsks(t, "GET", base+"/api/me", "", page...); code != 403 {
		t.Errorf("a page that is not trusted: %d %s", code, body)
	}
	p.ok("", "players", "trust", "Music Assistant", "app://obsidian.md")
	if code, body := playerAsks(t, "GET", base+"/api/me", "", page...); code != 200 {
		t.Errorf("a page that is trusted: %d %s", code, body)
	}

	p.ok("", "players", "revoke", "Music Assistant")
	if code, body := playerAsks(t, "GET", base+"/api/me", "", page...); code != 403 {
		t.Errorf("a page of a revoked grant: %d %s", code, body)
	}
	if code, body := playerAsks(t, "GET", base+"/api/me?token="+there, ""); code != 401 || body != "Unauthorized" {
		t.Errorf("a revoked grant: %d %s", code, body)
	}
	p.ok("", "quit")
	d.wait()
	p.daemon()
	p.until("signed in", func(a health.Account) bool { return a.Level == health.OK })
	for want, token := range map[int]string{200: in.User.AccessToken, 401: there} {
		if code, _ := playerAsks(t, "GET", base+"/api/me?token="+token, ""); code != want {
			t.Errorf("after a restart: %d, want %d", code, want)
		}
	}
	if code, _ := playerAsks(t, "POST", base+"/auth/refresh", "", "x-refresh-token", in.User.RefreshToken); code != 200 {
		t.Errorf("refresh after a restart: %d", code)
	}
	if n := s.Ledger().PasswordLogins(user); n != 1 {
		t.Errorf("the server saw %d sign-ins", n)
	}
	if stored := p.read(p.state("grants.json")); strings.Contains(stored, here[3:]) || !strings.Contains(stored, "made without a daemon") {
		t.Errorf("grants.json:\n%s", stored)
	}

	// Signing out takes every grant along.
	p.ok("", "logout")
	if out := p.ok("", "players", "list").stdout; !strings.Contains(out, "No grants") {
		t.Errorf("it said\n%s", out)
	}
}

func TestOpenSignsInOnce(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{WebClient: true}), newPlace(t)
	if r := p.run("", "open", "--print"); r.code != problem.Unreachable {
		t.Errorf("without a daemon: exit code %d\n%s", r.code, r.stderr)
	}
	a := signIn(s.url)
	p.ok(a.stdin, a.args...)
	p.daemon()
	p.until("signed in", func(a health.Account) bool { return a.Level == health.OK })
	opened := p.ok("", "open", "--print")
	address := strings.TrimSpace(opened.stdout)
	if strings.Contains(opened.stderr, "--scope admin") {
		t.Errorf("a user who is no administrator is told\n%s", opened.stderr)
	}
	if !strings.HasPrefix(address, fmt.Sprintf("http://127.0.0.1:%d/_shelfkeeper/open?nonce=", p.port)) {
		t.Fatal(address)
	}
	code, page := playerAsks(t, "GET", address, "")
	token := regexp.MustCompile(`eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+`).FindString(page)
	if code != 200 || token == "" {
		t.Fatalf("%d %s", code, page)
	}
	if code, _ := playerAsks(t, "GET", address, ""); code != 410 {
		t.Errorf("it opens a second time: %d", code)
	}
	base := fmt.Sprintf("http://127.0.0.1:%d", p.port)
	if code, body := playerAsks(t, "POST", base+"/api/authorize", "", "Authorization", "Bearer "+token); code != 200 ||
		strings.Contains(body, "isOldToken") {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := playerAsks(t, "GET", base+"/api/users", "", "Authorization", "Bearer "+token); code != 403 {
		t.Errorf("administration with the full scope: %d", code)
	}
	if out := p.ok("", "players", "list").stdout; !strings.Contains(out, "web page") {
		t.Errorf("it said\n%s", out)
	}
	p.ok("", "players", "revoke", "web page")
	if code, _ := playerAsks(t, "GET", base+"/api/me", "", "Authorization", "Bearer "+token); code != 401 {
		t.Errorf("after revoking: %d", code)
	}
}

// The page of an administrator has empty menus at the usual scope: open says how
// to get them.
func TestOpenOffersAdministration(t *testing.T) {
	t.Parallel()
	users := []absfake.User{{Name: "root", Password: "of no interest", Type: "root"}, {Name: user, Password: password, Type: "admin"}}
	s, p := newServer(t, absfake.Config{WebClient: true, Users: users}), newPlace(t)
	a := signIn(s.url)
	p.ok(a.stdin, a.args...)
	p.daemon()
	p.until("signed in", func(a health.Account) bool { return a.Level == health.OK })
	if r := p.ok("", "open", "--print"); !strings.Contains(r.stderr, "shelfkeeper open --scope admin") ||
		strings.Contains(r.stdout, "admin") {
		t.Errorf("%s%s", r.stdout, r.stderr)
	}
	if r := p.ok("", "open", "--print", "--scope", "admin"); strings.Contains(r.stderr, "--scope admin") {
		t.Errorf("it offers what it does: %s", r.stderr)
	}
}

// A grant for a program gets the scope that it needs, and the lines to fill in stand
// there under the program's own names, whole.
func TestGrantForAProgram(t *testing.T) {
	t.Parallel()
	s, p := newServer(t, absfake.Config{}), newPlace(t)
	a := signIn(s.url)
	p.ok(a.stdin, a.args...)
	p.daemon()
	at := p.until("the session is fresh", fresh).Proxy.URL
	out := p.ok("", "players", "add", "my house", "--for", "Home Assistant").stdout
	secret := secretText.FindString(out)
	want := "my house may use account " + user + " at " + at + ", scope admin.\nFill in; the secret is shown once:\n  Host     " + at +
		"\n  API key  " + secret + "\nIn a container it needs the host's network, or an address of `listen_extra`: docs/players.md.\n" +
		"Note: " + user + " is no administrator at the server, so it goes without its sensors of users and of who is online, " +
		"which stay unknown otherwise.\n"
	if secret == "" || !strings.HasPrefix(out, "my house may use account ") ||
		out[strings.Index(out, " at http"):] != want[strings.Index(want, " at http"):] {
		t.Errorf("it said\n%s\nwant\n%s", out, want)
	}
	if code, _ := playerAsks(t, "GET", at+"/api/me", "", "Authorization", "Bearer "+secret); code != 200 {
		t.Errorf("with the key that was printed: %d", code)
	}
	if out := p.ok("", "players", "add", "house 2", "--for", "hass", "--scope", "listen").stdout; !strings.Contains(out, "scope listen.") ||
		!strings.Contains(out, "Note: without --scope admin it goes without its sensors") {
		t.Errorf("it said\n%s", out)
	}
	out = p.ok("", "players", "add", "other user", "--for", "VLC").stdout
	if !strings.Contains(out, "scope listen.") || !strings.Contains(out, at+"/api/items/ID/file/INO?token=sk_") {
		t.Errorf("it said\n%s", out)
	}
	var said struct {
		For    string
		Fields []struct{ Name, Value string }
		Secret string
	}
	if err := json.Unmarshal([]byte(p.ok("", "players", "add", "kodi", "--for", "kodi-breezyslasher", "--json").stdout), &said); err != nil ||
		said.For != "kodi-breezyslasher" || len(said.Fields) != 3 || said.Fields[0].Value != "127.0.0.1" || said.Fields[2].Value != said.Secret {
		t.Errorf("%v %+v", err, said)
	}
	for name, near := range map[string]string{"kodi": "kodi-breezyslasher, kodi-mildman1848", "no such": "home-assistant", "": "mpv"} {
		r := p.run("", "players", "add", "x", "--for", name)
		if r.code != problem.Usage || !strings.Contains(r.stderr, near) {
			t.Errorf("--for %q: %d %s", name, r.code, r.stderr)
		}
	}
	if out := p.ok("", "players", "list").stdout; strings.Contains(out, "x ") && strings.Contains(out, "\nx") {
		t.Errorf("a mistake has made a grant:\n%s", out)
	}
}
