package session

import (
	"context"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
)

// witnessDeadline is short: players may be waiting for the sign-in that comes
// next, and what is asked here is for people.
const witnessDeadline = 3 * time.Second

// witness is what the access token of a refused session says about its server:
// ABS goes on taking it until it expires, unless the user or the signing key is
// gone, and tells the user's present name. From 2.36.0 on it also tells whether
// the session is still among the user's.
type witness struct {
	says history.TokenAnswer
	row  history.Row
	name string // if it is not the token's
}

// hear asks for the user, once and only when the refresh token is refused for
// good: one more 401 would look to a server's ban list like a guess. It is no
// request that the limiter counts.
func (s *Session) hear(ctx context.Context, refusal *absapi.Error) witness {
	s.mu.Lock()
	conn, token, st := s.attempt.conn, s.state.witnessToken(time.Now()), s.state
	s.mu.Unlock()
	if refusal.Verdict != absapi.RefreshInvalid || token.Secret.IsEmpty() || conn == nil {
		return witness{}
	}
	ctx, cancel := context.WithTimeout(ctx, witnessDeadline)
	defer cancel()
	client := absapi.New(conn, s.Base)
	me, err := client.Me(ctx, token.Secret)
	switch {
	case absapi.VerdictOf(err) == absapi.TokenRejected:
		return witness{says: history.NotAccepted}
	case err != nil || me.UserID != token.UserID:
		return witness{}
	}
	w := witness{says: history.StillAccepted}
	if me.Username != token.Username {
		w.name = me.Username
	}
	if st.Record.SessionID == "" || !absapi.SupportsSessions(st.Version) {
		return w
	}
	sessions, err := client.Sessions(ctx, token.Secret, st.Record.Refresh)
	if err != nil {
		return w
	}
	if len(sessions) < absapi.SessionsListed {
		w.row = history.Gone
	}
	for _, other := range sessions {
		if other.ID == st.Record.SessionID {
			w.row = history.There
		}
	}
	return w
}

// witnessToken is the access token if an honest server must still take it, and
// if the session is being asked for a second time: empty otherwise.
func (s State) witnessToken(now time.Time) absapi.Token {
	serverNow := now.Round(0).Add(s.Skew)
	if s.SeenInvalid == 0 || s.ofSpare() || s.Record.Access.IsEmpty() {
		return absapi.Token{}
	}
	token, err := absapi.ParseToken(s.Record.Access)
	if err != nil || !serverNow.Add(marginMost).Before(token.ExpiresAt) {
		return absapi.Token{}
	}
	return token
}
