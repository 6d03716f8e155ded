package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// A process that finds the spare presented in the pair's place, and not what
// came of it, goes on there: the pair is known to be dead.
func TestInterruptedPromotionGoesOnWithTheSpare(t *testing.T) {
	rec := recordAt(noon.Add(-10 * time.Minute))
	rec.Spare = jwtOf("refresh", "spare", noon.Add(-time.Hour), 720*time.Hour)
	rec.Intent = &keychain.Intent{Since: noon, Attempt: 1, Purpose: keychain.PromoteSpare}
	s, _ := drive(State{Rules: RulesOf("2.36.0")}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3},
		Acquired{Record: rec}, Reachable{})
	again := rec
	again.Intent = &keychain.Intent{Since: noon, Attempt: 2, Purpose: keychain.PromoteSpare}
	_, effects := drive(s, noon, Committed{Record: again})
	if len(effects) != 1 || effects[0].(Refresh).Token != rec.Spare {
		t.Errorf("%v: %d effects", s.Describe(), len(effects))
	}
}

// A change of the password that got no answer may still be running at the
// server: nothing is asked before it no longer can be.
func TestDoubtfulChangeIsNotRaced(t *testing.T) {
	rec := recordAt(noon)
	m := machine{now: noon, jitter: 0.5, State: State{Rules: RulesOf("2.36.0"), Step: Changing,
		Attempt: Attempt{Aim: keychain.ChangePassword}}}
	m.Record = rec
	m.Record.NewPassword = keychain.StoredPassword(redact.New("wanted"))
	m.Record.Intent = &keychain.Intent{Since: noon, Attempt: 1, Purpose: keychain.ChangePassword}
	m.changeFailed(ChangeFailed{Err: &absapi.Error{Verdict: absapi.Temporary, Evidence: "EOF"}})
	if m.StartAt().Before(noon.Add(racePause)) || !m.Record.NewPassword.IsStored() {
		t.Errorf("goes on after %v", m.StartAt().Sub(noon))
	}
}
