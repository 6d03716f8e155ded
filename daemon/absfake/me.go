package absfake

import (
	"net/http"
	"sort"
	"strconv"
	"time"
)

func (s *Server) getMe(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	o := userJSON(q.user)
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, o)
}

func (s *Server) postAuthorize(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	o := s.loginBodyLocked(q.user)
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, o)
}

// ownRefreshToken is the refresh token a request to /api may carry beside its
// bearer token; here the cookie goes first.
func ownRefreshToken(q *request) string {
	if c := q.cookie("refresh_token"); c != "" {
		return c
	}
	return q.Header.Get("x-refresh-token")
}

// patchPassword is the user's own change. abs: server/controllers/MeController.js
func (s *Server) patchPassword(w http.ResponseWriter, q *request) {
	if !s.facts.jwtSessions {
		s.patchPasswordBefore(w, q)
		return
	}
	old, okOld := stringOrNull(q, "password")
	next, okNext := stringOrNull(q, "newPassword")
	if !okOld || !okNext {
		sendText(w, q.Request, http.StatusBadRequest, "Missing or invalid password or new password")
		return
	}
	s.mu.Lock()
	u := q.user
	switch {
	case u.kind != "root" && next == "":
		s.mu.Unlock()
		sendText(w, q.Request, http.StatusBadRequest, "Invalid new password - Only root can have an empty password")
		return
	case u.password != old:
		s.mu.Unlock()
		sendText(w, q.Request, http.StatusBadRequest, "Invalid password")
		return
	}
	u.password = next
	t, kept := s.passwordChangedLocked(u, ownRefreshToken(q))
	s.mu.Unlock()
	if kept {
		s.setRefreshCookie(w, q, t.refresh)
		if q.Header.Get("x-refresh-token") != "" {
			sendJSON(w, q.Request, http.StatusOK, object{
				{"success", true},
				{"user", object{{"accessToken", t.access}, {"refreshToken", t.refresh}}},
			})
			return
		}
	}
	sendStatus(w, q.Request, http.StatusOK)
}

// patchPasswordBefore is the change on releases without sessions: it answers 200
// whatever comes of it. abs: server/Auth.js of 2.25, userChangePassword
func (s *Server) patchPasswordBefore(w http.ResponseWriter, q *request) {
	next := q.text("newPassword")
	o := object{{"success", true}}
	s.mu.Lock()
	switch {
	case q.user.kind != "root" && next == "":
		o = object{{"error", "Invalid new password - Only root can have an empty password"}}
	case q.user.password != q.text("password"):
		o = object{{"error", "Invalid password"}}
	default:
		q.user.password = next
	}
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, o)
}

func stringOrNull(q *request, name string) (string, bool) {
	v, ok := q.field(name)
	if v == nil {
		return "", ok
	}
	text, ok := v.(string)
	return text, ok
}

// getSessions lists the user's auth sessions, the newest first.
func (s *Server) getSessions(w http.ResponseWriter, q *request) {
	page := max(0, queryInt(q, "page", 0))
	perPage := max(1, queryInt(q, "itemsPerPage", 10))
	current := ownRefreshToken(q)
	now := time.Now()
	s.mu.Lock()
	var rows []authSession
	for _, row := range s.sessions {
		if row.userID == q.user.id && row.expiresAt.After(now) {
			rows = append(rows, *row)
		}
	}
	s.mu.Unlock()
	sort.SliceStable(rows, func(i, j int) bool { return rows[j].updatedAt.Before(rows[i].updatedAt) })
	list := []object{}
	for _, row := range cut(rows, page, perPage) {
		list = append(list, object{
			{"id", row.id},
			{"ipAddress", row.address},
			{"userAgent", row.userAgent},
			{"deviceInfo", nil},
			{"createdAt", millis(row.createdAt)},
			{"updatedAt", millis(row.updatedAt)},
			{"current", current != "" && (row.refresh == current || row.previous == current)},
		})
	}
	sendJSON(w, q.Request, http.StatusOK, object{
		{"total", len(rows)},
		{"numPages", pages(len(rows), perPage)},
		{"page", page},
		{"itemsPerPage", perPage},
		{"sessions", list},
	})
}

func (s *Server) deleteSession(w http.ResponseWriter, q *request) {
	id := q.params["id"]
	if !isUUID(id) {
		sendStatus(w, q.Request, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	before := len(s.sessions)
	s.deleteSessionsLocked(func(row *authSession) bool { return row.id == id && row.userID == q.user.id })
	found := len(s.sessions) < before
	s.mu.Unlock()
	if !found {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	sendStatus(w, q.Request, http.StatusOK)
}

func isUUID(id string) bool {
	if len(id) != 36 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

func queryInt(q *request, name string, otherwise int) int {
	n, err := strconv.Atoi(q.URL.Query().Get(name))
	if err != nil {
		return otherwise
	}
	return n
}

func pages(total, perPage int) int { return (total + perPage - 1) / perPage }

// cut is one page of a list.
func cut[T any](list []T, page, perPage int) []T {
	if page > len(list)/perPage {
		return nil
	}
	from := page * perPage
	return list[from:min(from+perPage, len(list))]
}
