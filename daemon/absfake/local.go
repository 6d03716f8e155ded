package absfake

import (
	"net/http"
	"time"
)

// localResult is the outcome for one session that was listened to offline.
type localResult struct {
	id     string
	failed string
	synced bool
}

func (r localResult) json() object {
	if r.failed != "" {
		return object{{"id", r.id}, {"success", false}, {"error", r.failed}}
	}
	return object{{"id", r.id}, {"success", true}, {"progressSynced", r.synced}}
}

// syncLocalLocked takes a session listened to offline. An older one than the
// progress changes nothing and is no failure.
// abs: server/managers/PlaybackSessionManager.js, syncLocalSession
func (s *Server) syncLocalLocked(u *user, session map[string]any, info map[string]any, address string) localResult {
	id, _ := session["id"].(string)
	itemID, _ := session["libraryItemId"].(string)
	i := s.item(itemID)
	if i == nil {
		return localResult{id: id, failed: "Media item not found"}
	}
	m, episodeID := media{item: i}, saidID(session["episodeId"])
	if i.library.podcast {
		if m.episode = i.Episode(episodeID); m.episode == nil {
			return localResult{id: id, failed: "Media item not found"}
		}
	}
	at, okTime := number(session["currentTime"])
	updated, ok := number(session["updatedAt"])
	if !ok {
		updated = float64(millis(time.Now()))
	}
	p := s.keepLocalLocked(u, m, session, info, address, id, at, int64(updated))
	if old := u.progressOf(m); old != nil && float64(old.updatedAt) > updated {
		return localResult{id: id}
	}
	if m.episode == nil && episodeID != "" {
		return localResult{id: id} // a book has no such episode: kept, but no progress
	}
	update := object{{"duration", p.duration}, {"lastUpdate", updated}}
	if okTime {
		update = append(update, pair{"currentTime", at}, pair{"progress", max(0, min(at/p.duration, 1))})
	}
	s.emitProgressLocked(u, p, s.updateProgressLocked(u, m, i.ID, update))
	return localResult{id: id, synced: true}
}

// keepLocalLocked writes the session into the list of those listened to.
func (s *Server) keepLocalLocked(u *user, m media, session, info map[string]any, address, id string, at float64, updated int64) *playback {
	listened, _ := number(session["timeListening"])
	for _, p := range s.listened {
		if p.id == id {
			p.currentTime, p.listened, p.updatedAt, p.day = &at, listened, updated, time.UnixMilli(updated)
			return p
		}
	}
	d, deviceJSON := s.deviceLocked(u, info, address)
	start, _ := number(session["startTime"])
	started, _ := number(session["startedAt"])
	player, _ := session["mediaPlayer"].(string)
	title := m.item.Title // of a podcast, too
	if said, _ := session["displayTitle"].(string); said != "" {
		title = said
	}
	p := &playback{
		id: id, userID: u.id, media: m, title: title, device: d, deviceJSON: deviceJSON, mediaPlayer: player, duration: m.duration(),
		local: true, coverPath: m.item.coverPath(),
		startTime: start, currentTime: &at, listened: listened, startedAt: int64(started), updatedAt: updated, day: time.UnixMilli(updated),
	}
	s.listened = append(s.listened, p)
	if len(s.listened) > maxPlaybacks {
		s.listened = s.listened[1:]
	}
	return p
}

func (s *Server) postLocal(w http.ResponseWriter, q *request) {
	body, _ := q.body.(map[string]any)
	info, _ := body["deviceInfo"].(map[string]any)
	s.mu.Lock()
	r := s.syncLocalLocked(q.user, body, info, clientAddress(q.Request))
	s.mu.Unlock()
	if r.failed != "" {
		sendText(w, q.Request, http.StatusInternalServerError, r.failed)
		return
	}
	sendStatus(w, q.Request, http.StatusOK)
}

func (s *Server) postLocalAll(w http.ResponseWriter, q *request) {
	body, _ := q.body.(map[string]any)
	info, _ := body["deviceInfo"].(map[string]any)
	sessions, _ := body["sessions"].([]any)
	results := []object{}
	s.mu.Lock()
	for _, v := range sessions {
		session, _ := v.(map[string]any)
		results = append(results, s.syncLocalLocked(q.user, session, info, clientAddress(q.Request)).json())
	}
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"results", results}})
}
