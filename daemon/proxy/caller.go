package proxy

import (
	"context"
	"errors"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy/refusal"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/tokenfilter"
)

// callerOf returns who presents this. It is the one place where a credential
// becomes a caller, for requests and for what is said in sockets. The refusal
// is badGrant when it is no good, and another when that cannot be told now.
func (s *Server) callerOf(ctx context.Context, presented string) (players.Caller, *refusal.Refusal) {
	ctx, cancel := context.WithTimeout(ctx, tokenWait)
	defer cancel()
	caller, err := s.cfg.Grants.Caller(ctx, presented)
	if err != nil {
		caller = players.Caller{}
	}
	return caller, refusalOf(err)
}

// refusalOf says to a player why what it presents is not taken.
func refusalOf(err error) *refusal.Refusal {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, players.ErrNoGrant), errors.Is(err, players.ErrTokenKind):
		return refusal.BadGrant
	}
	return refusal.NoKey.Because(redact.Text(err.Error()))
}

// replaceFor says what caller gets to see in the place of real tokens: its own
// for the user's, nothing for others'.
func (s *Server) replaceFor(ctx context.Context, caller players.Caller) tokenfilter.Replace {
	user, _ := s.cfg.Identity()
	var own []byte // made when it is first needed
	return func(claims tokenfilter.Claims) []byte {
		if caller.Grant == "" || user == "" || claims.UserID != user || claims.Type != "" && claims.Type != "access" {
			return nil
		}
		if own == nil {
			own = []byte(s.cfg.Grants.Token(ctx, caller))
		}
		return own
	}
}
