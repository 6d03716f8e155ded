package absfake

import (
	"net/http"
	"slices"
	"strconv"
)

// bookmark is a place in an item. abs: server/models/User.js
type bookmark struct {
	itemID    string
	time      float64
	title     string
	createdAt int64
}

func (b *bookmark) json() object {
	return object{{"libraryItemId", b.itemID}, {"time", b.time}, {"title", b.title}, {"createdAt", b.createdAt}}
}

func (u *user) bookmarkAt(itemID string, time float64) *bookmark {
	for _, b := range u.bookmarks {
		if b.itemID == itemID && b.time == time {
			return b
		}
	}
	return nil
}

func (s *Server) getBookmarks(w http.ResponseWriter, q *request) {
	list := []object{}
	s.mu.Lock()
	for _, b := range q.user.bookmarks {
		if id := q.params["id"]; id == "" || id == b.itemID {
			list = append(list, b.json())
		}
	}
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"bookmarks", list}})
}

// bookmarkBody reads time and title, and refuses itself what is neither.
func (s *Server) bookmarkBody(w http.ResponseWriter, q *request) (at float64, title string, ok bool) {
	if s.item(q.params["id"]) == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return 0, "", false
	}
	v, _ := q.field("time")
	if at, ok = number(v); !ok {
		sendText(w, q.Request, http.StatusBadRequest, "Invalid time")
		return 0, "", false
	}
	if title = q.text("title"); title == "" {
		sendText(w, q.Request, http.StatusBadRequest, "Invalid title")
		return 0, "", false
	}
	return at, title, true
}

func (s *Server) postBookmark(w http.ResponseWriter, q *request) {
	at, title, ok := s.bookmarkBody(w, q)
	if !ok {
		return
	}
	s.mu.Lock()
	b := q.user.bookmarkAt(q.params["id"], at)
	if b == nil {
		b = &bookmark{itemID: q.params["id"], time: at, createdAt: nowMillis()}
		q.user.bookmarks = append(q.user.bookmarks, b)
	}
	b.title = title
	o := b.json()
	s.emitUserLocked(q.user)
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, o)
}

func (s *Server) patchBookmark(w http.ResponseWriter, q *request) {
	at, title, ok := s.bookmarkBody(w, q)
	if !ok {
		return
	}
	s.mu.Lock()
	b := q.user.bookmarkAt(q.params["id"], at)
	if b == nil {
		s.mu.Unlock()
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	b.title = title
	o := b.json()
	s.emitUserLocked(q.user)
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, o)
}

func (s *Server) deleteBookmark(w http.ResponseWriter, q *request) {
	at, err := strconv.ParseFloat(q.params["time"], 64)
	item := s.item(q.params["id"])
	if item != nil && err != nil {
		sendText(w, q.Request, http.StatusBadRequest, "Invalid time")
		return
	}
	s.mu.Lock()
	b := q.user.bookmarkAt(q.params["id"], at)
	if b != nil {
		q.user.bookmarks = slices.DeleteFunc(q.user.bookmarks, func(o *bookmark) bool { return o == b })
		s.emitUserLocked(q.user)
	}
	s.mu.Unlock()
	if item == nil || b == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	sendStatus(w, q.Request, http.StatusOK)
}
