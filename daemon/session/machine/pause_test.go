package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/keychain"
)

// Retry-After and the other hard pauses hold even when the network changes;
// back-off does not.
func TestWakeUpEndsBackoffOnly(t *testing.T) {
	s, _ := drive(rotating(t, "2.36.0"), noon, failed(absapi.Temporary, 502))
	if s, effects := drive(s, noon, Woken{}); s.Step != Acquiring || len(effects) != 1 {
		t.Errorf("after weather: %v", s.Describe())
	}
	limited := RefreshFailed{Err: &absapi.Error{Verdict: absapi.RateLimited, Status: 429, RetryAfter: time.Minute}}
	s, _ = drive(rotating(t, "2.36.0"), noon, limited)
	if s, effects := drive(s, noon, Woken{}, Needed{}, Asked{}); s.Busy() || len(effects) != 0 {
		t.Errorf("after 429: %v, %#v", s.Describe(), effects)
	}
}

func TestClickProbesADisabledAccountAtOnce(t *testing.T) {
	s, _ := drive(rotating(t, "2.36.0"), noon, failed(absapi.UserInactive, 401))
	if s, _ := drive(s, noon, Asked{}); s.Step != Acquiring {
		t.Errorf("got %v", s.Describe())
	}
}

// Where a lost answer can be fetched, no pause outlives the time for it; after
// the last try back-off goes on as usual.
func TestBackoffEndsWithinTheGraceWindow(t *testing.T) {
	for version, last := range map[string]time.Duration{"2.35.0": 60*time.Second - lastTry, "2.36.0": 600*time.Second - lastTry} {
		s := rotating(t, version)
		s.Record.Intent = &keychain.Intent{Since: noon, Attempt: 12}
		m := machine{State: s, now: noon.Add(last - 5*time.Second), jitter: 1}
		m.temporary(failed(absapi.Temporary, 502).Err)
		if m.Pauses.BackoffUntil != noon.Add(last) {
			t.Errorf("%s: the last try is at %v, not %v", version, m.Pauses.BackoffUntil.Sub(noon), last)
		}
		m = machine{State: s, now: noon.Add(last), jitter: 1}
		m.temporary(failed(absapi.Temporary, 502).Err)
		if m.Pauses.BackoffUntil.Before(noon.Add(last + backoffMost)) {
			t.Errorf("%s: after the last try it hurries on at %v", version, m.Pauses.BackoffUntil.Sub(noon))
		}
	}
	m := machine{State: rotating(t, "2.26.3"), now: noon.Add(time.Hour), jitter: 1}
	if got := m.withinGrace(time.Minute); got != time.Minute {
		t.Errorf("without a grace window the pause becomes %v", got)
	}
}

func TestBackoff(t *testing.T) {
	for n := range 100 {
		low, high := backoff(n, 0), backoff(n, 1)
		if low <= 0 || high > backoffMost || low > high {
			t.Errorf("after %d failures: %v to %v", n, low, high)
		}
	}
}

// The user's click counts even when it meets a silent attempt to open the
// vault.
func TestClickDuringASilentOpening(t *testing.T) {
	s, effects := drive(State{Rules: RulesOf("2.36.0")}, noon, Started{}, Asked{}, OpenFailed{Err: keychain.ErrLocked})
	if open, ok := effects[len(effects)-1].(Open); !ok || !open.Prompt || s.Step != Opening {
		t.Fatalf("got %v, %#v", s.Describe(), effects)
	}
	s, effects = drive(s, noon, OpenFailed{Err: keychain.ErrLocked})
	if len(effects) != 0 || s.Busy() {
		t.Errorf("a prompt that was dismissed is not raised again: %#v", effects)
	}
}

// A player's request looks whether somebody unlocked the keychain, but tries
// no wrong passphrase again.
func TestNeededLooksAgain(t *testing.T) {
	for err, again := range map[error]bool{keychain.ErrLocked: true, keychain.ErrPassphrase: false} {
		s, _ := drive(State{Rules: RulesOf("2.36.0")}, noon, Started{}, OpenFailed{Err: err}, Needed{})
		if s.Busy() != again {
			t.Errorf("%v: %v", err, s.Describe())
		}
	}
}
