package absfake

import (
	"net/http"
	"time"
)

// finishedWithin is how many seconds before its end a book counts as finished.
// abs: server/models/MediaProgress.js, markAsFinishedTimeRemaining
const finishedWithin = 10

// progress is how far a user is in an item. Guarded by Server.mu.
type progress struct {
	id          string
	userID      string
	item        *Item
	duration    float64
	part        float64  // "progress", kept apart from currentTime as the server does
	currentTime *float64 // nil: taken away by a sync without one
	finished    bool
	hidden      bool
	updatedAt   int64
	startedAt   int64
	finishedAt  int64 // 0: not
}

func (u *user) progressOf(i *Item) *progress {
	for _, p := range u.progress {
		if p.item == i {
			return p
		}
	}
	return nil
}

func (p *progress) json() object {
	o := object{
		{"id", p.id},
		{"userId", p.userID},
		{"libraryItemId", p.item.ID},
		{"episodeId", nil},
		{"mediaItemId", p.item.MediaID},
		{"mediaItemType", "book"},
		{"duration", p.duration},
		{"progress", p.part},
	}
	if p.currentTime != nil {
		o = append(o, pair{"currentTime", *p.currentTime})
	}
	var finished any
	if p.finishedAt != 0 {
		finished = p.finishedAt
	}
	return append(o, object{
		{"isFinished", p.finished},
		{"hideFromContinueListening", p.hidden},
		{"ebookLocation", nil},
		{"ebookProgress", 0},
		{"lastUpdate", p.updatedAt},
		{"startedAt", p.startedAt},
		{"finishedAt", finished},
	}...)
}

// updateProgressLocked makes or changes the user's progress. The update holds
// what the client sent; a key that is there with nil takes the value away.
func (s *Server) updateProgressLocked(u *user, i *Item, update object) *progress {
	now := millis(time.Now())
	get := func(key string) (any, bool) {
		for _, p := range update {
			if p.key == key {
				return p.value, true
			}
		}
		return nil, false
	}
	p := u.progressOf(i)
	if p == nil {
		p = &progress{id: newUUID(), userID: u.id, item: i, startedAt: now, updatedAt: now, currentTime: new(float64)}
		u.progress = append(u.progress, p)
		p.duration = numberIn(get, "duration")
		*p.currentTime = numberIn(get, "currentTime")
		p.part = numberIn(get, "progress")
		done, _ := get("isFinished")
		hidden, _ := get("hideFromContinueListening")
		p.finished, p.hidden = truthy(done), truthy(hidden)
		if p.finished {
			p.part, p.finishedAt = 1, now
		}
		return p
	}
	p.change(get, now)
	p.updatedAt = now
	if v, ok := get("lastUpdate"); ok {
		if at, ok := number(v); ok && at > 0 {
			p.updatedAt = int64(at)
		}
	}
	return p
}

func numberIn(get func(string) (any, bool), key string) float64 {
	v, _ := get(key)
	n, _ := number(v)
	return n
}

// change applies an update to a progress that exists. Where the update says
// isFinished, what it says of progress is ignored (measured on all releases).
func (p *progress) change(get func(string) (any, bool), now int64) {
	before, keepTime := p.currentTime, false
	if v, ok := get("isFinished"); ok {
		done := truthy(v)
		switch {
		case done && !p.finished:
			p.part, p.finishedAt = 1, now
			if at, ok := get("finishedAt"); ok {
				if n, ok := number(at); ok && n > 0 {
					p.finishedAt = int64(n)
				}
			}
		case !done && p.finished:
			p.part, p.finishedAt = 0, 0
			p.currentTime, keepTime = new(float64), true
		}
		p.finished = done
	} else if v, ok := get("progress"); ok {
		if n, ok := number(v); ok && n != p.computed() {
			p.part = min(1, max(0, n))
		}
	}
	if v, ok := get("duration"); ok {
		if n, ok := number(v); ok {
			p.duration = n
		}
	}
	if v, ok := get("currentTime"); ok && !keepTime {
		if n, ok := number(v); ok {
			p.currentTime = &n
		} else {
			p.currentTime = nil
		}
	}
	hidden, _ := get("hideFromContinueListening")
	moved := (before == nil) != (p.currentTime == nil) || (before != nil && *before != *p.currentTime)
	switch {
	case truthy(hidden):
		p.hidden = true
	case moved:
		p.hidden = false
	}
	near := p.duration != 0 && p.currentTime != nil && p.duration-*p.currentTime < finishedWithin
	switch {
	case !p.finished && near:
		p.finished, p.part = true, 1
		if p.finishedAt == 0 {
			p.finishedAt = now
		}
	case p.finished && moved && !near:
		p.finished, p.finishedAt = false, 0
	}
}

// computed is the progress that position and duration make.
func (p *progress) computed() float64 {
	if p.duration == 0 || p.currentTime == nil {
		return 0
	}
	return max(0, min(*p.currentTime/p.duration, 1))
}

// There are no podcasts: progress of an episode is never found.
func (s *Server) getProgress(w http.ResponseWriter, q *request) {
	i := s.library.Item(q.params["id"])
	var o object
	s.mu.Lock()
	if i != nil && q.params["episode"] == "" {
		if p := q.user.progressOf(i); p != nil {
			o = p.json()
		}
	}
	s.mu.Unlock()
	if o == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	sendJSON(w, q.Request, http.StatusOK, o)
}

func (s *Server) patchProgress(w http.ResponseWriter, q *request) {
	if q.params["episode"] != "" {
		sendText(w, q.Request, http.StatusNotFound, "Episode not found")
		return
	}
	i := s.library.Item(q.params["id"])
	if i == nil {
		sendText(w, q.Request, http.StatusNotFound, "Library item not found")
		return
	}
	body, _ := q.body.(map[string]any)
	update := updateOf(body)
	s.mu.Lock()
	s.updateProgressLocked(q.user, i, update)
	s.emitUserLocked(q.user)
	s.mu.Unlock()
	sendStatus(w, q.Request, http.StatusOK)
}

// patchProgressBatch takes a list of updates; those for unknown items are passed
// over. abs: server/controllers/MeController.js
func (s *Server) patchProgressBatch(w http.ResponseWriter, q *request) {
	list, _ := q.body.([]any)
	if len(list) == 0 {
		sendText(w, q.Request, http.StatusBadRequest, "Missing request payload")
		return
	}
	changed := false
	s.mu.Lock()
	for _, v := range list {
		body, _ := v.(map[string]any)
		id, _ := body["libraryItemId"].(string)
		if i := s.library.Item(id); i != nil && !truthy(body["episodeId"]) {
			s.updateProgressLocked(q.user, i, updateOf(body))
			changed = true
		}
	}
	if changed {
		s.emitUserLocked(q.user)
	}
	s.mu.Unlock()
	sendStatus(w, q.Request, http.StatusOK)
}

func updateOf(body map[string]any) object {
	update := object{}
	for k, v := range body {
		update = append(update, pair{k, v})
	}
	return update
}
