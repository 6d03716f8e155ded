package absfake

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPlayEpisode(t *testing.T) {
	withPodcasts(t, func(t *testing.T, w *world, do func(string, string, any) reply) {
		i := w.s.Podcasts().Items[0]
		e := i.Episodes[1]
		path := "/api/items/" + i.ID + "/play/" + e.ID
		played := do("POST", path, m{"supportedMimeTypes": []string{playMIME}, "deviceInfo": m{"deviceId": "d"}}).json(t)
		id, _ := played["id"].(string)
		track := first(played["audioTracks"])
		if played["libraryId"] != w.s.Podcasts().ID || played["libraryItemId"] != i.ID || played["bookId"] != nil ||
			played["episodeId"] != e.ID || played["mediaType"] != "podcast" ||
			played["displayTitle"] != e.Title || played["displayAuthor"] != i.Author || played["duration"] != e.File.Duration ||
			played["playMethod"] != 0.0 ||
			keys(played["mediaMetadata"]) != sorted(metadataKeys) || at(track, "index") != 1.0 || at(played, "libraryItem", "id") != i.ID {
			t.Fatalf("session: %v", played)
		}
		whole, err := io.ReadAll(e.File.Reader())
		if err != nil {
			t.Fatal(err)
		}
		url, _ := at(track, "contentUrl").(string)
		for _, path := range []string{url, "/public/session/" + id + "/track/1"} {
			if r := do("GET", path, nil); r.status != 200 || !bytes.Equal([]byte(r.body), whole) {
				t.Errorf("%s: %d, %d bytes of %d", path, r.status, len(r.body), len(whole))
			}
		}
		if r := do("GET", "/public/session/"+id+"/track/2", nil); r.status != 404 {
			t.Errorf("a second track: %d", r.status)
		}
		if r := do("POST", "/api/session/"+id+"/sync", m{"currentTime": 30, "timeListened": 5}); r.status != 200 {
			t.Fatalf("sync: %d", r.status)
		}
		p := do("GET", "/api/me/progress/"+i.ID+"/"+e.ID, nil).json(t)
		if p["episodeId"] != e.ID || p["mediaItemId"] != e.ID || p["mediaItemType"] != "podcastEpisode" || p["libraryItemId"] != i.ID ||
			p["currentTime"] != 30.0 || p["duration"] != e.File.Duration {
			t.Errorf("progress: %v", p)
		}
		if r := do("POST", "/api/session/"+id+"/close", m{"currentTime": 40, "timeListened": 5}); r.status != 200 {
			t.Fatalf("close: %d", r.status)
		}
		if again := do("POST", path, m{"supportedMimeTypes": []string{"audio/ogg"}}).json(t); again["startTime"] != 40.0 ||
			again["playMethod"] != 2.0 || at(first(again["audioTracks"]), "title") != e.Title {
			t.Errorf("played again: %v", again)
		}
		if other := do("POST", "/api/items/"+i.ID+"/play/"+i.Episodes[0].ID,
			m{"forceDirectPlay": true}).json(t); other["startTime"] != 0.0 {
			t.Errorf("another episode begins at %v", other["startTime"])
		}
		heard := first(do("GET", "/api/me/listening-sessions", nil).json(t)["sessions"])
		if at(heard, "episodeId") != e.ID || at(heard, "timeListening") != 10.0 {
			t.Errorf("listened: %v", heard)
		}
	})
}

func TestProgressOfEpisodes(t *testing.T) {
	withPodcasts(t, func(t *testing.T, w *world, do func(string, string, any) reply) {
		i, book := w.s.Podcasts().Items[0], w.s.Library().Tracks()
		e := i.Episodes
		ok := func(method, path string, body any) {
			t.Helper()
			if r := do(method, path, body); r.status != 200 {
				t.Fatalf("%s %s: %d %q", method, path, r.status, r.body)
			}
		}
		ok("PATCH", "/api/me/progress/"+i.ID+"/"+e[0].ID, m{"currentTime": 3, "lastUpdate": 1})
		ok("PATCH", "/api/me/progress/"+i.ID+"/"+e[0].ID, m{"currentTime": 4, "lastUpdate": 1000})
		ok("PATCH", "/api/me/progress/batch/update", []m{
			{"libraryItemId": i.ID, "episodeId": e[1].ID, "isFinished": true},
			{"libraryItemId": i.ID, "episodeId": 7, "currentTime": 1},
			{"libraryItemId": book.ID, "currentTime": 5},
		})
		later := millis(time.Now()) + 60_000
		local := m{"id": newUUID(), "libraryItemId": i.ID, "episodeId": e[2].ID, "currentTime": 12, "timeListening": 3, "updatedAt": later}
		ok("POST", "/api/session/local", local)
		ok("POST", "/api/session/local", local) // only an update keeps the time it is said to be of
		if r := do("POST", "/api/session/local", m{"id": newUUID(), "libraryItemId": i.ID, "currentTime": 12}); r.status != 500 ||
			r.body != "Media item not found" {
			t.Errorf("a local session without an episode: %d %q", r.status, r.body)
		}
		ok("POST", "/api/session/local", m{"id": newUUID(), "libraryItemId": book.ID, "episodeId": e[0].ID, "currentTime": 99})
		if list, _ := do("GET", "/api/me", nil).json(t)["mediaProgress"].([]any); len(list) != 4 {
			t.Errorf("%d progresses: %v", len(list), list)
		}
		for path, want := range map[string]any{
			i.ID: e[0].ID, i.ID + "/" + e[1].ID: e[1].ID, i.ID + "/" + e[2].ID: e[2].ID, book.ID: nil, book.ID + "/" + book.MediaID: nil,
		} {
			if r := do("GET", "/api/me/progress/"+path, nil); r.status != 200 || r.json(t)["episodeId"] != want {
				t.Errorf("progress of %s: %d %q", path, r.status, r.body)
			}
		}
		items, _ := do("GET", "/api/me/items-in-progress", nil).json(t)["libraryItems"].([]any)
		if len(items) != 3 || at(items[0], "recentEpisode", "id") != e[2].ID || at(items[1], "id") != book.ID ||
			at(items[1], "recentEpisode") != nil || at(items[2], "recentEpisode", "id") != e[0].ID ||
			at(items[0], "progressLastUpdate") != float64(later) {
			t.Errorf("in progress: %v", items)
		}
		if one, _ := do("GET", "/api/me/items-in-progress?limit=1", nil).json(t)["libraryItems"].([]any); len(one) != 1 {
			t.Errorf("%d of at most one in progress", len(one))
		}
		recent, _ := do("GET", "/api/libraries/"+w.s.Podcasts().ID+"/recent-episodes?limit=9", nil).json(t)["episodes"].([]any)
		if len(recent) != 2 || at(recent[0], "id") != e[2].ID || at(recent[1], "id") != e[0].ID {
			t.Errorf("recent episodes without the finished one: %v", recent)
		}
		shown := do("GET", "/api/items/"+i.ID+"?expanded=1&include=progress&episode="+e[1].ID, nil).json(t)
		if at(shown, "userMediaProgress", "episodeId") != e[1].ID {
			t.Errorf("progress with the item: %v", shown["userMediaProgress"])
		}
		// An episode is found by its id alone; the item is what the client said.
		other := w.s.Library().Large().ID
		ok("PATCH", "/api/me/progress/"+other+"/"+e[1].ID, m{"currentTime": 1})
		if r := do("GET", "/api/me/progress/"+other+"/"+e[1].ID, nil); r.status != 404 {
			t.Errorf("progress made for one item is found under another: %q", r.body)
		}
	})
}

func TestEventsOfEpisodes(t *testing.T) {
	for _, f := range table[1:] {
		t.Run(string(f.release), func(t *testing.T) {
			bubbled(t, Config{Release: f.release, Podcasts: true}, func(w *world) {
				bearer := "Bearer " + w.loginAs("alice", "a").access
				s := w.openAs("alice", "a")
				i := w.s.Podcasts().Items[0]
				e := i.Episodes[2]
				id, _ := w.do("POST", "/api/items/"+i.ID+"/play/"+e.ID, m{"deviceInfo": m{"deviceId": "d"}}, "Authorization",
					bearer).json(t)["id"].(string)
				s.expect("stream_progress")
				if open := s.expect("stream_open"); at(open, "episode", "id") != e.ID || keys(at(open, "episode")) != sorted(expandedKeys) {
					t.Errorf("stream_open: %v", open)
				}
				w.do("POST", "/api/session/"+id+"/sync", m{"currentTime": 9, "timeListened": 1}, "Authorization", bearer)
				if made := s.expect("user_item_progress_updated"); at(made, "sessionId") != id || at(made, "data", "episodeId") != e.ID ||
					at(made, "data", "mediaItemType") != "podcastEpisode" {
					t.Errorf("user_item_progress_updated: %v", made)
				}
				w.do("PATCH", "/api/me/progress/"+i.ID+"/"+e.ID, m{"isFinished": true}, "Authorization", bearer)
				if u := s.expect("user_updated"); at(first(at(u, "mediaProgress")), "episodeId") != e.ID {
					t.Errorf("user_updated: %v", u)
				}
				w.do("POST", "/api/session/"+id+"/close", nil, "Authorization", bearer)
				s.expect("user_session_closed")
				s.expect("stream_closed")
				s.silent()
			})
		})
	}
}

func TestFeedOfPodcast(t *testing.T) {
	withPodcasts(t, func(t *testing.T, w *world, do func(string, string, any) reply) {
		i := w.s.Podcasts().Items[0]
		if r := do("POST", "/api/feeds/item/"+i.ID+"/open", m{"serverAddress": "http://abs.test", "slug": "hour"}); r.status != 200 {
			t.Fatalf("open: %d %q", r.status, r.body)
		}
		text := w.do("GET", "/feed/hour", nil).body
		rest := text
		for _, e := range slices.Backward(i.Episodes) {
			var found bool
			if _, rest, found = strings.Cut(rest, "<title>"+e.Title+"</title>"); !found {
				t.Fatalf("%s is not where it belongs: %s", e.Title, text)
			}
			_, url, _ := strings.Cut(rest, `<enclosure url="http://abs.test`)
			url, _, _ = strings.Cut(url, `"`)
			if r := w.do("HEAD", url, nil); r.status != 200 || r.header.Get("ETag") == "" {
				t.Errorf("%s: %d", url, r.status)
			}
			if r := w.do("GET", url, nil); int64(len(r.body)) != e.File.Size {
				t.Errorf("%s: %d bytes of %d", url, len(r.body), e.File.Size)
			}
		}
	})
}
