package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// What a refresh token that was refused twice is worth, by what is known of the
// server and by whether TLS vouches for it.
func TestJudgeByTheServer(t *testing.T) {
	for _, c := range []struct {
		desc     string
		plain    bool
		evidence Evidence
		clicked  bool
		word     bool // the user's, that it is the account's own server
		phase    Phase
		why      Why
		step     Step
	}{
		{"our own, without TLS", true, Evidence{Server: Own, Expired: true}, false, false, Recovering, NoReason, SigningIn},
		{"our own, with TLS", false, Evidence{Server: Own}, false, false, Recovering, NoReason, SigningIn},
		{"a stranger to a valid token, without TLS", true, Evidence{Server: Stranger}, false, false, NeedsUser, Unrecognised, Idle},
		{"a stranger to a valid token, with TLS", false, Evidence{Server: Stranger}, false, false, NeedsUser, Unrecognised, Idle},
		{"a stranger to an expired token, without TLS", true, Evidence{Server: Stranger, Expired: true}, false, false, NeedsUser,
			Unrecognised, Idle},
		{"a stranger to an expired token, with TLS", false, Evidence{Server: Stranger, Expired: true}, false, false, Recovering, NoReason,
			SigningIn},
		{"unknown, without TLS", true, Evidence{}, false, false, Offline, NoReason, Idle},
		{"unknown, with TLS", false, Evidence{}, false, false, Recovering, NoReason, SigningIn},
		{"a stranger, and a click", true, Evidence{Server: Stranger}, true, false, NeedsUser, Unrecognised, Idle},
		{"a stranger to an expired token, and a click", true, Evidence{Server: Stranger, Expired: true}, true, false, NeedsUser,
			Unrecognised, Idle},
		{"unknown, and a click", true, Evidence{}, true, false, NeedsUser, Unrecognised, Idle},
		{"our own, and a click", true, Evidence{Server: Own}, true, false, Recovering, NoReason, SigningIn},
		{"a stranger with TLS, and a click", false, Evidence{Server: Stranger}, true, false, Recovering, NoReason, SigningIn},
		{"a stranger, and the user says yes", true, Evidence{Server: Stranger}, true, true, Recovering, NoReason, SigningIn},
		{"unknown, and the user says yes", true, Evidence{}, true, true, Recovering, NoReason, SigningIn},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s := rotating(t, "2.36.0")
			s.Plain, s.Suspicion.InvalidAnswers, s.Wishes.SendAgain = c.plain, 1, c.clicked
			if c.word {
				s.Wishes.SameServerUntil = noon.Add(wordHolds)
			}
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

// The user's word holds for the network in which it was given, and not for long.
func TestWordAboutTheServerEnds(t *testing.T) {
	for desc, then := range map[string]struct {
		after time.Duration
		fact  Fact
	}{
		"another network": {time.Second, Woken{Reason: "link"}},
		"much later":      {wordHolds, Needed{}},
	} {
		t.Run(desc, func(t *testing.T) {
			s := rotating(t, "2.36.0")
			s.Plain, s.Suspicion.InvalidAnswers = true, 1
			s.Wishes.SendAgain, s.Wishes.SameServerUntil = true, noon.Add(wordHolds)
			s, _ = drive(s, noon.Add(then.after), then.fact)
			refused := failed(absapi.RefreshInvalid, 401)
			refused.Evidence = Evidence{Server: Stranger}
			if s, _ = drive(s, noon.Add(then.after), refused); s.Why != Unrecognised {
				t.Errorf("got %v %v", s.Describe(), s.Why)
			}
		})
	}
}

// A legacy token has no end. Where it is refused without TLS, it may be another
// server that refuses it, and the stored password stays here.
func TestLegacyTokenAtAStranger(t *testing.T) {
	for _, c := range []struct {
		desc  string
		plain bool
		asked []Asked
		sends bool
	}{
		{"with TLS", false, nil, true},
		{"without TLS", true, nil, false},
		{"without TLS, and a click", true, []Asked{{}}, false},
		{"without TLS, and the user's word", true, []Asked{{SameServer: true}}, true},
	} {
		t.Run(c.desc, func(t *testing.T) {
			rec := keychain.Record{Generation: 1, UserID: "user-1", Username: "alice", Static: redact.New("legacy"),
				Password: keychain.StoredPassword(redact.New("secret"))}
			s := State{Plain: c.plain, Rules: RulesOf("2.25.1")}
			s, _ = drive(s, noon, Started{}, Opened{Record: rec}, Settled{Generation: 1}, Suspected{Token: rec.Static})
			now := noon.Add(time.Minute)
			refused := Checked{Err: &absapi.Error{Verdict: absapi.TokenRejected, Status: 401}}
			s, _ = drive(s, now, Due{}, refused)
			for _, click := range c.asked {
				s, _ = drive(s, now, click, refused)
			}
			if sends := s.Step == Acquiring; sends != c.sends || !sends && (s.Phase != NeedsUser || s.Why != Unrecognised) {
				t.Fatalf("got %v %v", s.Describe(), s.Why)
			}
			if !c.sends { // a player's request asks the server once a minute, and its own one takes the token
				s, _ = drive(s, now.Add(playerProbe+5*time.Second), Needed{}, Opened{Record: rec})
				if s.Step != Checking {
					t.Fatalf("a minute later: %v", s.Describe())
				}
				if s, _ = drive(s, now, Checked{}); s.Phase != Static || s.Suspicion.StaticRefused {
					t.Errorf("at home: %v", s.Describe())
				}
			}
		})
	}
}

// The judgement that a server is the account's own grows old where nothing vouches
// for it: a sign-in that failed for a while is not repeated with the password
// before the token was presented once more.
func TestAJudgementGrowsOld(t *testing.T) {
	for _, c := range []struct {
		desc  string
		plain bool
		after time.Duration
		step  Step
	}{
		{"without TLS, soon", true, wordHolds - 10*time.Second, SigningIn},
		{"without TLS, later", true, wordHolds + 10*time.Second, Intending},
		{"with TLS, later", false, wordHolds + 10*time.Second, SigningIn},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s := rotating(t, "2.36.0")
			s.Plain, s.Suspicion.InvalidAnswers = c.plain, 1
			s.Record.Password = keychain.StoredPassword(redact.New("secret"))
			refused := failed(absapi.RefreshInvalid, 401)
			refused.Evidence = Evidence{Server: Own}
			s, _ = drive(s, noon, refused)
			if s.Step != SigningIn || !s.Lost {
				t.Fatalf("refused by its own server: %v", s.Describe())
			}
			away := &absapi.Error{Verdict: absapi.Temporary, Unwritten: true}
			s, _ = drive(s, noon, LoginFailed{Err: away})
			s.Pauses = Pauses{}
			now := noon.Add(c.after)
			s, _ = drive(s, now, Due{}, Acquired{Record: s.Record}, Reachable{})
			if s.Step != c.step || s.Lost != (c.step == SigningIn) {
				t.Errorf("step %v, lost %v: %v", s.Step, s.Lost, s.Describe())
			}
		})
	}
}

// A legacy token whose refusal was judged is asked about again, too.
func TestAJudgementOfALegacyTokenGrowsOld(t *testing.T) {
	rec := keychain.Record{Generation: 1, UserID: "user-1", Username: "alice", Static: redact.New("legacy"),
		Password: keychain.StoredPassword(redact.New("secret"))}
	s := State{Plain: true, Rules: RulesOf("2.25.1")}
	s, _ = drive(s, noon, Started{}, Opened{Record: rec}, Settled{Generation: 1}, Suspected{Token: rec.Static})
	refused := Checked{Err: &absapi.Error{Verdict: absapi.TokenRejected, Status: 401}}
	s, _ = drive(s, noon.Add(time.Minute), Due{}, Asked{SameServer: true}, refused, Acquired{Record: rec}, Reachable{})
	if s.Step != SigningIn {
		t.Fatalf("the user's word: %v", s.Describe())
	}
	s, _ = drive(s, noon.Add(70*time.Second), LoginFailed{Err: &absapi.Error{Verdict: absapi.Temporary, Unwritten: true}})
	s.Pauses = Pauses{}
	if s, _ = drive(s, noon.Add(10*time.Minute), Due{}); s.Step != Checking {
		t.Errorf("much later: %v", s.Describe())
	}
}
