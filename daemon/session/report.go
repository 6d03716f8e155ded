package session

import (
	"context"
	"log/slog"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/session/machine"
)

// reported are the conditions a session raises and clears.
var reported = []*health.Condition{
	&health.SignedOut, &health.OtherServer, &health.AnotherUser, &health.TokensUnusable, &health.OddTokens,
	&health.SignInUnusable, &health.ServerUnrecognised, &health.PasswordRefused, &health.AccountDisabled,
	&health.SessionLost, &health.PasswordOfOther, &health.TokenRefused, &health.VaultUnreadable, &health.VaultNewer, &health.VaultPassphrase,
	&health.VaultDenied, &health.VaultLocked, &health.VaultAbsent, &health.HeaderEaten, &health.VaultHanging,
	&health.ServerUnreachable, &health.RateLimited, &health.RenewalFails, &health.DiskBlocks, &health.DiskTrouble,
	&health.TokenSuspect, &health.RenewalDelayed, &health.SlotPending, &health.VaultPrompt, &health.VaultOpening,
	&health.TokenEnded, &health.TokenAwaited, &health.EmergencyKey,
}

// report brings the board up to date and logs what changed, one line a change
// and not one a retry.
func (s *Session) report(before machine.State) {
	st := s.state
	now := s.Now()
	s.Board.Replace(reported, findings(st, now))
	s.boardTimer.set(s, st.FindingsChangeAt(now))
	log := s.Log.With("account", s.Account)
	if st.Describe() != before.Describe() {
		log.Debug("session", "state", st.Describe())
	}
	if st.Counts.Last != before.Counts.Last {
		// A failure shows as a condition, which is logged when it begins and ends.
		level := slog.LevelDebug
		if st.Phase == machine.Fresh || st.Phase == machine.Static {
			level = slog.LevelInfo
		}
		log.Log(context.Background(), level, "the session", "reason", st.Counts.Last.Outcome, "generation", st.Record.Generation)
	} else if st.Phase != before.Phase && !st.Busy() {
		log.Debug("session", "state", st.Phase, "reason", reasonOf(st, now), "generation", st.Record.Generation)
	}
	if st.Suspicion.AlsoCookie && !before.Suspicion.AlsoCookie {
		log.Warn("a gateway removes x-refresh-token; the session is renewed with a cookie as well", "remedy", health.HeaderEaten.Remedy)
	}
	if st.Slot.Trouble != nil && before.Slot.Trouble == nil {
		log.Warn("keychain slot pending; the journal holds the session", "reason", st.Slot.Trouble)
	}
	if st.Trouble != nil && (before.Trouble == nil || st.Trouble.Error() != before.Trouble.Error()) {
		log.Warn("the vault", "reason", st.Trouble)
	}
}

func reasonOf(st machine.State, now time.Time) string {
	if fs := findings(st, now); len(fs) > 0 {
		return fs[0].ID
	}
	return ""
}

// Fill writes the session's part of an account's snapshot.
func (s *Session) Fill(a *health.Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state
	out := health.Session{
		State: st.Phase.String(), Method: methodOf(st), Generation: st.Record.Generation,
		Refreshes: st.Counts.Refreshes, PasswordLogins: st.Counts.Logins,
		LastRotation: health.LastRotation{At: health.At(st.Counts.Last.At), Outcome: st.Counts.Last.Outcome},
	}
	switch {
	case !st.Record.Spare.IsEmpty():
		out.Spare = health.SpareKept
	case !st.Record.Refresh.IsEmpty():
		out.Spare = health.SpareMissing
	}
	out.EmergencyKey, out.EmergencyKeyEndsAt = emergencyKey(st, s.Now())
	if st.Published.Generation > 0 && st.Phase != machine.Static {
		out.AccessExpiresAt = health.At(st.Published.Pair.Access.ExpiresAt)
		out.RefreshExpiresAt = health.At(st.Published.Pair.Refresh.ExpiresAt)
		if st.Phase != machine.NeedsUser || st.Why.Probed() {
			if out.Idle = s.idle(st); !out.Idle && !st.RenewedOnUse() {
				out.NextRotationAt = health.At(st.RenewsAt())
			}
		}
	}
	a.Session, a.ServerVersion = out, st.Version
	if d := st.Loss; d != nil {
		a.Loss = shownLoss(*d)
	}
	if name := st.Record.Username; name != "" {
		a.User = name
	}
	a.Vault.Condition = "ok"
	switch {
	case st.Trouble == nil && st.Phase == machine.VaultUnavailable:
		a.Vault.Condition = "opening"
	case st.Trouble != nil:
		a.Vault.Condition = troubleCondition(st.Trouble).ID
	case st.Slot.Trouble != nil:
		a.Vault.Condition = health.SlotPending.ID
	}
}

// emergencyKey says what can be shown of the account's emergency key.
func emergencyKey(st machine.State, now time.Time) (is string, ends health.Time) {
	key, err := absapi.ParseToken(st.Record.EmergencyKey)
	switch {
	case err != nil:
		return "", ends
	case st.OnEmergencyKey(now):
		is = health.KeyInUse
	case !key.ExpiresAt.IsZero() && now.After(key.ExpiresAt):
		is = health.KeyEnded
	case st.Emergency.Refused == st.Record.EmergencyKey:
		is = health.KeyRefused
	default:
		is = health.KeyKept
	}
	return is, health.At(key.ExpiresAt)
}

// idle reports whether nobody is served: the pair is renewed when the next token is
// needed and not ahead of that.
func (s *Session) idle(st machine.State) bool {
	return st.Phase == machine.Fresh && !st.Busy() && (st.Idle && !st.Clocks.OnDemand || s.Served != nil && !s.Served())
}

func methodOf(s machine.State) string {
	switch {
	case !s.Record.Static.IsEmpty():
		return "token"
	case s.Record.Generation == 0:
		return ""
	case !s.Record.Password.IsStored():
		return "session only"
	}
	return "password"
}
