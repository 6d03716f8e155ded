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

// EvidenceToken returns the access token if a refusal would end a session and
// nothing else tells whose server this is, empty otherwise, and whether an honest
// server must still take it.
func (s *State) EvidenceToken(now time.Time) (token absapi.Token, valid bool) {
	if !s.refusalCounts(now) || s.Record.Access.IsEmpty() {
		return absapi.Token{}, false
	}
	token, err := absapi.ParseToken(s.Record.Access)
	if err != nil {
		return absapi.Token{}, false
	}
	serverNow := now.Round(0).Add(s.Clocks.Skew)
	valid = token.ExpiresAt.IsZero() || serverNow.Add(evidenceMargin).Before(token.ExpiresAt)
	if !valid && s.spareTells() {
		return absapi.Token{}, false
	}
	return token, valid
}

// refusalCounts reports whether one more refusal of what was presented would end it.
func (s *State) refusalCounts(now time.Time) bool {
	if s.OfSpare() {
		return s.Plain && !s.judgedLately(now)
	}
	return s.Suspicion.InvalidAnswers > 0 || s.RefusalExplained(now)
}

// spareTells reports whether the spare is presented before the server is asked about
// an expired access token. The limiter counts that question, and the smallest share of
// a limit has no room for it beside a second try for a lost answer. Only the account's
// own server takes the spare; one that refuses it is asked the question then.
func (s *State) spareTells() bool {
	return s.Plain && !s.OfSpare() && s.Why != Unrecognised && !s.Record.Spare.IsEmpty() && !s.Record.NewPassword.IsStored()
}

// judgedLately reports whether the server was found to be the account's own a moment
// ago, and in this network.
func (s *State) judgedLately(now time.Time) bool {
	at := s.Suspicion.JudgedAt
	return !at.IsZero() && !at.Before(s.DisturbedAt) && !now.Before(at) && !reached(now, at.Add(wordHolds))
}

// unjudged reports whether the session counts as lost although nothing has shown that
// the account's own server refused it.
func (s *State) unjudged() bool {
	return s.Plain && s.Lost && s.Suspicion.JudgedAt.IsZero() && s.Published.Generation > 0 && s.Record.Static.IsEmpty()
}
