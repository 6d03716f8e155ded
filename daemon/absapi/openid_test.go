package absapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/absfake/oidcprovider"
	"shelfkeeper/daemon/redact"
)

const (
	realm    = "http://provider.test/realm"
	loopback = "http://127.0.0.1:49152/callback"
)

func TestEachReleaseSignsInThroughOpenID(t *testing.T) {
	for _, r := range absfake.Releases() {
		for _, redirect := range []string{Scheme, loopback} {
			withProvider(t, absfake.Config{Release: r, BasePath: "/audiobookshelf"},
				absfake.OpenID{MatchBy: "username", Redirects: []string{"*"}}, func(t *testing.T, h house, p *oidcprovider.Provider) {
					flow := h.authorize(t, redirect)
					if flow.Callback != "http://abs.example/auth/openid/mobile-redirect" || flow.Unsaved() || flow.Redirect != redirect {
						t.Errorf("%s: %+v", r, flow)
					}
					back := h.visit(t, p, flow.URL, redirect)
					if back.Get("state") != flow.State {
						t.Fatalf("%s: %v", r, back)
					}
					in, err := h.Redeem(t.Context(), flow, redact.New(back.Get("code")))
					if err != nil || in.Username != "alice" || in.ServerVersion != string(r) {
						t.Fatalf("%s: %+v, %v", r, in, err)
					}
					bearer := in.Legacy
					if SupportsRefresh(string(r)) {
						if bearer = in.Pair.Access.Secret; in.Pair.Refresh.UserID != in.UserID {
							t.Errorf("%s: %+v", r, in)
						}
					} else if !in.Pair.Access.Secret.IsEmpty() {
						t.Errorf("%s has a pair", r)
					}
					if me, err := h.Me(t.Context(), bearer); err != nil || me.Username != "alice" {
						t.Errorf("%s: %+v, %v", r, me, err)
					}
					// The code and the flow work once.
					if _, err := h.Redeem(t.Context(), flow, redact.New(back.Get("code"))); VerdictOf(err) != FlowLost {
						t.Errorf("%s, once more: %v", r, err)
					}
					if got := p.Log(); got[0].Query["code_challenge_method"] != "S256" {
						t.Errorf("%s: the provider was asked %+v", r, got[0])
					}
				})
		}
	}
}

func TestOpenIDThatDoesNotBegin(t *testing.T) {
	for _, c := range []struct {
		desc     string
		openid   absfake.OpenID
		off      bool
		fault    absfake.Fault
		redirect string
		want     Verdict
	}{
		{"a redirect that is not allowed", absfake.OpenID{}, false, absfake.Fault{}, loopback, RedirectRefused},
		{"not even the app's", absfake.OpenID{Redirects: []string{}}, false, absfake.Fault{}, Scheme, RedirectRefused},
		{"not set up", absfake.OpenID{}, true, absfake.Fault{}, Scheme, OpenIDOff},
		{"a gateway's sign-in page", absfake.OpenID{}, false,
			absfake.Fault{Kind: absfake.Redirect,
				Location: "https://auth.example/?rd=http%3A%2F%2Fabs.example%2Fauth%2Fopenid%3Fstate%3Dx"}, Scheme, Temporary},
		{"a gateway that is itself a provider", absfake.OpenID{}, false,
			absfake.Fault{Kind: absfake.Redirect,
				Location: "https://auth.example/authorize?state=theirs&code_challenge=theirs" +
					"&redirect_uri=https%3A%2F%2Fauth.example%2Fback"},
			Scheme, Temporary},
		{"a redirect to a file", absfake.OpenID{}, false, absfake.Fault{Kind: absfake.Redirect, Location: "file:///etc/passwd"}, Scheme,
			Temporary},
		{"a portal", absfake.OpenID{}, false, absfake.Fault{Kind: absfake.Portal}, Scheme, Temporary},
		{"a gateway's 502", absfake.OpenID{}, false, absfake.Fault{Kind: absfake.Answer}, Scheme, Temporary},
		{"too many", absfake.OpenID{}, false, absfake.Fault{Kind: absfake.Answer, Status: 429}, Scheme, RateLimited},
	} {
		t.Run(c.desc, func(t *testing.T) {
			withProvider(t, absfake.Config{}, c.openid, func(t *testing.T, h house, _ *oidcprovider.Provider) {
				if c.off {
					h.server.SetOpenID(absfake.OpenID{})
				}
				if c.fault.Kind != "" {
					h.server.Inject(c.fault)
				}
				flow, _, err := h.Authorize(t.Context(), "2.36.0", c.redirect)
				if VerdictOf(err) != c.want || flow != nil {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		})
	}
}

func TestOpenIDThatDoesNotEnd(t *testing.T) {
	for _, c := range []struct {
		desc   string
		openid absfake.OpenID
		before func(house, *oidcprovider.Provider)
		change func(*Authorization, *string)
		fault  absfake.Fault
		want   Verdict
		says   string
	}{
		{"a stranger", absfake.OpenID{}, nil, nil, absfake.Fault{}, OpenIDRefused, "knows nobody of that name"},
		{"a disabled user", absfake.OpenID{MatchBy: "username"},
			func(h house, _ *oidcprovider.Provider) { _ = h.server.SetDisabled("alice", true) }, nil, absfake.Fault{}, OpenIDRefused,
			"`Unauthorized`"},
		{"another state", absfake.OpenID{MatchBy: "username"}, nil, func(a *Authorization, _ *string) { a.State = "x" }, absfake.Fault{},
			OpenIDRefused, "`Unauthorized`"},
		{"another verifier", absfake.OpenID{MatchBy: "username"}, nil, func(a *Authorization, _ *string) { a.verifier = redact.New("x") },
			absfake.Fault{}, OpenIDFailed, "`Error in callback`"},
		{"another code", absfake.OpenID{MatchBy: "username"}, nil, func(_ *Authorization, code *string) { *code = "x" }, absfake.Fault{},
			OpenIDFailed, "`Error in callback`"},
		{"a restart in between", absfake.OpenID{MatchBy: "username"}, func(h house, _ *oidcprovider.Provider) { h.server.Restart() }, nil,
			absfake.Fault{}, FlowLost, "`No session`"},
		{"cookies that are lost", absfake.OpenID{MatchBy: "username"}, nil, func(a *Authorization, _ *string) { a.cookies = noCookies{} },
			absfake.Fault{}, FlowLost, "`No session`"},
		{"one cookie that is lost", absfake.OpenID{MatchBy: "username"}, nil,
			func(a *Authorization, _ *string) { a.cookies = without{a.cookies, "auth_method"} }, absfake.Fault{}, HeaderEaten,
			"a cookie of the sign-in"},
		{"an answer that is lost", absfake.OpenID{MatchBy: "username"}, nil, nil,
			absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/openid/callback"}, Temporary, ""},
		{"a gateway's login page", absfake.OpenID{MatchBy: "username"}, nil, nil,
			absfake.Fault{Kind: absfake.Redirect, Path: "/auth/openid/callback",
				Location: "https://auth.example/login?error=x&autoLaunch=0"}, Temporary, ""},
		{"a portal", absfake.OpenID{MatchBy: "username"}, nil, nil, absfake.Fault{Kind: absfake.Portal, Path: "/auth/openid/callback"},
			Temporary, ""},
	} {
		t.Run(c.desc, func(t *testing.T) {
			withProvider(t, absfake.Config{}, c.openid, func(t *testing.T, h house, p *oidcprovider.Provider) {
				flow := h.authorize(t, Scheme)
				code := h.visit(t, p, flow.URL, Scheme).Get("code")
				if c.before != nil {
					c.before(h, p)
				}
				if c.change != nil {
					c.change(flow, &code)
				}
				if c.fault.Kind != "" {
					h.server.Inject(c.fault)
				}
				in, err := h.Redeem(t.Context(), flow, redact.New(code))
				if VerdictOf(err) != c.want || !strings.Contains(err.Error(), c.says) || in.UserID != "" {
					t.Errorf("%+v, %v, want %v", in, err, c.want)
				}
			})
		})
	}
}

// What is shown to a person and opened in a browser is the provider's page and
// nothing else.
func TestProviderPage(t *testing.T) {
	sent := url.Values{"state": {"s"}, "code_challenge": {"c"}}
	const good = "?state=s&code_challenge=c&redirect_uri=https%3A%2F%2Fabs.example%2Fauth%2Fopenid%2Fmobile-redirect"
	for location, ok := range map[string]bool{
		"https://id.example/authorize" + good:              true,
		"http://192.168.1.2:9000/o/a/" + good + "&nonce=x": true,
		"https://id.example/\u009b2J" + good:               false, // steers a terminal
		"https://id.example/a b" + good:                    false,
		"https://user:pw@id.example/" + good:               false,
		"file:///etc/passwd" + good:                        false,
		"ssh://id.example/" + good:                         false,
		"/authorize" + good:                                false,
		"":                                                 false,
		"https://id.example/" + strings.Replace(good, "state=s", "state=x", 1):          false, // a gateway's own
		"https://id.example/" + strings.Replace(good, "code_challenge=c", "", 1):        false,
		"https://id.example/" + strings.Replace(good, "mobile-redirect", "callback", 1): false,
	} {
		got, _ := provider(reply{header: http.Header{"Location": {location}}}, sent)
		if ok && got != location || !ok && got != "" {
			t.Errorf("%q: %q", location, got)
		}
	}
}

// Without the cookie that tells of an app the server begins a session for a
// browser: it is ended, since nobody would know of it.
func TestStraySessionIsEnded(t *testing.T) {
	withProvider(t, absfake.Config{}, absfake.OpenID{MatchBy: "username"}, func(t *testing.T, h house, p *oidcprovider.Provider) {
		flow := h.authorize(t, Scheme)
		code := h.visit(t, p, flow.URL, Scheme).Get("code")
		flow.cookies = without{flow.cookies, "auth_method"}
		if _, err := h.Redeem(t.Context(), flow, redact.New(code)); VerdictOf(err) != HeaderEaten {
			t.Fatal(err)
		}
		begun := h.server.Ledger().Logins("alice")
		ended := h.server.Ledger().Count(func(e absfake.Entry) bool {
			return e.Path == "/logout" && len(begun) == 1 && e.Refresh == begun[0].Refresh
		})
		if ended != 1 {
			t.Errorf("%d of %+v were ended", ended, begun)
		}
	})
}

// A provider that says no sends nothing back but the state.
func TestDenialHasNoCode(t *testing.T) {
	withProvider(t, absfake.Config{}, absfake.OpenID{}, func(t *testing.T, h house, p *oidcprovider.Provider) {
		p.Deny(true)
		flow := h.authorize(t, Scheme)
		if back := h.visit(t, p, flow.URL, Scheme); back.Get("code") != "undefined" || back.Get("state") != flow.State {
			t.Errorf("%v", back)
		}
	})
}

func TestSubfolderThatWasNeverSaved(t *testing.T) {
	withProvider(t, absfake.Config{}, absfake.OpenID{NoSubfolder: true}, func(t *testing.T, h house, _ *oidcprovider.Provider) {
		if flow := h.authorize(t, Scheme); !flow.Unsaved() {
			t.Errorf("%+v", flow)
		}
	})
}

// The server tells nobody apart who asks for two authorizations at once.
func TestAuthorizationsAreUnlike(t *testing.T) {
	withProvider(t, absfake.Config{}, absfake.OpenID{}, func(t *testing.T, h house, _ *oidcprovider.Provider) {
		a, b := h.authorize(t, Scheme), h.authorize(t, Scheme)
		if a.State == b.State || a.verifier == b.verifier || len(a.State) < 26 || len(a.verifier.Reveal()) < 43 {
			t.Errorf("%+v, %+v", a, b)
		}
	})
}

func TestLoginLegacy(t *testing.T) {
	inHouse(t, absfake.Config{Release: absfake.R2251}, func(t *testing.T, h house) {
		in, err := h.LoginLegacy(t.Context(), "alice", redact.New("a"))
		if err != nil || in.Username != "alice" || !in.Pair.Refresh.Secret.IsEmpty() || in.ServerVersion != "2.25.1" {
			t.Fatalf("%+v, %v", in, err)
		}
		if me, err := h.Me(t.Context(), in.Legacy); err != nil || me.UserID != in.UserID {
			t.Errorf("%+v, %v", me, err)
		}
		if _, err := h.LoginLegacy(t.Context(), "alice", redact.New("b")); VerdictOf(err) != PasswordRejected {
			t.Errorf("another password: %v", err)
		}
		if _, err := h.Login(t.Context(), "alice", redact.New("a")); VerdictOf(err) != MissingRefreshToken {
			t.Errorf("as on a newer server: %v", err)
		}
		h.server.Inject(absfake.Fault{Kind: absfake.Portal, After: time.Second})
		if _, err := h.LoginLegacy(t.Context(), "alice", redact.New("a")); err == nil {
			t.Error("a portal's page was taken for an answer")
		}
	})
}
