package session

import (
	"context"
	"slices"
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/keychain"
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
		case st.Usable(now) && (asked || st.Phase != machine.Fresh || now.Before(st.Clocks.AskAheadFrom)):
			return st.Token(now), nil
		case !asked:
			asked = true
			s.handle(machine.Needed{})
			continue
		case !st.Busy() && !st.ResumesBy(lastMoment(ctx, now)):
			return redact.Secret{}, unavailable(st, now)
		case !st.Busy() && st.RenewedOnUse() && st.Wishes.NeededAt.IsZero():
			// The attempt that this caller has caused is over without a token.
			asked = false
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return redact.Secret{}, unavailable(st, s.Now())
		}
	}
}

// Ready reports whether Token would return a token at once.
func (s *Session) Ready() bool {
	_, ready := s.TokenNow()
	return ready
}

// TokenNow returns a token without waiting. It reports false if Token would have to
// wait or would return an error.
func (s *Session) TokenNow() (redact.Secret, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	if s.state.Usable(now) && (s.state.Phase != machine.Fresh || now.Before(s.state.Clocks.AskAheadFrom)) {
		return s.state.Token(now), true
	}
	return redact.Secret{}, false
}

// lastMoment is until when a caller waits for the next attempt rather than being
// sent away: as long as ctx lets it.
func lastMoment(ctx context.Context, now time.Time) time.Time {
	if end, ok := ctx.Deadline(); ok {
		return now.Add(time.Until(end))
	}
	return now.Add(shortPause)
}

// Suspect tells the session that the server answered token with its own 401. It waits
// for a different token, bounded by ctx, and returns it: send the request once more
// with it. Its error is an *Unavailable if the session has no other token to try, for
// example because the token was not the reason for the 401.
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
// The caller must not change the list: all callers get the same one, until a token
// changes.
func (s *Session) Secrets() (userID string, secrets []redact.Secret) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec, pair := &s.state.Record, &s.state.Published.Pair
	now := allSecrets{rec.Spare, rec.Access, rec.Refresh, rec.Previous, rec.Static, rec.EmergencyKey, pair.Access.Secret, pair.Refresh.Secret}
	copy(now[secretsButSpares:], rec.MoreSpares[:])
	if now != s.secrets.all { // every request asks
		s.secrets.all, s.secrets.list = now, nil
		for _, t := range now {
			if !t.IsEmpty() {
				s.secrets.list = append(s.secrets.list, t)
			}
		}
		s.secrets.list = slices.Clip(s.secrets.list)
	}
	return rec.UserID, s.secrets.list
}

// secretsButSpares is how many places allSecrets has before those of the further spares.
const secretsButSpares = 8

// allSecrets are the places in which a session has tokens.
type allSecrets [secretsButSpares + keychain.MostSpares - 1]redact.Secret

// SignedIn reports whether a token is published, whether or not it needs to be
// renewed first.
func (s *Session) SignedIn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Published.Generation > 0 && s.state.Phase != machine.NeedsUser || s.state.OnEmergencyKey(s.Now())
}

// OnEmergencyKey reports whether an API key stands in for the session.
func (s *Session) OnEmergencyKey() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.OnEmergencyKey(s.Now())
}

// Seen returns what the server was last seen to be, and what it calls the user;
// empty for what is not known.
func (s *Session) Seen() (version, username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Version, s.state.Record.Username
}
