package proxy_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

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

	session := proxytest.SignedIn(t, fake)
	known := session.All
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
		func() (string, string) { return session.UserID, "demo" })
	w := &proxytest.World{T: t}
	w.Server, w.Addr = proxytest.Start(t, proxy.Config{
		Base: &url.URL{Scheme: "http", Host: "abs.example", Path: basePath}, Transport: transport,
		Tokens: session, Grants: identities, OwnUID: 4711, PeerOf: proxytest.Me,
		Identity: session.Identity,
	})
	bearer := []string{"Authorization", "Bearer " + secret.Reveal()}
	clean := func(a proxytest.Answer) {
		t.Helper()
		var b strings.Builder
		_ = a.Header.Write(&b)
		for _, k := range known() {
			if strings.Contains(b.String()+a.Text, k.Reveal()) {
				t.Errorf("a real token came through")
			}
		}
	}

	user := w.Do("GET", "/audiobookshelf/api/me", bearer...)
	clean(user)
	var meNow struct{ ID, Username, Token string }
	if err := json.Unmarshal([]byte(user.Text), &meNow); err != nil || meNow.Token == "" ||
		meNow.Token != identities.Token(t.Context(), proxytest.CallerOf(t, identities, secret.Reveal())) || meNow.ID != session.UserID {
		t.Errorf("%s %s", user.Status, user.Text)
	}
	for _, c := range []struct{ method, path string }{
		{"POST", "/api/authorize"}, {"GET", "/api/me/"}, {"GET", "/API/libraries"}, {"GET", "/status"}, {"GET", "/ping"},
	} {
		a := w.Send(c.method, c.path, nil)
		if a.StatusCode != 200 || a.Err != nil {
			t.Errorf("%s: %s %v", c.path, a.Status, a.Err)
		}
		clean(a)
	}

	// Every access token is void from here on; the player learns nothing of it.
	fake.ChangeSecret()
	book := fake.Library().Large()
	path := "/api/items/" + book.ID + "/file/" + book.Files[0].Ino
	a := w.Do("GET", path+"?token="+secret.Reveal())
	sum := sha256.New()
	if _, err := io.Copy(sum, book.Files[0].Reader()); err != nil {
		t.Fatal(err)
	}
	if got := sha256.Sum256([]byte(a.Text)); a.StatusCode != 200 || string(got[:]) != string(sum.Sum(nil)) {
		t.Errorf("%s: %d of %d bytes, %v", a.Status, len(a.Text), book.Files[0].Size, a.Err)
	}
	if a := w.Do("HEAD", path, "Range", "bytes=0-9"); a.StatusCode != 206 || a.ContentLength != 10 {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	if a := w.Do("GET", path, "Range", "bytes=-5"); a.StatusCode != 206 || len(a.Text) != 5 {
		t.Errorf("%s %v", a.Status, a.Header)
	}
	play := w.Send("POST", "/api/items/"+fake.Library().Tracks().ID+"/play",
		strings.NewReader(`{"forceDirectPlay":true,"deviceInfo":{"deviceId":"d"}}`), "Content-Type", "application/json")
	clean(play)
	if play.StatusCode != 200 {
		t.Errorf("play: %s %s", play.Status, play.Text)
	}
	remove := fake.Inject(absfake.Fault{Kind: absfake.CutBytes, Path: path, Bytes: 100_000})
	if a := w.Do("GET", path); a.Err != nil || sha256.Sum256([]byte(a.Text)) != [32]byte(sum.Sum(nil)) {
		t.Errorf("a cut stream ended after %d bytes: %v", len(a.Text), a.Err)
	}
	remove()
	if n := w.Server.Stats().Resumed; n < 30 {
		t.Errorf("continued %d times", n)
	}

	suspicious := fake.Ledger().Count(func(e absfake.Entry) bool { return e.Status == 401 })
	if suspicious != 1 {
		t.Errorf("%d requests were refused by the server, want the one that found the token void", suspicious)
	}
	if n := w.Server.Stats().Withheld; n != 0 {
		t.Errorf("the filter missed %d tokens", n)
	}
}
