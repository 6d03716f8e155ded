package players

import (
	"errors"
	"fmt"
)

// Scope is how much a player may do.
type Scope string

// The scopes, each wider than the one before it. What exactly they open is
// decided where requests are looked at.
const (
	ScopeListen Scope = "listen" // read, stream, the user's own progress and playback sessions
	ScopeFull   Scope = "full"   // all that the web client does for a user
	ScopeAdmin  Scope = "admin"  // users, API keys, settings and backups too, if the account may
)

// ParseScope returns the scope of that name.
func ParseScope(name string) (Scope, error) {
	switch s := Scope(name); s {
	case ScopeListen, ScopeFull, ScopeAdmin:
		return s, nil
	}
	return "", fmt.Errorf("no scope is called %q: there are %s, %s and %s", name, ScopeListen, ScopeFull, ScopeAdmin)
}

// Covers reports whether s allows all that need does. An unknown scope covers
// nothing and is covered by nothing.
func (s Scope) Covers(need Scope) bool {
	return s.rank() > 0 && need.rank() > 0 && s.rank() >= need.rank()
}

func (s Scope) rank() int {
	switch s {
	case ScopeListen:
		return 1
	case ScopeFull:
		return 2
	case ScopeAdmin:
		return 3
	}
	return 0
}

// Caller is who makes a request. The zero Caller may do nothing.
type Caller struct {
	Grant  string // id of its grant; "" for a program of the user that holds none
	SignIn string // id of the sign-in that its token is of; "" for the grant's own secret
	Scope  Scope
}

// Own is a program of the user who runs the daemon, without a grant.
func Own() Caller { return Caller{Scope: ScopeListen} }

// ErrNoGrant says that what is presented is no grant and no token of one, or
// of one that was revoked. Every other error of Identities means that it cannot
// be told at the moment.
var ErrNoGrant = errors.New("no valid grant")
