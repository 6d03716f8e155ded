package absfake

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake/oidcprovider"
)

const (
	appURI    = "audiobookshelf://oauth"
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // of RFC 7636, appendix B
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// signInWorld has OpenID switched on, with a provider of its own.
type signInWorld struct {
	*world
	provider *oidcprovider.Provider
	cookies  map[string]string
}

func newSignInWorld(t *testing.T, cfg Config, settings m) *signInWorld {
	const at = "http://provider.test/realm"
	p := oidcprovider.New(oidcprovider.Config{Issuer: at, ClientID: "abs", ClientSecret: "sek"})
	cfg.Outbound = p
	w := &signInWorld{world: newWorld(t, cfg), provider: p, cookies: map[string]string{}}
	body := m{
		"authActiveAuthMethods": []string{"local", "openid"}, "authOpenIDIssuerURL": at, "authOpenIDAuthorizationURL": at + "/authorize",
		"authOpenIDTokenURL": at + "/token", "authOpenIDUserInfoURL": at + "/userinfo", "authOpenIDJwksURL": at + "/jwks",
		"authOpenIDLogoutURL": at + "/logout", "authOpenIDClientID": "abs", "authOpenIDClientSecret": "sek",
		"authOpenIDSubfolderForRedirectURLs": "",
		"authOpenIDAutoRegister":             true,
	}
	for k, v := range settings {
		body[k] = v
	}
	token := w.demoToken()
	if r := w.do("PATCH", "/api/auth-settings", body, "Authorization", "Bearer "+token); r.json(t)["updated"] != true {
		t.Fatalf("settings: %d %q", r.status, r.body)
	}
	return w
}

// visit sends a GET with the cookies that came so far, and keeps new ones.
func (w *signInWorld) visit(path string) reply {
	var list []string
	for k, v := range w.cookies {
		list = append(list, k+"="+v)
	}
	r := w.do("GET", path, nil, "Cookie", strings.Join(list, "; "))
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		w.cookies[c.Name] = c.Value
	}
	return r
}

// approve is the browser at the provider; it returns where that leads, without
// the host.
func (w *signInWorld) approve(location string) string {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "GET", location, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.provider.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusFound {
		w.t.Fatalf("authorize: %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	to, ok := strings.CutPrefix(answer.Header.Get("Location"), "http://abs.test")
	if !ok {
		w.t.Fatalf("the provider leads to %q", answer.Header.Get("Location"))
	}
	return to
}

const start = "/auth/openid?response_type=code&redirect_uri=" + appURI + "&code_challenge=" + challenge +
	"&code_challenge_method=S256&state=s1"

func TestAppSignsInThroughOpenID(t *testing.T) {
	for _, f := range table {
		t.Run(string(f.release), func(t *testing.T) {
			w := newSignInWorld(t, Config{Release: f.release}, nil)
			back := w.approve(w.visit(start).header.Get("Location"))
			handed := w.do("GET", back, nil).header.Get("Location")
			u, err := url.Parse(handed)
			if err != nil || !strings.HasPrefix(handed, appURI+"?code=") || u.Query().Get("state") != "s1" {
				t.Fatalf("the app gets %q, %v", handed, err)
			}
			callback := "/auth/openid/callback?state=s1&code=" + u.Query().Get("code") + "&code_verifier="
			r := w.visit(callback + verifier)
			user, _ := r.json(t)["user"].(map[string]any)
			if r.status != 200 || user["username"] != "oidcuser" || user["hasOpenIDLink"] != true {
				t.Fatalf("%d %q", r.status, r.body)
			}
			token, _ := user["token"].(string)
			if f.jwtSessions {
				refresh, _ := user["refreshToken"].(string)
				if w.mustRefresh(refresh).access == "" {
					t.Error("the refresh token is good for nothing")
				}
				token, _ = user["accessToken"].(string)
			}
			if w.me(token) != 200 {
				t.Error("the token opens nothing")
			}
			if r := w.visit(callback + verifier); r.status != 400 || r.body != "No session" {
				t.Errorf("once more: %d %q", r.status, r.body)
			}
			if l := w.s.Ledger().Logins("oidcuser"); len(l) != 1 || !l[0].OpenID || w.s.Ledger().PasswordLogins("oidcuser") != 0 {
				t.Errorf("the ledger has %+v", l)
			}
		})
	}
}

func TestOpenIDRefusals(t *testing.T) {
	const failed, refused = "/login?error=Error%20in%20callback&autoLaunch=0", "/login?error=Unauthorized&autoLaunch=0"
	for _, c := range []struct {
		desc, callback, want string
		settings             m
	}{
		{"wrong verifier", "state=s1&code=CODE&code_verifier=wrong", failed, nil},
		{"another code", "state=s1&code=x&code_verifier=" + verifier, failed, nil},
		{"another state", "state=x&code=CODE&code_verifier=" + verifier, refused, nil},
		{"nobody known", "state=s1&code=CODE&code_verifier=" + verifier, refused, m{"authOpenIDAutoRegister": false}},
		{"another secret", "state=s1&code=CODE&code_verifier=" + verifier, failed, m{"authOpenIDClientSecret": "x"}},
		{"another issuer", "state=s1&code=CODE&code_verifier=" + verifier, failed, m{"authOpenIDIssuerURL": "http://other.test"}},
	} {
		t.Run(c.desc, func(t *testing.T) {
			w := newSignInWorld(t, Config{}, c.settings)
			u, err := url.Parse(w.approve(w.visit(start).header.Get("Location")))
			if err != nil {
				t.Fatal(err)
			}
			r := w.visit("/auth/openid/callback?" + strings.Replace(c.callback, "CODE", u.Query().Get("code"), 1))
			if r.status != 302 || r.header.Get("Location") != c.want {
				t.Errorf("%d %q %q", r.status, r.header.Get("Location"), r.body)
			}
		})
	}
	w := newSignInWorld(t, Config{}, nil)
	w.visit(start)
	w.s.Restart()
	if r := w.visit("/auth/openid/callback?state=s1&code=x&code_verifier=" + verifier); r.status != 400 || r.body != "No session" {
		t.Errorf("after a restart: %d %q", r.status, r.body)
	}
}

// A browser brings no challenge, and is led back with its tokens.
func TestBrowserSignsInThroughOpenID(t *testing.T) {
	w := newSignInWorld(t, Config{BasePath: "/abs"}, m{"authOpenIDSubfolderForRedirectURLs": "/abs"})
	r := w.visit("/auth/openid?callback=/abs/login")
	if w.cookies["auth_method"] != "openid" || w.cookies["auth_cb"] == "" {
		t.Fatalf("%d %q, cookies %v", r.status, r.body, w.cookies)
	}
	w.cookies["auth_cb"], _ = url.QueryUnescape(w.cookies["auth_cb"])
	r = w.visit(w.approve(r.header.Get("Location")))
	to, err := url.Parse(r.header.Get("Location"))
	if r.status != 302 || err != nil || to.Path != "/abs/login" || w.me(to.Query().Get("accessToken")) != 200 ||
		w.me(to.Query().Get("setToken")) != 200 {
		t.Fatalf("%d %q, %v", r.status, r.header.Get("Location"), err)
	}
	w.mustRefresh(w.cookies["refresh_token"])
	for _, callback := range []string{"http://other.test/abs/login", "//other.test/abs/", "/login", "http://abs.test:81/abs/"} {
		if r := w.visit("/auth/openid?callback=" + url.QueryEscape(callback)); r.status != 400 {
			t.Errorf("%s: %d", callback, r.status)
		}
	}
}
