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

// chronicle returns what the record of attempts says about one step of the
// machine, in which the fact f made after out of before: nothing for most
// facts. It is pure, and the machine knows nothing of it.
func chronicle(before machine.State, f machine.Fact, after machine.State, now time.Time) (entries []history.Entry) {
	add := func(kind history.Kind, outcome history.Outcome, more func(*history.Entry)) {
		e := history.Entry{At: now, Kind: kind, Outcome: outcome, Generation: after.Record.Generation, Release: after.Version}
		switch kind {
		case history.Refresh, history.Change:
			e.Issued, e.Ends = timesOf(before.Record.Refresh)
		case history.Spare:
			e.Issued, e.Ends = timesOf(before.Record.Spare)
		}
		more(&e)
		entries = append(entries, e)
	}
	evidence := func(text string) func(*history.Entry) { return func(e *history.Entry) { e.Evidence = text } }
	kind := kindOf(before)
	switch f := f.(type) {
	case machine.Opened, machine.Acquired:
		if known := before.Record.Generation; known > 0 && after.Record.Generation > known {
			add(history.Reading, history.Adopted, func(e *history.Entry) { e.Received, _ = timesOf(after.Record.Refresh) })
		}
	case machine.AcquireFailed:
		if before.Step == machine.Acquiring {
			add(history.Reading, history.Unreadable, evidence(f.Err.Error()))
		}
	case machine.Unreachable:
		if before.Step == machine.Pinging {
			add(kind, sortFailure(f.Err, false), evidence(f.Err.Evidence))
		}
	case machine.RefreshFailed:
		if before.Step == machine.Refreshing {
			seen := before.SeenInvalid
			if kind == history.Spare {
				seen = before.SpareInvalid
			}
			add(kind, refusal(f.Err, seen), func(e *history.Entry) {
				e.Evidence, e.AccessToken, e.Row, e.Name = f.Err.Evidence, f.Evidence.AccessToken, f.Evidence.Row, f.Evidence.Username
				if i := before.Record.Intent; i != nil {
					e.Attempt = i.Attempt
				}
			})
		}
	case machine.Refreshed:
		if before.Step == machine.Refreshing && after.Step != machine.Committing {
			add(kind, history.Unanswered, evidence("the answer belongs to another user"))
		}
	case machine.ChangeFailed:
		if before.Step == machine.Changing {
			outcome := sortFailure(f.Err, true)
			if f.Err.Verdict == absapi.BadRequest || f.Err.Verdict == absapi.TokenRejected {
				outcome = history.NotChanged
			}
			add(kind, outcome, evidence(f.Err.Evidence))
		}
	case machine.LoginFailed:
		if before.Step == machine.SigningIn {
			outcome := sortFailure(f.Err, true)
			if f.Err.Verdict == absapi.PasswordRejected {
				outcome = history.PasswordRefused
			}
			add(history.Login, outcome, evidence(f.Err.Evidence))
		}
	case machine.LoggedIn:
		if before.Step == machine.SigningIn && after.Why == machine.OtherUser && after.Phase == machine.NeedsUser {
			add(history.Login, history.OtherUser, evidence("the password signed in another user"))
		}
	case machine.Committed:
		if before.Step == machine.Committing && after.Published > before.Published {
			kind, received := landed(before.Record, after.Record)
			outcome := history.Renewed
			if kind == history.Login || kind == history.Spare && received == after.Record.Refresh {
				outcome = history.SignedIn
			}
			add(kind, outcome, func(e *history.Entry) { e.Received, _ = timesOf(received) })
		}
	case machine.CommitFailed:
		if after.Step == machine.Idle && (before.Step == machine.Intending || before.Step == machine.Committing) {
			add(kind, history.NotWritten, func(e *history.Entry) {
				e.Evidence = f.Err.Error()
				if before.Step == machine.Committing && before.Candidate.Refresh != before.Record.Refresh {
					e.Received, _ = timesOf(before.Candidate.Refresh)
				}
			})
		}
	case machine.Checked:
		if before.Step == machine.Checking && after.Why == machine.TokenRefused && before.Why != machine.TokenRefused {
			add(history.Check, history.TokenRefused, evidence(f.Err.Evidence))
		}
	}
	return entries
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
	case s.Aim == keychain.ChangePassword && s.Step != machine.Pinging:
		return history.Change
	}
	return history.Refresh
}

// landed says which attempt made after out of before, and the token that came.
func landed(before, after keychain.Record) (history.Kind, redact.Secret) {
	switch {
	case after.Refresh != before.Refresh && after.Previous == before.Refresh:
		return history.Refresh, after.Refresh
	case before.NewPassword.IsStored() && !after.NewPassword.IsStored():
		return history.Change, after.Refresh
	case after.Refresh == before.Refresh:
		return history.Spare, after.Spare
	case !before.Spare.IsEmpty() && after.Spare.IsEmpty():
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
