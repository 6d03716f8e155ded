package absfake

import (
	"net/http"
	"slices"
)

// postPlay opens a playback session.
func (s *Server) postPlay(w http.ResponseWriter, q *request) {
	item := s.item(q.params["id"])
	if item == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	s.play(w, q, media{item: item})
}

// postPlayEpisode refuses a book: it has no episodes.
func (s *Server) postPlayEpisode(w http.ResponseWriter, q *request) {
	item := s.item(q.params["id"])
	if item == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	if !item.library.podcast {
		sendStatus(w, q.Request, http.StatusBadRequest)
		return
	}
	e := item.Episode(q.params["episode"])
	if e == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	s.play(w, q, media{item, e})
}

func (s *Server) play(w http.ResponseWriter, q *request, m media) {
	body, _ := q.body.(map[string]any)
	s.mu.Lock()
	p := s.openLocked(q.user, m, body, clientAddress(q.Request))
	o := s.playbackJSON(p, true)
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, o)
}

// openPlayback finds the session of a request and answers itself where there is
// none or it is a stranger's. abs: server/controllers/SessionController.js
func (s *Server) openPlayback(w http.ResponseWriter, q *request) *playback {
	s.mu.Lock()
	p := s.playbackLocked(q.params["id"])
	s.mu.Unlock()
	if p == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return nil
	}
	if p.userID != q.user.id && (!q.user.isAdmin() || !s.facts.adminMaySync) {
		sendStatus(w, q.Request, s.facts.strangerSync)
		return nil
	}
	return p
}

func (s *Server) getPlayback(w http.ResponseWriter, q *request) {
	p := s.openPlayback(w, q)
	if p == nil {
		return
	}
	s.mu.Lock()
	o := s.playbackJSON(p, true)
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, o)
}

func (s *Server) postSync(w http.ResponseWriter, q *request) {
	p := s.openPlayback(w, q)
	if p == nil {
		return
	}
	body, _ := q.body.(map[string]any)
	if s.diesOf(p) {
		return
	}
	s.mu.Lock()
	s.syncLocked(q.user, p, body)
	s.mu.Unlock()
	sendStatus(w, q.Request, http.StatusOK)
}

// diesOf restarts the process where a sync of that session is the end of it.
func (s *Server) diesOf(p *playback) bool {
	if p.media.keepsProgress() || s.facts.podcastRefused {
		return false
	}
	s.Restart()
	return true
}

// postClose ends the session; a body that is not empty is a last sync.
func (s *Server) postClose(w http.ResponseWriter, q *request) {
	p := s.openPlayback(w, q)
	if p == nil {
		return
	}
	body, _ := q.body.(map[string]any)
	if len(body) > 0 && s.diesOf(p) {
		return
	}
	s.mu.Lock()
	if len(body) > 0 {
		s.syncLocked(q.user, p, body)
	}
	s.emitClosedLocked(q.user, p)
	s.playing = slices.DeleteFunc(s.playing, func(o *playback) bool { return o == p })
	s.mu.Unlock()
	sendStatus(w, q.Request, http.StatusOK)
}

// getListeningSessions lists the sessions in which the user has listened, the
// newest first.
func (s *Server) getListeningSessions(w http.ResponseWriter, q *request) {
	perPage := queryInt(q, "itemsPerPage", 10)
	if perPage <= 0 {
		perPage = 10
	}
	page := max(0, queryInt(q, "page", 0))
	s.mu.Lock()
	list := []object{}
	for _, p := range slices.Backward(s.listened) {
		if p.userID == q.user.id {
			list = append(list, s.playbackJSON(p, false))
		}
	}
	s.mu.Unlock()
	shown := cut(list, page, perPage)
	if shown == nil {
		shown = []object{}
	}
	sendJSON(w, q.Request, http.StatusOK, object{
		{"total", len(list)},
		{"numPages", pages(len(list), perPage)},
		{"page", page},
		{"itemsPerPage", perPage},
		{"sessions", shown},
	})
}
