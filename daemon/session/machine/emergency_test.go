package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// lostWithKey is a session that was just lost for good, with an emergency key of a day.
func lostWithKey(t *testing.T, now time.Time) State {
	t.Helper()
	key := redact.New(makeJWT(map[string]any{"keyId": "k", "type": "api", "iat": now.Unix(), "exp": now.Add(24 * time.Hour).Unix()}))
	m := machine{now: now, State: State{
		Record: keychain.Record{Generation: 3, UserID: "u", Refresh: redact.New("dead"), EmergencyKey: key}, Lost: true, Step: Refreshing,
	}}
	m.signIn()
	if m.Phase != NeedsUser || m.Why != SessionLost || m.Step != Idle {
		t.Fatalf("%v", m.State.Describe())
	}
	return m.State
}

func TestEmergencyKeyEndsByItself(t *testing.T) {
	now := time.Date(2026, 11, 26, 20, 0, 0, 0, time.UTC)
	s := lostWithKey(t, now)
	for _, c := range []struct {
		after  time.Duration
		serves bool
	}{{0, true}, {23 * time.Hour, true}, {24 * time.Hour, false}, {48 * time.Hour, false}} {
		at := now.Add(c.after)
		if s.OnEmergencyKey(at) != c.serves || s.Usable(at) != c.serves || c.serves && s.Token(at) != s.Record.EmergencyKey {
			t.Errorf("after %v: serves %v, usable %v", c.after, s.OnEmergencyKey(at), s.Usable(at))
		}
	}
	if at := s.FindingsChangeAt(now); !at.Equal(now.Add(24 * time.Hour)) {
		t.Errorf("the level is looked at again at %v", at)
	}
}

// Only a token of an API key with an end is used.
func TestEmergencyKeyMustHaveAnEnd(t *testing.T) {
	now := time.Date(2026, 11, 26, 20, 0, 0, 0, time.UTC)
	for desc, claims := range map[string]map[string]any{
		"no end":          {"keyId": "k", "type": "api", "iat": now.Unix()},
		"an access token": {"userId": "u", "type": "access", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()},
		"a legacy token":  {"userId": "u"},
		"milliseconds":    {"keyId": "k", "type": "api", "exp": now.Add(time.Hour).UnixMilli()},
	} {
		s := lostWithKey(t, now)
		s.Record.EmergencyKey = redact.New(makeJWT(claims))
		m := machine{now: now, State: s}
		if m.readEmergencyKey(); m.OnEmergencyKey(now) {
			t.Errorf("%s: it is used", desc)
		}
	}
}

// A 401 is asked about once; a key that is refused is used again after a wake-up or a
// click alone.
func TestRefusedEmergencyKey(t *testing.T) {
	now := time.Date(2026, 11, 26, 20, 0, 0, 0, time.UTC)
	s := lostWithKey(t, now)
	key := s.Record.EmergencyKey
	s, _ = Next(s, Event{At: now, Fact: Suspected{Token: key}})
	if !s.OnEmergencyKey(now) || s.WakeAt().IsZero() {
		t.Fatalf("one 401 ends it: %+v", s.Emergency)
	}
	now = now.Add(time.Minute)
	s, effects := Next(s, Event{At: now, Fact: Due{}})
	if len(effects) == 0 || effects[0] != (Check{Token: key}) && effects[len(effects)-1] != (Check{Token: key}) {
		t.Fatalf("%#v", effects)
	}
	asked := s
	s, _ = Next(s, Event{At: now, Fact: Checked{Err: &absapi.Error{Verdict: absapi.Temporary}}})
	if !s.OnEmergencyKey(now) || s.WakeAt().IsZero() {
		t.Error("a temporary failure ends it, or is not followed by another question")
	}
	if s, _ = Next(asked, Event{At: now, Fact: Checked{}}); !s.OnEmergencyKey(now) || s.Emergency.Doubted {
		t.Errorf("accepted: %+v", s.Emergency)
	}
	s, _ = Next(asked, Event{At: now, Fact: Checked{Err: &absapi.Error{Verdict: absapi.TokenRejected}}})
	if s.OnEmergencyKey(now) || s.Usable(now) || s.Busy() {
		t.Errorf("refused, and used: %+v", s.Emergency)
	}
	if s, _ = Next(s, Event{At: now, Fact: Woken{}}); !s.OnEmergencyKey(now) {
		t.Error("a wake-up changes nothing")
	}
	// A click during the question begins an attempt once it is answered.
	s, _ = Next(asked, Event{At: now, Fact: Asked{}})
	if s, _ = Next(s, Event{At: now, Fact: Checked{}}); s.Step != Acquiring {
		t.Errorf("the click is forgotten: %v", s.Describe())
	}
}
