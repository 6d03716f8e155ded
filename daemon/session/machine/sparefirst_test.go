package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// withSpareRefused is a session without a password whose refresh token was refused once, and
// whose access token has ended; change makes it another one.
func withSpareRefused(t *testing.T, change func(*State)) State {
	t.Helper()
	s := rotating(t, "2.35.1")
	s.Plain, s.Suspicion.InvalidAnswers, s.Record.Password = true, 1, keychain.Password{}
	s.Record.Access = jwtOf("access", "1", noon.Add(-2*time.Hour), time.Hour)
	s.Record.Spare = jwtOf("refresh", "spare", noon.Add(-time.Hour), 720*time.Hour)
	change(&s)
	return s
}

// A spare is presented before the limited question about an expired access token, and
// only where that question would be asked and the spare's answer can stand for it.
func TestWhenTheSpareGoesFirst(t *testing.T) {
	for _, c := range []struct {
		desc   string
		change func(*State)
		asked  bool // about the access token
		valid  bool
		aim    keychain.Purpose
		step   Step // after a refusal about which nothing is known
	}{
		{"a spare, and an expired token", func(*State) {}, false, false, keychain.PromoteSpare, Intending},
		{"the token is valid: that question costs nothing", func(s *State) {
			s.Record.Access = jwtOf("access", "1", noon.Add(-time.Minute), time.Hour)
		}, true, true, keychain.PromoteSpare, Intending},
		{"no spare", func(s *State) { s.Record.Spare = redact.Secret{} }, true, false, keychain.RenewPair, Idle},
		{"with TLS nobody asks", func(s *State) { s.Plain = false }, true, false, keychain.PromoteSpare, Intending},
		{"a new password may hold", func(s *State) {
			s.Record.NewPassword = keychain.StoredPassword(redact.New("new"))
		}, true, false, keychain.RenewPair, Idle},
		{"a stranger was met here", func(s *State) { s.Why = Unrecognised }, true, false, keychain.RenewPair, Idle},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s := withSpareRefused(t, c.change)
			token, valid := s.EvidenceToken(noon)
			if asked := !token.Secret.IsEmpty(); asked != c.asked || valid != c.valid {
				t.Errorf("asked %v, valid %v", asked, valid)
			}
			s, _ = drive(s, noon, failed(absapi.RefreshInvalid, 401))
			if s.Step != c.step || s.Attempt.Aim != c.aim {
				t.Errorf("goes on with %v, aim %v", s.Describe(), s.Attempt.Aim)
			}
		})
	}
}

// What a refusal of the spare that went first is worth, by what the server then says
// about the access token. Only its own server's refusals end a spare.
func TestRefusalsOfTheSpareThatWentFirst(t *testing.T) {
	for _, c := range []struct {
		desc     string
		evidence Evidence
		phase    Phase
		why      Why
		lost     bool
		again    bool // the spare is dropped once it is refused again
	}{
		{"our own server", Evidence{Server: Own, Expired: true}, Offline, NoReason, true, true},
		{"a stranger", Evidence{Server: Stranger, Expired: true}, NeedsUser, Unrecognised, false, false},
		{"unknown", Evidence{}, Offline, NoReason, true, false},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s := withSpareRefused(t, func(*State) {})
			s, _ = drive(s, noon, failed(absapi.RefreshInvalid, 401))
			rec := s.Record
			rec.Intent = &keychain.Intent{Since: noon, Attempt: 1, Purpose: keychain.PromoteSpare}
			s, _ = drive(s, noon, Committed{Record: rec}, Sent{})
			if token, _ := s.EvidenceToken(noon); token.Secret.IsEmpty() {
				t.Error("nobody is asked whose server this is")
			}
			refused := failed(absapi.RefreshInvalid, 401)
			refused.Evidence = c.evidence
			s, _ = drive(s, noon, refused)
			if s.Phase != c.phase || s.Why != c.why || s.Lost != c.lost || s.Record.Spare.IsEmpty() {
				t.Fatalf("got %v %v, lost %v", s.Describe(), s.Why, s.Lost)
			}
			if !c.again {
				return
			}
			now := noon.Add(5 * time.Second)
			s, _ = drive(s, now, Due{}, Acquired{Record: rec}, Reachable{}, Committed{Record: rec}, Sent{})
			if token, _ := s.EvidenceToken(now); !token.Secret.IsEmpty() {
				t.Error("the question is asked twice")
			}
			if s, _ = drive(s, now, failed(absapi.RefreshInvalid, 401)); s.Step != DiscardingSpare {
				t.Errorf("refused twice by its own server: %v", s.Describe())
			}
		})
	}
}

// Another process has used the spare up while nothing was known about the server: the
// pair is presented once more before a password is sent.
func TestASessionThatWasNeverJudgedIsPresentedOnceMore(t *testing.T) {
	s := withSpareRefused(t, func(s *State) { s.Record.Password = keychain.StoredPassword(redact.New("pw")) })
	s, _ = drive(s, noon, failed(absapi.RefreshInvalid, 401))
	s, _ = drive(s, noon, CommitFailed{Err: keychain.ErrLocked})
	rec := s.Record
	rec.Spare = redact.Secret{}
	now := noon.Add(time.Minute)
	s, _ = drive(s, now, Due{}, Acquired{Record: rec}, Reachable{})
	if s.Step != Intending || s.Attempt.Aim != keychain.RenewPair || s.Lost {
		t.Errorf("got %v, aim %v, lost %v", s.Describe(), s.Attempt.Aim, s.Lost)
	}
}
