package machine

import (
	"testing"

	"shelfkeeper/daemon/absapi"
)

// What a refresh token that was refused twice is worth, by what is known of the
// server and by whether TLS vouches for it.
func TestJudgeByTheServer(t *testing.T) {
	for _, c := range []struct {
		desc     string
		plain    bool
		evidence Evidence
		clicked  bool
		phase    Phase
		why      Why
		step     Step
	}{
		{"our own, without TLS", true, Evidence{Server: Own, Expired: true}, false, Recovering, NoReason, SigningIn},
		{"our own, with TLS", false, Evidence{Server: Own}, false, Recovering, NoReason, SigningIn},
		{"a stranger to a valid token, without TLS", true, Evidence{Server: Stranger}, false, NeedsUser, Unrecognised, Idle},
		{"a stranger to a valid token, with TLS", false, Evidence{Server: Stranger}, false, NeedsUser, Unrecognised, Idle},
		{"a stranger to an expired token, without TLS", true, Evidence{Server: Stranger, Expired: true}, false, NeedsUser, Unrecognised, Idle},
		{"a stranger to an expired token, with TLS", false, Evidence{Server: Stranger, Expired: true}, false, Recovering, NoReason, SigningIn},
		{"unknown, without TLS", true, Evidence{}, false, Offline, NoReason, Idle},
		{"unknown, with TLS", false, Evidence{}, false, Recovering, NoReason, SigningIn},
		{"a stranger, and the user says yes", true, Evidence{Server: Stranger}, true, Recovering, NoReason, SigningIn},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s := rotating(t, "2.36.0")
			s.Plain, s.Suspicion.InvalidAnswers, s.Wishes.SendAgain = c.plain, 1, c.clicked
			refused := failed(absapi.RefreshInvalid, 401)
			refused.Evidence = c.evidence
			s, _ = drive(s, noon, refused)
			if s.Phase != c.phase || s.Why != c.why || s.Step != c.step {
				t.Errorf("got %v %v", s.Describe(), s.Why)
			}
			if s.Record.Refresh.IsEmpty() || !s.Record.Password.IsStored() {
				t.Error("something was given away")
			}
			if s.Why == Unrecognised { // another network: the token goes first, and no password
				s, _ = drive(s, noon, Woken{})
				if s.Step != Acquiring || s.Lost {
					t.Errorf("after a wake-up: %v", s.Describe())
				}
			}
		})
	}
}
