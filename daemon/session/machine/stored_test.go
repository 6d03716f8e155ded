package machine

import (
	"testing"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/keychain"
)

// What another process wrote while an attempt runs is read after it.
func TestStoredDuringAnAttemptIsReadAfterIt(t *testing.T) {
	for _, end := range []Fact{failed(absapi.Temporary, 502), Refreshed{Answer: absapi.Answer{Pair: mustPair(recordAt(noon))}}} {
		s, effects := drive(rotating(t, "2.36.0"), noon, Stored{}, end)
		if commit, ok := effects[len(effects)-1].(Commit); ok {
			s, effects = drive(s, noon, Committed(commit))
			if s.Step == CleaningUp {
				s, effects = drive(s, noon, CleanedUp{})
			}
		}
		if s.Step != Opening || len(effects) == 0 {
			t.Fatalf("after %T: %v, %#v", end, s.Describe(), effects)
		}
		if s, effects := drive(s, noon, Opened{Record: s.Record}, Due{}); s.Step == Opening || hasOpen(effects) {
			t.Errorf("it is read again without end: %v, %#v", s.Describe(), effects)
		}
	}
}

func hasOpen(effects []Effect) bool {
	for _, e := range effects {
		if _, ok := e.(Open); ok {
			return true
		}
	}
	return false
}

// A vault that fails when it is looked at is shown, and forgives.
func TestLookingAtABrokenVault(t *testing.T) {
	s, _ := drive(rotating(t, "2.36.0"), noon, failed(absapi.UserInactive, 401))
	s, effects := drive(s, noon.Add(rereadPace), Due{})
	if !hasOpen(effects) {
		t.Fatalf("got %v, %#v", s.Describe(), effects)
	}
	s, _ = drive(s, noon.Add(rereadPace), OpenFailed{Err: keychain.ErrUnreadable})
	if s.Phase != NeedsUser || s.Trouble == nil || !s.Record.Password.IsStored() || s.StartAt().Before(noon.Add(disabledProbe)) {
		t.Errorf("got %v, trouble %v, next at %v", s.Describe(), s.Trouble, s.StartAt())
	}
	s, effects = drive(s, noon.Add(2*rereadPace), Due{})
	if !hasOpen(effects) {
		t.Fatalf("it does not look again: %v", s.Describe())
	}
	if s, _ = drive(s, noon.Add(2*rereadPace), Opened{Record: s.Record}); s.Trouble != nil || s.Phase != NeedsUser {
		t.Errorf("got %v, trouble %v", s.Describe(), s.Trouble)
	}
}
