package proxy

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"shelfkeeper/daemon/absfake"
)

// newRealWorld is a proxy before the double, both on real sockets or in memory.
func newRealWorld(t *testing.T, cfg absfake.Config, change ...func(*Config)) (*world, *absfake.Server) {
	t.Helper()
	cfg.LimiterMax = -1
	fake, err := absfake.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fake.Close() })
	transport := &http.Transport{DialContext: fake.Listen().DialContext, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	session := signedIn(t, fake)
	w := newWorld(t, nil, func(c *Config) {
		c.Base.Host, c.Base.Path = "abs.example", cfg.BasePath
		c.Transport, c.Tokens, c.Identity, c.Hold = transport, session, session.identity, 0
	}, func(c *Config) {
		for _, f := range change {
			f(c)
		}
	})
	return w, fake
}

// After the server's restart its playback sessions are gone; a track goes on,
// within an answer and by a new request.
func TestTrackOutlivesARestart(t *testing.T) {
	for _, base := range []string{"", "/audiobookshelf"} {
		w, fake := newRealWorld(t, absfake.Config{Large: 3 << 20, BasePath: base})
		book := fake.Library().Large()
		want := sum(t, book.Files[0])
		play := w.send("POST", "/api/items/"+book.ID+"/play", strings.NewReader(`{"forceDirectPlay":true}`), "Content-Type", "application/json")
		var session struct{ ID string }
		if err := json.Unmarshal([]byte(play.body), &session); err != nil || session.ID == "" {
			t.Fatalf("%s %s", play.Status, play.body)
		}
		track := "/public/session/" + session.ID + "/track/1"
		remove := fake.Inject(absfake.Fault{Kind: absfake.CutBytes, Path: track, Bytes: 1 << 20, Times: 1})
		restart := fake.Inject(absfake.Fault{Kind: absfake.Restart, Path: track, Skip: 1, Times: 1})
		a := w.do("GET", base+track)
		if a.err != nil || sha256.Sum256([]byte(a.body)) != want {
			t.Errorf("%s %d bytes, %v", a.Status, len(a.body), a.err)
		}
		remove()
		restart()
		if n := fake.Ledger().Count(func(e absfake.Entry) bool { return strings.HasSuffix(e.Path, track) && e.Status == 404 }); n == 0 {
			t.Error("the session did not get lost")
		}
		for _, method := range []string{"GET", "HEAD"} {
			if a := w.do(method, track, "Range", "bytes=1000-1999"); a.StatusCode != 206 || a.ContentLength != 1000 {
				t.Errorf("%s: %s", method, a.Status)
			}
		}
		if a := w.do("GET", "/public/session/"+session.ID+"/track/2"); a.StatusCode != 404 {
			t.Errorf("another track: %s", a.Status)
		}
		// Closing forgets: the address was lent for the session.
		play = w.send("POST", "/api/items/"+book.ID+"/play", strings.NewReader(`{"forceDirectPlay":true}`), "Content-Type", "application/json")
		if err := json.Unmarshal([]byte(play.body), &session); err != nil {
			t.Fatal(err)
		}
		if a := w.send("POST", "/api/session/"+session.ID+"/close", nil); a.StatusCode != 200 {
			t.Fatal(a.Status)
		}
		if a := w.do("GET", "/public/session/"+session.ID+"/track/1"); a.StatusCode != 404 {
			t.Errorf("after closing: %s", a.Status)
		}
	}
}

func sum(t *testing.T, f *absfake.File) (out [32]byte) {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, f.Reader()); err != nil {
		t.Fatal(err)
	}
	return [32]byte(h.Sum(nil))
}

func TestWhatIsLearnedOfTracks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for i, c := range []struct {
			desc, url, path string // "": not learned
		}{
			{"a file of the item", "/api/items/item/file/17", "/api/items/item/file/17"},
			{"under a base path", "/audiobookshelf/api/items/item/file/17", "/api/items/item/file/17"},
			{"of another item", "/api/items/other/file/17", ""},
			{"of another host", "http://evil.example/api/items/item/file/17", ""},
			{"a transcode", "/hls/s/output.m3u8", ""},
			{"another route", "/api/items/item/cover", ""},
			{"a way up", "/api/items/item/file/..", ""},
			{"an escaped slash", "/api/items/item/file/17%252f..", ""},
			{"no address", ":", ""},
		} {
			id := fmt.Sprint("s", i)
			g := newStage(t,
				says(200, fmt.Sprintf(`{"id":%q,"libraryItemId":"item","audioTracks":[{"index":1,"contentUrl":%q}]}`, id, c.url), "Content-Type", "application/json"))
			if rec, _ := g.play("POST", "/api/items/item/play"); rec.Code != 200 {
				t.Fatal(rec.Code)
			}
			if got, _ := g.server.plays.file(id, "1"); got != c.path {
				t.Errorf("%s: learned %q", c.desc, got)
			}
		}
	})
}

func TestPlaysAreBounded(t *testing.T) {
	p := newPlays()
	for i := range 3 * maxPlays {
		p.learn(fmt.Sprint(i), map[string]string{"1": "/x"})
		p.learn(fmt.Sprint(i), map[string]string{"1": "/y"})
	}
	if len(p.files) != maxPlays || len(p.order) != maxPlays {
		t.Errorf("%d, %d", len(p.files), len(p.order))
	}
	if path, _ := p.file(fmt.Sprint(3*maxPlays-1), "1"); path != "/y" {
		t.Errorf("%q", path)
	}
	r := &playReader{plays: p, src: strings.NewReader(`{"id":"big","pad":"` + strings.Repeat("x", maxPlayBody) + `"}`)}
	for p := make([]byte, 1<<16); ; {
		if _, err := r.Read(p); err != nil {
			break
		}
	}
	if !r.large || r.kept != nil {
		t.Error("a huge answer is kept")
	}
}
