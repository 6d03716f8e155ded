package absfake

import (
	"net/http"
	"net/url"
	"strings"
)

// getOpenIDCallback takes the provider's code. Failures lead to the web client's
// login page even for an app. abs: server/Auth.js, /auth/openid/callback
func (s *Server) getOpenIDCallback(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	configured := s.auth.openID()
	s.mu.Unlock()
	if !configured {
		page(w, q.Request, http.StatusInternalServerError, "")
		return
	}
	session := q.expressSession()
	var flow *oidcFlow
	if session != nil {
		s.mu.Lock()
		flow, session.flow = session.flow, nil
		s.mu.Unlock()
	}
	if flow == nil {
		sendText(w, q.Request, http.StatusBadRequest, "No session")
		return
	}
	query := q.URL.Query()
	if v := query.Get("code_verifier"); v != "" {
		flow.verifier = v
	}
	if query.Get("state") != flow.state || query.Get("code") == "" {
		failOpenID(w, q, "Unauthorized")
		return
	}
	idToken, info, err := s.askProvider(q.Context(), query.Get("code"), flow)
	if err != nil {
		s.cfg.Log.Debug("absfake: the provider refused", "error", err)
		failOpenID(w, q, "Error in callback")
		return
	}
	s.mu.Lock()
	u := s.openIDUserLocked(info)
	s.mu.Unlock()
	if u == nil {
		failOpenID(w, q, "Unauthorized")
		return
	}
	addCookie(w, cookieFor("openid_id_token", idToken, tenYears, "; Secure; SameSite=Strict"))
	s.openIDAnswer(w, q, u)
}

func failOpenID(w http.ResponseWriter, q *request, text string) {
	redirect(w, q.Request, "/login?error="+strings.ReplaceAll(url.QueryEscape(text), "+", "%20")+"&autoLaunch=0")
}

// openIDUserLocked finds or makes the user, nil where there is none to be.
// abs: server/auth/OidcAuthStrategy.js, verifyCallback
func (s *Server) openIDUserLocked(info userInfo) *user {
	if info.Subject == "" {
		return nil
	}
	var u *user
	for _, o := range s.users {
		if o.subject == info.Subject {
			u = o
		}
	}
	if u == nil && s.auth.text("authOpenIDMatchExistingBy") == "username" && info.Username != "" {
		if u = s.userByNameLocked(info.Username); u != nil {
			if u.subject != "" {
				return nil // linked to somebody else
			}
			u.subject = info.Subject
		}
	}
	if u == nil && s.auth.flag("authOpenIDAutoRegister") {
		name := info.Username
		for _, other := range []string{info.Name, info.Subject} {
			if name == "" {
				name = other
			}
		}
		u = s.addUserLocked(name, "", "user", true)
		u.subject = info.Subject
		s.userAddedLocked(u)
	}
	if u == nil || !u.active {
		return nil
	}
	return u
}

// openIDAnswer answers as the auth_method cookie asks: an app gets JSON with
// both tokens, a browser a cookie and its way back.
func (s *Server) openIDAnswer(w http.ResponseWriter, q *request, u *user) {
	s.mu.Lock()
	var t tokens
	session, refresh := "", ""
	if s.facts.jwtSessions {
		var row *authSession
		t, row = s.createSessionLocked(u, clientAddress(q.Request), q.UserAgent())
		session, refresh = row.id, TokenID(t.refresh)
	}
	body, name, legacy := s.loginBodyLocked(u), u.name, u.legacy
	s.mu.Unlock()
	s.ledger.login(Login{User: name, OK: true, OpenID: true, Session: session, Refresh: refresh})

	method := q.cookie("auth_method")
	api := method == "api" || method == "openid-mobile"
	if s.facts.jwtSessions {
		var inBody any
		if api {
			inBody = t.refresh
		} else {
			s.setRefreshCookie(w, q, t.refresh)
		}
		body[0].value = append(body[0].value.(object), pair{"refreshToken", inBody}, pair{"accessToken", t.access})
	}
	s.setExpressSession(w)
	switch back := q.cookie("auth_cb"); {
	case api:
		sendJSON(w, q.Request, http.StatusOK, body)
	case back == "":
		sendText(w, q.Request, http.StatusBadRequest, "No callback or already expired")
	default:
		to := back + "?setToken=" + legacy
		if s.facts.jwtSessions {
			to += "&accessToken=" + t.access
		}
		if state := q.cookie("auth_state"); state != "" {
			to += "&state=" + state
		}
		redirect(w, q.Request, to)
	}
}
