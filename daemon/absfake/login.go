package absfake

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Folders of the server. It tells the first two in /status while it has no
// users.
const (
	ConfigPath   = "/config"
	MetadataPath = "/metadata"
	MediaPath    = "/audiobooks"
)

func (s *Server) getPing(w http.ResponseWriter, q *request) {
	sendJSON(w, q.Request, http.StatusOK, object{{"success", true}})
}

func (s *Server) getHealthcheck(w http.ResponseWriter, q *request) {
	sendStatus(w, q.Request, http.StatusOK)
}

func (s *Server) getStatus(w http.ResponseWriter, q *request) {
	var message any = ""
	if s.facts.nullLoginMessage {
		message = nil
	}
	init := s.initialised()
	s.mu.Lock()
	methods := s.auth.methods()
	form := object{{"authLoginCustomMessage", message}}
	if slices.Contains(methods, "openid") {
		form = append(form, pair{"authOpenIDButtonText", s.auth.get("authOpenIDButtonText")},
			pair{"authOpenIDAutoLaunch", s.auth.get("authOpenIDAutoLaunch")})
	}
	s.mu.Unlock()
	o := object{
		{"app", "audiobookshelf"},
		{"serverVersion", string(s.facts.release)},
		{"isInit", init},
		{"language", "en-us"},
		{"authMethods", methods},
		{"authFormData", form},
	}
	if !init {
		o = append(o, object{{"ConfigPath", ConfigPath}, {"MetadataPath", MetadataPath}}...)
	}
	sendJSON(w, q.Request, http.StatusOK, o)
}

func (s *Server) initialised() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, u := range s.users {
		if u.kind == "root" {
			return true
		}
	}
	return false
}

// postInit makes the root user. Without newRoot the real process dies of an
// exception, and its supervisor starts it again.
func (s *Server) postInit(w http.ResponseWriter, q *request) {
	if s.initialised() {
		sendStatus(w, q.Request, http.StatusInternalServerError)
		return
	}
	v, _ := q.field("newRoot")
	root, ok := v.(map[string]any)
	if !ok {
		s.Restart()
		return
	}
	name, _ := root["username"].(string)
	password, _ := root["password"].(string)
	if name == "" {
		name = "root"
	}
	s.mu.Lock()
	s.addUserLocked(name, password, "root", true)
	s.mu.Unlock()
	sendStatus(w, q.Request, http.StatusOK)
}

// postLogin is the password form. Wrong password, unknown and disabled user are
// one and the same answer.
func (s *Server) postLogin(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	local := slices.Contains(s.auth.methods(), "local")
	s.mu.Unlock()
	if !local {
		page(w, q.Request, http.StatusInternalServerError, "") // Passport knows no such strategy
		return
	}
	name, okName := credential(q, "username")
	password, okPassword := credential(q, "password")
	if !okName || !okPassword {
		bare(w, q.Request, http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	u := s.userByNameLocked(name)
	if !checkPassword(u, password) {
		s.mu.Unlock()
		s.ledger.login(Login{User: name})
		bare(w, q.Request, http.StatusUnauthorized)
		return
	}
	if !s.facts.jwtSessions {
		o := s.loginBodyLocked(u)
		name = u.name
		s.mu.Unlock()
		s.ledger.login(Login{User: name, OK: true})
		s.setExpressSession(w)
		sendJSON(w, q.Request, http.StatusOK, o)
		return
	}
	inBody := q.Header.Get("x-return-tokens") == "true"
	t, row := s.createSessionLocked(u, clientAddress(q.Request), q.UserAgent())
	body := s.loginBodyLocked(u)
	name = u.name
	s.mu.Unlock()
	s.ledger.login(Login{User: name, OK: true, Session: row.id, Refresh: TokenID(t.refresh)})

	var inAnswer any
	if inBody {
		inAnswer = t.refresh
	} else {
		s.setRefreshCookie(w, q, t.refresh)
	}
	body[0].value = append(body[0].value.(object), pair{"refreshToken", inAnswer}, pair{"accessToken", t.access})
	s.setExpressSession(w)
	sendJSON(w, q.Request, http.StatusOK, body)
}

// credential reads a field of the form; the real one takes only strings.
func credential(q *request, name string) (string, bool) {
	v, _ := q.field(name)
	text, ok := v.(string)
	return text, ok
}

// loginBodyLocked is what login, refresh and authorize have in common. The user
// comes first.
func (s *Server) loginBodyLocked(u *user) object {
	return object{
		{"user", userJSON(u)},
		{"userDefaultLibraryId", s.defaultLibrary()},
		{"serverSettings", s.settings()},
		{"ereaderDevices", []string{}},
		{"Source", "debian"},
	}
}

func (s *Server) setRefreshCookie(w http.ResponseWriter, q *request, token string) {
	secure := ""
	if q.secure() {
		secure = " Secure;"
	}
	addCookie(w, fmt.Sprintf("refresh_token=%s; Max-Age=%d; Path=/; Expires=%s; HttpOnly;%s SameSite=Lax",
		token, int64(s.cfg.RefreshTTL/time.Second), time.Now().Add(s.cfg.RefreshTTL).UTC().Format(http.TimeFormat), secure))
}
