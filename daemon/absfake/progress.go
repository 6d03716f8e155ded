package absfake

import (
	"time"
)

// finishedWithin is how many seconds before its end a book counts as finished.
// abs: server/models/MediaProgress.js, markAsFinishedTimeRemaining
const finishedWithin = 10

// progress is how far a user is in a book or an episode. Guarded by Server.mu.
type progress struct {
	id          string
	userID      string
	media       media
	itemID      string // as the client said it when the progress was made
	duration    float64
	part        float64  // "progress", kept apart from currentTime as the server does
	currentTime *float64 // nil: taken away by a sync without one
	finished    bool
	hidden      bool
	updatedAt   int64
	startedAt   int64
	finishedAt  int64 // 0: not
}

func (u *user) progressOf(m media) *progress {
	for _, p := range u.progress {
		if p.media == m {
			return p
		}
	}
	return nil
}

// progressSaid is the progress as clients ask for it. Without a media item it is
// the first of the item, so of a podcast that of any episode.
// abs: server/models/User.js, getOldMediaProgress
func (u *user) progressSaid(itemID, mediaID string) *progress {
	for _, p := range u.progress {
		if p.itemID == itemID && (mediaID == "" || p.media.id() == mediaID) {
			return p
		}
	}
	return nil
}

func (p *progress) json() object {
	o := object{
		{"id", p.id},
		{"userId", p.userID},
		{"libraryItemId", orNil(p.itemID)},
		{"episodeId", p.media.episodeID()},
		{"mediaItemId", p.media.id()},
		{"mediaItemType", p.media.kind()},
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
func (s *Server) updateProgressLocked(u *user, m media, itemID string, update object) *progress {
	now := millis(time.Now())
	get := func(key string) (any, bool) {
		for _, p := range update {
			if p.key == key {
				return p.value, true
			}
		}
		return nil, false
	}
	p := u.progressOf(m)
	if p == nil {
		p = &progress{id: newUUID(), userID: u.id, media: m, itemID: itemID, startedAt: now, updatedAt: now, currentTime: new(float64)}
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

// change applies an update to a progress that exists, in the order in which ABS
// does (abs: server/models/MediaProgress.js).
func (p *progress) change(get func(string) (any, bool), now int64) {
	before := p.currentTime
	restarted := p.changePart(get, now)
	if v, ok := get("duration"); ok {
		if n, ok := number(v); ok {
			p.duration = n
		}
	}
	if v, ok := get("currentTime"); ok && !restarted {
		if n, ok := number(v); ok {
			p.currentTime = &n
		} else {
			p.currentTime = nil
		}
	}
	moved := (before == nil) != (p.currentTime == nil) || (before != nil && *before != *p.currentTime)
	hidden, _ := get("hideFromContinueListening")
	switch {
	case truthy(hidden):
		p.hidden = true
	case moved:
		p.hidden = false
	}
	p.finishByPosition(moved, now)
}

// changePart applies what an update says of being finished or, where it does not
// say that, of progress (measured on all releases). It reports whether a
// finished progress began anew, so that what is said of the position is ignored.
func (p *progress) changePart(get func(string) (any, bool), now int64) (restarted bool) {
	v, ok := get("isFinished")
	if !ok {
		if v, ok := get("progress"); ok {
			if n, ok := number(v); ok && n != p.computed() {
				p.part = min(1, max(0, n))
			}
		}
		return false
	}
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
		p.currentTime, restarted = new(float64), true
	}
	p.finished = done
	return restarted
}

// finishByPosition finishes a progress whose position is near the end, and takes
// that back when the position moves away from it.
func (p *progress) finishByPosition(moved bool, now int64) {
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
