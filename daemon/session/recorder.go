package session

import (
	"net/http"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/keychain"
)

// recorder writes what the record of attempts says about one step of the
// machine, in which the fact f made after out of before. It is pure, and the
// machine knows nothing of it.
type recorder struct {
	before, after machine.State
	now           time.Time
	entries       []history.Entry
}

// entriesOf returns the entries of one step: none for most facts. It is a flat
// switch, since each fact counts only in the step that waits for it.
func entriesOf(before machine.State, f machine.Fact, after machine.State, now time.Time) []history.Entry {
	r := recorder{before: before, after: after, now: now}
	switch f := f.(type) {
	case machine.Opened, machine.Acquired:
		r.read()
	case machine.AcquireFailed:
		if before.Step == machine.Acquiring {
			r.add(history.Reading, history.Unreadable, evidence(f.Err.Error()))
		}
	case machine.Unreachable:
		if before.Step == machine.Pinging {
			r.add(kindOf(before), sortFailure(f.Err, false), evidence(f.Err.Evidence))
		}
	case machine.RefreshFailed:
		if before.Step == machine.Refreshing {
			r.refreshFailed(f)
		}
	case machine.Refreshed:
		if before.Step == machine.Refreshing && after.Step != machine.Committing {
			r.add(kindOf(before), history.Unanswered, evidence("the answer belongs to another user"))
		}
	case machine.ChangeFailed:
		if before.Step == machine.Changing {
			r.changeFailed(f)
		}
	case machine.LoginFailed:
		if before.Step == machine.SigningIn {
			r.loginFailed(f)
		}
	case machine.LoggedIn:
		if before.Step == machine.SigningIn && after.Why == machine.OtherUser && after.Phase == machine.NeedsUser {
			r.add(history.Login, history.OtherUser, evidence("the password signed in another user"))
		}
	case machine.Committed:
		if before.Step == machine.Committing && after.Published.Generation > before.Published.Generation {
			r.published()
		}
	case machine.CommitFailed:
		if after.Step == machine.Idle && (before.Step == machine.Intending || before.Step == machine.Committing) {
			r.commitFailed(f)
		}
	case machine.Checked:
		if before.Step == machine.Checking && after.Why == machine.TokenRefused && before.Why != machine.TokenRefused {
			r.add(history.Check, history.TokenRefused, evidence(f.Err.Evidence))
		}
	}
	return r.entries
}

func (r *recorder) add(kind history.Kind, outcome history.Outcome, more func(*history.Entry)) {
	e := history.Entry{At: r.now, Kind: kind, Outcome: outcome, Generation: r.after.Record.Generation, Release: r.after.Version}
	switch kind {
	case history.Refresh, history.Change:
		e.Issued, e.Ends = timesOf(r.before.Record.Refresh)
	case history.Spare:
		e.Issued, e.Ends = timesOf(r.before.Record.Spare)
	}
	more(&e)
	r.entries = append(r.entries, e)
}

func evidence(text string) func(*history.Entry) { return func(e *history.Entry) { e.Evidence = text } }

func received(token redact.Secret) func(*history.Entry) {
	return func(e *history.Entry) { e.Received, _ = timesOf(token) }
}

// read notes a record that another process has stored.
func (r *recorder) read() {
	if known := r.before.Record.Generation; known > 0 && r.after.Record.Generation > known {
		r.add(history.Reading, history.Adopted, received(r.after.Record.Refresh))
	}
}

func (r *recorder) refreshFailed(f machine.RefreshFailed) {
	kind, seen := kindOf(r.before), r.before.Suspicion.InvalidAnswers
	switch {
	case kind == history.Spare && f.Evidence.AccessToken == history.NotAccepted:
		seen = 1 // once is enough: what it says of the server explains the pair's refusal, too
	case kind == history.Spare:
		seen = r.before.Spare.InvalidAnswers
	case r.before.RefusalExplained(r.now):
		seen++ // once is enough
	}
	r.add(kind, refusal(f.Err, seen), func(e *history.Entry) {
		e.Evidence, e.AccessToken, e.Row, e.Name = f.Err.Evidence, f.Evidence.AccessToken, f.Evidence.Row, f.Evidence.Username
		if i := r.before.Record.Intent; i != nil {
			e.Attempt = i.Attempt
		}
	})
}

func (r *recorder) changeFailed(f machine.ChangeFailed) {
	outcome := sortFailure(f.Err, true)
	if f.Err.Verdict == absapi.BadRequest || f.Err.Verdict == absapi.TokenRejected {
		outcome = history.NotChanged
	}
	r.add(kindOf(r.before), outcome, evidence(f.Err.Evidence))
}

func (r *recorder) loginFailed(f machine.LoginFailed) {
	outcome := sortFailure(f.Err, true)
	if f.Err.Verdict == absapi.PasswordRejected {
		outcome = history.PasswordRefused
	}
	r.add(history.Login, outcome, evidence(f.Err.Evidence))
}

func (r *recorder) published() {
	kind, token := attemptBetween(r.before.Record, r.after.Record)
	outcome := history.Renewed
	if kind == history.Login || kind == history.Spare && token == r.after.Record.Refresh {
		outcome = history.SignedIn
	}
	r.add(kind, outcome, received(token))
}

func (r *recorder) commitFailed(f machine.CommitFailed) {
	r.add(kindOf(r.before), history.NotWritten, func(e *history.Entry) {
		e.Evidence = f.Err.Error()
		if new := r.before.Received.Record; r.before.Step == machine.Committing && new.Refresh != r.before.Record.Refresh {
			e.Received, _ = timesOf(new.Refresh)
		}
	})
}

// kindOf says what the attempt under way presents.
func kindOf(s machine.State) history.Kind {
	switch {
	case s.Step == machine.SigningIn:
		return history.Login
	case s.Step == machine.Pinging && s.Lost:
		return history.Login
	case s.OfSpare() && s.Step != machine.Pinging:
		return history.Spare
	case s.Attempt.Aim == keychain.ChangePassword && s.Step != machine.Pinging:
		return history.Change
	}
	return history.Refresh
}

// attemptBetween says which attempt made after out of before, and the token that came.
func attemptBetween(before, after keychain.Record) (history.Kind, redact.Secret) {
	switch {
	case after.Refresh != before.Refresh && after.Previous == before.Refresh:
		return history.Refresh, after.Refresh
	case before.NewPassword.IsStored() && !after.NewPassword.IsStored():
		return history.Change, after.Refresh
	case after.Refresh == before.Refresh && !after.Spare.IsEmpty():
		spares := after.Spares()
		return history.Spare, spares[len(spares)-1] // renewed, it lies behind the others
	case len(before.Spares()) > len(after.Spares()):
		return history.Spare, after.Refresh
	}
	return history.Login, after.Refresh
}

// refusal sorts an answer to a refresh without a pair; seen is how often this
// token was called invalid before.
func refusal(err *absapi.Error, seen int) history.Outcome {
	switch err.Verdict {
	case absapi.RefreshExpired:
		return history.Expired
	case absapi.RefreshInvalid:
		if seen == 0 {
			return history.RefusedOnce
		}
		return history.Lost
	case absapi.UserInactive:
		return history.Disabled
	case absapi.HeaderEaten:
		return history.HeaderRemoved
	}
	return sortFailure(err, true)
}

// sortFailure tells a request that the server may have acted on from one that
// it has not. sent: it was one that changes something there.
func sortFailure(err *absapi.Error, sent bool) history.Outcome {
	switch {
	case err.Verdict == absapi.RateLimited:
		return history.Limited
	case !sent || err.Unwritten:
		return history.Unreachable
	case err.Status == 0, err.Status == http.StatusOK, err.Status >= http.StatusInternalServerError:
		// A gateway that lost patience says 502 or 504, and a broken answer
		// may begin with 200.
		return history.Unanswered
	}
	return history.Unreachable
}

// timesOf returns when a token was issued and when it ends, zero if it does not
// decode.
func timesOf(token redact.Secret) (issued, ends time.Time) {
	t, err := absapi.ParseToken(token)
	if err != nil {
		return time.Time{}, time.Time{}
	}
	return t.IssuedAt, t.ExpiresAt
}

// releaseOf is what a server version decides about losses. Only from 2.36.0 on
// the server's owner may set the grace window.
func releaseOf(version string) history.Release {
	return history.Release{
		Version: version, Grace: absapi.Grace(version), GraceSet: absapi.SupportsSessions(version),
		Collides: absapi.CollidesInSecond(version), PasswordEnds: absapi.PasswordChangeEndsSessions(version),
	}
}
