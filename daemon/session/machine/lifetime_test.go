package machine

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

// claimed is an access token of any claims, as of a fresh pair.
func claimed(t *testing.T, iat, exp any) absapi.Token {
	t.Helper()
	claims := map[string]any{"userId": "user-1", "username": "alice", "type": "access", "jti": "odd"}
	if iat != nil {
		claims["iat"] = iat
	}
	if exp != nil {
		claims["exp"] = exp
	}
	token, err := absapi.ParseToken(redact.New(makeJWT(claims)))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Lifetimes that no server should give, and some do: each is served as well as
// can be, none empties the budget, and each is called by its name.
func TestOddTokens(t *testing.T) {
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	for _, c := range []struct {
		desc        string
		iat, exp    any
		date        time.Duration // what the answer's Date is off
		odd         Oddness
		usable      time.Duration // at least so long
		renewed     time.Duration // not before
		renewedSoon time.Duration // and not after; 0: on demand
	}{
		{"an hour", at(0), at(time.Hour), 0, Ordinary, 59 * time.Minute, 40 * time.Minute, time.Hour},
		{"12 seconds", at(0), at(12 * time.Second), 0, ShortTokens, 10 * time.Second, time.Hour, 0},
		{"a minute, a year ahead", at(365 * 24 * time.Hour), at(365*24*time.Hour + time.Minute), 365 * 24 * time.Hour,
			ShortTokens, 50 * time.Second, time.Hour, 0},
		{"no iat", nil, at(time.Hour), 0, UndatedTokens, 59 * time.Minute, 40 * time.Minute, time.Hour},
		{"no exp", at(0), nil, 0, EndlessTokens, 24 * time.Hour, 6 * time.Hour, 13 * time.Hour},
		{"neither", nil, nil, 0, EndlessTokens, 24 * time.Hour, 6 * time.Hour, 13 * time.Hour},
		{"exp in milliseconds", at(0), noon.Add(time.Hour).UnixMilli(), 0, EndlessTokens, 24 * time.Hour, 6 * time.Hour, 13 * time.Hour},
		{"both in milliseconds", noon.UnixMilli(), noon.Add(time.Hour).UnixMilli(), 0, EndlessTokens, 24 * time.Hour,
			6 * time.Hour, 13 * time.Hour},
		{"iat alone in milliseconds", noon.UnixMilli(), at(time.Hour), 0, UndatedTokens, 59 * time.Minute, 40 * time.Minute, time.Hour},
		{"exp before iat, and past", at(0), at(-time.Hour), 0, DeadTokens, 0, 15 * time.Minute, 16 * time.Minute},
		{"exp before iat, and ahead", at(2 * time.Hour), at(time.Hour), 0, UndatedTokens, 59 * time.Minute, 40 * time.Minute, time.Hour},
		{"exp is iat", at(0), at(0), 0, DeadTokens, 0, 15 * time.Minute, 16 * time.Minute},
		{"exp before the year 1970", at(0), -5, 0, DeadTokens, 0, 15 * time.Minute, 16 * time.Minute},
	} {
		t.Run(c.desc, func(t *testing.T) {
			pair := mustPair(recordAt(noon))
			pair.Access = claimed(t, c.iat, c.exp)
			pair.Refresh = mustPair(recordAt(noon.Add(c.date))).Refresh
			s, effects := drive(rotating(t, "2.36.0"), noon, Refreshed{Answer: absapi.Answer{Pair: pair,
				Meta: absapi.Meta{ServerDate: noon.Add(c.date)}}})
			s, _ = drive(s, noon, Committed(effects[len(effects)-1].(Commit)))
			if s.Busy() {
				s, _ = drive(s, noon, CleanedUp{})
			}
			s, _ = drive(s, noon, Settled{Generation: 4})
			if s.Clocks.Odd != c.odd {
				t.Errorf("taken for %v", s.Clocks.Odd)
			}
			if c.usable > 0 && !s.Usable(noon.Add(c.usable)) {
				t.Errorf("not usable after %v: %+v", c.usable, s.Clocks)
			}
			due := s.WakeAt()
			if s.Phase == NeedsUser {
				due = s.StartAt() // the vault is looked at meanwhile
			}
			if d := due.Sub(noon); d < c.renewed || c.renewedSoon > 0 && d > c.renewedSoon {
				t.Errorf("renewed after %v", d)
			}
			if c.odd == ShortTokens {
				if s, _ := drive(s, noon.Add(2*time.Minute), Needed{}); s.Step != Acquiring {
					t.Errorf("a player's request: %v", s.Describe())
				}
			}
		})
	}
}

// A record is read whose server's clock is a year ahead: the first renewal is
// not missed by a year.
func TestFirstRenewalWithAServerAYearAhead(t *testing.T) {
	rec := recordAt(noon.Add(365 * 24 * time.Hour))
	s, _ := drive(State{Rules: RulesOf("2.36.0")}, noon, Started{}, Opened{Record: rec}, Settled{Generation: 3})
	if d := s.WakeAt().Sub(noon); d < 45*time.Minute || d > 55*time.Minute {
		t.Errorf("due after %v", d)
	}
	if s.Usable(noon.Add(61 * time.Minute)) {
		t.Error("handed out after its end")
	}
}

// A token that ended while the program was off is no odd token.
func TestEndedTokenIsNotOdd(t *testing.T) {
	rec := recordAt(noon)
	rec.Access = claimed(t, nil, noon.Add(-time.Hour).Unix()).Secret
	s, _ := drive(State{Rules: RulesOf("2.36.0")}, noon, Started{}, Opened{Record: rec})
	if s.Clocks.Odd == DeadTokens || s.Step != Acquiring {
		t.Errorf("%v, %v", s.Describe(), s.Clocks.Odd)
	}
}
