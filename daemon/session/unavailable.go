package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/durable"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/keychain"
)

// Unavailable is the error of asking for a token when there is none.
type Unavailable struct {
	Condition  health.Condition
	Detail     string
	retryAfter time.Duration
}

// Error says what is wrong, in words.
func (u *Unavailable) Error() string {
	if u.Detail == "" {
		return u.Condition.Text
	}
	return u.Condition.Text + ": " + u.Detail
}

// Remedy says what the user can do; "" if nothing.
func (u *Unavailable) Remedy() string { return u.Condition.Remedy }

// RetryAfter is when asking again makes sense, at least a second.
func (u *Unavailable) RetryAfter() time.Duration { return max(u.retryAfter, time.Second) }

// NeedsUser reports whether waiting does not help.
func (u *Unavailable) NeedsUser() bool { return u.Condition.Level == health.NeedsUser }

// userPause is what players are told when only the user can go on: to ask each
// second for days would help nobody.
const userPause = time.Minute

// starting is what callers hear before the vault was read for the first time,
// or while an attempt takes longer than they can wait. It never shows on a
// board.
var starting = health.Condition{ID: "renewing", Level: health.Offline, Text: "the session is being renewed"}

// finding is a condition that holds, with its detail and, where the
// condition's own is not the best one, its remedy.
type finding struct {
	*health.Condition
	detail, remedy string
}

// findings returns the conditions that s stands for at now, gravest first.
func findings(s machine.State, now time.Time) (fs []finding) {
	add := func(c *health.Condition, detail string) { fs = append(fs, finding{Condition: c, detail: detail}) }
	switch s.Phase {
	case machine.SignedOut:
		add(&health.SignedOut, "")
	case machine.NeedsUser:
		c, detail := conditionOf(s.Why)
		if d := s.Loss; d != nil && !d.Recovered && afterLoss(s.Why) {
			fs = append(fs, finding{c, d.Sentence, d.Remedy})
		} else {
			add(c, detail)
		}
	}
	if s.Trouble != nil {
		c := troubleCondition(s.Trouble)
		if c == &health.DiskTrouble && !s.Usable(now) {
			c = &health.DiskBlocks
		}
		f := finding{Condition: c, detail: s.Trouble.Error()}
		if c == &health.DiskTrouble || c == &health.DiskBlocks {
			f.remedy = durable.Remedy(s.Trouble) // "free some space" helps a full disk only
		}
		fs = append(fs, f)
	}
	if n := s.SignIns; n.Unusable >= machine.UnusableInARow && s.Phase != machine.NeedsUser && s.Phase != machine.SignedOut {
		remedy := ""
		if n.Last.Verdict == absapi.MissingRefreshToken {
			remedy = "let the reverse proxy pass x-return-tokens through"
		}
		detail := fmt.Sprintf("%d times in a row, last: %s", n.Unusable, n.Last.Evidence)
		fs = append(fs, finding{&health.SignInUnusable, detail, remedy})
	}
	if w := s.Failure; w != nil && s.Phase != machine.NeedsUser && s.Phase != machine.SignedOut {
		switch {
		case w.Verdict == absapi.RateLimited && !s.Usable(now):
			detail := w.Evidence
			if last := s.Answered; last != nil && last != w {
				detail = last.Evidence + "; " + detail
			}
			if s.Pauses.RateLimitedUntil.After(now) {
				detail += ", until " + s.Pauses.RateLimitedUntil.Local().Format("15:04")
			}
			remedy := ""
			if s.Clocks.OnDemand {
				var cause string
				cause, remedy = oddTokens(s.Clocks)
				detail = cause + "; " + detail
			}
			fs = append(fs, finding{&health.RateLimited, detail, remedy})
		case w.Verdict == absapi.Temporary:
			add(&health.ServerUnreachable, w.Evidence)
		case !s.Usable(now):
			add(&health.RenewalFails, w.Evidence)
		default:
			add(&health.RenewalDelayed, w.Evidence)
		}
	}
	if c := s.Clocks; s.Published.Generation > 0 && s.Phase != machine.Static {
		if detail, remedy := oddTokens(c); detail != "" {
			fs = append(fs, finding{&health.OddTokens, detail, remedy})
		}
	}
	if now.Before(s.Suspicion.BrokenUntil) {
		add(&health.TokenSuspect, "")
	}
	if s.Slot.Trouble != nil && s.Phase != machine.SignedOut {
		add(&health.SlotPending, s.Slot.Trouble.Error())
	}
	return fs
}

// afterLoss reports whether w follows from a lost session, whose cause says more
// than the condition does.
func afterLoss(w machine.Why) bool {
	return w == machine.PasswordRefused || w == machine.SessionLost || w == machine.HeaderEaten || w == machine.OtherUser || w == machine.Unrecognised
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
		return &health.SessionLost, "the password now belongs to another user of the server"
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

// unavailable says why there is no token at now.
func unavailable(s machine.State, now time.Time) *Unavailable {
	u := &Unavailable{Condition: starting, retryAfter: max(0, s.StartAt().Sub(now), s.Suspicion.BrokenUntil.Sub(now))}
	for _, f := range findings(s, now) {
		if u.Condition.ID == starting.ID || f.Level > u.Condition.Level {
			u.Condition, u.Detail = *f.Condition, f.detail
			if f.remedy != "" {
				u.Condition.Remedy = f.remedy
			}
		}
	}
	if u.NeedsUser() && (u.retryAfter == 0 || u.retryAfter > userPause) {
		u.retryAfter = userPause
	}
	return u
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
