package session

import (
	"context"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/session/machine"
)

const (
	// evidenceDeadline bounds the question whose server this is.
	evidenceDeadline = 10 * time.Second
	// rowDeadline is short: players may be waiting for the sign-in that comes
	// next, and the list of sessions is for people.
	rowDeadline = 3 * time.Second
)

// gatherEvidence asks what the access token says about a server that refuses
// the refresh token for good. It asks once: one more 401 would look to a
// server's ban list like a guess.
func (s *Session) gatherEvidence(ctx context.Context, byUser bool) machine.Evidence {
	s.mu.Lock()
	st := s.state
	s.mu.Unlock()
	token, valid := st.EvidenceToken(s.Now())
	switch {
	case token.Secret.IsEmpty():
		return machine.Evidence{}
	case valid:
		return s.askWithValid(ctx, st, token)
	case st.Plain:
		return s.askWithExpired(ctx, byUser, token)
	}
	return machine.Evidence{} // TLS vouches for the server
}

// askWithValid asks for the user, which no limiter counts.
func (s *Session) askWithValid(ctx context.Context, st machine.State, token absapi.Token) machine.Evidence {
	ctx, cancel := context.WithTimeout(ctx, evidenceDeadline)
	defer cancel()
	client, err := s.ready(ctx)
	if err != nil {
		return machine.Evidence{}
	}
	me, err := client.Me(ctx, token.Secret)
	switch {
	case absapi.VerdictOf(err) == absapi.TokenRejected:
		return machine.Evidence{Server: machine.Stranger, AccessToken: history.NotAccepted}
	case err != nil || me.UserID != token.UserID:
		return machine.Evidence{}
	}
	w := machine.Evidence{Server: machine.Own, AccessToken: history.StillAccepted}
	if me.Username != token.Username {
		w.Username = me.Username
	}
	if st.Record.SessionID == "" || !absapi.SupportsSessions(st.Version) {
		return w
	}
	ctx, cancel = context.WithTimeout(ctx, rowDeadline)
	defer cancel()
	sessions, err := client.Sessions(ctx, token.Secret, st.Record.Refresh)
	if err != nil {
		return w
	}
	if len(sessions) < absapi.SessionsListed {
		w.Row = history.Gone
	}
	for _, other := range sessions {
		if other.ID == st.Record.SessionID {
			w.Row = history.There
		}
	}
	return w
}

// askWithExpired presents the expired access token as if it were a refresh
// token. ABS looks at the signature first: the server that made it says that it
// has expired, or that it is of another type, and any other server says that it
// is invalid (abs: server/auth/TokenManager.js). It changes nothing there.
func (s *Session) askWithExpired(ctx context.Context, byUser bool, token absapi.Token) machine.Evidence {
	_, err := s.auth(ctx, byUser, func(ctx context.Context, c *absapi.Client) (absapi.Answer, error) {
		return c.Refresh(ctx, token.Secret)
	})
	if err == nil {
		return machine.Evidence{}
	}
	switch err.Verdict {
	case absapi.RefreshExpired, absapi.HeaderEaten:
		return machine.Evidence{Server: machine.Own, Expired: true}
	case absapi.RefreshInvalid:
		return machine.Evidence{Server: machine.Stranger, Expired: true, AccessToken: history.NotAccepted}
	}
	return machine.Evidence{}
}
