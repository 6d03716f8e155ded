package machine

import (
	"fmt"
	"time"

	"shelfkeeper/daemon/redact"
)

// Busy reports whether an attempt is under way.
func (s *State) Busy() bool { return s.Step != Idle }

// Usable reports whether callers may use a token at now.
func (s *State) Usable(now time.Time) bool {
	if now.Before(s.Suspicion.BrokenUntil) {
		return false
	}
	return s.Phase == Static || s.pairUsable(now) || s.OnEmergencyKey(now)
}

// pairUsable reports whether the published access token may be used at now.
func (s *State) pairUsable(now time.Time) bool {
	return s.Published.Generation > 0 && !s.tokenSuspected() && !reached(now, s.Clocks.UsableUntil) &&
		(s.Clocks.UsableForAtMost.IsZero() || !reached(now, s.Clocks.UsableForAtMost))
}

// RenewsOnDemand reports whether the token may end unrenewed, since the next
// request brings another one: nothing is known that would keep it from that.
func (s *State) RenewsOnDemand(now time.Time) bool {
	return s.RenewedOnUse() && s.Trouble == nil && s.Failure == nil && !s.tokenSuspected() && !now.Before(s.Suspicion.BrokenUntil)
}

// Asking reports whether the keychain may be asking the user for its password.
func (s *State) Asking() bool {
	return s.Step == Opening && s.Attempt.Prompting || (s.Step == Acquiring || s.Step == Repairing) && s.Attempt.ByUser
}

// tokenSuspected reports whether the published token got a 401.
func (s *State) tokenSuspected() bool {
	return s.Published.Generation > 0 && s.Published.Pair.Access.Secret == s.Suspicion.Token
}

// StartAt is the earliest moment of the next attempt.
func (s *State) StartAt() time.Time { return s.Pauses.until() }

// RenewsAt returns when the pair is renewed if nothing comes between.
func (s *State) RenewsAt() time.Time { return later(s.Clocks.RotateAt, s.StartAt()) }

// Describe is the attempt in one word for the log.
func (s *State) Describe() string {
	if s.Busy() {
		return fmt.Sprintf("%v/%v", s.Phase, s.Step)
	}
	return s.Phase.String()
}

// ResumesBy reports whether the machine goes on by itself before t.
func (s *State) ResumesBy(t time.Time) bool {
	if s.Closing {
		return false
	}
	switch s.Phase {
	case Offline, Fresh, VaultUnavailable:
		return s.StartAt().Before(t) && s.Suspicion.BrokenUntil.Before(t)
	}
	return false
}

// PassesBy reports whether a wake-up could have the machine go on before t: what it
// waits for is the server or the vault, and no pause that nobody may shorten.
func (s *State) PassesBy(t time.Time) bool {
	if s.Closing {
		return false
	}
	switch s.Phase {
	case Offline, Fresh, VaultUnavailable:
		return s.Pauses.fixed().Before(t) && s.Suspicion.BrokenUntil.Before(t)
	}
	return s.Busy()
}

// Token returns the token that callers use at now, while Usable says so.
func (s *State) Token(now time.Time) redact.Secret {
	switch {
	case s.Phase == Static:
		return s.Record.Static
	case s.OnEmergencyKey(now) && !s.pairUsable(now):
		return s.Record.EmergencyKey
	}
	return s.Published.Pair.Access.Secret
}
