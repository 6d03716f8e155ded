package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"
)

// liveTokens is a session that signs in with the password when suspected.
type liveTokens struct {
	login  func() (access string, all []redact.Secret)
	userID string

	mu    sync.Mutex
	token redact.Secret
	known []redact.Secret
}

func (l *liveTokens) Token(context.Context) (redact.Secret, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.token, nil
}

func (l *liveTokens) Suspect(_ context.Context, refused redact.Secret) (redact.Secret, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if refused == l.token {
		access, all := l.login()
		l.token, l.known = redact.New(access), append(l.known, all...)
	}
	return l.token, nil
}

// all returns every token there ever was.
func (l *liveTokens) all() []redact.Secret {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]redact.Secret(nil), l.known...)
}

func (l *liveTokens) identity() (string, []redact.Secret) { return l.userID, l.all() }

// signedIn is a session with the double.
func signedIn(t *testing.T, fake *absfake.Server) *liveTokens {
	t.Helper()
	session := &liveTokens{}
	session.login = func() (string, []redact.Secret) {
		rec := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/login", strings.NewReader(`{"username":"demo","password":"demo"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("x-return-tokens", "true")
		fake.Handler().ServeHTTP(rec, r)
		var in struct {
			User struct{ ID, Token, AccessToken, RefreshToken string }
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &in); err != nil || in.User.AccessToken == "" {
			t.Errorf("login: %d %s", rec.Code, rec.Body)
		}
		session.userID = in.User.ID
		return in.User.AccessToken, []redact.Secret{redact.New(in.User.Token), redact.New(in.User.AccessToken), redact.New(in.User.RefreshToken)}
	}
	if _, err := session.Suspect(context.Background(), redact.Secret{}); err != nil {
		t.Fatal(err)
	}
	return session
}

// Against the double of the real server, in memory on both sides: every
// release, with and without base path.
func TestWithAudiobookshelf(t *testing.T) {
	for _, release := range absfake.RotatingReleases() {
		for _, base := range []string{"", "/audiobookshelf"} {
			t.Run(string(release)+base, func(t *testing.T) { withAudiobookshelf(t, release, base) })
		}
	}
}

func withAudiobookshelf(t *testing.T, release absfake.Release, basePath string) {
	fake, err := absfake.New(absfake.Config{Release: release, BasePath: basePath, LimiterMax: -1, Large: 3 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	transport := &http.Transport{DialContext: fake.Listen().DialContext, DisableCompression: true}
	defer transport.CloseIdleConnections()

	session := signedIn(t, fake)
	known := session.all
	grants, err := players.OpenGrants(t.TempDir() + "/grants.json")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := grants.Add("home", "mpv", players.ScopeListen)
	if err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 32)
	identities := grants.Of("home", func(context.Context) ([]byte, error) { return key, nil },
		func() (string, string) { return session.userID, "demo" })
	w := &world{t: t}
	w.server, w.addr = start(t, Config{
		Base: &url.URL{Scheme: "http", Host: "abs.example", Path: basePath}, Transport: transport,
		Tokens: session, Grants: identities, OwnUID: 4711, PeerOf: me,
		Identity: session.identity,
	})
	bearer := []string{"Authorization", "Bearer " + secret.Reveal()}
	clean := func(a answer) {
		t.Helper()
		var b strings.Builder
		_ = a.Header.Write(&b)
		for _, k := range known() {
			if strings.Contains(b.String()+a.body, k.Reveal()) {
				t.Errorf("a real token came through")
			}
		}
	}

	user := w.do("GET", "/audiobookshelf/api/me", bearer...)
	clean(user)
	var meNow struct{ ID, Username, Token string }
	if err := json.Unmarshal([]byte(user.body), &meNow); err != nil || meNow.Token == "" || meNow.Token != identities.Token(t.Context(), callerOf(t, identities, secret.Reveal())) || meNow.ID != session.userID {
		t.Errorf("%s %s", user.Status, user.body)
	}
	for _, c := range []struct{ method, path string }{
		{"POST", "/api/authorize"}, {"GET", "/api/me/"}, {"GET", "/API/libraries"}, {"GET", "/status"}, {"GET", "/ping"},
	} {
		a := w.send(c.method, c.path, nil)
		if a.StatusCode != 200 || a.err != nil {
			t.Errorf("%s: %s %v", c.path, a.Status, a.err)
		}
		clean(a)
	}

	// Every access token is void from here on; the player learns nothing of it.
	fake.ChangeSecret()
	book := fake.Library().Large()
	path := "/api/items/" + book.ID + "/file/" + book.Files[0].Ino
	a := w.do("GET", path+"?token="+secret.Reveal())
	sum := sha256.New()
	if _, err := io.Copy(sum, book.Files[0].Reader()); err != nil {
		t.Fatal(err)
	}
	if got := sha256.Sum256([]byte(a.body)); a.StatusCode != 200 || string(got[:]) != string(sum.Sum(nil)) {
		t.Errorf("%s: %d of %d bytes, %v", a.Status, len(a.body), book.Files[0].Size, a.err)
	}
	if a := w.do("HEAD", path, "Range", "bytes=0-9"); a.StatusCode != 206 || a.ContentLength != 10 {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	if a := w.do("GET", path, "Range", "bytes=-5"); a.StatusCode != 206 || len(a.body) != 5 {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	play := w.send("POST", "/api/items/"+fake.Library().Tracks().ID+"/play", strings.NewReader(`{"forceDirectPlay":true,"deviceInfo":{"deviceId":"d"}}`), "Content-Type", "application/json")
	clean(play)
	if play.StatusCode != 200 {
		t.Errorf("play: %s %s", play.Status, play.body)
	}
	remove := fake.Inject(absfake.Fault{Kind: absfake.CutBytes, Path: path, Bytes: 100_000})
	if a := w.do("GET", path); a.err != nil || sha256.Sum256([]byte(a.body)) != [32]byte(sum.Sum(nil)) {
		t.Errorf("a cut stream ended after %d bytes: %v", len(a.body), a.err)
	}
	remove()
	if n := w.server.Stats().Resumed; n < 30 {
		t.Errorf("continued %d times", n)
	}

	suspicious := fake.Ledger().Count(func(e absfake.Entry) bool { return e.Status == 401 })
	if suspicious != 1 {
		t.Errorf("%d requests were refused by the server, want the one that found the token void", suspicious)
	}
	if n := w.server.Stats().Withheld; n != 0 {
		t.Errorf("the filter missed %d tokens", n)
	}
}

func callerOf(t *testing.T, known *players.Identities, presented string) players.Caller {
	t.Helper()
	c, err := known.Caller(t.Context(), presented)
	if err != nil {
		t.Error(err)
	}
	return c
}
