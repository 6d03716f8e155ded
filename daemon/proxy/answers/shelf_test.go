package answers_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/library"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/proxy/proxytest"
)

// A playlist has every file of a book in order; its addresses are fetched as they stand.
func TestPlaylists(t *testing.T) {
	for _, release := range []absfake.Release{"2.26.3", "2.36.0"} {
		t.Run(string(release), func(t *testing.T) {
			w := proxytest.NewLocalWorld(t, absfake.Config{Release: release, Podcasts: true})
			book, cast := w.Fake.Library().Tracks(), w.Fake.Podcasts().Items[0]
			a := w.Do("GET", "/_shelfkeeper/playlist/"+book.ID+".m3u8")
			w.Clean(a)
			list := addresses(a.Text)
			if a.StatusCode != 200 || len(list) != 3 || !strings.Contains(a.Text, "#EXTINF:200,Mara Quill - ") {
				t.Fatalf("%s\n%s", a.Status, a.Text)
			}
			for n, address := range list {
				path, ok := strings.CutPrefix(address, "http://"+w.Addr)
				if !ok || strings.Contains(address, "token") {
					t.Errorf("address %s", address)
				}
				if got := w.Do("GET", path, "Range", "bytes=0-99"); got.StatusCode != 206 || !strings.HasPrefix(got.Text, "RIFF") ||
					!strings.HasSuffix(path, book.Files[n].Ino) {
					t.Errorf("%s: %s", path, got.Status)
				}
			}
			secret := w.NewGrant(players.ScopeListen)
			for desc, a := range map[string]proxytest.Answer{
				"in the address": w.Do("GET", "/_shelfkeeper/playlist/"+book.ID+".m3u8?token="+secret),
				"as a bearer":    w.Do("GET", "/_shelfkeeper/playlist/"+book.ID+".xspf", "Authorization", "Bearer "+secret),
			} {
				if a.StatusCode != 200 || strings.Count(a.Text, "?token="+secret) < 3 {
					t.Errorf("a grant %s: %s\n%s", desc, a.Status, a.Text)
				}
			}
			if a := w.Do("GET", "/audiobookshelf/_shelfkeeper/playlist/"+cast.ID+".m3u8"); len(addresses(a.Text)) != 3 {
				t.Errorf("a podcast: %s\n%s", a.Status, a.Text)
			}
			if a := w.Do("GET", "/_shelfkeeper/playlist/"+cast.ID+"/"+cast.Episodes[1].ID+".m3u8"); len(addresses(a.Text)) != 1 ||
				!strings.Contains(a.Text, "The Last Ferry") {
				t.Errorf("an episode: %s\n%s", a.Status, a.Text)
			}
			if a := w.Do("GET", "/_shelfkeeper/podcast/"+cast.ID+".rss"); strings.Count(a.Text, "<enclosure ") != 3 {
				t.Errorf("a feed: %s\n%s", a.Status, a.Text)
			}
			if a := w.Do("GET", "/_shelfkeeper/podcasts.opml"); strings.Count(a.Text, "/_shelfkeeper/podcast/"+cast.ID+".rss") != 1 {
				t.Errorf("the list of feeds: %s\n%s", a.Status, a.Text)
			}
			if a := w.Do("GET", "/_shelfkeeper/playlist/"+book.ID+".m3u8?from=250"); len(addresses(a.Text)) != 2 ||
				!strings.Contains(a.Text, "start-time=50\n") {
				t.Errorf("from 250 s: %s\n%s", a.Status, a.Text)
			}
		})
	}
}

func addresses(m3u string) (list []string) {
	for line := range strings.Lines(m3u) {
		if strings.HasPrefix(line, "http") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

// The guards are those of listening: a page of another origin, another user and a
// revoked grant get nothing, and the server is not asked.
func TestPlaylistsAreGuarded(t *testing.T) {
	other := func(c *proxy.Config) {
		c.PeerOf = func(net.Conn) players.Peer { return players.Peer{UID: 1000, Known: true} }
	}
	grantOnly := func(c *proxy.Config) { c.Access = proxy.AccessGrant }
	for _, c := range []struct {
		desc   string
		change func(*proxy.Config)
		header []string
		status int
	}{
		{"a page of another origin", nil, []string{"Origin", "https://evil.example"}, 403},
		{"an image of another site", nil, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"an old browser's page", nil, []string{"Referer", "http://localhost:9/x"}, 403},
		{"a wrong grant", nil, []string{"Authorization", "Bearer sk_wrong"}, 401},
		{"another user", other, nil, 401},
		{"where grants are asked for", grantOnly, nil, 401},
	} {
		change := func(*proxy.Config) {}
		if c.change != nil {
			change = c.change
		}
		w := proxytest.NewLocalWorld(t, absfake.Config{Podcasts: true}, change)
		before := len(w.Fake.Ledger().Entries())
		book, cast := w.Fake.Library().Tracks(), w.Fake.Podcasts().Items[0]
		for _, path := range []string{"playlist/" + book.ID + ".m3u8", "playlist/" + book.ID + ".xspf", "podcast/" + cast.ID + ".rss",
			"podcasts.opml"} {
			if a := w.Do("GET", "/_shelfkeeper/"+path, c.header...); a.StatusCode != c.status {
				t.Errorf("%s, %s: %s %s", c.desc, path, a.Status, a.Text)
			}
		}
		if n := len(w.Fake.Ledger().Entries()) - before; n != 0 {
			t.Errorf("%s: the server saw %d requests", c.desc, n)
		}
	}
}

func TestPlaylistsThatAreNot(t *testing.T) {
	w := proxytest.NewLocalWorld(t, absfake.Config{Podcasts: true})
	book := w.Fake.Library().Tracks()
	for _, path := range []string{"playlist/" + book.ID, "playlist/" + book.ID + ".pls", "playlist/none.m3u8",
		"playlist/" + book.ID + "/none.m3u8",
		"playlist/a b.m3u8", "playlist/" + book.ID + ".m3u8?from=x", "playlist/" + book.ID + ".m3u8?from=-1", "podcast/" + book.ID + ".rss",
		"podcast/x", "playlist/.m3u8", "playlist/x.m3u8%0aInjected"} {
		if a := w.Do("GET", "/_shelfkeeper/"+path); a.StatusCode != 404 && a.StatusCode != 400 {
			t.Errorf("%s: %s %s", path, a.Status, a.Text)
		}
	}
	for _, from := range []string{"x", "-1", "1.5", "NaN", "99999999999", "place%20", "1e3"} {
		if a := w.Do("GET", "/_shelfkeeper/playlist/"+book.ID+".m3u8?from="+from); a.StatusCode != 400 ||
			!strings.Contains(a.Text, "from=place") {
			t.Errorf("from=%s: %s %s", from, a.Status, a.Text)
		}
	}
	if a := w.Do("POST", "/_shelfkeeper/playlist/"+book.ID+".m3u8"); a.StatusCode == 200 {
		t.Errorf("a POST: %s", a.Status)
	}
}

// Words find what people call an item: a part of its title, its author, both at once.
func TestShelfFinds(t *testing.T) {
	for _, release := range []absfake.Release{"2.26.3", "2.36.0"} {
		w := proxytest.NewLocalWorld(t, absfake.Config{Release: release, Podcasts: true})
		book, cast := w.Fake.Library().Tracks(), w.Fake.Podcasts().Items[0]
		for words, want := range map[string][]string{
			"lighthouse": {"The Lighthouse at Low Tide"}, "quill lighthouse": {"The Lighthouse at Low Tide"},
			"farrow": {"One Long Night"}, "  LIGHTHOUSE   at ": {"The Lighthouse at Low Tide"}, book.ID: {"The Lighthouse at Low Tide"},
			"mara quill": {"A Field Guide to Fog", "Seven Kinds of Rain", "Small Hours",
				"The Lighthouse at Low Tide"},
			"harbour":                           {"The Harbour Hour"},
			"last ferry":                        {"The Last Ferry"},
			cast.ID + "/" + cast.Episodes[0].ID: {"Ropes and Knots"}, "nothing like it": {}, "zzz": {},
		} {
			f, err := w.Server.Shelf().Search(t.Context(), words)
			var got []string
			for _, i := range f.Items {
				got = append(got, i.Title)
			}
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %q: %q, %v; want %q", release, words, got, err, want)
			}
		}
		if _, err := w.Server.Shelf().Search(t.Context(), "11111111-1111-1111-1111-111111111111"); !library.IsMissing(err) {
			t.Errorf("an id that is not there: %v", err)
		}
		a := w.Send("PATCH", "/api/me/progress/"+book.ID, strings.NewReader(`{"currentTime":77.5,"duration":600}`), "Content-Type",
			"application/json")
		f, err := w.Server.Shelf().Search(t.Context(), "lighthouse")
		if err != nil || len(f.Items) != 1 || f.Items[0].Place == nil || f.Items[0].Place.Seconds != 77.5 || f.Items[0].Duration != 600 ||
			f.Items[0].Author != "Mara Quill" {
			t.Errorf("%s: a place: %s %+v %v", release, a.Status, f, err)
		}
		d, err := w.Server.Shelf().Item(t.Context(), book.ID, "")
		if err != nil || len(d.Tracks) != 3 || len(d.Chapters) != len(book.Chapters) || d.Tracks[2].Offset != 420 || d.Place == nil {
			t.Errorf("%s: %+v %v", release, d, err)
		}
	}
}
