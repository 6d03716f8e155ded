package stream_test

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/proxy/proxytest"
)

// After the server's restart its playback sessions are gone; a track goes on,
// within an answer and by a new request.
func TestTrackOutlivesARestart(t *testing.T) {
	for _, base := range []string{"", "/audiobookshelf"} {
		w, fake := proxytest.NewRealWorld(t, absfake.Config{Large: 3 << 20, BasePath: base})
		book := fake.Library().Large()
		want := proxytest.Sum(t, book.Files[0])
		play := w.Send("POST", "/api/items/"+book.ID+"/play", strings.NewReader(`{"forceDirectPlay":true}`), "Content-Type", "application/json")
		var session struct{ ID string }
		if err := json.Unmarshal([]byte(play.Text), &session); err != nil || session.ID == "" {
			t.Fatalf("%s %s", play.Status, play.Text)
		}
		track := "/public/session/" + session.ID + "/track/1"
		remove := fake.Inject(absfake.Fault{Kind: absfake.CutBytes, Path: track, Bytes: 1 << 20, Times: 1})
		restart := fake.Inject(absfake.Fault{Kind: absfake.Restart, Path: track, Skip: 1, Times: 1})
		a := w.Do("GET", base+track)
		if a.Err != nil || sha256.Sum256([]byte(a.Text)) != want {
			t.Errorf("%s %d bytes, %v", a.Status, len(a.Text), a.Err)
		}
		remove()
		restart()
		if n := fake.Ledger().Count(func(e absfake.Entry) bool { return strings.HasSuffix(e.Path, track) && e.Status == 404 }); n == 0 {
			t.Error("the session did not get lost")
		}
		for _, method := range []string{"GET", "HEAD"} {
			if a := w.Do(method, track, "Range", "bytes=1000-1999"); a.StatusCode != 206 || a.ContentLength != 1000 {
				t.Errorf("%s: %s", method, a.Status)
			}
		}
		if a := w.Do("GET", "/public/session/"+session.ID+"/track/2"); a.StatusCode != 404 {
			t.Errorf("another track: %s", a.Status)
		}
		// Closing forgets: the address was lent for the session.
		play = w.Send("POST", "/api/items/"+book.ID+"/play", strings.NewReader(`{"forceDirectPlay":true}`), "Content-Type", "application/json")
		if err := json.Unmarshal([]byte(play.Text), &session); err != nil {
			t.Fatal(err)
		}
		if a := w.Send("POST", "/api/session/"+session.ID+"/close", nil); a.StatusCode != 200 {
			t.Fatal(a.Status)
		}
		if a := w.Do("GET", "/public/session/"+session.ID+"/track/1"); a.StatusCode != 404 {
			t.Errorf("after closing: %s", a.Status)
		}
	}
}
