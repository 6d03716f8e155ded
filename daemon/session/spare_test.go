package session

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/keychain"
)

// withSpare is withRig with a spare and, as after a sign-in through OpenID,
// without a stored password.
func withSpare(t *testing.T, cfg absfake.Config, test func(*rig)) {
	t.Helper()
	withRig(t, cfg, func(r *rig) {
		r.addSpares(1)
		rec := r.record()
		rec.Generation++
		rec.Password = keychain.Password{}
		if err := r.vault.Commit(r.Context(), rec); err != nil {
			r.Fatal(err)
		}
		r.s.Reload()
		synctest.Wait()
		test(r)
	})
}

// addSpares gives the account further sessions of its user.
func (r *rig) addSpares(n int) {
	r.Helper()
	for range n {
		conn := r.up.Private()
		err := signin.Spare{Account: "home", Server: r.up.Base().String(), UserID: r.record().UserID, Version: string(r.fake.Release()),
			Means: signin.ByPassword{Username: "demo", Password: redact.New("demo")},
			Vault: r.vault, Budget: r.budget, Client: absapi.New(conn, r.up.Base())}.Do(r.Context())
		conn.Close()
		if err != nil {
			r.Fatal(err)
		}
	}
}

func (r *rig) record() keychain.Record {
	r.Helper()
	rec, err := r.vault.Load(r.Context(), r.account)
	if err != nil {
		r.Fatal(err)
	}
	return rec
}

// end ends the one session of token at the server.
func (r *rig) end(token redact.Secret) {
	r.Helper()
	conn := r.up.Private()
	defer conn.Close()
	if _, err := absapi.New(conn, r.up.Base()).Logout(r.Context(), token); err != nil {
		r.Fatal(err)
	}
}

// The server ends our session: the spare takes its place, without a password
// and without the user.
func TestSpareTakesThePlace(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withSpare(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			logins := len(r.fake.Ledger().Logins("demo"))
			spare := r.record().Spare
			if got := r.snapshot().Spare; got != health.SpareKept {
				r.Errorf("shown: %q", got)
			}
			r.end(r.record().Refresh)
			time.Sleep(70 * time.Minute)
			r.mustToken()
			if got := r.snapshot().Spare; got != health.SpareMissing {
				r.Errorf("shown after its use: %q", got)
			}
			after := r.record()
			if !after.Spare.IsEmpty() || after.Intent != nil || after.Refresh == spare {
				r.Errorf("the spare did not move: %+v", after)
			}
			if got := len(r.fake.Ledger().Logins("demo")); got != logins {
				r.Errorf("%d sign-ins", got-logins)
			}
			if v := r.level(); v.Level != health.OK {
				r.Errorf("level %+v", v)
			}
			time.Sleep(5 * time.Hour)
			r.mustToken()
		})
	})
}

// Without a grace window there are three spares. Each loss costs one of them, also
// one that is dead already, and all stay alive for a hundred days.
func TestThreeSparesInTurn(t *testing.T) {
	withSpare(t, absfake.Config{Release: absfake.R2332, AccessTTL: 12 * time.Hour, RefreshTTL: 30 * 24 * time.Hour}, func(r *rig) {
		r.addSpares(2)
		r.s.Reload()
		for range 100 {
			time.Sleep(24 * time.Hour)
			r.mustToken()
		}
		if n := len(r.record().Spares()); n != 3 {
			r.Fatalf("%d spares are left\n%s", n, r.log)
		}
		spares := r.record().Spares()
		r.end(spares[0])
		r.end(r.record().Refresh)
		time.Sleep(13 * time.Hour)
		r.mustToken()
		if rec := r.record(); len(rec.Spares()) != 1 || rec.Spare != spares[2] || rec.Intent != nil {
			r.Errorf("after one loss and a dead spare: %d are left\n%s", len(rec.Spares()), r.log)
		}
		r.end(r.record().Refresh)
		time.Sleep(13 * time.Hour)
		r.mustToken()
		r.end(r.record().Refresh)
		time.Sleep(24 * time.Hour)
		if v := r.level(); v.Condition != health.SessionLost.ID {
			r.Errorf("all are used up: level %+v", v)
		}
	})
}

// The answer that promotes the spare is lost, and then the process dies: where
// there is a grace window the spare is asked once more.
func TestPromotionSurvivesALostAnswerAndACrash(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withSpare(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			r.end(r.record().Refresh)
			// Two refusals of the first, then the spare's answer is lost.
			r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Skip: 2, Times: 1})
			stop := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse, Path: "/auth/refresh", Skip: 2})
			time.Sleep(dueAfter + 3*time.Second)
			if intent := r.record().Intent; intent == nil || intent.Purpose != keychain.PromoteSpare {
				r.Fatalf("intent %+v\n%s", intent, r.log)
			}
			r.s.Close()
			stop()
			r.start()
			if absapi.Grace(string(release)) == 0 {
				time.Sleep(2 * time.Hour)
				if v := r.level(); v.Condition != health.SessionLost.ID {
					r.Errorf("level %+v", v)
				}
				return
			}
			time.Sleep(30 * time.Second)
			if st := r.snapshot(); st.State != "fresh" || !r.record().Spare.IsEmpty() {
				r.Fatalf("got %+v\n%s", st, r.log)
			}
			r.mustToken()
		})
	})
}

// For a hundred days the spare is renewed at half its life, and never in one
// second with the first session.
func TestSpareStaysAlive(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		// Long access tokens keep the run short; the gap matters all the same.
		withSpare(t, absfake.Config{Release: release, AccessTTL: 12 * time.Hour, RefreshTTL: 30 * 24 * time.Hour}, func(r *rig) {
			for range 100 {
				time.Sleep(24 * time.Hour)
				r.mustToken()
			}
			spareRotations := map[string]int{}
			var last time.Time
			for _, rot := range r.fake.Ledger().Rotations("demo") {
				if !last.IsZero() && rot.Time.Sub(last) < absapi.CollisionGap {
					r.Errorf("two rotations within %v", rot.Time.Sub(last))
				}
				last = rot.Time
				spareRotations[rot.Session]++
			}
			if len(spareRotations) != 2 {
				r.Fatalf("%d sessions were renewed", len(spareRotations))
			}
			fewest := 1 << 30
			for _, n := range spareRotations {
				fewest = min(fewest, n)
			}
			if fewest < 6 || fewest > 7 {
				r.Errorf("the spare was renewed %d times in 100 days, want every 15", fewest)
			}
			r.end(r.record().Refresh)
			time.Sleep(13 * time.Hour)
			r.mustToken()
		})
	})
}

// A spare that the server has ended is forgotten, and nothing else happens.
func TestDeadSpareIsForgotten(t *testing.T) {
	withSpare(t, absfake.Config{AccessTTL: 12 * time.Hour, RefreshTTL: 30 * 24 * time.Hour}, func(r *rig) {
		r.end(r.record().Spare)
		time.Sleep(16*24*time.Hour + time.Minute) // a renewal falls on the day itself
		if rec := r.record(); !rec.Spare.IsEmpty() || rec.Intent != nil {
			r.Errorf("still there\n%s", r.log)
		}
		r.mustToken()
		if v := r.level(); v.Level != health.OK {
			r.Errorf("level %+v", v)
		}
		// Lost as well, only the user can go on, and that is said.
		r.end(r.record().Refresh)
		time.Sleep(24 * time.Hour)
		if v := r.level(); v.Condition != health.SessionLost.ID {
			r.Errorf("level %+v", v)
		}
	})
}

// Signing out leaves neither session behind.
func TestSignOutEndsTheSpareToo(t *testing.T) {
	withSpare(t, absfake.Config{}, func(r *rig) {
		rec := r.record()
		if err := r.s.SignOut(r.Context()); err != nil {
			r.Fatal(err)
		}
		conn := r.up.Private()
		defer conn.Close()
		for _, token := range []redact.Secret{rec.Refresh, rec.Spare} {
			if _, err := absapi.New(conn, r.up.Base()).Refresh(r.Context(), token); absapi.VerdictOf(err) != absapi.RefreshInvalid {
				r.Errorf("a session is left: %v", err)
			}
		}
	})
}
