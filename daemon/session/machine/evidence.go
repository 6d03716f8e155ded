package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
)

// Recognition says whether the server that refused a session is the account's
// own: one that holds the key by which the account's tokens are signed.
type Recognition int

const (
	Unknown  Recognition = iota // it could not be asked
	Own                         // it knows its signature
	Stranger                    // it does not
)

// Evidence is what the access token of a refused session says about its server.
// ABS goes on taking it until it expires, unless the user or the signing key is
// gone, and tells the user's present name. From 2.36.0 on it also tells whether
// the session is still among the user's. Of an expired token, ABS still tells
// whether its signature is right.
type Evidence struct {
	Server      Recognition
	Expired     bool // the token had expired: only its signature was asked about
	AccessToken history.TokenAnswer
	Row         history.Row
	Username    string // if it is not the token's
}

// evidenceMargin: a token that ends within this time may end on its way.
const evidenceMargin = 5 * time.Second

// EvidenceToken returns the access token if a refusal would end the session,
// empty otherwise, and whether an honest server must still take it.
func (s State) EvidenceToken(now time.Time) (token absapi.Token, valid bool) {
	if s.Suspicion.InvalidAnswers == 0 && !s.RefusalExplained(now) || s.OfSpare() || s.Record.Access.IsEmpty() {
		return absapi.Token{}, false
	}
	token, err := absapi.ParseToken(s.Record.Access)
	if err != nil {
		return absapi.Token{}, false
	}
	serverNow := now.Round(0).Add(s.Clocks.Skew)
	return token, token.ExpiresAt.IsZero() || serverNow.Add(evidenceMargin).Before(token.ExpiresAt)
}
