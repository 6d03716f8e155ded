package proxytest

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
	"shelfkeeper/daemon/proxy"
)

// LocalWorld is a proxy before the double of a real server, with the grants
// of a real store.
type LocalWorld struct {
	World
	Fake       *absfake.Server
	Session    *LiveTokens
	Store      *players.Grants
	Identities *players.Identities
	Passwords  map[string]string // user name to password: what Knows says
	Locked     atomic.Bool       // the key of local tokens cannot be had
}

func NewLocalWorld(t *testing.T, cfg absfake.Config, change ...func(*proxy.Config)) *LocalWorld {
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
	w := &LocalWorld{Fake: fake, Session: SignedIn(t, fake), Passwords: map[string]string{"demo": "demo"}}
	w.T = t
	if w.Store, err = players.OpenGrants(filepath.Join(t.TempDir(), "grants.json")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	key := []byte(strings.Repeat("k", 32))
	keys := func(context.Context) ([]byte, error) {
		if w.Locked.Load() {
			return nil, errors.New("the keychain is locked")
		}
		return key, nil
	}
	w.Identities = w.Store.Of("home", keys, func() (string, string) { return w.Session.UserID, "demo" })
	c := proxy.Config{
		Base: &url.URL{Scheme: "http", Host: "abs.example", Path: cfg.BasePath}, Transport: transport,
		Tokens: w.Session, Grants: w.Identities, OwnUID: 4711, PeerOf: Me, Identity: w.Session.Identity, Hold: -1,
		Account: proxy.Account{Name: "home", SignIns: w.Identities, Knows: func(name, password string) bool {
			return w.Passwords[name] != "" && w.Passwords[name] == password
		}},
	}
	for _, f := range change {
		f(&c)
	}
	w.Config = c
	w.Server, w.Addr = Start(t, c)
	return w
}

// NewGrant makes a grant and returns its secret.
func (w *LocalWorld) NewGrant(scope players.Scope) string {
	w.T.Helper()
	secret, err := w.Store.Add("home", string(scope)+" player", scope)
	if err != nil {
		w.T.Fatal(err)
	}
	return secret.Reveal()
}

// Clean fails when a token of the server's is in a.
func (w *LocalWorld) Clean(a Answer) {
	w.T.Helper()
	var head strings.Builder
	_ = a.Header.Write(&head)
	for _, token := range w.Session.All() {
		if strings.Contains(head.String()+a.Text, token.Reveal()) {
			w.T.Error("a real token came through")
		}
	}
}

// Post sends a body as JSON, or as a form where it does not begin with {.
func (w *LocalWorld) Post(path, body string, header ...string) Answer {
	w.T.Helper()
	kind := "application/x-www-form-urlencoded"
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	a := w.Send("POST", path, strings.NewReader(body), append([]string{"Content-Type", kind}, header...)...)
	w.Clean(a)
	return a
}

type SignedInUser struct {
	User struct {
		ID, Username, Token, AccessToken string
		RefreshToken                     *string
		IsOldToken                       *bool
	}
	UserDefaultLibraryID string
	ServerSettings       map[string]any
	Source               string
}

func UserIn(t *testing.T, a Answer) SignedInUser {
	t.Helper()
	var u SignedInUser
	if err := json.Unmarshal([]byte(a.Text), &u); err != nil || a.StatusCode != 200 || u.User.AccessToken == "" {
		t.Fatalf("%s: %v: %s", a.Status, err, a.Text)
	}
	return u
}

// Direct asks the double itself.
func (w *LocalWorld) Direct(method, path, body string, header ...string) Answer {
	w.T.Helper()
	r, err := http.NewRequest(method, "http://abs.example"+path, strings.NewReader(body))
	if err != nil {
		w.T.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{DialContext: w.Fake.Listen().DialContext, DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return Answer{resp, string(raw), err}
}
