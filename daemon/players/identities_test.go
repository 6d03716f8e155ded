package players

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

var testKey = []byte("0123456789abcdef0123456789abcdef")

func goodKey(context.Context) ([]byte, error) { return testKey, nil }

func testUser() (string, string) { return "u1", "demo" }

func office(t *testing.T) (*Grants, *Identities) {
	t.Helper()
	g := open(t, filepath.Join(t.TempDir(), "grants.json"))
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g, g.Of("home", goodKey, testUser)
}

func decode(t *testing.T, token string) (c map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %q", token)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The life of a grant's tokens: each step depends on the one before, so they stand in
// one test.
func TestTokensOfAGrant(t *testing.T) {
	ctx := t.Context()
	g, of := office(t)
	secret := must(t)(g.Add("home", "mpv", ScopeFull))
	byGrant, err := of.Caller(ctx, secret)
	if err != nil {
		t.Fatal(err)
	}
	in, pair, err := of.SignIn(ctx, byGrant, "")
	if err != nil {
		t.Fatal(err)
	}
	user := of.Token(ctx, byGrant)
	if user != of.Token(ctx, in) {
		t.Error("the user token changes: so would every answer")
	}

	// The claims are those that players of the server look at.
	for token, kind := range map[string]any{pair.Access: "access", pair.Refresh: "refresh", user: nil} {
		c := decode(t, token)
		if c["userId"] != "u1" || c["username"] != "demo" || c["type"] != kind || c["iat"] == nil || (c["exp"] == nil) != (kind == nil) {
			t.Errorf("%v token: %v", kind, c)
		}
		if !strings.HasPrefix(token, base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))+".") {
			t.Errorf("%v token begins %q", kind, token[:40])
		}
	}
	for _, token := range []string{pair.Access, user} {
		if c, err := of.Caller(ctx, token); err != nil || c.Grant != byGrant.Grant || c.Scope != ScopeFull {
			t.Errorf("%+v, %v", c, err)
		}
		if _, _, err := of.Refresh(ctx, token); !errors.Is(err, ErrTokenKind) {
			t.Errorf("it refreshes: %v", err)
		}
	}
	if _, err := of.Caller(ctx, pair.Refresh); !errors.Is(err, ErrNoGrant) {
		t.Errorf("a refresh token as bearer: %v", err)
	}
	c, next, err := of.Refresh(ctx, pair.Refresh)
	if err != nil || c != in || next == pair || next.Access == "" || next.Refresh == "" {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, _, err := of.Refresh(ctx, pair.Refresh); err != nil {
		t.Errorf("whose answer was lost is signed out: %v", err)
	}

	// Another account's identities know none of it.
	work := g.Of("work", goodKey, testUser)
	for _, token := range []string{secret, pair.Access, user} {
		if _, err := work.Caller(ctx, token); !errors.Is(err, ErrNoGrant) {
			t.Errorf("it passes for another account: %v", err)
		}
	}

	// The sign-in ends, the grant stays; then the grant.
	if err := of.SignOut(in); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{pair.Access, next.Access} {
		if _, err := of.Caller(ctx, token); !errors.Is(err, ErrNoGrant) {
			t.Errorf("after signing out: %v", err)
		}
	}
	if _, _, err := of.Refresh(ctx, next.Refresh); !errors.Is(err, ErrNoGrant) {
		t.Errorf("after signing out it refreshes: %v", err)
	}
	if !of.Alive(byGrant) || of.Alive(in) {
		t.Error("signing out ends the sign-in only")
	}
	if _, err := open(t, g.path).Of("home", goodKey, testUser).Caller(ctx, pair.Access); !errors.Is(err, ErrNoGrant) {
		t.Errorf("signed in again by a restart: %v", err)
	}
	if err := g.Revoke("home", "mpv"); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{secret, user} {
		if _, err := of.Caller(ctx, token); !errors.Is(err, ErrNoGrant) {
			t.Errorf("after revoking: %v", err)
		}
	}
	if of.Alive(byGrant) || of.Token(ctx, byGrant) != "" {
		t.Error("the grant is revoked")
	}
}

// While the key cannot be had, tokens are neither good nor bad; secrets are.
func TestWithoutKey(t *testing.T) {
	ctx := t.Context()
	g, good := office(t)
	secret := must(t)(g.Add("home", "mpv", ScopeListen))
	c, err := good.Caller(ctx, secret)
	if err != nil {
		t.Fatal(err)
	}
	_, pair, err := good.SignIn(ctx, c, "")
	if err != nil {
		t.Fatal(err)
	}
	locked := errors.New("locked")
	asked := 0
	of := g.Of("home", func(context.Context) ([]byte, error) {
		if asked++; asked <= 4 {
			return nil, locked
		}
		return testKey, nil
	}, testUser)
	if _, err := of.Caller(ctx, secret); err != nil || asked != 0 {
		t.Errorf("a secret needs the key: %v", err)
	}
	if _, err := of.Caller(ctx, pair.Access); !errors.Is(err, locked) || errors.Is(err, ErrNoGrant) {
		t.Errorf("%v", err)
	}
	if _, _, err := of.Refresh(ctx, pair.Refresh); !errors.Is(err, locked) || errors.Is(err, ErrNoGrant) {
		t.Errorf("%v", err)
	}
	if of.Token(ctx, c) != "" {
		t.Error("a token without a key")
	}
	if _, _, err := of.SignIn(ctx, Caller{Scope: ScopeFull}, "page"); !errors.Is(err, locked) || len(g.List("home")) != 1 {
		t.Errorf("%v, %+v", err, g.List("home"))
	}
	for range 3 {
		if _, err := of.Caller(ctx, pair.Access); err != nil {
			t.Error(err)
		}
	}
	if asked != 5 {
		t.Errorf("asked %d times", asked)
	}
	short := g.Of("home", func(context.Context) ([]byte, error) { return []byte("short"), nil }, testUser)
	if _, err := short.Caller(ctx, pair.Access); err == nil || errors.Is(err, ErrNoGrant) {
		t.Errorf("a short key: %v", err)
	}
}

// Forged tokens: each is what somebody might hope to pass.
func TestForgedTokens(t *testing.T) {
	ctx := t.Context()
	g, of := office(t)
	c, err := of.Caller(ctx, must(t)(g.Add("home", "mpv", ScopeAdmin)))
	if err != nil {
		t.Fatal(err)
	}
	say := claims{UserID: "u1", Username: "demo", Type: AccessToken, Grant: c.Grant, Issued: 1}
	with := func(method jwt.SigningMethod, key any, c claims) string {
		s, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := with(jwt.SigningMethodHS256, testKey, say)
	if _, err := of.Caller(ctx, good); err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(good, ".")
	body, sig, _ := strings.Cut(rest, ".")
	other, gone, ofRefresh := say, say, say
	other.Type, gone.Grant, ofRefresh.Type = "api", "0123456789abcdef", RefreshToken
	for desc, token := range map[string]string{
		"none":               with(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, say),
		"HS512":              with(jwt.SigningMethodHS512, testKey, say),
		"another key":        with(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), say),
		"empty key":          with(jwt.SigningMethodHS256, []byte{}, say),
		"no signature":       head + "." + body + ".",
		"cut":                good[:len(good)-1],
		"longer":             good + "A",
		"another body":       head + "." + strings.TrimSuffix(body, body[len(body)-4:]) + "AAAA." + sig,
		"another kind":       with(jwt.SigningMethodHS256, testKey, other),
		"a grant long gone":  with(jwt.SigningMethodHS256, testKey, gone),
		"a refresh token":    with(jwt.SigningMethodHS256, testKey, ofRefresh),
		"no grant":           with(jwt.SigningMethodHS256, testKey, claims{UserID: "u1", Type: AccessToken}),
		"padding":            good + "=",
		"space":              good + " ",
		"huge":               good + strings.Repeat("A", 1<<20),
		"four parts":         good + ".A",
		"secret's beginning": "sk_",
		"huge secret":        "sk_" + strings.Repeat("A", 1<<20),
		"NUL":                "\x00",
	} {
		if got, err := of.Caller(ctx, token); !errors.Is(err, ErrNoGrant) || got != (Caller{}) {
			t.Errorf("%s: %+v, %v", desc, got, err)
		}
	}
}

func FuzzCaller(f *testing.F) {
	g, err := OpenGrants(filepath.Join(f.TempDir(), "grants.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = g.Close() })
	of := g.Of("home", goodKey, testUser)
	secret, err := g.Add("home", "mpv", ScopeListen)
	if err != nil {
		f.Fatal(err)
	}
	c, err := of.Caller(f.Context(), secret.Reveal())
	if err != nil {
		f.Fatal(err)
	}
	_, pair, err := of.SignIn(f.Context(), c, "")
	if err != nil {
		f.Fatal(err)
	}
	good := []string{secret.Reveal(), pair.Access, pair.Refresh, of.Token(f.Context(), c)}
	for _, s := range good {
		f.Add(s)
		f.Add(s + "A")
		f.Add(s[:len(s)-1])
	}
	f.Add("eyJhbGciOiJub25lIn0.eyJnaWQiOiJ4In0.")
	f.Add("ey..")
	f.Fuzz(func(t *testing.T, presented string) {
		for i, check := range []func(context.Context, string) (Caller, error){of.Caller, func(ctx context.Context, s string) (Caller, error) {
			c, _, err := of.Refresh(ctx, s)
			return c, err
		}} {
			c, err := check(t.Context(), presented)
			ours := presented == good[0] || presented == good[1] || presented == good[3]
			if i == 1 {
				ours = presented == good[2]
			}
			switch {
			case ours != (err == nil):
				t.Errorf("%q: %+v, %v", presented, c, err)
			case err != nil && !errors.Is(err, ErrNoGrant) && !errors.Is(err, ErrTokenKind):
				t.Errorf("%q: %v", presented, err)
			case err != nil && c != (Caller{}):
				t.Errorf("%q: %+v with %v", presented, c, err)
			}
		}
	})
}
