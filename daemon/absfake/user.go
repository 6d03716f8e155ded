package absfake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrNoUser is returned by the acts on a user that the server does not have.
var ErrNoUser = errors.New("absfake: no such user")

// user is a row of the users table. Guarded by Server.mu.
type user struct {
	id        string
	name      string
	password  string
	kind      string // "root", "admin", "user"
	active    bool
	legacy    string // user.token, without an end
	lastSeen  int64  // set by sockets
	createdAt int64
	progress  []*progress
	bookmarks []*bookmark
	subject   string // at the OpenID provider; "": no link

	// oldToken is set by a request with the legacy token and stays, in every
	// answer about the user, until one with a token that ends: the real server
	// keeps the flag on its cached user. abs: server/auth/TokenManager.js
	oldToken bool
}

func (u *user) isAdmin() bool { return u.kind == "root" || u.kind == "admin" }

func (s *Server) addUserLocked(name, password, kind string, active bool) *user {
	u := &user{id: newUUID(), name: name, password: password, kind: kind, active: active, createdAt: time.Now().UnixMilli()}
	u.legacy = s.sign(s.secret, u, "", 0)
	s.users = append(s.users, u)
	return u
}

// userByNameLocked ignores case, as the server does.
func (s *Server) userByNameLocked(name string) *user {
	for _, u := range s.users {
		if strings.EqualFold(u.name, name) {
			return u
		}
	}
	return nil
}

func (s *Server) userByIDLocked(id string) *user {
	for _, u := range s.users {
		if u.id == id {
			return u
		}
	}
	return nil
}

// checkPassword is what the login form checks: an inactive user and a
// wrong password look alike. abs: server/auth/LocalAuthStrategy.js
func checkPassword(u *user, password string) bool {
	if u == nil || !u.active {
		return false
	}
	if u.password == "" {
		return u.kind == "root" && password == ""
	}
	return u.password == password
}

// userJSON is the user as browsers get it.
func userJSON(u *user) object {
	o := object{
		{"id", u.id},
		{"username", u.name},
		{"email", nil},
		{"type", u.kind},
		{"token", u.legacy},
	}
	if u.oldToken {
		o = append(o, pair{"isOldToken", true})
	}
	list := make([]object, 0, len(u.progress))
	for _, p := range u.progress {
		list = append(list, p.json())
	}
	marks := make([]object, 0, len(u.bookmarks))
	for _, b := range u.bookmarks {
		marks = append(marks, b.json())
	}
	var seen any
	if u.lastSeen != 0 {
		seen = u.lastSeen
	}
	high := u.isAdmin()
	return append(o, object{
		{"mediaProgress", list},
		{"seriesHideFromContinueListening", []string{}},
		{"bookmarks", marks},
		{"isActive", u.active},
		{"isLocked", false},
		{"lastSeen", seen},
		{"createdAt", u.createdAt},
		{"permissions", object{
			{"download", true},
			{"update", high},
			{"delete", u.kind == "root"},
			{"upload", high},
			{"createEreader", high},
			{"accessAllLibraries", true},
			{"accessAllTags", true},
			{"accessExplicitContent", high},
			{"selectedTagsNotAccessible", false},
		}},
		{"librariesAccessible", []string{}},
		{"itemTagsSelected", []string{}},
		{"hasOpenIDLink", u.subject != ""},
	}...)
}

// onUser runs an act on the named user.
func (s *Server) onUser(name string, act func(*user)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.userByNameLocked(name)
	if u == nil {
		return fmt.Errorf("%w: %s", ErrNoUser, name)
	}
	act(u)
	return nil
}

// SetPassword is an administrator giving the user another password. Sessions
// end on releases where a new password ends them.
func (s *Server) SetPassword(name, password string) error {
	return s.onUser(name, func(u *user) { s.setPasswordLocked(u, password) })
}

func (s *Server) setPasswordLocked(u *user, password string) {
	u.password = password
	if s.facts.passwordEnds {
		s.endSessionsLocked(u.id)
	}
}

// SetAccessTTL is an administrator changing ACCESS_TOKEN_EXPIRY: tokens from then on
// live so long.
func (s *Server) SetAccessTTL(ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.AccessTTL = ttl
}

// SetDisabled is an administrator switching the account off or on again. The
// auth sessions stay; while the user is off they answer with an error of their
// own.
func (s *Server) SetDisabled(name string, disabled bool) error {
	return s.onUser(name, func(u *user) { u.active = !disabled })
}

// Rename is an administrator giving the user another name: all sessions end and
// the user gets a new legacy token, on every release. Access tokens stay valid.
func (s *Server) Rename(name, to string) error {
	return s.onUser(name, func(u *user) { s.renameLocked(u, to) })
}

func (s *Server) renameLocked(u *user, to string) {
	u.name = to
	u.legacy = s.sign(s.secret, u, "", 0)
	s.endSessionsLocked(u.id)
}

// EndSessions ends every auth session of the user, as deleting them in the list
// of sessions does. Access tokens stay valid until their end.
func (s *Server) EndSessions(name string) error {
	return s.onUser(name, func(u *user) { s.endSessionsLocked(u.id) })
}

// DeleteUser removes the user with everything it has.
func (s *Server) DeleteUser(name string) error {
	return s.onUser(name, s.removeUserLocked)
}

func (s *Server) removeUserLocked(u *user) {
	defer s.emitAdminsLocked("user_removed", userJSON(u))
	s.endSessionsLocked(u.id)
	s.users = slices.DeleteFunc(s.users, func(o *user) bool { return o == u })
	s.apiKeys = slices.DeleteFunc(s.apiKeys, func(k *apiKey) bool { return k.userID == u.id })
}

// ChangeSecret makes the server sign with another secret, as a changed
// JWT_SECRET_KEY does: no token from before is valid any more.
func (s *Server) ChangeSecret() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret = newSecret()
}
