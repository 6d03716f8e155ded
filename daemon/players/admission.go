package players

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"time"
)

// verify returns the caller with the grant of the account whose secret is presented.
// Its time depends neither on how many characters are right nor on how many grants
// there are: a grant is found by its id, which is a hash of the secret's hash.
func (g *Grants) verify(account, presented string) (Caller, error) {
	hash := sha256.Sum256([]byte(presented))
	g.mu.RLock()
	e, ok := g.list[idOf(hash)]
	g.mu.RUnlock()
	if !ok || e.Kind != KindSecret || e.Account != account || subtle.ConstantTimeCompare(hash[:], e.hash[:]) != 1 {
		return Caller{}, ErrNoGrant
	}
	g.touch(e)
	return Caller{Grant: e.ID, Scope: e.Scope}, nil
}

// resolve returns the caller to whom a token of the account was given, if its grant
// and its sign-in still exist.
func (g *Grants) resolve(account, id, signIn string) (Caller, error) {
	g.mu.RLock()
	e, ok := g.list[id]
	g.mu.RUnlock()
	if !ok || e.Account != account || e.over() || signIn != "" && slices.Contains(e.ended, signIn) {
		return Caller{}, ErrNoGrant
	}
	g.touch(e)
	return Caller{Grant: id, SignIn: signIn, Scope: e.Scope}, nil
}

// idOf returns the id of the grant with that hash. The id is part of the grant's
// tokens and reveals nothing about the secret.
func idOf(hash [sha256.Size]byte) string {
	sum := sha256.Sum256(append([]byte("shelfkeeper grant id\n"), hash[:]...))
	return hex.EncodeToString(sum[:8])
}

func randomID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

func (g *Grants) created(id string) (time.Time, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	e, ok := g.list[id]
	if !ok {
		return time.Time{}, false
	}
	return e.Created, true
}
