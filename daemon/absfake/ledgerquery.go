package absfake

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Entries are the requests kept, oldest first, those in flight too.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Entry, 0, len(l.entries.list))
	for _, e := range l.entries.all() {
		c := *e
		c.Faults = slices.Clone(e.Faults)
		out = append(out, c)
	}
	return out
}

// Count is the number of kept requests for which the condition holds.
func (l *Ledger) Count(is func(Entry) bool) int {
	n := 0
	for _, e := range l.Entries() {
		if is(e) {
			n++
		}
	}
	return n
}

// AccessTokensOn are the ids of the distinct access tokens that requests under
// the path presented, in the order of first use. The base path, if any, is part
// of the path.
func (l *Ledger) AccessTokensOn(pathPrefix string) []string {
	var out []string
	for _, e := range l.Entries() {
		if strings.HasPrefix(e.Path, pathPrefix) && (e.TokenKind == TokenAccess || e.TokenKind == TokenExpired) &&
			!slices.Contains(out, e.Token) {
			out = append(out, e.Token)
		}
	}
	return out
}

// AllRotations are the rotations kept, oldest first.
func (l *Ledger) AllRotations() []Rotation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rotations.all()
}

// Rotations are those of the user; replays are among them.
func (l *Ledger) Rotations(user string) []Rotation {
	return slices.DeleteFunc(l.AllRotations(), func(r Rotation) bool { return !strings.EqualFold(r.User, user) })
}

// Logins are the kept tries to sign in as the user, good and bad.
func (l *Ledger) Logins(user string) []Login {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(l.logins.all(), func(a Login) bool { return !strings.EqualFold(a.User, user) })
}

// PasswordLogins is the number of kept tries to sign in as the user with a
// password that succeeded.
func (l *Ledger) PasswordLogins(user string) int {
	n := 0
	for _, a := range l.Logins(user) {
		if a.OK && !a.OpenID {
			n++
		}
	}
	return n
}

// MaxAuthIn is the largest number of auth requests, of all clients together,
// that arrived within any span of that length.
func (l *Ledger) MaxAuthIn(window time.Duration) int {
	l.mu.Lock()
	times := l.auths.all()
	l.mu.Unlock()
	most, from := 0, 0
	for i, t := range times {
		for t.Sub(times[from]) >= window {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// Totals counts everything since the server was made.
func (l *Ledger) Totals() Totals {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.totals
	t.ByStatus, t.Unknown = maps.Clone(t.ByStatus), maps.Clone(t.Unknown)
	return t
}

// Wait returns once the condition holds for the ledger, or with ctx's error. It
// asks again at every change, so tests need no pauses.
func (l *Ledger) Wait(ctx context.Context, holds func(*Ledger) bool) error {
	for {
		l.mu.Lock()
		changed := l.changed
		l.mu.Unlock()
		if holds(l) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
