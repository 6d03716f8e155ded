package session

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/keychain"
)

func TestDisabledAccountWaits(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		if err := r.fake.SetDisabled("demo", true); err != nil {
			r.Fatal(err)
		}
		time.Sleep(5 * time.Hour)
		if v := r.level(); v.Condition != health.AccountDisabled.ID {
			r.Errorf("level %+v", v)
		}
		if err := r.fake.SetDisabled("demo", false); err != nil {
			r.Fatal(err)
		}
		time.Sleep(15*time.Minute + time.Minute)
		r.mustToken()
		if st := r.snapshot(); st.PasswordLogins != 0 {
			r.Errorf("got %+v", st)
		}
	})
}

func TestSuspectTokenCausesOneRotation(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		time.Sleep(5 * time.Minute)
		old := r.mustToken()
		fresh, err := r.s.Suspect(r.Context(), old)
		if err != nil || fresh == old || !r.accepted(fresh) {
			r.Fatalf("got %v, %v", fresh, err)
		}
		if again, err := r.s.Suspect(r.Context(), old); err != nil || again != fresh {
			r.Errorf("a late report of the old token: %v, %v", again, err)
		}
		var u *Unavailable
		if _, err := r.s.Suspect(r.Context(), fresh); !errors.As(err, &u) || u.Condition.ID != health.TokenSuspect.ID {
			r.Errorf("a fresh token that is refused too must open the breaker: %v", err)
		}
		if st := r.snapshot(); st.Refreshes != 1 {
			r.Errorf("%d refreshes", st.Refreshes)
		}
		time.Sleep(time.Minute + time.Second)
		r.mustToken()
	})
}

func TestLimiterIsObeyed(t *testing.T) {
	for _, limit := range []int{10, 40} {
		withRig(t, absfake.Config{Release: "2.26.3", AccessTTL: 20 * time.Second, LimiterMax: limit}, func(r *rig) {
			for range 120 {
				time.Sleep(10 * time.Second)
				ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
				_, err := r.s.Token(ctx)
				cancel()
				var u *Unavailable
				if err != nil && !errors.As(err, &u) {
					r.Fatal(err)
				}
			}
			if got, most := r.fake.Ledger().MaxAuthIn(10*time.Minute), max(4, limit/4); got > most {
				r.Errorf("limit %d: %d auth requests in ten minutes, at most %d allowed", limit, got, most)
			}
			if st := r.snapshot(); st.PasswordLogins != 0 {
				r.Errorf("got %+v", st)
			}
		})
	}
}

func TestSignOutEndsBothSides(t *testing.T) {
	withRig(t, absfake.Config{}, func(r *rig) {
		if err := r.s.SignOut(r.Context()); err != nil {
			r.Fatal(err)
		}
		if v := r.level(); v.Condition != health.SignedOut.ID {
			r.Errorf("level %+v", v)
		}
		if _, err := r.vault.Load(r.Context(), "home"); !errors.Is(err, keychain.ErrNotFound) {
			r.Errorf("the vault still has it: %v", err)
		}
		if got := r.fake.Ledger().Count(func(e absfake.Entry) bool { return e.Path == "/logout" }); got != 1 {
			r.Errorf("%d logouts at the server", got)
		}
		r.signIn("demo")
		r.s.Reload()
		synctest.Wait()
		r.mustToken()
	})
}

func TestSignOutWithoutServerSaysSo(t *testing.T) {
	withRig(t, absfake.Config{}, func(r *rig) {
		r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
		if err := r.s.SignOut(r.Context()); !errors.Is(err, signin.ErrNotToldServer) {
			r.Errorf("got %v", err)
		}
		if _, err := r.vault.Load(r.Context(), "home"); !errors.Is(err, keychain.ErrNotFound) {
			r.Errorf("the vault still has it: %v", err)
		}
	})
}

func TestReauthenticate(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		old := r.mustToken()
		if err := r.s.Reauthenticate(r.Context(), false); err != nil {
			r.Fatal(err)
		}
		if r.mustToken() == old {
			r.Error("nothing was renewed")
		}
		if err := r.fake.EndSessions("demo"); err != nil {
			r.Fatal(err)
		}
		if err := r.s.Reauthenticate(r.Context(), false); err != nil {
			r.Fatalf("with a stored password: %v\n%s", err, r.log)
		}
		if err := r.fake.SetPassword("demo", "changed"); err != nil {
			r.Fatal(err)
		}
		if err := r.fake.EndSessions("demo"); err != nil {
			r.Fatal(err)
		}
		var u *Unavailable
		if err := r.s.Reauthenticate(r.Context(), false); !errors.As(err, &u) || u.Condition.ID != health.PasswordRefused.ID {
			r.Errorf("with a changed password: %v", err)
		}
	})
}

// A click on a server that is away ends soon, also while a player waits all the time
// and the server is therefore asked again and again.
func TestReauthenticateWhileThePlayersWait(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Minute}, func(r *rig) {
		r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
		time.Sleep(2 * time.Minute)
		ctx, cancel := context.WithCancel(r.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for ctx.Err() == nil {
				if _, err := r.s.Token(ctx); err == nil {
					r.Error("a token was given out")
				}
				time.Sleep(time.Second)
			}
		}()
		start := time.Now()
		var u *Unavailable
		if err := r.s.Reauthenticate(r.Context(), false); !errors.As(err, &u) {
			r.Errorf("got %v", err)
		}
		if took := time.Since(start); took > clickPatience+10*time.Second {
			r.Errorf("it took %v", took)
		}
		cancel()
		<-ended
	})
}

// Many callers at once cause one rotation.
func TestOneRotationForManyCallers(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Minute, LimiterMax: -1}, func(r *rig) {
			r.s.Close()
			time.Sleep(2 * time.Minute)
			r.start()
			got := make(chan error, 100)
			for range cap(got) {
				go func() {
					_, err := r.s.Token(r.Context())
					got <- err
				}()
			}
			for range cap(got) {
				if err := <-got; err != nil {
					r.Error(err)
				}
			}
			if n := len(r.fake.Ledger().Rotations("demo")); n != 1 {
				r.Errorf("%d rotations", n)
			}
		})
	})
}

// Secrets of another server under the account's name are shown to nobody.
func TestSecretsOfAnotherServerStayHere(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		rec, err := r.vault.Load(r.Context(), "home")
		if err != nil {
			r.Fatal(err)
		}
		rec.Generation++
		rec.Server = "http://other.test"
		rec.Lineage = "another sign-in"
		if err := r.vault.Commit(r.Context(), rec); err != nil {
			r.Fatal(err)
		}
		before := len(r.fake.Ledger().Rotations("demo"))
		time.Sleep(3 * time.Hour)
		r.s.Close()
		r.start()
		time.Sleep(3 * time.Hour)
		if n := len(r.fake.Ledger().Rotations("demo")) - before; n != 0 {
			r.Errorf("%d rotations with another server's token", n)
		}
		if v := r.level(); v.Condition != health.OtherServer.ID {
			r.Errorf("level %+v", v)
		}
	})
}
