package absfake

import (
	"net/http"
	"slices"
)

// The accounts as an administrator sees them. abs: server/controllers/UserController.js

// admin lets administrators pass and refuses others itself.
func admin(w http.ResponseWriter, q *request) bool {
	if !q.user.isAdmin() {
		sendStatus(w, q.Request, http.StatusForbidden)
		return false
	}
	return true
}

// otherUser is the user in the path, whom only administrators may ask for.
func (s *Server) otherUser(w http.ResponseWriter, q *request) *user {
	if !q.user.isAdmin() && q.user.id != q.params["id"] {
		sendStatus(w, q.Request, http.StatusForbidden)
		return nil
	}
	s.mu.Lock()
	u := s.userByIDLocked(q.params["id"])
	s.mu.Unlock()
	if u == nil {
		sendStatus(w, q.Request, http.StatusNotFound)
	}
	return u
}

// userFor is a user as another one sees it: the root user's token is for the
// root user alone.
func userFor(viewer, u *user) object {
	o := userJSON(u)
	if u.kind == "root" && viewer.kind != "root" {
		o[4].value = ""
	}
	return o
}

func (s *Server) getUsers(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	list := []object{}
	s.mu.Lock()
	for _, u := range s.users {
		list = append(list, slices.DeleteFunc(userFor(q.user, u),
			func(p pair) bool { return p.key == "mediaProgress" || p.key == "bookmarks" }))
	}
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"users", list}})
}

func (s *Server) getUser(w http.ResponseWriter, q *request) {
	if u := s.otherUser(w, q); u != nil && admin(w, q) {
		s.mu.Lock()
		o := userFor(q.user, u)
		s.mu.Unlock()
		sendJSON(w, q.Request, http.StatusOK, o)
	}
}

var accountTypes = []string{"root", "admin", "user", "guest"}

func (s *Server) postUser(w http.ResponseWriter, q *request) {
	if !admin(w, q) {
		return
	}
	name, password := q.text("username"), q.text("password")
	if name == "" || password == "" {
		sendText(w, q.Request, http.StatusBadRequest, "Username and password are required")
		return
	}
	kind := "user"
	if v, ok := q.field("type"); ok && truthy(v) {
		if kind, _ = v.(string); !slices.Contains(accountTypes, kind) {
			sendText(w, q.Request, http.StatusBadRequest, "Invalid account type")
			return
		}
	}
	active, _ := q.field("isActive")
	s.mu.Lock()
	if s.userByNameLocked(name) != nil {
		s.mu.Unlock()
		sendText(w, q.Request, http.StatusBadRequest, "Username already taken")
		return
	}
	u := s.addUserLocked(name, password, kind, truthy(active))
	s.userAddedLocked(u)
	o := userJSON(u)
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"user", o}})
}

// text is a member of the body that is a string, else "".
func (q *request) text(name string) string {
	v, _ := q.field(name)
	text, _ := v.(string)
	return text
}

// patchUser changes what the body names. A new name or, on releases where that
// ends sessions, a new password ends the user's sessions; switching the account
// off does not.
func (s *Server) patchUser(w http.ResponseWriter, q *request) {
	u := s.otherUser(w, q)
	if u == nil || !admin(w, q) {
		return
	}
	if u.kind == "root" && q.user.kind != "root" {
		sendStatus(w, q.Request, http.StatusForbidden)
		return
	}
	if wrong := wrongUserUpdate(q); wrong != "" {
		sendText(w, q.Request, http.StatusBadRequest, wrong)
		return
	}
	s.mu.Lock()
	changed := false
	if name := q.text("username"); name != "" && name != u.name {
		if o := s.userByNameLocked(name); o != nil && o != u {
			s.mu.Unlock()
			sendText(w, q.Request, http.StatusBadRequest, "Username already taken")
			return
		}
		s.renameLocked(u, name)
		changed = true
	}
	if password := q.text("password"); password != "" {
		s.setPasswordLocked(u, password)
		changed = true
	}
	if kind := q.text("type"); kind != "" && kind != u.kind && u.kind != "root" {
		u.kind, changed = kind, true
	}
	if v, ok := q.field("isActive"); ok && truthy(v) != u.active {
		u.active, changed = truthy(v), true
	}
	if changed {
		s.userEditedLocked(q.user, u)
	}
	o := userJSON(u)
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"success", true}, {"user", o}})
}

func wrongUserUpdate(q *request) string {
	for _, key := range []string{"id", "pash", "token", "extraData", "bookmarks"} {
		if _, there := q.field(key); there {
			return `Key "` + key + `" cannot be updated`
		}
	}
	if v, ok := q.field("username"); ok && truthy(v) && q.text("username") == "" {
		return "Invalid username"
	}
	if kind, ok := q.field("type"); ok && truthy(kind) && !slices.Contains(accountTypes, q.text("type")) {
		return "Invalid account type"
	}
	return ""
}

// userAddedLocked is called after a user has been made.
func (s *Server) userAddedLocked(u *user) { s.emitAdminsLocked("user_added", userJSON(u)) }

// userEditedLocked is called after an administrator has changed a user.
func (s *Server) userEditedLocked(editor, u *user) { s.emitEditedLocked(editor, u) }

func (s *Server) deleteUser(w http.ResponseWriter, q *request) {
	u := s.otherUser(w, q)
	switch {
	case u == nil || !admin(w, q):
		return
	case u == q.user:
		sendStatus(w, q.Request, http.StatusBadRequest)
		return
	case u.kind == "root":
		sendStatus(w, q.Request, http.StatusForbidden)
		return
	}
	s.mu.Lock()
	s.removeUserLocked(u)
	s.mu.Unlock()
	sendJSON(w, q.Request, http.StatusOK, object{{"success", true}})
}
