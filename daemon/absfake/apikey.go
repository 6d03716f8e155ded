package absfake

import (
	"net/http"
	"slices"
	"time"
)

// apiKey is a row of the API keys. Guarded by Server.mu.
type apiKey struct {
	id        string
	name      string
	userID    string
	creatorID string
	active    bool
	expiresAt time.Time // zero: never
	createdAt time.Time
	updatedAt time.Time
}

func (k *apiKey) expired() bool { return !k.expiresAt.IsZero() && k.expiresAt.Before(time.Now()) }

// isoTime is a time as Sequelize writes it.
func isoTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

func (s *Server) apiKeyLocked(id string) *apiKey {
	for _, k := range s.apiKeys {
		if k.id == id {
			return k
		}
	}
	return nil
}

// shortUserLocked is a user as the answers about keys tell it.
func (s *Server) shortUserLocked(id string) any {
	u := s.userByIDLocked(id)
	if u == nil {
		return nil
	}
	return object{{"id", u.id}, {"username", u.name}, {"type", u.kind}}
}

// json is the key as it is read from the database; a list tells its creator too.
func (s *Server) apiKeyJSONLocked(k *apiKey, creator bool) object {
	o := object{
		{"id", k.id},
		{"name", k.name},
		{"description", nil},
		{"expiresAt", isoTime(k.expiresAt)},
		{"lastUsedAt", nil},
		{"isActive", k.active},
		{"permissions", nil},
		{"createdAt", isoTime(k.createdAt)},
		{"updatedAt", isoTime(k.updatedAt)},
		{"userId", k.userID},
		{"createdByUserId", k.creatorID},
		{"user", s.shortUserLocked(k.userID)},
	}
	if creator {
		o = append(o, pair{"createdByUser", s.shortUserLocked(k.creatorID)})
	}
	return o
}

// abs: server/controllers/ApiKeyController.js
func (s *Server) getAPIKeys(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	list := []object{}
	s.mu.Lock()
	for _, k := range s.apiKeys {
		list = append(list, s.apiKeyJSONLocked(k, true))
	}
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"apiKeys", list}})
}

// postAPIKey makes a key, which is inactive unless the body says otherwise. The
// key itself is in this answer only.
func (s *Server) postAPIKey(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	name := q.text("name")
	life, given := q.field("expiresIn")
	seconds, isNumber := life.(float64)
	wrongLife := given && truthy(life) && (!isNumber || seconds <= 0)
	s.mu.Lock()
	u := s.userByIDLocked(q.text("userId"))
	if name == "" || wrongLife || u == nil {
		s.mu.Unlock()
		sendStatus(w, q.Request, http.StatusBadRequest)
		return
	}
	if u.kind == "root" && q.user.kind != "root" {
		s.mu.Unlock()
		sendStatus(w, q.Request, http.StatusForbidden)
		return
	}
	active, _ := q.field("isActive")
	now := time.Now()
	k := &apiKey{id: newUUID(), name: name, userID: u.id, creatorID: q.user.id, active: truthy(active), createdAt: now, updatedAt: now}
	if seconds > 0 {
		k.expiresAt = now.Add(time.Duration(seconds * float64(time.Second)))
	}
	s.apiKeys = append(s.apiKeys, k)
	o := object{
		{"apiKey", s.signKey(k, seconds)},
		{"id", k.id},
		{"name", k.name},
		{"expiresAt", isoTime(k.expiresAt)},
		{"userId", k.userID},
		{"isActive", k.active},
		{"createdByUserId", k.creatorID},
		{"updatedAt", isoTime(k.updatedAt)},
		{"createdAt", isoTime(k.createdAt)},
		{"user", s.shortUserLocked(k.userID)},
	}
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"apiKey", o}})
}

func (s *Server) patchAPIKey(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	s.mu.Lock()
	status := http.StatusNotFound
	var o object
	if k := s.apiKeyLocked(q.params["id"]); k != nil {
		if status = s.changeKeyLocked(q, k); status == http.StatusOK {
			o = s.apiKeyJSONLocked(k, false)
		}
	}
	s.mu.Unlock()
	if status != http.StatusOK {
		sendStatus(w, q.Request, status)
		return
	}
	sendJSON(w, q.Request, status, object{{"apiKey", o}})
}

// changeKeyLocked takes over owner and activity, the only things that are not in
// the key itself.
func (s *Server) changeKeyLocked(q *request, k *apiKey) (status int) {
	owner, active := k.userID, k.active
	if v, ok := q.field("userId"); ok {
		id, isText := v.(string)
		if !isText || s.userByIDLocked(id) == nil {
			return http.StatusBadRequest
		}
		owner = id
	}
	if v, ok := q.field("isActive"); ok {
		var isBool bool
		if active, isBool = v.(bool); !isBool {
			return http.StatusBadRequest
		}
	}
	if u := s.userByIDLocked(owner); u != nil && u.kind == "root" && q.user.kind != "root" {
		return http.StatusForbidden
	}
	if owner != k.userID || active != k.active {
		k.userID, k.active, k.updatedAt = owner, active, time.Now()
	}
	return http.StatusOK
}

func (s *Server) deleteAPIKey(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	s.mu.Lock()
	before := len(s.apiKeys)
	s.apiKeys = slices.DeleteFunc(s.apiKeys, func(k *apiKey) bool { return k.id == q.params["id"] })
	found := len(s.apiKeys) < before
	s.mu.Unlock()
	if !found {
		sendStatus(w, q.Request, http.StatusNotFound)
		return
	}
	sendStatus(w, q.Request, http.StatusOK)
}

// keyUserLocked is whom a key speaks for; a key past its end is switched off by
// its first use. abs: server/auth/TokenManager.js, jwtAuthCheck
func (s *Server) keyUserLocked(id string) *user {
	k := s.apiKeyLocked(id)
	if k == nil || !k.active {
		return nil
	}
	if k.expired() {
		k.active, k.updatedAt = false, time.Now()
		return nil
	}
	if u := s.userByIDLocked(k.userID); u != nil && u.active {
		return u
	}
	return nil
}
