package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
)

// localWorld is a proxy before the double of a real server, with the grants
// of a real store.
type localWorld struct {
	world
	fake       *absfake.Server
	session    *liveTokens
	grants     *players.Grants
	identities *players.Identities
	known      map[string]string // user name to password: what Knows says
	locked     atomic.Bool       // the key of local tokens cannot be had
}

func newLocalWorld(t *testing.T, cfg absfake.Config, change ...func(*Config)) *localWorld {
	t.Helper()
	cfg.LimiterMax = -1
	if cfg.Large == 0 {
		cfg.Large = 1 << 20
	}
	fake, err := absfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close() })
	transport := &http.Transport{DialContext: fake.Listen().DialContext, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	w := &localWorld{fake: fake, session: signedIn(t, fake), known: map[string]string{"demo": "demo"}}
	w.t = t
	if w.grants, err = players.OpenGrants(filepath.Join(t.TempDir(), "grants.json")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.grants.Close(); err != nil {
			t.Error(err)
		}
	})
	key := []byte(strings.Repeat("k", 32))
	keys := func(context.Context) ([]byte, error) {
		if w.locked.Load() {
			return nil, errors.New("the keychain is locked")
		}
		return key, nil
	}
	w.identities = w.grants.Of("home", keys, func() (string, string) { return w.session.userID, "demo" })
	c := Config{
		Base: &url.URL{Scheme: "http", Host: "abs.example", Path: cfg.BasePath}, Transport: transport,
		Tokens: w.session, Grants: w.identities, OwnUID: 4711, PeerOf: me, Identity: w.session.identity, Hold: -1,
		Account: Account{Name: "home", SignIns: w.identities, Knows: func(name, password string) bool {
			return w.known[name] != "" && w.known[name] == password
		}},
	}
	for _, f := range change {
		f(&c)
	}
	w.server, w.addr = start(t, c)
	return w
}

// grant makes a grant and returns its secret.
func (w *localWorld) grant(scope players.Scope) string {
	w.t.Helper()
	secret, err := w.grants.Add("home", string(scope)+" player", scope)
	if err != nil {
		w.t.Fatal(err)
	}
	return secret.Reveal()
}

// clean fails when a token of the server's is in a.
func (w *localWorld) clean(a answer) {
	w.t.Helper()
	var head strings.Builder
	_ = a.Header.Write(&head)
	for _, token := range w.session.all() {
		if strings.Contains(head.String()+a.body, token.Reveal()) {
			w.t.Error("a real token came through")
		}
	}
}

// post sends a body as JSON, or as a form where it does not begin with {.
func (w *localWorld) post(path, body string, header ...string) answer {
	w.t.Helper()
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	a := w.send("POST", path, strings.NewReader(body), append([]string{"Content-Type", kind}, header...)...)
	w.clean(a)
	return a
}

type signedInUser struct {
	User struct {
		ID, Username, Token, AccessToken string
		RefreshToken                     *string
		IsOldToken                       *bool
	}
	UserDefaultLibraryID string
	ServerSettings       map[string]any
	Source               string
}

func userIn(t *testing.T, a answer) signedInUser {
	t.Helper()
	var u signedInUser
	if err := json.Unmarshal([]byte(a.body), &u); err != nil || a.StatusCode != 200 || u.User.AccessToken == "" {
		t.Fatalf("%s: %v: %s", a.Status, err, a.body)
	}
	return u
}

// shape returns a JSON document with its strings of tokens and its times
// blanked, so that two answers can be compared.
func shape(t *testing.T, body string) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	user, _ := doc["user"].(map[string]any)
	for _, name := range []string{"token", "accessToken", "refreshToken"} {
		if s, ok := user[name].(string); ok && strings.Count(s, ".") == 2 {
			user[name] = "a token"
		}
	}
	delete(user, "lastSeen")
	return doc
}

// direct asks the double itself.
func (w *localWorld) direct(method, path, body string, header ...string) answer {
	w.t.Helper()
	r, err := http.NewRequest(method, "http://abs.example"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{DialContext: w.fake.Listen().DialContext, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return answer{resp, string(raw), err}
}
