package session

import (
	"context"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/session/machine"
)

// evidenceDeadline is short: players may be waiting for the sign-in that comes
// next, and what is asked here is for people.
const evidenceDeadline = 3 * time.Second

// hear asks for the user, once and only when the refresh token is refused for
// good: one more 401 would look to a server's ban list like a guess. It is no
// request that the limiter counts.
func (s *Session) gatherEvidence(ctx context.Context, refusal *absapi.Error) machine.Evidence {
	s.mu.Lock()
	token, st := s.state.EvidenceToken(time.Now()), s.state
	s.mu.Unlock()
	if refusal.Verdict != absapi.RefreshInvalid || token.Secret.IsEmpty() {
		return machine.Evidence{}
	}
	ctx, cancel := context.WithTimeout(ctx, evidenceDeadline)
	defer cancel()
	client, err := s.ready(ctx)
	if err != nil {
		return machine.Evidence{}
	}
	me, err := client.Me(ctx, token.Secret)
	switch {
	case absapi.VerdictOf(err) == absapi.TokenRejected:
		return machine.Evidence{AccessToken: history.NotAccepted}
	case err != nil || me.UserID != token.UserID:
		return machine.Evidence{}
	}
	w := machine.Evidence{AccessToken: history.StillAccepted}
	if me.Username != token.Username {
		w.Username = me.Username
	}
	if st.Record.SessionID == "" || !absapi.SupportsSessions(st.Version) {
		return w
	}
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
