package machine

import (
	"errors"
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

// What cannot be written is kept in memory and written later; until then
// nobody may use it.
func TestPairThatCannotBeWritten(t *testing.T) {
	fresh := recordAt(noon)
	fresh.Access, fresh.Refresh = jwtOf("access", "2", noon, time.Hour), jwtOf("refresh", "2", noon, 720*time.Hour)
	s, _ := drive(rotating(t, "2.26.3"), noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(fresh)}},
		CommitFailed{Err: errors.New("disk full")})
	if s.Published.Generation != 3 || s.Received.Record == nil || s.Step != Idle {
		t.Fatalf("got %v, published %d", s.Describe(), s.Published.Generation)
	}
	rec := s.Record
	s, effects := drive(s, noon.Add(time.Minute), Due{}, Acquired{Record: rec})
	commit, ok := effects[len(effects)-1].(Commit)
	if !ok || commit.Record.Access != fresh.Access || commit.Record.Generation != 4 {
		t.Fatalf("got %#v", effects)
	}
	s, _ = drive(s, noon.Add(time.Minute), Committed(commit))
	if s.Published.Generation != 4 || s.Phase != Fresh || s.Counts.Refreshes != 1 {
		t.Errorf("got %v, published %d", s.Describe(), s.Published.Generation)
	}
}

func TestWindow(t *testing.T) {
	pair := mustPair(recordAt(noon))
	rotateAt, usable := window(pair, noon, 0)
	if rotateAt != noon.Add(52*time.Minute+30*time.Second) || usable != noon.Add(time.Hour-30*time.Second) {
		t.Errorf("rotate at %v, usable until %v", rotateAt, usable)
	}
	// The server's clock is an hour ahead: the same moments on ours.
	if r, u := window(pair, noon, time.Hour); r != rotateAt.Add(-time.Hour) || u != usable.Add(-time.Hour) {
		t.Errorf("with skew: %v, %v", r, u)
	}
	pair.Refresh.ExpiresAt = noon.Add(10 * time.Minute)
	if r, _ := window(pair, noon, 0); r != noon.Add(8*time.Minute) {
		t.Errorf("a refresh token of ten minutes is due after %v", r.Sub(noon))
	}
	pair.Access.ExpiresAt = pair.Access.IssuedAt
	if r, u := window(pair, noon, 0); r != noon || u != noon {
		t.Errorf("a token without life: %v, %v", r, u)
	}
}

// A clock that is wrong by hours must not make a new pair look expired.
func TestWrongClock(t *testing.T) {
	for _, wrong := range []time.Duration{-26 * time.Hour, -time.Hour, time.Hour, 26 * time.Hour} {
		server := noon.Add(wrong)
		fresh := recordAt(server)
		for _, date := range []time.Time{server, {}} {
			s, _ := drive(rotating(t, "2.36.0"), noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(fresh), Meta: absapi.Meta{ServerDate: date}}})
			rec := *s.Received.Record
			s, _ = drive(s, noon, Committed{Record: rec})
			if !s.Usable(noon.Add(59*time.Minute)) || s.Usable(noon.Add(61*time.Minute)) {
				t.Errorf("server clock %v off, Date %v: usable until %v", wrong, date, s.Clocks.UsableUntil)
			}
		}
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

// A pair whose writing failed at its very end is written again before it is
// used.
func TestOwnPairThatMayBeDurableIsWrittenAgain(t *testing.T) {
	s, _ := drive(rotating(t, "2.36.0"), noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(recordAt(noon))}},
		CommitFailed{Err: errors.New("sync directory")})
	own := *s.Received.Record
	s, effects := drive(s, noon.Add(time.Minute), Due{}, Acquired{Record: own})
	if _, ok := effects[len(effects)-1].(Commit); !ok || s.Published.Generation != 3 {
		t.Errorf("published %d, %#v", s.Published.Generation, effects)
	}
}

// A gateway's clock in Date, a token of two seconds: no new pair is due at
// once.
func TestNewPairIsUsedForAWhile(t *testing.T) {
	for _, life := range []time.Duration{time.Second, 2 * time.Second, time.Hour} {
		for _, wrong := range []time.Duration{-2 * time.Hour, 0, 2 * time.Hour} {
			fresh := recordAt(noon)
			fresh.Access = jwtOf("access", "2", noon, life)
			s, _ := drive(rotating(t, "2.36.0"), noon, Refreshed{Answer: absapi.Answer{Pair: mustPair(fresh),
				Meta: absapi.Meta{ServerDate: noon.Add(wrong)}}})
			s, _ = drive(s, noon, Committed{Record: *s.Received.Record})
			if !s.Usable(noon) || !s.WakeAt().After(noon.Add(life/5)) {
				t.Errorf("life %v, Date %v off: usable %v, due %v later", life, wrong, s.Usable(noon), s.WakeAt().Sub(noon))
			}
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
