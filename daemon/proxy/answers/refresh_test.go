package answers_test

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// A browser's way: the refresh token in a cookie of our own name, out of reach
// of scripts and of pages elsewhere.
func TestCookieFlow(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{BasePath: "/audiobookshelf"})
	secret := w.NewGrant(players.ScopeFull)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Jar: jar}
	ask := func(path, body string) proxytest.Answer {
		t.Helper()
		resp, err := client.Post("http://"+w.Addr+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		a := proxytest.Answer{Response: resp, Text: string(raw), Err: err}
		w.Clean(a)
		return a
	}
	a := ask("/login", `{"username":"demo","password":"`+secret+`"}`)
	cookies := a.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode ||
		!strings.HasPrefix(cookies[0].Name, "shelfkeeper_") || cookies[0].MaxAge <= 0 {
		t.Fatalf("cookies %v", cookies)
	}
	if proxytest.UserIn(t, a).User.RefreshToken != nil {
		t.Error("the refresh token is in the body too")
	}
	u := proxytest.UserIn(t, ask("/audiobookshelf/auth/refresh", ""))
	if u.User.RefreshToken != nil {
		t.Error("the refresh token is in the body")
	}
	cookie := cookies[0].Name + "=" + cookies[0].Value
	for desc, c := range map[string]struct {
		header []string
		status int
		body   string
	}{
		"a bad header beats a good cookie": {[]string{"Cookie", cookie, "x-refresh-token", "x"}, 401, `{"error":"Invalid refresh token"}`},
		"an access token":                  {[]string{"x-refresh-token", u.User.AccessToken}, 401, `{"error":"Invalid token type"}`},
		"the secret":                       {[]string{"x-refresh-token", secret}, 401, `{"error":"Invalid refresh token"}`},
		"the real server's cookie name": {[]string{"Cookie", "refresh_token=" + cookies[0].Value}, 401,
			`{"error":"No refresh token provided"}`},
		"nothing":                      {nil, 401, `{"error":"No refresh token provided"}`},
		"a cookie that a page planted": {[]string{"Cookie", cookies[0].Name + "=planted"}, 401, `{"error":"Invalid refresh token"}`},
		"a planted cookie beside the web client's own token": {[]string{"Cookie", cookies[0].Name + "=planted", "Authorization",
			"Bearer " + u.User.AccessToken}, 200, ""},
		"a user token, which is of no sign-in": {[]string{"Authorization", "Bearer " + u.User.Token}, 401,
			`{"error":"No refresh token provided"}`},
		"a cookie as bearer": {[]string{"Cookie", cookie}, 200, ""},
	} {
		a := w.Post("/auth/refresh", "", c.header...)
		if a.StatusCode != c.status || c.body != "" && a.Text != c.body {
			t.Errorf("%s: %s %s", desc, a.Status, a.Text)
		}
	}
	if a := w.Do("GET", "/api/users/online", "Cookie", cookie); a.StatusCode != 403 {
		t.Errorf("the cookie gives a scope: %s", a.Status)
	}
	a = ask("/logout", "")
	if a.StatusCode != 200 || a.Text != `{"redirect_url":null}` || len(jar.Cookies(&url.URL{Scheme: "http", Host: w.Addr})) != 0 {
		t.Errorf("%s %s %v", a.Status, a.Text, a.Cookies())
	}
	if a := w.Post("/auth/refresh", "", "Cookie", cookie); a.StatusCode != 401 {
		t.Errorf("after signing out: %s", a.Status)
	}
	if a := w.Do("GET", "/api/me", "Authorization", "Bearer "+u.User.AccessToken); a.StatusCode != 401 {
		t.Errorf("after signing out: %s", a.Status)
	}
	proxytest.UserIn(t, w.Post("/login", `{"username":"demo","password":"`+secret+`"}`)) // the grant lives
	if n := w.Fake.Ledger().Count(func(e absfake.Entry) bool { return strings.HasPrefix(e.Path, "/logout") }); n != 0 {
		t.Error("the server was told")
	}
}

// Whoever got hold of the cookie, by listening on another port of this host,
// cannot use it as another user.
func TestCookieOfAnotherUser(t *testing.T) {
	var uid atomic.Int64
	uid.Store(4711)
	w := proxytest.NewLocalWorld(t, absfake.Config{}, func(c *proxy.Config) {
		c.PeerOf = func(net.Conn) players.Peer { return players.Peer{UID: int(uid.Load()), Known: true} }
	})
	a := w.Post("/login", `{"username":"demo","password":"demo"}`)
	cookie := a.Cookies()[0].Name + "=" + a.Cookies()[0].Value
	uid.Store(1000)
	if a := w.Post("/auth/refresh", "", "Cookie", cookie); a.StatusCode != 401 || a.Text != `{"error":"No refresh token provided"}` {
		t.Errorf("%s %s", a.Status, a.Text)
	}
	if a := w.Post("/logout", "", "Cookie", cookie); a.StatusCode != 200 {
		t.Errorf("%s", a.Status)
	}
	uid.Store(4711)
	if a := w.Post("/auth/refresh", "", "Cookie", cookie); a.StatusCode != 200 {
		t.Errorf("another user signed us out: %s", a.Status)
	}
}

// In a temporary failure a living token is never refused: it is answered from what the
// server said last, and 503 where it never said anything.
func TestRefreshInATemporaryFailure(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{})
	secret := w.NewGrant(players.ScopeListen)
	in := proxytest.UserIn(t, w.Post("/login", `{"username":"demo","password":"`+secret+`"}`, "x-return-tokens", "true"))
	refresh := *in.User.RefreshToken
	for desc, f := range map[string]absfake.Fault{
		"a gateway":       {Kind: absfake.Answer, Status: 502},
		"a portal":        {Kind: absfake.Portal},
		"no connection":   {Kind: absfake.Refuse},
		"it broke off":    {Kind: absfake.CutBytes, Bytes: 100},
		"a gateway's 401": {Kind: absfake.Answer, Status: 401, Body: "no", ContentType: "text/html"},
		"moved":           {Kind: absfake.Redirect, Location: "https://portal.example/"},
	} {
		remove := w.Fake.Inject(f)
		a := w.Post("/auth/refresh", "", "x-refresh-token", refresh)
		u := proxytest.UserIn(t, a)
		if u.User.Username != "demo" || u.User.Token != in.User.Token || u.User.AccessToken == in.User.AccessToken || u.ServerSettings == nil {
			t.Errorf("%s: %s", desc, a.Text)
		}
		remove()
	}
	fresh := proxytest.NewLocalWorld(t, absfake.Config{})
	secret = fresh.NewGrant(players.ScopeListen)
	c, err := fresh.Identities.Caller(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	_, pair, err := fresh.Identities.SignIn(t.Context(), c, "")
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: 502})()
	for _, a := range []proxytest.Answer{
		fresh.Post("/auth/refresh", "", "x-refresh-token", pair.Refresh),
		fresh.Post("/login", `{"username":"demo","password":"`+secret+`"}`),
	} {
		if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s", a.Status, a.Text)
		}
	}
}

// A locked keychain is no reason to refuse a token, nor to believe one.
func TestTokensWhileTheKeychainIsLocked(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{})
	w.Locked.Store(true)
	forged := proxytest.JWT(`{"userId":"u1","username":"demo","type":"access","gid":"0123456789abcdef","iat":1}`)
	for _, a := range []proxytest.Answer{
		w.Do("GET", "/api/me", "Authorization", "Bearer "+forged),
		w.Post("/auth/refresh", "", "x-refresh-token", forged),
		w.Post("/login", `{"username":"demo","password":"demo"}`),
	} {
		if a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s", a.Status, a.Text)
		}
	}
	if a := w.Do("GET", "/api/me", "Authorization", "Bearer "+w.NewGrant(players.ScopeListen)); a.StatusCode != 200 {
		t.Errorf("a secret needs no key: %s", a.Status)
	}
	w.Locked.Store(false)
	if a := w.Do("GET", "/api/me", "Authorization", "Bearer "+forged); a.StatusCode != 401 {
		t.Errorf("%s", a.Status)
	}
}
