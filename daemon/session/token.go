package session

import (
	"context"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/machine"
)

// Token returns a token that the server should accept now. Expiry is checked
// here, at use, since no timer can be trusted across a sleep. While the pair
// is being renewed it waits, bounded by ctx. Its error is an *Unavailable.
func (s *Session) Token(ctx context.Context) (redact.Secret, error) {
	for asked := false; ; {
		s.mu.Lock()
		now, st, changed := s.Now(), s.state, s.changed
		s.mu.Unlock()
		switch {
		case st.Usable(now) && (asked || st.Phase != machine.Fresh || now.Before(st.Clocks.RotateAt)):
			return st.Token(), nil
		case !asked:
			asked = true
			s.handle(machine.Needed{})
			continue
		case !st.Busy() && !st.ResumesBy(now.Add(shortPause)):
			return redact.Secret{}, unavailable(st, now)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return redact.Secret{}, unavailable(st, s.Now())
		}
	}
}

// Suspect says that the server answered token with its own 401. It returns a
// different token that is worth trying, once the session has one, or an
// *Unavailable: then the 401 is not the token's fault or nothing can be done.
func (s *Session) Suspect(ctx context.Context, token redact.Secret) (redact.Secret, error) {
	s.handle(machine.Suspected{Token: token})
	fresh, err := s.Token(ctx)
	if err == nil && fresh == token {
		s.mu.Lock()
		defer s.mu.Unlock()
		return redact.Secret{}, unavailable(s.state, s.Now())
	}
	return fresh, err
}

// Secrets returns every token of the session that must never reach a player,
// and the id of the user they belong to.
func (s *Session) Secrets() (userID string, secrets []redact.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := s.state.Record
	for _, t := range append(rec.Spares(),
		rec.Access, rec.Refresh, rec.Previous, rec.Static,
		s.state.Published.Pair.Access.Secret, s.state.Published.Pair.Refresh.Secret,
	) {
		if !t.IsEmpty() {
			secrets = append(secrets, t)
		}
	}
	return rec.UserID, secrets
}

// SignedIn reports whether a token is published, whether or not it needs to be
// renewed first.
func (s *Session) SignedIn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Published.Generation > 0 && s.state.Phase != machine.NeedsUser
}

// Seen returns what the server was last seen to be, and what it calls the user;
// empty for what is not known.
func (s *Session) Seen() (version, username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Version, s.state.Record.Username
}
