package absfake

import (
	"math"
	"net/http"
	"sort"
	"strconv"
	"strings"
)

// getEpisode is one episode. abs: server/controllers/PodcastController.js
func (s *Server) getEpisode(w http.ResponseWriter, q *request) {
	i := s.item(q.params["id"])
	switch {
	case i == nil:
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	case !i.library.podcast:
		sendStatus(w, q.Request, http.StatusInternalServerError)
		return
	}
	e := i.Episode(q.params["episode"])
	if e == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	sendJSON(w, q.Request, http.StatusOK, i.episodePlain(e))
}

// getRecentEpisodes is a page of the episodes the user has not finished, the
// newest first. Without a limit the page is empty, since the server hands its
// limit of 0 to the database. abs: server/controllers/LibraryController.js,
// server/utils/queries/libraryItemsPodcastFilters.js
func (s *Server) getRecentEpisodes(w http.ResponseWriter, q *request) {
	l := s.libraryByID(q.params["id"])
	if l == nil || !l.podcast {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	var open []media
	s.mu.Lock()
	for _, i := range l.Items {
		for _, e := range i.Episodes {
			if p := q.user.progressOf(media{i, e}); p == nil || !p.finished {
				open = append(open, media{i, e})
			}
		}
	}
	s.mu.Unlock()
	sort.SliceStable(open, func(i, j int) bool { return open[j].episode.Published.Before(open[i].episode.Published) })
	list := []object{}
	if limit := queryInt(q, "limit", 0); limit > 0 {
		for _, m := range cut(open, max(0, queryInt(q, "page", 0)), limit) {
			list = append(list, append(m.item.episodeExpanded(m.episode), object{
				{"podcast", m.item.podcastPlain(nil)}, {"libraryId", l.ID},
			}...))
		}
	}
	sendJSON(w, q.Request, http.StatusOK, object{
		{"episodes", list}, {"limit", max(0, queryInt(q, "limit", 0))}, {"page", max(0, queryInt(q, "page", 0))},
	})
}

// incomplete is the number of a podcast's episodes that the user has not
// finished, where the request wants it and there are any.
func (s *Server) incomplete(q *request, i *Item) object {
	if !i.library.podcast || !strings.Contains(","+strings.ToLower(q.URL.Query().Get("include"))+",", ",numepisodesincomplete,") {
		return nil
	}
	n := 0
	s.mu.Lock()
	for _, e := range i.Episodes {
		if p := q.user.progressOf(media{i, e}); p == nil || !p.finished {
			n++
		}
	}
	s.mu.Unlock()
	if n == 0 {
		return nil
	}
	return object{{"numEpisodesIncomplete", n}}
}

// inProgress is how many items in progress are listed unless the request says.
const inProgress = 25

// getInProgress lists what the user has begun, the latest first; a podcast is
// there once for each episode. abs: server/controllers/MeController.js,
// getAllLibraryItemsInProgress
func (s *Server) getInProgress(w http.ResponseWriter, q *request) {
	type begun struct {
		json object
		at   int64
	}
	var list []begun
	s.mu.Lock()
	for _, p := range q.user.progress {
		i := s.item(p.itemID)
		if p.finished || p.currentTime == nil || *p.currentTime <= 0 || i == nil {
			continue
		}
		o := s.itemMinified(i)
		if e := p.media.episode; e != nil {
			if i.Episode(e.ID) == nil {
				continue // the progress was made with the id of another item
			}
			o = append(o, pair{"recentEpisode", i.episodePlain(e)})
		}
		list = append(list, begun{append(o, pair{"progressLastUpdate", p.updatedAt}), p.updatedAt})
	}
	s.mu.Unlock()
	sort.SliceStable(list, func(i, j int) bool { return list[j].at < list[i].at })
	limit := inProgress
	if n, err := strconv.ParseFloat(q.URL.Query().Get("limit"), 64); err == nil && n != 0 && !math.IsNaN(n) {
		limit = int(max(0, min(n, maxPlaybacks)))
	}
	items := []object{}
	for _, b := range list[:min(limit, len(list))] {
		items = append(items, b.json)
	}
	sendJSON(w, q.Request, http.StatusOK, object{{"libraryItems", items}})
}
