package absfake

import "net/http"

// postRefresh takes the token from the header before the cookie, hands it back
// in the body only if the request used the header, and sets the cookie in both cases.
// abs: server/Auth.js
func (s *Server) postRefresh(w http.ResponseWriter, q *request) {
	token := q.cookie("refresh_token")
	inBody := false
	if h := q.Header.Get("x-refresh-token"); h != "" {
		token, inBody = h, true
	}
	if token == "" {
		refuseRefresh(w, q, msgNoRefreshToken)
		return
	}
	u, t, msg := s.refresh(q.run, token)
	if q.run.Err() != nil {
		return // the process died meanwhile; the connection is gone too
	}
	if msg != "" {
		refuseRefresh(w, q, msg)
		return
	}
	s.mu.Lock()
	body := s.loginBodyLocked(u)
	s.mu.Unlock()
	var inAnswer any
	if inBody {
		inAnswer = t.refresh
	}
	body[0].value = append(body[0].value.(object), pair{"accessToken", t.access}, pair{"refreshToken", inAnswer})
	s.setRefreshCookie(w, q, t.refresh)
	sendJSON(w, q.Request, http.StatusOK, body)
}

func refuseRefresh(w http.ResponseWriter, q *request, msg string) {
	sendJSON(w, q.Request, http.StatusUnauthorized, object{{"error", msg}})
}

// postLogout takes the token from the cookie before the header, the other way
// round than a refresh, and always succeeds. It ends the rows whose current
// token it is, so the previous token ends nothing.
func (s *Server) postLogout(w http.ResponseWriter, q *request) {
	token := q.cookie("refresh_token")
	if token == "" {
		token = q.Header.Get("x-refresh-token")
	}
	all := s.facts.allDevices && q.URL.Query().Get("allDevices") == "1"
	s.mu.Lock()
	switch {
	case token == "":
	case all:
		if row := s.findSessionLocked(token); row != nil {
			s.endSessionsLocked(row.userID)
		}
	default:
		s.deleteSessionsLocked(func(row *authSession) bool { return row.refresh == token })
	}
	s.mu.Unlock()
	const gone = "=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
	if s.facts.jwtSessions {
		addCookie(w, "refresh_token"+gone)
	}
	addCookie(w, "auth_method"+gone)
	var next any
	if method := q.cookie("auth_method"); method == "openid" || method == "openid-mobile" {
		next = s.endSessionURL(q, method)
		addCookie(w, "openid_id_token"+gone)
	}
	s.setExpressSession(w)
	sendJSON(w, q.Request, http.StatusOK, object{{"redirect_url", next}})
}
