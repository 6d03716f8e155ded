package absapi

import (
	"errors"
	"fmt"
	"time"

	"shelfkeeper/daemon/redact"
)

// Verdict is what an answer, or its absence, means for a session.
type Verdict int

// The verdicts. Only those for which IsRejection holds say anything about a
// token, a password or a user; all others leave every secret as good as it was.
const (
	// Temporary is a failure that says nothing about a secret: transport
	// errors, 404, 5xx, pages, redirects, captive portals, foreign 401s.
	Temporary Verdict = iota
	// Accepted is success; no Error carries it.
	Accepted
	// RateLimited is a 429, of ABS or of a gateway. RetryAfter says when.
	RateLimited
	// RefreshInvalid is ABS's `Invalid refresh token`. ABS says it for its own
	// internal errors too, so one alone proves nothing.
	RefreshInvalid
	// RefreshExpired is ABS's `Refresh token expired`.
	RefreshExpired
	// UserInactive is ABS's `User not found or inactive`. The same token works
	// again once the user is enabled.
	UserInactive
	// HeaderEaten is ABS's `No refresh token provided` or `Invalid token type`:
	// something on the way removes or replaces the header.
	HeaderEaten
	// PasswordRejected is ABS's 401 to a login: wrong password, unknown user
	// and disabled user look alike.
	PasswordRejected
	// TokenRejected is ABS's 401 to a bearer: expired, revoked and disabled
	// look alike.
	TokenRejected
	// BadRequest is ABS's 400 or 431: the request itself is at fault.
	BadRequest
	// NotABS is a well-formed answer of another program to /status.
	NotABS
	// NotInitialised is an ABS whose first user was never made.
	NotInitialised
	// PasswordLoginOff is an ABS that offers other ways to sign in only.
	PasswordLoginOff
	// MissingRefreshToken is a success without a refresh token: a gateway took
	// x-return-tokens away, or the server is older than 2.26.
	MissingRefreshToken
	// OpenIDOff is an ABS on which signing in through OpenID is not set up.
	OpenIDOff
	// RedirectRefused is ABS's `Invalid redirect_uri`: its admin has not allowed
	// the address to which the browser was to come back.
	RedirectRefused
	// FlowLost is ABS's `No session`: it restarted since the flow began, or the
	// flow's cookie was lost. A new flow helps.
	FlowLost
	// OpenIDRefused is ABS's refusal of the user who signed in at the provider.
	OpenIDRefused
	// OpenIDFailed is ABS's failure to complete a sign-in with the provider: it cannot
	// reach it, or they do not agree on the client's secret or the issuer.
	OpenIDFailed
)

var verdictNames = [...]string{
	Temporary: "temporary", Accepted: "accepted", RateLimited: "rate-limited",
	RefreshInvalid: "refresh-invalid", RefreshExpired: "refresh-expired", UserInactive: "user-inactive",
	HeaderEaten: "header-eaten", PasswordRejected: "password-rejected", TokenRejected: "token-rejected",
	BadRequest: "bad-request", NotABS: "not-abs", NotInitialised: "not-initialised",
	PasswordLoginOff: "password-login-off", MissingRefreshToken: "missing-refresh-token",
	OpenIDOff: "openid-off", RedirectRefused: "redirect-refused", FlowLost: "flow-lost", OpenIDRefused: "openid-refused",
	OpenIDFailed: "openid-failed",
}

// String returns the verdict's name as logs and status show it.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return fmt.Sprintf("verdict(%d)", int(v))
	}
	return verdictNames[v]
}

// IsRejection reports whether ABS itself refused a token, a password or a user.
func (v Verdict) IsRejection() bool {
	switch v {
	case RefreshInvalid, RefreshExpired, UserInactive, PasswordRejected, TokenRejected:
		return true
	}
	return false
}

// Error is the failure of one request to ABS.
type Error struct {
	Op      string // in the present: "refresh session"
	Verdict Verdict
	// Status is the HTTP status, 0 when no answer came.
	Status int
	// Evidence is one short line for a person, free of secrets.
	Evidence string
	// Remedy is what ends it, in words, and NeedsUser whether only the user can.
	// Remedy is empty where nothing is known; NAME in it stands for the account.
	Remedy    string
	NeedsUser bool
	// RetryAfter is how long the other side asked us to wait; 0 if it did not
	// say. It never exceeds MaxRetryAfter.
	RetryAfter time.Duration
	// Unwritten reports that the request provably never left this machine in
	// full, so that the server cannot have acted on it. False means unknown.
	Unwritten bool
	// Leftover is the refresh token of a session that the server began in vain:
	// its answer to a sign-in is of no use. It is for Logout alone.
	Leftover redact.Secret
	Meta
	// Err is the transport error, nil when an answer came.
	Err error
}

// Error returns the operation and the evidence.
func (e *Error) Error() string { return e.Op + ": " + e.Evidence }

// Unwrap returns the transport error.
func (e *Error) Unwrap() error { return e.Err }

// OfRenewal reports whether a renewal was answered, though not by Audiobookshelf: the
// server could be reached just before, and players may be served.
func (e *Error) OfRenewal() bool { return e.Op == opRefresh.String() && e.Status != 0 }

// VerdictOf returns the verdict of err: Accepted for nil, and Temporary for an
// error that does not come from this package.
func VerdictOf(err error) Verdict {
	if err == nil {
		return Accepted
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Verdict
	}
	return Temporary
}

// AsError returns err as this package's own. An error from elsewhere says
// nothing about the server.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Op: "ask the server", Verdict: Temporary, Evidence: redact.Text(err.Error()), Err: err}
}

// asLogin renames the failed question before a login: no password was sent.
func asLogin(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	own := *e
	own.Op, own.Unwritten = opLogin.String(), true
	return &own
}
