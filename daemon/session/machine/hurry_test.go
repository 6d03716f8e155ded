package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/keychain"
)

func temporaryError(unwritten bool) *absapi.Error {
	return &absapi.Error{Verdict: absapi.Temporary, Evidence: "cut", Unwritten: unwritten}
}

// waitedFor is a session whose token has ended, and which has sent a refresh.
func waitedFor(t *testing.T, version string, change func(*keychain.Record)) State {
	t.Helper()
	s := rotating(t, version)
	change(&s.Record)
	s.Clocks.UsableUntil = noon
	s, _ = drive(s, noon, Sent{}, Needed{})
	return s
}

// An answer that somebody waits for is given up after seconds where that is safe
// or costs no user anything, and never otherwise.
func TestHowLongAnAnswerIsWaitedFor(t *testing.T) {
	asIs := func(*keychain.Record) {}
	forgetPassword := func(r *keychain.Record) { r.Password = keychain.Password{} }
	spareInstead := func(r *keychain.Record) {
		forgetPassword(r)
		r.Spare = jwtOf("refresh", "s", noon, time.Hour)
	}
	for _, c := range []struct {
		desc    string
		version string
		change  func(*keychain.Record)
		most    time.Duration // 0: as long as it takes
	}{
		{"a password is kept", "2.33.2", asIs, hurriedAnswer},
		{"none is kept", "2.33.2", forgetPassword, 0},
		{"it was refused", "2.33.2", func(r *keychain.Record) { r.PasswordRefused = true }, 0},
		{"a spare is kept", "2.33.2", spareInstead, hurriedAnswer},
		{"the server repeats its answer", "2.36.0", forgetPassword, hurriedAnswer},
	} {
		s := waitedFor(t, c.version, c.change)
		at := s.WakeAt()
		if c.most == 0 {
			if !at.IsZero() {
				t.Errorf("%s: given up after %v", c.desc, at.Sub(noon))
			}
			continue
		}
		if d := at.Sub(noon); d != c.most {
			t.Errorf("%s: given up after %v", c.desc, d)
		}
		after, effects := Next(s, Event{At: at, Fact: Due{}})
		if len(effects) != 1 || effects[0] != (Disconnect{}) || !after.WakeAt().IsZero() {
			t.Errorf("%s: %#v, then at %v", c.desc, effects, after.WakeAt())
		}
		if after.AnswerPatience <= hurriedAnswer {
			t.Errorf("%s: a slow server gets no more time: %v", c.desc, after.AnswerPatience)
		}
	}
	s := rotating(t, "2.33.2")
	if s, _ := drive(s, noon, Sent{}); !s.WakeAt().IsZero() {
		t.Errorf("nobody waits, and it is given up at %v", s.WakeAt())
	}
}

// The clock of an answer begins when its own request is sent. An attempt that has not
// got so far is not given up because one of hours ago was sent.
func TestNothingIsGivenUpBeforeItIsSent(t *testing.T) {
	s := waitedFor(t, "2.36.0", func(*keychain.Record) {})
	rec, later := s.Record, noon.Add(3*time.Hour)
	s, _ = drive(s, noon.Add(time.Second), failed(absapi.Temporary, 502))
	s, _ = drive(s, later, Needed{}, Acquired{Record: rec}, Reachable{}, Needed{}, Committed{Record: rec})
	if s.Step != Refreshing || !s.WakeAt().IsZero() {
		t.Fatalf("not sent yet: %v, given up at %v", s.Describe(), s.WakeAt())
	}
	if s, effects := Next(s, Event{At: later.Add(time.Minute), Fact: Due{}}); len(effects) > 0 || s.AnswerPatience != 0 {
		t.Errorf("not sent yet: %#v, %v", effects, s.AnswerPatience)
	}
	s, _ = drive(s, later.Add(time.Minute), Sent{}, Needed{})
	if at := s.WakeAt(); !at.Equal(later.Add(time.Minute + hurriedAnswer)) {
		t.Errorf("sent: given up after %v", at.Sub(later))
	}
}

// A caller comes while the machine pauses because a request may still be running.
func TestACallerShortensARace(t *testing.T) {
	s := rotating(t, "2.33.2")
	s, _ = drive(s, noon, Sent{}, RefreshFailed{Err: temporaryError(false)})
	if d := s.StartAt().Sub(noon); d < racePause {
		t.Fatalf("goes on after %v", d)
	}
	s.Clocks.UsableUntil = noon
	s, _ = Next(s, Event{At: noon.Add(2 * time.Second), Fact: Needed{}})
	if d := s.Pauses.InFlightUntil.Sub(noon); d != hurriedRace {
		t.Errorf("the request may still be running until %v", d)
	}
}

// A suspend has been announced: nothing is presented, and the wake-up renews.
func TestNothingIsPresentedBeforeASleep(t *testing.T) {
	rec := recordAt(noon.Add(-55 * time.Minute))
	s, effects := drive(State{Rules: RulesOf("2.33.2")}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3}, Due{},
		Acquired{Record: rec, GoingDown: true})
	if s.Busy() || len(effects) != 1 || effects[0] != (Release{}) || s.Record.Intent != nil {
		t.Fatalf("%v, %#v", s.Describe(), effects)
	}
	if s, _ = Next(s, Event{At: noon.Add(8 * time.Hour), Fact: Woken{}}); s.Step != Acquiring {
		t.Errorf("after the wake-up: %v", s.Describe())
	}
}

// A refusal that a lost answer explains is not asked for again where the session
// comes back by itself: the budget of a small limit has four requests for all.
func TestAnExplainedRefusal(t *testing.T) {
	for _, c := range []struct {
		desc    string
		version string
		attempt int
		change  func(*State)
		again   bool
	}{
		{"the answer was lost before", "2.33.2", 2, func(*State) {}, false},
		{"no answer was lost", "2.33.2", 1, func(*State) {}, true},
		{"the server repeats lost answers", "2.36.0", 2, func(*State) {}, true},
		{"it did so until a while ago", "2.36.0", 2, func(s *State) { s.Record.Intent.Since = noon.Add(-s.Rules.Grace) }, false},
		{"no password is kept", "2.33.2", 2, func(s *State) { s.Record.Password = keychain.Password{} }, true},
		{"of the spare", "2.33.2", 2, func(s *State) { s.Attempt.Aim = keychain.RenewSpare }, true},
	} {
		s := rotating(t, c.version)
		intent := *s.Record.Intent
		intent.Attempt = c.attempt
		s.Record.Intent = &intent
		c.change(&s)
		s, _ = drive(s, noon, failed(absapi.RefreshInvalid, 401))
		if again := s.Step == Idle; again != c.again {
			t.Errorf("%s: %v", c.desc, s.Describe())
		}
	}
}
