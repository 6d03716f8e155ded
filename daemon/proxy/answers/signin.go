package answers

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"

	"shelfkeeper/daemon/proxy/refusal"
)

// typedName is how a sign-in with the account's own password is called in the
// list of players.
const typedName = "password sign-in"

// login answers POST /login: with a grant's secret as the password, under any
// name; or, for a program of the user, with what the user types at the server
// itself. The server sees nothing of it, so its sign-in limit is not used up.
func (s *Local) login(w http.ResponseWriter, c *Request) *refusal.Refusal {
	if s.cfg.Account.SignIns == nil {
		return refusal.NoSignIn
	}
	fields, err := fieldsOf(w, c.Request)
	switch {
	case errors.Is(err, errTooLarge):
		return refusal.TooLarge
	case errors.Is(err, errNoFields):
		answerText(w, http.StatusBadRequest, "Bad Request")
		return nil
	case err != nil:
		return refusal.SlowBody
	}
	name, password := fields["username"], fields["password"]
	if name == "" {
		answerText(w, http.StatusBadRequest, "Bad Request")
		return nil
	}
	caller, no := s.bySecret(c, password)
	if no == nil {
		c.Proven()
	}
	if no == refusal.BadGrant {
		var wait time.Duration
		if caller, wait, no = s.byPassword(c, name, password); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			answerError(w, http.StatusTooManyRequests, "Too many authentication requests")
			s.cfg.Count(refusal.TooMany)
			return nil
		}
	}
	if no == refusal.BadGrant && c.Wrong != nil {
		return c.Wrong(no)
	}
	if no != nil {
		return no
	}
	caller, pair, err := s.cfg.Account.SignIns.SignIn(c.Context(), caller, typedName)
	if err != nil {
		return refusal.NoKey.Because(redact.Text(err.Error()))
	}
	return s.answerUser(w, c, caller, pair, wantsTokens(c.Request), "refreshToken", "accessToken")
}

// wantsTokens reports whether the tokens go into the body (abs:
// server/Auth.js; "true" exactly, measured on 2.36.0).
func wantsTokens(r *http.Request) bool { return r.Header.Get("x-return-tokens") == "true" }

// bySecret returns whose secret the password is. A token is no password: it
// would outlive its sign-in.
func (s *Local) bySecret(c *Request, password string) (players.Caller, *refusal.Refusal) {
	if players.IsToken(password) || password == "" {
		return players.Caller{}, refusal.BadGrant
	}
	return s.cfg.Caller(c.Context(), password)
}

// byPassword returns a caller with the full scope for whoever knows the user's
// own password and runs as the user. Others could try it out here, out of
// sight of the server's own limit.
func (s *Local) byPassword(c *Request, name, password string) (players.Caller, time.Duration, *refusal.Refusal) {
	if s.cfg.Account.Knows == nil || !s.cfg.TypedPassword || !c.fromUser() {
		return players.Caller{}, 0, refusal.BadGrant
	}
	wait, ok := s.tries.try("user", time.Now(), func() bool {
		return password != "" && s.cfg.Account.Knows(name, password)
	})
	switch {
	case ok:
		return players.Caller{Scope: players.ScopeFull}, 0, nil
	case wait > 0:
		return players.Caller{}, wait, nil
	}
	return players.Caller{}, 0, refusal.BadGrant
}

// refreshTokens answers POST /auth/refresh. A token of a living grant is never
// refused, also while the server is away.
func (s *Local) refreshTokens(w http.ResponseWriter, c *Request) *refusal.Refusal {
	if s.cfg.Account.SignIns == nil {
		return refusal.NoSignIn
	}
	presented, inBody := c.Header.Get("x-refresh-token"), true
	if presented == "" {
		presented, inBody = s.cookie(c), false
	}
	caller, pair, err := s.cfg.Account.SignIns.Refresh(c.Context(), presented)
	if !inBody && errors.Is(err, players.ErrNoGrant) {
		// Whatever listens on another port of this host can plant a cookie. The
		// web client sends its access token along, which says who it is.
		if players.IsToken(c.Bearer) {
			caller, pair, err = s.cfg.Account.SignIns.Renew(c.Context(), c.Bearer)
		}
	}
	switch {
	case presented == "" && errors.Is(err, players.ErrNoGrant):
		answerError(w, http.StatusUnauthorized, "No refresh token provided")
	case errors.Is(err, players.ErrTokenKind):
		answerError(w, http.StatusUnauthorized, "Invalid token type")
	case errors.Is(err, players.ErrNoGrant):
		answerError(w, http.StatusUnauthorized, "Invalid refresh token")
	case err != nil:
		return refusal.NoKey.Because(redact.Text(err.Error()))
	default:
		return s.answerUser(w, c, caller, pair, inBody, "accessToken", "refreshToken")
	}
	s.cfg.Count(refusal.BadRefresh)
	return nil
}

// logout answers POST /logout. It ends the player's sign-in here, whichever
// way it is presented, and nothing of the session at the server, with
// ?allDevices=1 neither.
func (s *Local) logout(w http.ResponseWriter, c *Request) *refusal.Refusal {
	if s.cfg.Account.SignIns == nil {
		return refusal.NoSignIn
	}
	ctx := c.Context()
	var ended []players.Caller
	for _, presented := range []string{c.Header.Get("x-refresh-token"), s.cookie(c)} {
		if presented == "" {
			continue
		}
		if caller, _, err := s.cfg.Account.SignIns.Refresh(ctx, presented); err == nil {
			ended = append(ended, caller)
		}
	}
	// The web client that was opened by us has nothing but its bearer.
	if players.IsToken(c.Bearer) {
		if caller, no := s.cfg.Caller(ctx, c.Bearer); no == nil {
			ended = append(ended, caller)
		}
	}
	for _, caller := range ended {
		if err := s.cfg.Account.SignIns.SignOut(caller); err != nil {
			s.cfg.Log.WarnContext(ctx, "a player's sign-in could not be ended", "reason", err)
			return refusal.NotKept
		}
	}
	s.clearCookie(w)
	answerJSON(w, http.StatusOK, []byte(`{"redirect_url":null}`))
	return nil
}
