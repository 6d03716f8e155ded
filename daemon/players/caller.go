package players

import (
	"errors"
	"fmt"
)

// Scope bounds the rights of a player.
type Scope string

// The scopes, each wider than the one before it. The proxy decides which requests
// each of them allows.
const (
	ScopeListen Scope = "listen" // reading, streaming, the user's own progress and playback sessions
	ScopeFull   Scope = "full"   // everything that the web client does for a user
	ScopeAdmin  Scope = "admin"  // also users, API keys, settings and backups, if the account may
)

// ParseScope returns the scope of that name.
func ParseScope(name string) (Scope, error) {
	switch s := Scope(name); s {
	case ScopeListen, ScopeFull, ScopeAdmin:
		return s, nil
	}
	return "", fmt.Errorf("no scope is called %q: there are %s, %s and %s", name, ScopeListen, ScopeFull, ScopeAdmin)
}

// Covers reports whether s allows everything that need allows. It is false for
// unknown scopes.
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

// Caller identifies the program that makes a request. The zero Caller may do
// nothing.
type Caller struct {
	Grant  string // the id of its grant; "" for a program of the user without one
	SignIn string // the id of the sign-in of its token; "" for the grant's own secret
	Scope  Scope
}

// Own returns the Caller for a program of the daemon's own user without a grant.
func Own() Caller { return Caller{Scope: ScopeListen} }

// ErrNoGrant says that the presented text is neither a grant's secret nor a token of
// a grant, or that the grant was revoked. Every other error of Identities means that
// the answer is unknown at the moment.
var ErrNoGrant = errors.New("no valid grant")
