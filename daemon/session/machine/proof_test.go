package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// waiting is an idle session whose token has ended, in a network in which the server
// has answered, and a caller who comes two hours later.
func waiting(version string, change func(*State), between ...Fact) (State, []Effect) {
	rec := recordAt(noon.Add(-2 * time.Hour))
	now := noon
	var s State
	var effects []Effect
	feed := func(f Fact) {
		s, effects = Next(s, Event{At: now, Jitter: 0.5, Unserved: true, Fact: f})
		now = now.Add(time.Second)
	}
	s.Rules = RulesOf(version)
	for _, f := range []Fact{Started{}, Opened{Record: rec}, Settled{Generation: 3}, Proven{Sent: now}} {
		feed(f)
	}
	change(&s)
	for _, f := range between {
		feed(f)
	}
	now = noon.Add(2 * time.Hour)
	feed(Needed{})
	feed(Acquired{Record: s.Record})
	return s, effects
}

// Somebody who waits is spared the ping where the server has answered in this network
// and a lost answer costs nobody anything.
func TestWhoIsSparedThePing(t *testing.T) {
	asIs := func(*State) {}
	forgetPassword := func(s *State) { s.Record.Password = keychain.Password{} }
	for _, c := range []struct {
		desc    string
		version string
		change  func(*State)
		between []Fact
		spared  bool
	}{
		{"the server has answered", "2.36.0", asIs, nil, true},
		{"a password is kept", "2.33.2", asIs, nil, true},
		{"a lost answer would need the user", "2.33.2", forgetPassword, nil, false},
		{"a spare is kept", "2.33.2", func(s *State) {
			forgetPassword(s)
			s.Record.Spare = jwtOf("refresh", "s", noon, 720*time.Hour)
		}, nil, true},
		{"the server repeats a lost answer", "2.36.0", forgetPassword, nil, true},
		{"a refused password brings nothing back", "2.33.2", func(s *State) { s.Record.PasswordRefused = true }, nil, false},
		{"another network", "2.36.0", asIs, []Fact{Woken{Reason: "link"}}, false},
		{"it has answered there too", "2.36.0", asIs, []Fact{Woken{Reason: "link"}, Proven{Sent: noon.Add(time.Minute)}}, true},
		{"an answer from the network before", "2.36.0", asIs, []Fact{Woken{Reason: "link"}, Proven{Sent: noon}}, false},
		{"an attempt was cut off", "2.36.0", func(s *State) { s.Record.Intent = &keychain.Intent{Since: noon, Attempt: 1} }, nil, false},
		{"long ago", "2.36.0", func(s *State) { s.ProvenAt = noon.Add(-proofHolds) }, nil, false},
		{"a token was suspected of being dead", "2.36.0", func(s *State) { s.Suspicion.InvalidAnswers = 1 }, nil, false},
		{"the clock was set back", "2.36.0", func(s *State) { s.ProvenAt = noon.Add(24 * time.Hour) }, nil, false},
	} {
		s, effects := waiting(c.version, c.change, c.between...)
		want := Pinging
		if c.spared {
			want = Intending
		}
		if s.Step != want {
			t.Errorf("%s: %v, %#v", c.desc, s.Describe(), effects)
		}
	}
}

// Nobody waits: the ping costs nobody anything. What has failed once is pinged for.
func TestTheOthersPing(t *testing.T) {
	rec := recordAt(noon.Add(-55 * time.Minute))
	s, _ := drive(State{Rules: RulesOf("2.36.0")}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3}, Proven{Sent: noon}, Due{},
		Acquired{Record: rec})
	if s.Step != Pinging {
		t.Errorf("ahead of need: %v", s.Describe())
	}
	s, _ = waiting("2.36.0", func(*State) {})
	rec = s.Record
	rec.Intent = &keychain.Intent{Since: noon, Attempt: 1}
	s, effects := Next(s, Event{At: noon.Add(2 * time.Hour), Fact: Committed{Record: rec}})
	if e, ok := effects[0].(Refresh); !ok || !e.Unpinged || e.Token != rec.Refresh {
		t.Fatalf("%#v", effects)
	}
	s, effects = Next(s, Event{At: noon.Add(2*time.Hour + time.Second), Fact: RefreshFailed{Err: temporaryError(true)}})
	if _, ok := effects[0].(Preflight); !ok {
		t.Errorf("after a failure: %v, %#v", s.Describe(), effects)
	}
	s, _ = Next(s, Event{At: noon.Add(2*time.Hour + 2*time.Second), Fact: Unreachable{Err: temporaryError(true)}})
	if !s.ProvenAt.IsZero() || s.WantsProof() {
		t.Errorf("%v: proven at %v", s.Describe(), s.ProvenAt)
	}
}

// The network changes while the mark is written: what was known of it is over, and the
// token waits for a ping.
func TestNetworkChangesBeforeTheTokenGoes(t *testing.T) {
	s, _ := waiting("2.36.0", func(*State) {})
	rec := s.Record
	rec.Intent = &keychain.Intent{Since: noon, Attempt: 1}
	at := noon.Add(2 * time.Hour)
	s, _ = Next(s, Event{At: at, Fact: Woken{Reason: "link"}})
	s, effects := Next(s, Event{At: at, Fact: Committed{Record: rec}})
	if _, ok := effects[0].(Preflight); !ok || len(effects) != 1 || s.Step != Pinging {
		t.Fatalf("%v: %#v", s.Describe(), effects)
	}
	s, effects = Next(s, Event{At: at.Add(time.Second), Fact: Reachable{}})
	c, ok := effects[0].(Commit)
	if !ok {
		t.Fatalf("%v: %#v", s.Describe(), effects)
	}
	_, effects = Next(s, Event{At: at.Add(2 * time.Second), Fact: Committed(c)})
	if e, ok := effects[0].(Refresh); !ok || e.Unpinged {
		t.Errorf("%#v", effects)
	}
}

// A ping is worth it for a session that is alive, and once in a network.
func TestWhenProofIsWanted(t *testing.T) {
	s, _ := drive(State{Rules: RulesOf("2.36.0")}, noon, Started{}, Opened{Record: recordAt(noon)}, Settled{Generation: 3})
	static := s
	static.Phase, static.Record.Static = Static, redact.New("key")
	for desc, c := range map[string]struct {
		s    State
		want bool
	}{
		"alive": {s, true}, "signed out": {State{Phase: SignedOut}, false}, "an API key": {static, false},
		"known": {must(Next(s, Event{At: noon, Fact: Proven{Sent: noon}})), false},
		"ends":  {must(Next(s, Event{At: noon, Fact: Closed{}})), false},
	} {
		if got := c.s.WantsProof(); got != c.want {
			t.Errorf("%s: %v", desc, got)
		}
	}
}

func must(s State, _ []Effect) State { return s }
