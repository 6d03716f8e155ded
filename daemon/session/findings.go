package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/keychain"
)

type finding = health.Finding

// findings returns the conditions that s stands for at now, gravest first.
func findings(s machine.State, now time.Time) (fs []finding) {
	switch {
	case s.Phase == machine.SignedOut:
		fs = append(fs, finding{Condition: &health.SignedOut})
	case s.NeedsUser():
		if s.OnEmergencyKey(now) {
			fs = append(fs, emergencyFinding(s))
			break
		}
		c, detail := conditionOf(s.Why)
		f := finding{Condition: c, Detail: detail}
		if d := s.Loss; d != nil && !d.Recovered && afterLoss(s.Why) {
			f.Detail, f.Remedy = d.Sentence, d.Remedy
		}
		fs = append(fs, f)
	}
	if s.Asking() && (s.Trouble != nil || !s.Usable(now)) {
		fs = append(fs, finding{Condition: &health.VaultPrompt})
	}
	if s.Trouble != nil {
		fs = append(fs, troubleFinding(s, now))
	}
	if !s.NeedsUser() && s.Phase != machine.SignedOut {
		if s.SignIns.Unusable >= machine.UnusableInARow {
			fs = append(fs, signInFinding(s.SignIns))
		}
		if s.Failure != nil {
			fs = append(fs, failureFinding(s, now))
		}
	}
	if s.Published.Generation > 0 && s.Phase != machine.Static {
		if detail, remedy := oddTokens(s.Clocks); detail != "" {
			fs = append(fs, finding{Condition: &health.OddTokens, Detail: detail, Remedy: remedy})
		}
	}
	if now.Before(s.Suspicion.BrokenUntil) {
		fs = append(fs, finding{Condition: &health.TokenSuspect})
	}
	if s.Slot.Trouble != nil && s.Phase != machine.SignedOut {
		fs = append(fs, finding{Condition: &health.SlotPending, Detail: s.Slot.Trouble.Error()})
	}
	if f, ok := tokenFinding(s, now); ok {
		fs = append(fs, f)
	}
	return fs
}

// emergencyFinding says until when the emergency key serves, and why it has to.
func emergencyFinding(s machine.State) finding {
	f := finding{Condition: &health.EmergencyKey, Detail: "it ends on " + s.Emergency.EndsAt.Local().Format("2 January 2006")}
	if d := s.Loss; d != nil && !d.Recovered && d.Sentence != "" {
		f.Detail += "; " + d.Sentence
	}
	return f
}

// tokenFinding says that no request can be served with the session's token now.
// The other findings say why as soon as that is known.
func tokenFinding(s machine.State, now time.Time) (f finding, ok bool) {
	switch {
	case s.Usable(now) || s.Phase == machine.SignedOut || s.NeedsUser():
		return f, false
	case s.Phase == machine.VaultUnavailable:
		f.Condition = &health.VaultOpening
		if s.Trouble != nil {
			f.Detail = s.Trouble.Error()
		}
	case s.RenewsOnDemand(now):
		// Such a token ends before each request, which then brings the next.
		if f.Condition = &health.TokenAwaited; !s.Busy() {
			return f, false
		}
	default:
		f.Condition = &health.TokenEnded
	}
	return f, true
}

func troubleFinding(s machine.State, now time.Time) finding {
	c := troubleCondition(s.Trouble)
	if c == &health.DiskTrouble && !s.Usable(now) {
		c = &health.DiskBlocks
	}
	f := finding{Condition: c, Detail: s.Trouble.Error()}
	if c == &health.VaultAbsent {
		f.Remedy = keychain.Remedy(s.Trouble)
	}
	if c == &health.DiskTrouble || c == &health.DiskBlocks {
		f.Remedy = durable.Remedy(s.Trouble) // "free some space" helps a full disk only
	}
	return f
}

func signInFinding(n machine.SignIns) finding {
	f := finding{Condition: &health.SignInUnusable, Detail: fmt.Sprintf("%d times in a row, last: %s", n.Unusable, n.Last.Evidence)}
	if n.Last.Verdict == absapi.MissingRefreshToken {
		f.Remedy = health.PassHeader("x-return-tokens")
	}
	return f
}

// failureFinding says why the newest attempt brought no token.
func failureFinding(s machine.State, now time.Time) finding {
	w := s.Failure
	switch {
	case w.Verdict == absapi.RateLimited && !s.Usable(now):
		return limitFinding(s, now)
	case w.Verdict == absapi.Temporary && !w.OfRenewal() && w.Op != budget.Counting:
		return finding{Condition: &health.ServerUnreachable, Detail: w.Evidence, Remedy: w.Remedy}
	case !s.Usable(now):
		return finding{Condition: &health.RenewalFails, Detail: w.Evidence, Remedy: w.Remedy}
	}
	return finding{Condition: &health.RenewalDelayed, Detail: w.Evidence, Remedy: w.Remedy}
}

// limitFinding tells of a limit, and of what has used it up.
func limitFinding(s machine.State, now time.Time) finding {
	f := finding{Condition: &health.RateLimited, Detail: s.Failure.Evidence}
	if last := s.Answered; last != nil && last != s.Failure {
		f.Detail = last.Evidence + "; " + f.Detail
	}
	if s.Pauses.RateLimitedUntil.After(now) {
		f.Detail += ", until " + s.Pauses.RateLimitedUntil.Local().Format("15:04")
	}
	if s.Clocks.OnDemand {
		cause, remedy := oddTokens(s.Clocks)
		f.Detail, f.Remedy = cause+"; "+f.Detail, remedy
	}
	return f
}

// afterLoss reports whether w follows from a lost session, whose cause says more
// than the condition does.
func afterLoss(w machine.Why) bool {
	switch w {
	case machine.PasswordRefused, machine.SessionLost, machine.HeaderEaten, machine.OtherUser, machine.Unrecognised:
		return true
	}
	return false
}

func conditionOf(w machine.Why) (*health.Condition, string) {
	switch w {
	case machine.PasswordRefused:
		return &health.PasswordRefused, ""
	case machine.AccountDisabled:
		return &health.AccountDisabled, ""
	case machine.HeaderEaten:
		return &health.HeaderEaten, ""
	case machine.TokenRefused:
		return &health.TokenRefused, ""
	case machine.Unrecognised:
		return &health.ServerUnrecognised, ""
	case machine.AnotherUser:
		return &health.AnotherUser, ""
	case machine.TokensUnusable:
		return &health.TokensUnusable, ""
	case machine.OtherUser:
		return &health.PasswordOfOther, ""
	}
	return &health.SessionLost, ""
}

// troubleCondition sorts an error of the vault.
func troubleCondition(err error) *health.Condition {
	for _, c := range []struct {
		is        error
		condition *health.Condition
	}{
		{keychain.ErrLocked, &health.VaultLocked},
		{keychain.ErrAbsent, &health.VaultAbsent},
		{keychain.ErrDenied, &health.VaultDenied},
		{keychain.ErrPassphrase, &health.VaultPassphrase},
		{keychain.ErrHanging, &health.VaultHanging},
		{keychain.ErrNewer, &health.VaultNewer},
		{keychain.ErrUnreadable, &health.VaultUnreadable},
		{keychain.ErrCorrupt, &health.VaultUnreadable},
		{ErrOtherServer, &health.OtherServer},
		{context.DeadlineExceeded, &health.RenewalDelayed}, // another process holds the lock
	} {
		if errors.Is(err, c.is) {
			return c.condition
		}
	}
	return &health.DiskTrouble
}

// setExpiry is the remedy for a lifetime that the server's owner has set.
const setExpiry = "set ACCESS_TOKEN_EXPIRY on the server to a number of seconds, such as 3600, and restart it"

// oddTokens says what is unusual about the lifetime of the server's access
// tokens, and what can be done; nothing where it is as usual.
func oddTokens(c machine.Clocks) (detail, remedy string) {
	switch c.Odd {
	case machine.ShortTokens:
		return fmt.Sprintf("the server's ACCESS_TOKEN_EXPIRY is %.0f seconds (it reads 12h as 12)", c.Life.Seconds()), setExpiry
	case machine.EndlessTokens:
		return "the server's access tokens have no end (`exp`) that a clock reaches", setExpiry
	case machine.UndatedTokens:
		return "the server's access tokens do not say when they were made (`iat`)",
			"let nothing between here and the server change its tokens"
	}
	return "", ""
}
