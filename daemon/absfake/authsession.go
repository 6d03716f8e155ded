package absfake

import (
	"context"
	"errors"
	"slices"
	"time"
)

// The texts of a 401 from POST /auth/refresh.
const (
	msgNoRefreshToken = "No refresh token provided"
	msgInvalidType    = "Invalid token type"
	msgInvalidRefresh = "Invalid refresh token"
	msgRefreshExpired = "Refresh token expired"
	msgUserInactive   = "User not found or inactive"
)

// storeLatency is the time between reading a session row and writing it back.
// The real server spends it waiting for its database; without it requests that
// arrive together could not race as they do there. (Measured: ten refreshes at
// once on 2.26.3 all read the same row, or up to four of them came too late.)
const storeLatency = 2 * time.Millisecond

// authSession is a row of the sessions table. Rows are looked up by the value of
// a token, not by an id in it; the order of Server.sessions is the order of
// creation, which is the order in which the database finds them. Guarded by
// Server.mu.
type authSession struct {
	id        string
	userID    string
	address   string
	userAgent string
	refresh   string
	expiresAt time.Time
	previous  string    // the refresh token before the last rotation
	graceEnds time.Time // until when previous still answers
	createdAt time.Time
	updatedAt time.Time
}

// tokens are what a login or refresh hands out.
type tokens struct {
	access, refresh string
}

func (s *Server) mintAccessLocked(u *user) string {
	return s.sign(s.secret, u, TokenAccess, s.cfg.AccessTTL)
}

func (s *Server) mintRefreshLocked(u *user) string {
	return s.sign(s.secret, u, TokenRefresh, s.cfg.RefreshTTL)
}

func (s *Server) createSessionLocked(u *user, address, userAgent string) (tokens, *authSession) {
	now := time.Now()
	t := tokens{access: s.mintAccessLocked(u), refresh: s.mintRefreshLocked(u)}
	row := &authSession{
		id: newUUID(), userID: u.id, address: address, userAgent: userAgent,
		refresh: t.refresh, expiresAt: now.Add(s.cfg.RefreshTTL), createdAt: now, updatedAt: now,
	}
	s.sessions = append(s.sessions, row)
	return t, row
}

// findSessionLocked finds the first row that holds the token as its current
// one or, where there is a grace window, as its previous one.
func (s *Server) findSessionLocked(token string) *authSession {
	for _, row := range s.sessions {
		if row.refresh == token || (s.facts.grace > 0 && row.previous == token) {
			return row
		}
	}
	return nil
}

func (s *Server) deleteSessionsLocked(doomed func(*authSession) bool) {
	s.sessions = slices.DeleteFunc(s.sessions, doomed)
}

func (s *Server) endSessionsLocked(userID string) {
	s.deleteSessionsLocked(func(row *authSession) bool { return row.userID == userID })
}

// refresh is POST /auth/refresh behind the choice of the token. On refusal msg
// is the text of the 401. It ends early only when the process dies (ctx).
func (s *Server) refresh(ctx context.Context, token string) (u *user, t tokens, msg string) {
	s.mu.Lock()
	c, err := parseToken(s.secret, token)
	switch {
	case errors.Is(err, errTokenExpired):
		s.deleteSessionsLocked(func(row *authSession) bool { return row.refresh == token })
		s.mu.Unlock()
		return nil, t, msgRefreshExpired
	case err != nil:
		s.mu.Unlock()
		return nil, t, msgInvalidRefresh
	case c.Type != TokenRefresh:
		s.mu.Unlock()
		return nil, t, msgInvalidType
	}

	now := time.Now()
	row := s.findSessionLocked(token)
	if row == nil {
		s.mu.Unlock()
		return nil, t, msgInvalidRefresh
	}
	replay := row.refresh != token
	if replay && !row.graceEnds.After(now) {
		s.mu.Unlock()
		return nil, t, msgInvalidRefresh
	}
	if !replay && row.expiresAt.Before(now) {
		s.deleteSessionsLocked(func(o *authSession) bool { return o == row })
		s.mu.Unlock()
		return nil, t, msgRefreshExpired
	}
	u = s.userByIDLocked(c.UserID)
	if u == nil || !u.active {
		s.mu.Unlock()
		return nil, t, msgUserInactive
	}
	read := row.refresh
	if replay {
		t = tokens{access: s.mintAccessLocked(u), refresh: row.refresh}
		s.ledger.rotation(Rotation{User: u.name, Session: row.id, From: TokenID(token), To: TokenID(t.refresh), Replay: true})
		s.mu.Unlock()
		return u, t, ""
	}
	t = tokens{access: s.mintAccessLocked(u), refresh: s.mintRefreshLocked(u)}
	s.mu.Unlock()

	if !sleep(ctx, storeLatency) {
		return nil, t, msgInvalidRefresh
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.sessions, row) {
		return nil, t, msgInvalidRefresh // a logout was quicker
	}
	t, raced := s.rotateLocked(row, read, t, true)
	s.ledger.rotation(Rotation{User: u.name, Session: row.id, From: TokenID(token), To: TokenID(t.refresh), Replay: raced})
	return u, t, ""
}

// rotateLocked writes the new refresh token into the row that was read when it
// held the token read. Releases with a grace window write only if it still does
// and otherwise hand out what another request wrote; older ones overwrite.
func (s *Server) rotateLocked(row *authSession, read string, t tokens, grace bool) (_ tokens, raced bool) {
	now := time.Now()
	if s.facts.grace == 0 {
		raced = row.refresh != read
		row.refresh, row.expiresAt, row.updatedAt = t.refresh, now.Add(s.cfg.RefreshTTL), now
		return t, raced
	}
	if row.refresh != read {
		t.refresh = row.refresh
		return t, true
	}
	row.refresh, row.expiresAt, row.updatedAt = t.refresh, now.Add(s.cfg.RefreshTTL), now
	row.previous, row.graceEnds = "", time.Time{}
	if grace {
		row.previous, row.graceEnds = read, now.Add(s.cfg.Grace)
	}
	return t, false
}

// passwordChangedLocked ends the user's sessions but the one the request came
// with, which goes on with new tokens and no grace for the old one.
func (s *Server) passwordChangedLocked(u *user, current string) (t tokens, kept bool) {
	if !s.facts.passwordEnds {
		return t, false
	}
	var own *authSession
	if row := s.findSessionLocked(current); current != "" && row != nil && row.userID == u.id {
		own = row
		t, _ = s.rotateLocked(row, row.refresh, tokens{access: s.mintAccessLocked(u), refresh: s.mintRefreshLocked(u)}, false)
		s.ledger.rotation(Rotation{User: u.name, Session: row.id, From: TokenID(current), To: TokenID(t.refresh)})
	}
	s.deleteSessionsLocked(func(row *authSession) bool { return row.userID == u.id && row != own })
	return t, own != nil
}

// sleep waits and reports whether it was not cut short by ctx.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
