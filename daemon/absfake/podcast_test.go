package absfake

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// withPodcasts runs the test on every release that has JWT sessions.
func withPodcasts(t *testing.T, test func(t *testing.T, w *world, do func(method, path string, body any) reply)) {
	for _, f := range table {
		if !f.jwtSessions {
			continue
		}
		t.Run(string(f.release), func(t *testing.T) {
			w := newWorld(t, Config{Release: f.release, Podcasts: true})
			bearer := "Bearer " + w.login().access
			test(t, w, func(method, path string, body any) reply {
				t.Helper()
				return w.do(method, path, body, "Authorization", bearer)
			})
		})
	}
}

// keys are the names in an object, sorted, in one line.
func keys(v any) string {
	o, _ := v.(map[string]any)
	return strings.Join(slices.Sorted(maps.Keys(o)), " ")
}

func sorted(names string) string {
	list := strings.Fields(names)
	slices.Sort(list)
	return strings.Join(list, " ")
}

func first(v any) any {
	if list, _ := v.([]any); len(list) > 0 {
		return list[0]
	}
	return nil
}

func at(v any, path ...string) any {
	for _, name := range path {
		o, _ := v.(map[string]any)
		v = o[name]
	}
	return v
}

const (
	metadataKeys = "title author description releaseDate genres feedUrl imageUrl itunesPageUrl itunesId itunesArtistId explicit language " +
		"type"
	downloadKeys = " autoDownloadEpisodes autoDownloadSchedule lastEpisodeCheck maxEpisodesToKeep maxNewEpisodesToDownload"
	plainKeys    = "id libraryItemId metadata coverPath tags episodes" + downloadKeys
	minifiedKeys = "id metadata coverPath tags numEpisodes size" + downloadKeys
	episodeKeys  = "libraryItemId podcastId id oldEpisodeId index season episode episodeType title subtitle description enclosure guid " +
		"pubDate chapters audioFile publishedAt addedAt updatedAt"
	expandedKeys = episodeKeys + " audioTrack size duration"
	itemKeys     = "id ino oldLibraryItemId libraryId folderId path relPath isFile mtimeMs ctimeMs birthtimeMs addedAt updatedAt " +
		"isMissing isInvalid mediaType media"
)

// abs: server/models/Podcast.js, PodcastEpisode.js, LibraryItem.js
func TestShapesOfPodcasts(t *testing.T) {
	withPodcasts(t, func(t *testing.T, w *world, do func(string, string, any) reply) {
		l := w.s.Podcasts()
		i := l.Items[0]
		libraries, _ := at(do("GET", "/api/libraries", nil).json(t), "libraries").([]any)
		if len(libraries) != 2 || at(libraries[0], "mediaType") != "book" || at(libraries[1], "mediaType") != "podcast" ||
			at(libraries[1], "id") != l.ID {
			t.Fatalf("libraries: %v", libraries)
		}
		if got := keys(at(libraries[1], "settings")); got != sorted("coverAspectRatio disableWatcher autoScanCronExpression "+
			"podcastSearchRegion markAsFinishedPercentComplete markAsFinishedTimeRemaining") {
			t.Errorf("settings: %s", got)
		}
		page := do("GET", "/api/libraries/"+l.ID+"/items?limit=10&include=numepisodesincomplete", nil).json(t)
		item := do("GET", "/api/items/"+i.ID, nil).json(t)
		expanded := do("GET", "/api/items/"+i.ID+"?expanded=1", nil).json(t)
		recent := do("GET", "/api/libraries/"+l.ID+"/recent-episodes?limit=2", nil).json(t)
		media := minifiedKeys + " libraryItemId episodes"
		more := " lastScan scanVersion libraryFiles size numFiles"
		if !w.s.facts.newItemShape {
			media = plainKeys + " size"
			more = " lastScan scanVersion libraryFiles size"
		}
		for _, c := range []struct {
			desc string
			v    any
			want string
		}{
			{"minified", first(page["results"]), itemKeys + " numFiles size numEpisodesIncomplete"},
			{"media minified", at(first(page["results"]), "media"), minifiedKeys},
			{"metadata minified", at(first(page["results"]), "media", "metadata"), metadataKeys + " titleIgnorePrefix"},
			{"item", item, itemKeys + " lastScan scanVersion libraryFiles"},
			{"media", item["media"], plainKeys},
			{"metadata", at(item, "media", "metadata"), metadataKeys},
			{"episode", first(at(item, "media", "episodes")), episodeKeys},
			{"expanded", expanded, itemKeys + more},
			{"media expanded", expanded["media"], media},
			{"episode expanded", first(at(expanded, "media", "episodes")), expandedKeys},
			{"one episode", do("GET", "/api/podcasts/"+i.ID+"/episode/"+i.Episodes[1].ID, nil).json(t), episodeKeys},
			{"recent", recent, "episodes limit page"},
			{"recent episode", first(recent["episodes"]), expandedKeys + " podcast libraryId"},
			{"podcast of a recent episode", at(first(recent["episodes"]), "podcast"), plainKeys},
		} {
			if got := keys(c.v); got != sorted(c.want) {
				t.Errorf("%s:\n got %s\nwant %s", c.desc, got, sorted(c.want))
			}
		}
		if page["mediaType"] != "podcast" || page["total"] != 1.0 || at(first(page["results"]), "numEpisodesIncomplete") != 3.0 {
			t.Errorf("page: %v", page)
		}
		if list, _ := recent["episodes"].([]any); len(list) != 2 || at(list[0], "id") != i.Episodes[2].ID || recent["limit"] != 2.0 {
			t.Errorf("the newest are not first: %v", recent)
		}
	})
}

func TestPodcastRefusals(t *testing.T) {
	withPodcasts(t, func(t *testing.T, w *world, do func(string, string, any) reply) {
		i, book := w.s.Podcasts().Items[0], w.s.Library().Tracks()
		e, none := i.Episodes[0].ID, namedUUID("none")
		for _, c := range []struct {
			method, path string
			status       int
			body         string
		}{
			{"GET", "/api/libraries/" + w.s.Library().ID + "/recent-episodes", 404, "Not Found"},
			{"GET", "/api/podcasts/" + i.ID + "/episode/" + none, 404, "Not Found"},
			{"GET", "/api/podcasts/" + none + "/episode/" + e, 404, "Not Found"},
			{"GET", "/api/podcasts/" + book.ID + "/episode/" + e, 500, "Internal Server Error"},
			{"POST", "/api/items/" + book.ID + "/play/" + e, 400, "Bad Request"},
			{"POST", "/api/items/" + i.ID + "/play/" + none, 404, "Not Found"},
			{"GET", "/api/me/progress/" + i.ID + "/" + e, 404, "Not Found"},
			{"PATCH", "/api/me/progress/" + i.ID + "/" + none, 404, "Episode not found"},
		} {
			if r := do(c.method, c.path, m{}); r.status != c.status || r.body != c.body {
				t.Errorf("%s %s: %d %q", c.method, c.path, r.status, r.body)
			}
		}
		// Progress of a podcast without an episode was the end of the process.
		for _, c := range []struct {
			method, path string
			body         any
		}{
			{"PATCH", "/api/me/progress/" + i.ID, m{"currentTime": 4}},
			{"PATCH", "/api/me/progress/batch/update", []m{{"libraryItemId": i.ID, "currentTime": 4}}},
			{"POST", "/api/session/:/sync", m{"currentTime": 4}},
			{"POST", "/api/session/:/close", m{"currentTime": 4}},
		} {
			if strings.Contains(c.path, ":") {
				played := do("POST", "/api/items/"+i.ID+"/play", m{"forceDirectPlay": true}).json(t)
				if tracks, _ := played["audioTracks"].([]any); len(tracks) != 0 || played["bookId"] != i.MediaID ||
					played["episodeId"] != nil {
					t.Fatalf("a podcast without an episode: %v", played)
				}
				c.path = strings.Replace(c.path, ":", played["id"].(string), 1)
			}
			r := do(c.method, c.path, c.body)
			switch {
			case !w.s.facts.podcastRefused:
				if r.err == nil {
					t.Errorf("%s: lives with %d %q", c.path, r.status, r.body)
				}
			case c.method == "PATCH" && !strings.Contains(c.path, "batch"):
				if r.status != 400 || r.body != "Library item is not a book" {
					t.Errorf("%s: %d %q", c.path, r.status, r.body)
				}
			case r.status != 200:
				t.Errorf("%s: %d %q", c.path, r.status, r.body)
			}
		}
		if list, _ := do("GET", "/api/me", nil).json(t)["mediaProgress"].([]any); len(list) != 0 {
			t.Errorf("progress: %v", list)
		}
	})
}

func TestNoPodcastsUnlessAsked(t *testing.T) {
	for _, cfg := range []Config{{}, {Podcasts: true, NoLibrary: true}} {
		w := newWorld(t, cfg)
		if w.s.Podcasts() != nil {
			t.Error("there are podcasts")
		}
		r := w.do("GET", "/api/libraries", nil, "Authorization", "Bearer "+w.login().access)
		if strings.Contains(r.body, "podcast") {
			t.Errorf("%+v: %s", cfg, r.body)
		}
	}
}
