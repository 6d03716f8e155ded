package machine

import (
	"errors"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// answer lets one pending effect end, well or badly.
func (w *world) answer(kind int) {
	if len(w.pending) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.pending)-1).Draw(w.t, "which")
	e := w.pending[i]
	w.pending = append(w.pending[:i:i], w.pending[i+1:]...)
	good := kind < 6
	weather := &absapi.Error{Op: "x", Verdict: absapi.Temporary, Evidence: "storm", Unwritten: kind == 7}
	switch e := e.(type) {
	case Open:
		switch {
		case w.disk.Tombstone:
			w.feed(OpenFailed{Err: keychain.ErrNotFound})
		case good:
			w.feed(Opened{Record: w.disk})
		default:
			w.feed(OpenFailed{Err: keychain.ErrLocked})
		}
	case Acquire:
		switch {
		case w.disk.Tombstone:
			w.feed(AcquireFailed{Err: keychain.ErrNotFound})
		case good:
			w.locked = true
			if kind == 1 { // another process was faster
				w.rotateElsewhere()
			}
			w.feed(Acquired{Record: w.disk, GoingDown: kind == 2})
		default:
			w.feed(AcquireFailed{Err: keychain.ErrHanging})
		}
	case Preflight:
		if w.answered = good; good {
			w.feed(Reachable{Meta: absapi.Meta{ServerDate: w.now.Add(time.Duration(kind-2) * time.Hour)}})
		} else {
			w.feed(Unreachable{Err: weather})
		}
	case Commit:
		if kind == 9 {
			if e.Record.PasswordRefused {
				w.disk.PasswordRefused = true // the mark stays in this process; a crash is not tested with it
			}
			w.feed(CommitFailed{Err: errors.New("disk full")})
			return
		}
		w.disk = e.Record
		w.written[e.Record.Generation] = e.Record.Access
		w.feed(Committed(e))
	case ChangePassword:
		w.feed(w.changeAnswer(kind, weather))
	case CleanUp:
		w.feed(CleanedUp{SessionID: rapid.SampledFrom([]string{"", "s1", "s2"}).Draw(w.t, "id"), OrphanGone: good})
	case Refresh:
		w.feed(w.refreshAnswer(kind, weather))
	case Recognise:
		if kind > 5 {
			w.feed(Recognised{})
			return
		}
		found := Evidence{Server: Recognition(rapid.IntRange(1, 2).Draw(w.t, "server"))}
		w.strange, w.vague = found.Server == Stranger, false
		if w.strange && w.state.OfSpare() {
			w.undoubt()
		}
		w.feed(Recognised{Evidence: found})
	case Login:
		switch {
		case kind < 4 && e.Legacy && kind > 0:
			w.settled = true
			token := redact.New(fmt.Sprintf("legacy %d", w.serial/2)) // now and then the same again
			w.serial++
			w.answered = true
			w.feed(LoggedIn{Answer: absapi.Answer{Legacy: token, UserID: "user-1"}})
		case kind < 4:
			pair := w.mint()
			w.settled = true
			w.answered = true
			w.feed(LoggedIn{Answer: absapi.Answer{Pair: pair, UserID: "user-1"}})
		case kind < 7:
			w.settled = true
			if w.sent == w.disk.NewPassword {
				w.refusedNew = w.sent
			} else {
				w.refused = true
			}
			w.feed(LoginFailed{Err: &absapi.Error{Verdict: absapi.PasswordRejected, Status: 401}})
		default:
			w.feed(LoginFailed{Err: weather})
		}
	case Check:
		switch {
		case kind < 4:
			w.feed(Checked{})
		case kind < 8:
			w.feed(Checked{Err: &absapi.Error{Verdict: absapi.TokenRejected, Status: 401}})
		default:
			w.feed(Checked{Err: weather})
		}
	case Settle:
		if good {
			w.feed(Settled{Generation: e.Generation})
		} else {
			w.feed(SettleFailed{Err: keychain.ErrLocked})
		}
	case Erase:
		if good {
			w.disk = keychain.Record{Generation: w.disk.Generation + 1, Tombstone: true}
			w.feed(Erased{})
		} else {
			w.feed(Erased{Err: keychain.ErrLocked})
		}
	}
}

func (w *world) refreshAnswer(kind int, weather *absapi.Error) Fact {
	fail := func(v absapi.Verdict) Fact {
		return RefreshFailed{Err: &absapi.Error{Verdict: v, Status: 401, Evidence: v.String()}}
	}
	switch kind {
	case 0, 1, 2:
		pair := w.mint()
		w.strange, w.vague, w.answered = false, false, true
		w.given = pair.Refresh.Secret
		// From 2.36.0 on a session that lives on says that no password was changed.
		w.settled = w.settled || w.state.Rules.PasswordEnds || !w.disk.NewPassword.IsStored()
		version := w.state.Version
		if version == "" {
			version = "2.36.0"
			w.settled = true
		}
		return Refreshed{Answer: absapi.Answer{Pair: pair, ServerVersion: version}}
	case 3:
		w.doubted[w.presented]++
		w.dead[w.presented] = w.doubted[w.presented] > 1
		e := Evidence{Server: Recognition(rapid.IntRange(0, 2).Draw(w.t, "server"))}
		w.strange = e.Server == Stranger && w.state.Suspicion.InvalidAnswers > 0 && !w.state.OfSpare()
		switch counts := w.state.refusalCounts(w.now); {
		case w.state.OfSpare() && counts && e.Server == Stranger && !w.acted:
			w.undoubt()
		case w.state.OfSpare() && counts && e.Server == Own, e.Server == Own && w.plain:
			w.vague = false
		case !w.state.OfSpare() && counts && e.Server == Unknown && w.state.spareTells():
			w.vague = true
		}
		f := fail(absapi.RefreshInvalid).(RefreshFailed)
		f.Evidence = e
		return f
	case 4:
		w.dead[w.presented], w.strange, w.vague = true, false, false
		return fail(absapi.RefreshExpired)
	case 5:
		return fail(absapi.UserInactive)
	case 6:
		return fail(absapi.HeaderEaten)
	case 8:
		return RefreshFailed{Err: &absapi.Error{Verdict: absapi.RateLimited, Status: 429, RetryAfter: time.Minute, Evidence: "429"}}
	}
	w.answered = false
	return RefreshFailed{Err: weather}
}

// undoubt takes back what a stranger's refusal says about the token: nothing.
func (w *world) undoubt() {
	w.doubted[w.presented] = 0
	w.dead[w.presented] = false
}

func (w *world) changeAnswer(kind int, weather *absapi.Error) Fact {
	fail := func(v absapi.Verdict) Fact {
		w.settled = true
		return ChangeFailed{Err: &absapi.Error{Verdict: v, Status: 400, Evidence: v.String()}}
	}
	switch kind {
	case 0, 1, 2:
		w.settled = true
		return PasswordChanged{Answer: absapi.Answer{Pair: w.mint()}}
	case 3, 4:
		w.settled = true
		if w.state.Rules.PasswordEnds { // the server did not see our token, and ended every session
			for _, token := range append(w.disk.Spares(), w.disk.Refresh) {
				w.dead[token] = true
			}
		}
		return PasswordChanged{}
	case 5:
		return fail(absapi.BadRequest)
	case 6:
		return fail(absapi.TokenRejected)
	case 7:
		w.settled = true // unwritten
	case 8:
		return fail(absapi.RateLimited)
	}
	return ChangeFailed{Err: weather}
}

func (w *world) rotateElsewhere() {
	pair := w.mint()
	w.disk.Generation++
	w.disk.Static = redact.Secret{}
	w.disk.Previous, w.disk.Access, w.disk.Refresh, w.disk.Intent = w.disk.Refresh, pair.Access.Secret, pair.Refresh.Secret, nil
	w.written[w.disk.Generation] = w.disk.Access
}
