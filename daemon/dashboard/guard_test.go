package dashboard

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/players"
)

func someAccount() health.Account {
	return health.Account{Name: "home", Server: "https://abs.example.org", User: "alice", Session: health.Session{Method: "password"},
		Proxy: health.Proxy{URL: "http://127.0.0.1:13379"}, Vault: health.Vault{Backend: "os", Condition: "ok"},
		Socket: health.Socket{State: "authenticated"}}
}

func TestColumnNamesItsAttacks(t *testing.T) {
	for _, g := range column {
		if len(g.attack) < 20 || g.check == nil {
			t.Errorf("guard %q", g.attack)
		}
	}
}

// Each row is an attack that one guard stops; without the change of the row the
// request is answered.
func TestAttacks(t *testing.T) {
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	write, read := http.MethodPost, http.MethodGet
	for _, c := range []struct {
		desc, method string
		edit         func(*http.Request)
		status       int
	}{
		{"a rebound name", read, func(r *http.Request) { r.Host = "evil.example:" + r.URL.Port() }, 421},
		{"localhost without a port", read, func(r *http.Request) { r.Host = "localhost" }, 421},
		{"another port of localhost", read, func(r *http.Request) { r.Host = "localhost:1" }, 421},
		{"localhost with a dot", read, func(r *http.Request) { r.Host = "localhost.:" + r.URL.Port() }, 421},
		{"a write to the players' host", write, func(r *http.Request) { r.Host = "127.0.0.1:" + r.URL.Port() }, 421},
		{"no method of a page", "DELETE", nil, 405},
		{"a trace", "TRACE", nil, 405},
		{"a preflight", "OPTIONS", nil, 405},
		{"another site reads", read, set("Sec-Fetch-Site", "cross-site"), 403},
		{"another port reads", read, set("Sec-Fetch-Site", "same-site"), 403},
		{"another site writes", write, set("Sec-Fetch-Site", "cross-site"), 403},
		{"another port writes", write, set("Sec-Fetch-Site", "same-site"), 403},
		{"a foreign origin reads", read, set("Origin", "https://evil.example"), 403},
		{"a foreign origin writes", write, set("Origin", "https://evil.example"), 403},
		{"the origin of another port", write, set("Origin", "http://localhost:13379"), 403},
		{"the origin of the players' pages", write, func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:"+r.URL.Port()) }, 403},
		{"the origin over https", write, func(r *http.Request) { r.Header.Set("Origin", "https://"+r.Host) }, 403},
		{"a sandboxed form", write, set("Origin", "null"), 403},
		{"a write without an origin", write, func(r *http.Request) { r.Header.Del("Origin") }, 403},
		{"two origins", write, func(r *http.Request) { r.Header.Add("Origin", "http://"+r.Host) }, 403},
		{"an image of a page that hides itself", read, set("Referer", "https://evil.example/"), 403},
		{"a referer that only begins like us", read, func(r *http.Request) { r.Header.Set("Referer", "http://"+r.Host+".evil/") }, 403},
		{"in a frame", read, set("Sec-Fetch-Dest", "iframe"), 403},
		{"in an object", read, set("Sec-Fetch-Dest", "object"), 403},
		{"a write as plain text", write, set("Content-Type", "text/plain"), 415},
		{"a write as JSON", write, set("Content-Type", "application/json"), 415},
		{"a write as a file", write, set("Content-Type", "multipart/form-data; boundary=x"), 415},
		{"a write without a kind", write, func(r *http.Request) { r.Header.Del("Content-Type") }, 415},
		{"a write without a session", write, func(r *http.Request) { r.Header.Del("Cookie") }, 403},
		{"a write with a guessed session", write, set("Cookie", cookieName+"=AAAA"), 403},
		{"a write with a wrong token", write, body("csrf=AAAA"), 403},
		{"a write without a token", write, body("x=y"), 403},
		{"a token in the address", write, func(r *http.Request) { r.URL.RawQuery = "csrf=" + token(r); body("x=y")(r) }, 403},
		{"a write that does not end", write, body("csrf=x&a=" + strings.Repeat("a", bodyLimit)), 413},
	} {
		t.Run(c.desc, func(t *testing.T) {
			d := newDouble(someAccount())
			w := serve(t, d, nil)
			w.get("/accounts/home")
			path, form := "/accounts/home", url.Values(nil)
			if c.method == write {
				path, form = "/accounts/home/renew", w.form()
			}
			if got := w.ask(c.method, path, form, c.edit); got.status != c.status || strings.Contains(got.body, "abs.example.org") {
				t.Errorf("got %d, want %d\n%s", got.status, c.status, got.body)
			}
			if acts := d.done(); len(acts) != 0 {
				t.Errorf("it did %q", acts)
			}
			// The same request without the attack.
			if c.method == write {
				if got := w.ask(write, path, form, nil); got.status != http.StatusSeeOther || len(d.done()) != 1 {
					t.Errorf("the user's own click: %d, %q", got.status, d.done())
				}
			} else if got := w.get(path); got.status != http.StatusOK || !strings.Contains(got.body, "abs.example.org") {
				t.Errorf("the user's own page: %d", got.status)
			}
		})
	}
}

func body(text string) func(*http.Request) {
	return func(r *http.Request) {
		r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader(text)), int64(len(text)), nil
	}
}

// token reads the token from the form that the request would have sent.
func token(r *http.Request) string {
	b, _ := r.GetBody()
	text, _ := io.ReadAll(b)
	form, _ := url.ParseQuery(string(text))
	return form.Get("csrf")
}

// A token goes with one session only.
func TestTokenOfAnotherSession(t *testing.T) {
	d := newDouble(someAccount())
	mine, other := serve(t, d, nil), (*world)(nil)
	mine.get("/")
	other = &world{t: t, daemon: d, server: mine.server}
	other.get("/")
	if mine.cookie == other.cookie {
		t.Fatal("two browsers share a session")
	}
	mine.csrf = other.csrf
	if got := mine.ask(http.MethodPost, "/accounts/home/renew", mine.form(), nil); got.status != http.StatusForbidden {
		t.Errorf("got %d", got.status)
	}
}

// Another user of the machine gets nothing, with whatever they know.
func TestOtherUsers(t *testing.T) {
	d := newDouble(someAccount())
	w := serve(t, d, func(c *Config) {
		c.PeerOf = func(net.Conn) players.Peer { return players.Peer{UID: os.Getuid() + 1, Known: true} }
	})
	link, err := w.server.Link("")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/accounts/home", "/events", "/style.css", strings.TrimPrefix(link, w.server.origin)} {
		if got := w.get(path); got.status != http.StatusForbidden || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d, %v", path, got.status, got.header)
		}
	}
}

// Where the system does not tell the user, a link lets one browser in, once.
func TestOneTimeLink(t *testing.T) {
	d := newDouble(someAccount())
	w := serve(t, d, func(c *Config) { c.PeerOf = func(net.Conn) players.Peer { return players.Peer{} } })
	for _, path := range []string{"/", "/accounts/home", "/events", "/sign-in", "/enter", "/enter?link=", "/enter?link=x"} {
		if got := w.get(path); got.status != http.StatusForbidden || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%s without a link: %d", path, got.status)
		}
	}
	link, err := w.server.Link("home")
	if err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(link, w.server.origin)
	if got := w.ask(http.MethodHead, path, nil, nil); got.status != http.StatusMethodNotAllowed {
		t.Errorf("a browser that looks ahead: %d", got.status)
	}
	got := w.get(path)
	at, ok := strings.CutSuffix(got.header.Get("Location"), "/accounts/home")
	if got.status != http.StatusSeeOther || !ok || len(at) != 1+prefixLen {
		t.Fatalf("the link: %d to %q", got.status, got.header.Get("Location"))
	}
	cookie := got.header.Get("Set-Cookie")
	// Cookies ignore ports: a browser gives this one to no server that does not know
	// the path.
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=" + at + "/"} {
		if !strings.Contains(cookie, want) || strings.Contains(cookie, "Domain") {
			t.Errorf("cookie %q", cookie)
		}
	}
	if got := w.get("/accounts/home"); got.status != http.StatusForbidden {
		t.Errorf("with the cookie alone, as a server at another port may get it: %d", got.status)
	}
	if got := w.get("/" + strings.Repeat("A", prefixLen) + "/accounts/home"); got.status != http.StatusForbidden {
		t.Errorf("below another path: %d", got.status)
	}
	got = w.get(at + "/accounts/home")
	if got.status != http.StatusOK || strings.Contains(got.body, `="/accounts`) || !strings.Contains(got.body, `data-base="`+at+`"`) ||
		!strings.Contains(got.body, `action="`+at+`/accounts/home/renew"`) || !strings.Contains(got.body, `src="`+at+`/page.js?v=`) {
		t.Errorf("with the session: %d\n%s", got.status, got.body)
	}
	if got := w.get(at + "/style.css"); got.status != http.StatusOK {
		t.Errorf("its style: %d", got.status)
	}
	got = w.post(at + "/accounts/home/renew")
	if got.status != http.StatusSeeOther || got.header.Get("Location") != at+"/accounts/home?done=act.renewed" {
		t.Errorf("an act with the session: %d to %q", got.status, got.header.Get("Location"))
	}
	w.cookie = ""
	if got := w.get(at + "/accounts/home"); got.status != http.StatusForbidden {
		t.Errorf("with the path alone: %d", got.status)
	}
	w.cookie = ""
	if got := w.get(path); got.status != http.StatusForbidden {
		t.Errorf("the link a second time: %d", got.status)
	}
}

// Every answer, a refusal too, forbids what a page of ours is never used for.
func TestEveryAnswerIsHardened(t *testing.T) {
	w := serve(t, newDouble(someAccount()), nil)
	for _, path := range []string{"/", "/accounts/home", "/nothing", "/style.css", "/accounts/nobody", "/enter?link=x"} {
		got := w.get(path)
		csp := got.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
			"form-action 'self'"} {
			if !strings.Contains(csp, want) || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: policy %q lacks %s", path, csp, want)
			}
		}
		if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %v", path, got.header)
		}
		if strings.HasPrefix(got.header.Get("Content-Type"), "text/html") {
			if got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s may be kept: %v", path, got.header)
			}
			if strings.Contains(got.body, "style=") || strings.Contains(got.body, "<script>") || strings.Contains(got.body, " onclick") {
				t.Errorf("%s has a script or a style within:\n%s", path, got.body)
			}
		}
	}
}

// A browser that comes to 127.0.0.1 is led to the page's own name, and nowhere
// else.
func TestNumericHostLeadsHere(t *testing.T) {
	w := serve(t, newDouble(someAccount()), nil)
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		got := w.ask(http.MethodGet, "/accounts/home?x=%2f", nil, func(r *http.Request) { r.Host = host + ":" + r.URL.Port() })
		if got.status != http.StatusTemporaryRedirect || got.header.Get("Location") != w.server.origin+"/accounts/home?x=%2f" {
			t.Errorf("%s: %d to %q", host, got.status, got.header.Get("Location"))
		}
	}
	got := w.ask(http.MethodGet, "//evil.example/", nil, func(r *http.Request) {
		r.URL.Opaque, r.Host = "//evil.example/", "127.0.0.1:"+r.URL.Port()
	})
	if got.header.Get("Location") != "" && !strings.HasPrefix(got.header.Get("Location"), w.server.origin+"/") {
		t.Errorf("it leads to %q", got.header.Get("Location"))
	}
}

// A link leads to where the user goes on.
func TestPlacesOfLinks(t *testing.T) {
	w := serve(t, newDouble(someAccount()), nil)
	to := func(more string) string {
		t.Helper()
		link, err := w.server.Link("home")
		if err != nil {
			t.Fatal(err)
		}
		return w.get(strings.TrimPrefix(link, w.server.origin) + more).header.Get("Location")
	}
	if got := to(""); got != "/accounts/home" {
		t.Errorf("an account that is well: %s", got)
	}
	w.daemon.set(func() { w.daemon.accounts[0].Condition = health.SessionLost.ID })
	if got := to(""); got != "/accounts/home/sign-in" {
		t.Errorf("an account that only the user can mend: %s", got)
	}
	if got := to("&part=players"); got != "/players#came-home" {
		t.Errorf("its players: %s", got)
	}
}
