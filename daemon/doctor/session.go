package doctor

import (
	"context"
	"slices"
	"time"

	"shelfkeeper/daemon/history"
)

// Session is what is known of an account's session here.
type Session struct {
	// Loss is the newest one that the record of renewals knows of; nil for none.
	Loss *Loss
	// Trouble is what the running daemon waits for the user with; empty for nothing.
	Trouble, Remedy string
	// AccessLife and RefreshLife are how long tokens are good; 0 is not known.
	AccessLife, RefreshLife time.Duration
	// Key is set where the account has an API key or an old token instead.
	Key *Key
}

// Loss is why the session was lost.
type Loss struct {
	At               time.Time
	Cause            history.Cause
	Sentence, Remedy string
	Recovered        bool // signed in again since
}

// Key is an API key, or a token of an old release that never ends.
type Key struct {
	Legacy bool
	Issued time.Time // zero: not known
	Ends   time.Time // zero: never
}

// session says what the record of renewals says, in the same words.
func (r *run) session(context.Context) Finding {
	s := r.Session
	switch {
	case s == nil:
		return Finding{}
	case s.Loss != nil && !s.Loss.Recovered:
		remedy := s.Loss.Remedy
		if remedy == "" {
			remedy = "run `shelfkeeper login`"
		}
		return fault(remedy, "lost on %s: %s", s.Loss.At.Local().Format("2 January 2006 15:04"), s.Loss.Sentence)
	case s.Trouble != "":
		return fault(r.named(s.Remedy), "%s", s.Trouble)
	case s.Loss != nil:
		return ok("it goes on; it was lost on %s, and brought back: %s", s.Loss.At.Local().Format("2 January 2006 15:04"), s.Loss.Sentence)
	}
	return ok("no loss is on record")
}

// explains are the faults that account for a loss by these causes.
var explains = map[string][]history.Cause{
	"refresh-header": {history.Gateway},
	"disk":           {history.DiskFull},
}

// explainedBy reports whether a fault that was found accounts for the session's.
func (s *Session) explainedBy(id string) bool {
	switch {
	case s == nil:
		return false
	case s.Loss != nil && !s.Loss.Recovered:
		return slices.Contains(explains[id], s.Loss.Cause)
	}
	return id == "keychain" || id == "refresh-header" || id == "disk"
}

const (
	longAccess   = 24 * time.Hour
	shortAccess  = 5 * time.Minute
	shortRefresh = 14 * 24 * time.Hour
)

// tokens weighs how long tokens live.
func (r *run) tokens(context.Context) Finding {
	s := r.Session
	if s == nil || s.Key != nil {
		return Finding{}
	}
	access, refresh := "access tokens "+shown(s.AccessLife), "sessions "+shown(s.RefreshLife)
	switch {
	case s.AccessLife == 0 && s.RefreshLife == 0:
		return unknown("no token was seen")
	case s.AccessLife == 0:
		access = "access tokens for an unknown time"
	}
	if s.RefreshLife == 0 {
		refresh = "sessions for an unknown time"
	}
	said := access + ", " + refresh + " without a renewal"
	switch {
	case s.RefreshLife > 0 && s.RefreshLife < shortRefresh:
		return note("leave REFRESH_TOKEN_EXPIRY at the server out, which is 30 days, or set it to 2592000",
			"%s: whoever is away for a fortnight is signed out", said)
	case s.AccessLife > longAccess:
		return note("leave ACCESS_TOKEN_EXPIRY at the server out, which is an hour: this program renews it, "+
			"and a short one costs nobody anything",
			"%s: a stolen access token is good until its end, also after a sign-out or a new password", said)
	case s.AccessLife > 0 && s.AccessLife < shortAccess:
		return note("raise ACCESS_TOKEN_EXPIRY at the server to 3600",
			"%s: each renewal is a risk and counts against the limit of sign-ins", said)
	}
	return ok("%s", said)
}

// oldKey is an age at which a key is worth replacing.
const oldKey = 365 * 24 * time.Hour

func (r *run) apiKey(context.Context) Finding {
	if r.Session == nil || r.Session.Key == nil {
		return Finding{}
	}
	k := r.Session.Key
	age := "of unknown age"
	old := false
	if !k.Issued.IsZero() {
		age = "made on " + k.Issued.Format("2 January 2006")
		old = time.Since(k.Issued) > oldKey
	}
	switch {
	case k.Legacy:
		return note("make an API key (Settings, API Keys) and run `shelfkeeper login` with it: it can be ended by itself",
			"a token of an old release, %s: it never ends, and only disabling the user stops it", age)
	case k.Ends.IsZero() && old:
		return note("make a new key (Settings, API Keys), run `shelfkeeper login` with it and delete the old one",
			"an API key %s, which never ends", age)
	case !k.Ends.IsZero() && time.Until(k.Ends) < soonEnds:
		return note("make a new key (Settings, API Keys) and run `shelfkeeper login` with it", "an API key %s, which ends on %s", age,
			k.Ends.Format("2 January 2006"))
	case k.Ends.IsZero():
		return ok("an API key %s, which never ends", age)
	}
	return ok("an API key %s, good until %s", age, k.Ends.Format("2 January 2006"))
}
