package absfake

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// getLibrarySearch finds items of a library by a part of their title, podcasts by their
// author too, episodes by their title, and authors by their name. No sample has a
// narrator, a tag, a genre or a series that is searched.
// abs: server/controllers/LibraryController.js, search;
// server/utils/queries/libraryItemsBookFilters.js, libraryItemsPodcastFilters.js
func (s *Server) getLibrarySearch(w http.ResponseWriter, q *request) {
	l := s.libraryByID(q.params["id"])
	if l == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	text := q.URL.Query().Get("q")
	if text == "" {
		sendText(w, q.Request, http.StatusBadRequest, `Invalid request. Query param "q" must be a string`)
		return
	}
	has := func(in string) bool {
		return strings.Contains(strings.ToLower(in), strings.ToLower(strings.TrimSpace(text)))
	}
	limit := queryInt(q, "limit", 12)
	if limit <= 0 {
		limit = 12
	}
	if l.podcast {
		s.sendPodcastsFound(w, q, l, has, limit)
		return
	}
	books, authors, counts := []object{}, []object{}, map[string]int{}
	for _, i := range l.Items {
		counts[i.AuthorID]++
	}
	for _, i := range l.Items {
		if has(i.Title) && len(books) < limit {
			books = append(books, object{{"libraryItem", s.itemExpanded(i)}})
		}
		if n := counts[i.AuthorID]; n > 0 && has(i.Author) && len(authors) < limit {
			authors = append(authors, i.authorFound(n))
			delete(counts, i.AuthorID)
		}
	}
	sendJSON(w, q.Request, http.StatusOK, object{
		{"book", books}, {"narrators", []object{}}, {"tags", []object{}}, {"genres", []object{}}, {"series", []object{}}, {"authors", authors},
	})
}

// authorFound is an author in the answer to a search.
func (i *Item) authorFound(books int) object {
	at := millis(i.Modified)
	return object{
		{"id", i.AuthorID}, {"asin", nil}, {"name", i.Author}, {"description", nil}, {"imagePath", nil}, {"libraryId", i.library.ID},
		{"addedAt", at}, {"updatedAt", at}, {"numBooks", books},
	}
}

func (s *Server) sendPodcastsFound(w http.ResponseWriter, q *request, l *Library, has func(string) bool, limit int) {
	podcasts, episodes := []object{}, []object{}
	for _, i := range l.Items {
		if (has(i.Title) || has(i.Author)) && len(podcasts) < limit {
			podcasts = append(podcasts, object{{"libraryItem", s.itemExpanded(i.withoutEpisodes())}})
		}
		for _, e := range i.Episodes {
			if has(e.Title) && len(episodes) < limit {
				found := append(s.itemExpanded(i.withoutEpisodes()), pair{"recentEpisode", i.episodeExpanded(e)})
				episodes = append(episodes, object{{"libraryItem", found}})
			}
		}
	}
	sendJSON(w, q.Request, http.StatusOK, object{
		{"podcast", podcasts}, {"tags", []object{}}, {"genres", []object{}}, {"episodes", episodes},
	})
}

// withoutEpisodes is a podcast as a search finds it: the server does not read its
// episodes then.
func (i *Item) withoutEpisodes() *Item {
	bare := &Item{ID: i.ID, MediaID: i.MediaID, Ino: i.Ino, Title: i.Title, Author: i.Author, Description: i.Description, Files: i.Files,
		Cover: i.cover(), Modified: i.Modified, library: i.library, seed: i.seed, released: i.Episodes[len(i.Episodes)-1].Published}
	return bare
}

// byAuthor keeps the items that a filter of the web client names: "authors." and the
// author's id in base64. Other filters are not applied.
// abs: server/utils/libraryHelpers.js; client/plugins/init.client.js, $encode
func byAuthor(items []*Item, filter string) []*Item {
	coded, ok := strings.CutPrefix(filter, "authors.")
	if !ok {
		return items
	}
	coded, err := url.QueryUnescape(coded)
	if err != nil {
		return nil
	}
	id, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return nil
	}
	var kept []*Item
	for _, i := range items {
		if i.AuthorID == string(id) {
			kept = append(kept, i)
		}
	}
	return kept
}
