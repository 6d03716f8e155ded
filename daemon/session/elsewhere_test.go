package session

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

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
						time.Sleep(2 * time.Second)
						r.mustToken()
						return
					}
					time.Sleep(time.Minute)
					synctest.Wait()
					st := r.snapshot()
					if st.State != "fresh" {
						r.Errorf("got %+v\n%s", st, r.log)
					}
					if got := st.LastRotation.Outcome; desc == "password refused" && got != "signed in again" {
						r.Errorf("the last attempt is %q", got)
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
		time.Sleep(time.Minute)
		synctest.Wait()
		if v := r.level(); v.Condition != health.SignedOut.ID {
			r.Errorf("level %+v", v)
		}
		if _, secrets := r.s.Secrets(); len(secrets) != 0 {
			r.Errorf("%d secrets are still held", len(secrets))
		}
	})
}

// A disabled account is asked about once a minute at most, however many players
// wait, and is back within a minute for them.
func TestWaitingPlayersAskOnceAMinute(t *testing.T) {
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
		if n := r.fake.Ledger().Totals().Auth - before; n > int64(5*time.Hour/time.Minute)+1 {
			r.Errorf("%d questions in five hours", n)
		}
		r.must(r.fake.SetDisabled("demo", false))
		time.Sleep(time.Minute)
		r.mustToken()
	})
}
