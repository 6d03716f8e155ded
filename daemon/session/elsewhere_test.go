package session

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/keychain"
)

// What another process wrote while an attempt runs is read after it.
func TestStoredDuringAnAttemptIsReadAfterIt(t *testing.T) {
	for _, end := range []Fact{failed(absapi.Temporary, 502), Refreshed{Answer: absapi.Answer{Pair: mustPair(recordAt(noon))}}} {
		s, effects := drive(rotating(t, "2.36.0"), noon, Stored{}, end)
		if commit, ok := effects[len(effects)-1].(Commit); ok {
			s, effects = drive(s, noon, Committed(commit))
			if s.Step == tidying {
				s, effects = drive(s, noon, Tidied{})
			}
		}
		if s.Step != opening || len(effects) == 0 {
			t.Fatalf("after %T: %v, %#v", end, s.describe(), effects)
		}
		if s, effects := drive(s, noon, Opened{Record: s.Record}, Due{}); s.Step == opening || hasOpen(effects) {
			t.Errorf("it is read again without end: %v, %#v", s.describe(), effects)
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

// The user signs in through another process, which cannot tell this one: it
// notices when somebody needs a token, and soon when nobody does.
func TestSignInElsewhereIsNoticed(t *testing.T) {
	for desc, lose := range map[string]func(*rig){
		"signed out": func(r *rig) {
			if err := r.s.SignOut(r.Context()); err != nil {
				r.Fatal(err)
			}
		},
		"password refused": func(r *rig) {
			if err := errors.Join(r.fake.SetPassword("demo", "changed"), r.fake.EndSessions("demo")); err != nil {
				r.Fatal(err)
			}
			time.Sleep(2 * time.Hour)
		},
	} {
		for _, asked := range []bool{true, false} {
			t.Run(desc, func(t *testing.T) {
				withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
					lose(r)
					if v := r.level(); v.Level != health.NeedsUser {
						r.Fatalf("level %+v", v)
					}
					time.Sleep(10 * time.Minute)
					if err := r.fake.SetPassword("demo", "demo"); err != nil {
						r.Fatal(err)
					}
					r.signIn("demo")
					if asked {
						time.Sleep(lookSoon)
						r.mustToken()
						return
					}
					time.Sleep(lookPace)
					synctest.Wait()
					if st := r.snapshot(); st.State != "fresh" {
						r.Errorf("got %+v\n%s", st, r.log)
					}
				})
			})
		}
	}
}

// Signed out by another process while this one needs the user: nothing of it is
// left here.
func TestSignOutElsewhereIsNoticed(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		if err := r.fake.SetDisabled("demo", true); err != nil {
			r.Fatal(err)
		}
		time.Sleep(time.Hour)
		if v := r.level(); v.Condition != health.AccountDisabled.ID {
			r.Fatalf("level %+v", v)
		}
		if err := r.vault.Forget(r.Context(), "home"); err != nil {
			r.Fatal(err)
		}
		time.Sleep(lookPace)
		synctest.Wait()
		if v := r.level(); v.Condition != health.SignedOut.ID {
			r.Errorf("level %+v", v)
		}
		if _, secrets := r.s.Secrets(); len(secrets) != 0 {
			r.Errorf("%d secrets are still held", len(secrets))
		}
	})
}

// Looking shortens no pause: a disabled account is asked about as rarely as
// before, however many players wait.
func TestLookingAsksTheServerNothing(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour, LimiterMax: -1}, func(r *rig) {
		if err := r.fake.SetDisabled("demo", true); err != nil {
			r.Fatal(err)
		}
		time.Sleep(time.Hour)
		before := r.fake.Ledger().Totals().Auth
		for range 5 * 60 * 6 {
			time.Sleep(10 * time.Second)
			if _, err := r.s.Token(r.Context()); err == nil {
				r.Fatal("a token for a disabled account")
			}
		}
		if n := r.fake.Ledger().Totals().Auth - before; n > int64(5*time.Hour/disabledProbe)+1 {
			r.Errorf("%d questions in five hours", n)
		}
	})
}

// A vault that fails when it is looked at is shown, and forgives.
func TestLookingAtABrokenVault(t *testing.T) {
	s, _ := drive(rotating(t, "2.36.0"), noon, failed(absapi.UserInactive, 401))
	s, effects := drive(s, noon.Add(lookPace), Due{})
	if !hasOpen(effects) {
		t.Fatalf("got %v, %#v", s.describe(), effects)
	}
	s, _ = drive(s, noon.Add(lookPace), OpenFailed{Err: keychain.ErrUnreadable})
	if s.Phase != NeedsUser || s.Trouble == nil || s.Record.Password.IsEmpty() || s.startAt().Before(noon.Add(disabledProbe)) {
		t.Errorf("got %v, trouble %v, next at %v", s.describe(), s.Trouble, s.startAt())
	}
	s, effects = drive(s, noon.Add(2*lookPace), Due{})
	if !hasOpen(effects) {
		t.Fatalf("it does not look again: %v", s.describe())
	}
	if s, _ = drive(s, noon.Add(2*lookPace), Opened{Record: s.Record}); s.Trouble != nil || s.Phase != NeedsUser {
		t.Errorf("got %v, trouble %v", s.describe(), s.Trouble)
	}
}
