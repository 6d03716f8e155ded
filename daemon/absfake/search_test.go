package absfake

import (
	"encoding/base64"
	"net/url"
	"testing"
)

// The answer's keys and what it finds, as 2.26.3 and 2.36.0 answer.
// abs: server/utils/queries/libraryItemsBookFilters.js, libraryItemsPodcastFilters.js
func TestSearch(t *testing.T) {
	withPodcasts(t, func(t *testing.T, w *world, do func(string, string, any) reply) {
		books, casts := w.s.Library(), w.s.Podcasts()
		found := do("GET", "/api/libraries/"+books.ID+"/search?q=lighthouse%20AT&limit=5", nil).json(t)
		if keys(found) != sorted("book narrators tags genres series authors") {
			t.Errorf("keys: %s", keys(found))
		}
		if got := at(first(found["book"]), "libraryItem", "id"); got != books.Tracks().ID {
			t.Errorf("found %v", got)
		}
		if at(first(found["book"]), "libraryItem", "media", "tracks") == nil {
			t.Error("what is found is not expanded")
		}
		author := first(do("GET", "/api/libraries/"+books.ID+"/search?q=quill", nil).json(t)["authors"])
		if keys(author) != sorted("id asin name description imagePath libraryId addedAt updatedAt numBooks") || at(author, "numBooks") != 4.0 {
			t.Errorf("author: %v", author)
		}
		id, _ := at(author, "id").(string)
		filter := url.QueryEscape("authors." + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(id))))
		if page := do("GET", "/api/libraries/"+books.ID+"/items?filter="+filter, nil).json(t); page["total"] != 4.0 {
			t.Errorf("books of an author: %v", page["total"])
		}
		found = do("GET", "/api/libraries/"+casts.ID+"/search?q=ferry", nil).json(t)
		if keys(found) != sorted("podcast tags genres episodes") {
			t.Errorf("keys: %s", keys(found))
		}
		if got := at(first(found["episodes"]), "libraryItem", "recentEpisode", "id"); got != casts.Items[0].Episodes[1].ID {
			t.Errorf("found %v", got)
		}
		found = do("GET", "/api/libraries/"+casts.ID+"/search?q=ashby", nil).json(t)
		if got := at(first(found["podcast"]), "libraryItem", "id"); got != casts.Items[0].ID {
			t.Errorf("found %v", got)
		}
		if r := do("GET", "/api/libraries/"+books.ID+"/search", nil); r.status != 400 {
			t.Errorf("without words: %d", r.status)
		}
		if r := do("GET", "/api/libraries/none/search?q=x", nil); r.status != 404 {
			t.Errorf("no library: %d", r.status)
		}
	})
}
