package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func jwtOf(kind, id string, issued time.Time, life time.Duration) redact.Secret {
	return redact.New(makeJWT(map[string]any{"userId": "user-1", "username": "alice", "type": kind, "jti": id,
		"iat": issued.Unix(), "exp": issued.Add(life).Unix()}))
}

func recordAt(issued time.Time) keychain.Record {
	return keychain.Record{Lineage: "x", Generation: 3, Account: "a", UserID: "user-1", Username: "alice",
		Password: keychain.StoredPassword(redact.New("pw")),
		Access:   jwtOf("access", "1", issued, time.Hour), Refresh: jwtOf("refresh", "1", issued, 720*time.Hour)}
}

// drive feeds facts one after the other, a second apart.
func drive(s State, start time.Time, facts ...Fact) (State, []Effect) {
	var effects []Effect
	for i, f := range facts {
		s, effects = Next(s, Event{At: start.Add(time.Duration(i) * time.Second), Jitter: 0.5, Fact: f})
	}
	return s, effects
}

func failed(v absapi.Verdict, status int) RefreshFailed {
	return RefreshFailed{Err: &absapi.Error{Verdict: v, Status: status, Evidence: v.String()}}
}

// rotating is a session that has just presented its token.
func rotating(t *testing.T, version string) State {
	t.Helper()
	rec := recordAt(noon.Add(-55 * time.Minute))
	s, _ := drive(State{Rules: RulesOf(version)}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3}, Due{},
		Acquired{Record: rec}, Reachable{})
	rec.Intent = &keychain.Intent{Since: noon, Attempt: 1}
	s, effects := drive(s, noon, Committed{Record: rec})
	if s.Step != Refreshing || len(effects) != 1 {
		t.Fatalf("%v, %#v", s.Describe(), effects)
	}
	return s
}

// The table of what an answer to /auth/refresh leads to.
func TestRefreshOutcomes(t *testing.T) {
	lost := RefreshFailed{Err: &absapi.Error{Verdict: absapi.Temporary, Evidence: "EOF"}}
	unwritten := RefreshFailed{Err: &absapi.Error{Verdict: absapi.Temporary, Evidence: "refused", Unwritten: true}}
	for _, c := range []struct {
		desc    string
		version string
		answer  Fact
		phase   Phase
		why     Why
		step    Step
		pause   time.Duration // until the next attempt, at least
	}{
		{"expired", "2.36.0", failed(absapi.RefreshExpired, 401), Recovering, 0, SigningIn, 0},
		{"invalid once", "2.36.0", failed(absapi.RefreshInvalid, 401), Offline, 0, Idle, confirmPause},
		{"disabled", "2.36.0", failed(absapi.UserInactive, 401), NeedsUser, AccountDisabled, Idle, disabledProbe},
		{"header eaten, a password is stored: by cookie as well", "2.26.3", failed(absapi.HeaderEaten, 401), Rotating, 0, Pinging, 0},
		{"lost, with grace: again at once", "2.36.0", lost, Rotating, 0, Pinging, 0},
		{"lost, without grace: not while the first may run", "2.26.3", lost, Offline, 0, Idle, racePause},
		{"never left: again at once everywhere", "2.26.3", unwritten, Rotating, 0, Pinging, 0},
		{"502", "2.36.0", failed(absapi.Temporary, 502), Offline, 0, Idle, backoffFirst / 4},
		{"502 without grace", "2.26.3", failed(absapi.Temporary, 502), Offline, 0, Idle, racePause},
		{"429", "2.36.0", RefreshFailed{Err: &absapi.Error{Verdict: absapi.RateLimited, Status: 429,
			RetryAfter: 7 * time.Minute}}, Offline, 0, Idle, 7 * time.Minute},
		{"success", "2.36.0", Refreshed{Answer: absapi.Answer{Pair: mustPair(recordAt(noon))}}, Rotating, 0, Committing, 0},
	} {
		t.Run(c.desc, func(t *testing.T) {
			s, _ := drive(rotating(t, c.version), noon, c.answer)
			if s.Phase != c.phase || s.Why != c.why || s.Step != c.step {
				t.Errorf("got %v %v", s.Describe(), s.Why)
			}
			if s.Step == Idle && s.StartAt().Before(noon.Add(c.pause)) {
				t.Errorf("goes on after %v, want at least %v", s.StartAt().Sub(noon), c.pause)
			}
			if s.Published.Generation != 3 || !s.Record.Password.IsStored() || s.Record.Refresh.IsEmpty() {
				t.Error("something was given away")
			}
		})
	}
}

// A token goes in a cookie where a gateway takes the header out, if losing the answer is
// affordable or cookies are known to pass, and once. After that only the user can go on.
func TestHeaderEaten(t *testing.T) {
	for _, c := range []struct {
		desc     string
		password bool
		passes   bool
		also     bool
		want     Step
	}{
		{"a password is stored", true, false, false, Pinging},
		{"cookies pass", false, true, false, Pinging},
		{"nothing brings the session back", false, false, false, Idle},
		{"the cookie is eaten too", true, true, true, Idle},
	} {
		s := rotating(t, "2.36.0")
		if !c.password {
			s.Record.Password = keychain.Password{}
		}
		s.Suspicion.CookiePasses, s.Suspicion.AlsoCookie = c.passes, c.also
		s, _ = drive(s, noon, failed(absapi.HeaderEaten, 401))
		if s.Step != c.want || (s.Step == Idle) != (s.Phase == NeedsUser && s.Why == HeaderEaten) {
			t.Errorf("%s: %v %v", c.desc, s.Describe(), s.Why)
		}
		if s.Step == Idle {
			if s.StartAt().Before(noon.Add(configProbe)) {
				t.Errorf("%s: asks again after %v", c.desc, s.StartAt().Sub(noon))
			}
			continue
		}
		s, _ = drive(s, noon, Reachable{})
		var effects []Effect
		s, effects = drive(s, noon, Committed{Record: s.Record})
		if len(effects) != 1 || !effects[0].(Refresh).AlsoCookie {
			t.Errorf("%s: %#v", c.desc, effects)
		}
		s, _ = drive(s, noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(recordAt(noon)), ByCookie: true, CookiePasses: true}})
		if !s.Suspicion.AlsoCookie {
			t.Errorf("%s: the next one goes without the cookie", c.desc)
		}
	}
}

// What was cut off goes before everything else: the refresh token on disk may
// be spent already, and neither a change of the password nor the spare may
// write over that mark.
func TestWhatWasCutOffGoesFirst(t *testing.T) {
	rec := recordAt(noon.Add(-10 * time.Minute))
	rec.Spare = jwtOf("refresh", "spare", noon.Add(-20*24*time.Hour), 720*time.Hour)
	for _, c := range []struct {
		desc   string
		intent *keychain.Intent
		change bool
		want   keychain.Purpose
	}{
		{"nothing was", nil, false, keychain.RenewSpare},
		{"nothing was, and a change waits", nil, true, keychain.ChangePassword},
		{"a rotation", &keychain.Intent{Purpose: keychain.RenewPair}, true, keychain.RenewPair},
		{"a change", &keychain.Intent{Purpose: keychain.ChangePassword}, true, keychain.RenewPair},
		{"the spare's", &keychain.Intent{Purpose: keychain.RenewSpare}, true, keychain.RenewSpare},
		{"the spare's, often", &keychain.Intent{Purpose: keychain.RenewSpare, Attempt: spareTries}, false, keychain.RenewSpare},
	} {
		m := machine{now: noon, State: State{Rules: RulesOf("2.36.0")}}
		m.adopt(rec)
		m.Record.Intent = c.intent
		if c.change {
			m.Change.Wanted = &WantedChange{}
		}
		if got := m.aim(); got != c.want {
			t.Errorf("%s: %v, want %v", c.desc, got, c.want)
		}
	}
}

func mustPair(rec keychain.Record) absapi.TokenPair {
	pair, err := pairOf(rec)
	if err != nil {
		panic(err)
	}
	return pair
}

// When the program ends, an attempt that has presented nothing presents
// nothing: nobody would wait for the answer.
func TestNothingIsPresentedAfterClose(t *testing.T) {
	rec := recordAt(noon.Add(-55 * time.Minute))
	upTo := []Fact{Started{}, Opened{Record: rec}, Settled{Generation: 3}, Due{}, Acquired{Record: rec}, Reachable{}}
	for n := 4; n <= len(upTo); n++ {
		s, _ := drive(State{Rules: RulesOf("2.26.3")}, noon, upTo[:n]...)
		s, _ = drive(s, noon, Closed{})
		intent := rec
		intent.Intent = &keychain.Intent{Since: noon, Attempt: 1}
		for _, f := range append(upTo[n:], Committed{Record: intent}) {
			var effects []Effect
			s, effects = drive(s, noon, f)
			for _, e := range effects {
				if _, ok := e.(Refresh); ok {
					t.Fatalf("after %d facts and Closed: a refresh begins", n)
				}
			}
		}
		if s.Busy() {
			t.Errorf("after %d facts and Closed: stuck in %v", n, s.Describe())
		}
	}
}

// A sign-out that is durable is a sign-out, even if the keychain still holds
// something; and one that nobody waits for any more does not happen later.
func TestSignOutEnds(t *testing.T) {
	rec := recordAt(noon)
	s, _ := drive(State{}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3}, SignOutAsked{}, Erased{Err: keychain.ErrSlotPending})
	if s.Phase != SignedOut || s.Usable(noon) || s.Trouble == nil {
		t.Errorf("got %v, trouble %v", s.Describe(), s.Trouble)
	}
	s, effects := drive(rotating(t, "2.36.0"), noon, SignOutAsked{}, SignOutDropped{}, failed(absapi.Temporary, 502))
	for _, e := range effects {
		if _, ok := e.(Erase); ok || s.Phase != Offline {
			t.Errorf("got %v, %#v", s.Describe(), effects)
		}
	}
}
