package absfake

import (
	"net/http"
	"slices"
)

func (s *Server) getProgress(w http.ResponseWriter, q *request) {
	var o object
	s.mu.Lock()
	if p := q.user.progressSaid(q.params["id"], q.params["episode"]); p != nil {
		o = p.json()
	}
	s.mu.Unlock()
	if o == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	sendJSON(w, q.Request, http.StatusOK, o)
}

func (s *Server) patchProgress(w http.ResponseWriter, q *request) {
	m, status, refused := s.mediaFor(q.params["id"], q.params["episode"])
	if refused == notABook && !s.facts.podcastRefused {
		s.Restart() // the process dies of an exception
		return
	}
	if refused != "" {
		sendText(w, q.Request, status, refused)
		return
	}
	body, _ := q.body.(map[string]any)
	update := updateOf(body)
	s.mu.Lock()
	s.updateProgressLocked(q.user, m, q.params["id"], update)
	s.emitUserLocked(q.user)
	s.mu.Unlock()
	sendStatus(w, q.Request, http.StatusOK)
}

// deleteProgress forgets progress by its own id. Early releases answer 200 whatever the id.
// abs: server/controllers/MeController.js, removeMediaProgress
func (s *Server) deleteProgress(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	n := slices.IndexFunc(q.user.progress, func(p *progress) bool { return p.id == q.params["id"] })
	if n >= 0 {
		q.user.progress = slices.Delete(q.user.progress, n, n+1)
	}
	known := n >= 0 || !s.facts.sessionsAPI
	if known {
		s.emitUserLocked(q.user)
	}
	s.mu.Unlock()
	if !known {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	sendStatus(w, q.Request, http.StatusOK)
}

// notABook is the answer to progress of a podcast without an episode.
const notABook = "Library item is not a book"

// mediaFor is what a client's update is about. An episode is known by its own
// id; the item named with it is not looked at. abs: server/models/User.js, createUpdateMediaProgressFromPayload
func (s *Server) mediaFor(itemID, episodeID string) (m media, status int, refused string) {
	if episodeID != "" {
		m = s.episode(episodeID)
		if m.episode == nil {
			return m, http.StatusNotFound, "Episode not found"
		}
		return m, 0, ""
	}
	m.item = s.item(itemID)
	switch {
	case m.item == nil:
		return m, http.StatusNotFound, "Library item not found"
	case m.item.library.podcast:
		return m, http.StatusBadRequest, notABook
	}
	return m, 0, ""
}

// patchProgressBatch takes a list of updates; those that would be refused alone
// are passed over. abs: server/controllers/MeController.js
func (s *Server) patchProgressBatch(w http.ResponseWriter, q *request) {
	list, _ := q.body.([]any)
	if len(list) == 0 {
		sendText(w, q.Request, http.StatusBadRequest, "Missing request payload")
		return
	}
	changed, dead := false, false
	s.mu.Lock()
	for _, v := range list {
		body, _ := v.(map[string]any)
		id, _ := body["libraryItemId"].(string)
		m, _, refused := s.mediaFor(id, saidID(body["episodeId"]))
		if dead = refused == notABook && !s.facts.podcastRefused; dead {
			break
		}
		if refused == "" {
			s.updateProgressLocked(q.user, m, id, updateOf(body))
			changed = true
		}
	}
	if changed && !dead {
		s.emitUserLocked(q.user)
	}
	s.mu.Unlock()
	if dead {
		s.Restart() // of an exception; what came before it in the list is kept
		return
	}
	sendStatus(w, q.Request, http.StatusOK)
}

// saidID is an id in a body; what is there but no text is an id nobody has.
func saidID(v any) string {
	if text, ok := v.(string); ok || !truthy(v) {
		return text
	}
	return "?"
}

func updateOf(body map[string]any) object {
	update := object{}
	for k, v := range body {
		update = append(update, pair{k, v})
	}
	return update
}
