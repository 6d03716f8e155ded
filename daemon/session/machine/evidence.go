package machine

import (
	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
	"time"
)

// Evidence is what the access token of a refused session says about its server:
// ABS goes on taking it until it expires, unless the user or the signing key is
// gone, and tells the user's present name. From 2.36.0 on it also tells whether
// the session is still among the user's.
type Evidence struct {
	AccessToken history.TokenAnswer
	Row         history.Row
	Username    string // if it is not the token's
}

// EvidenceToken is the access token if an honest server must still take it, and
// if the session is being asked for a second time: empty otherwise.
func (s State) EvidenceToken(now time.Time) absapi.Token {
	serverNow := now.Round(0).Add(s.Clocks.Skew)
	if s.Suspicion.InvalidAnswers == 0 || s.OfSpare() || s.Record.Access.IsEmpty() {
		return absapi.Token{}
	}
	token, err := absapi.ParseToken(s.Record.Access)
	if err != nil || !serverNow.Add(marginMost).Before(token.ExpiresAt) {
		return absapi.Token{}
	}
	return token
}
