package session

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func eachRelease(t *testing.T, test func(t *testing.T, release absfake.Release)) {
	for _, release := range absfake.RotatingReleases() {
		t.Run(string(release), func(t *testing.T) { test(t, release) })
	}
}

func TestADayWithoutASignIn(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			seen := map[redact.Secret]bool{}
			for range 24 * 12 {
				time.Sleep(5 * time.Minute)
				seen[r.mustToken()] = true
			}
			if len(seen) < 24 || len(seen) > 40 {
				r.Errorf("%d different tokens in a day", len(seen))
			}
			if got := r.fake.Ledger().PasswordLogins("demo"); got != 1 {
				r.Errorf("%d password logins", got)
			}
			if v := r.level(); v.Level != health.OK {
				r.Errorf("level %v", v)
			}
		})
	})
}

// The answer of a rotation is lost, again and again. With a grace window the
// session goes on; without one the stored password brings it back, once for
// each truly lost rotation.
func TestLostAnswers(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			const losses = 4
			for i := range losses {
				r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Times: 1})
				time.Sleep(55 * time.Minute)
				r.mustToken()
				if st := r.snapshot(); st.State != "fresh" {
					r.Fatalf("round %d: %+v\n%s", i, st, r.log)
				}
			}
			logins := r.fake.Ledger().PasswordLogins("demo") - 1
			want := 0
			if absapi.Grace(string(release)) == 0 {
				want = losses
			}
			if logins != want {
				r.Errorf("%d password logins after %d lost answers, want %d\n%s", logins, losses, want, r.log)
			}
		})
	})
}

// The network is left while the answer is on its way, and nothing tells: there
// is no reset. Where a grace window is open, the answer is asked for again
// within it.
func TestAnswersLostInSilence(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			r.fake.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", Bytes: 1, Times: 1})
			time.Sleep(55 * time.Minute)
			r.mustToken()
			want := 0
			if absapi.Grace(string(release)) == 0 {
				want = 1
			}
			if got := r.fake.Ledger().PasswordLogins("demo") - 1; got != want {
				r.Errorf("%d password logins after an answer lost in silence, want %d\n%s", got, want, r.log)
			}
		})
	})
}

// ABS says `Invalid refresh token` for errors of its own too: one such answer
// must not end anything.
func TestOneInvalidIsNoRejection(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		r.fake.Inject(absfake.Fault{Kind: absfake.InternalAs401, Times: 1})
		time.Sleep(dueAfter + 2*time.Minute)
		r.mustToken()
		if st := r.snapshot(); st.PasswordLogins != 0 || st.Refreshes != 1 {
			r.Errorf("got %+v\n%s", st, r.log)
		}
	})
}

func TestWeatherIsNoRejection(t *testing.T) {
	for desc, fault := range map[string]absfake.Fault{
		"refused":  {Kind: absfake.Refuse},
		"404":      {Kind: absfake.Answer, Status: 404},
		"502":      {Kind: absfake.Answer, Status: 502},
		"portal":   {Kind: absfake.Portal},
		"redirect": {Kind: absfake.Redirect, Location: "https://sso.example/login"},
		"gateway":  {Kind: absfake.Answer, Status: 401, Body: "<html>sign in</html>", ContentType: "text/html"},
	} {
		t.Run(desc, func(t *testing.T) {
			withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
				stop := r.fake.Inject(fault)
				time.Sleep(3 * time.Hour)
				ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
				defer cancel()
				_, err := r.s.Token(ctx)
				var u *Unavailable
				if !errors.As(err, &u) || u.NeedsUser() || u.RetryAfter() < time.Second {
					r.Fatalf("in the storm: %v", err)
				}
				if v := r.level(); v.Level != health.Offline {
					r.Errorf("level %+v", v)
				}
				stop()
				time.Sleep(time.Minute)
				r.mustToken()
				if st := r.snapshot(); st.PasswordLogins != 0 || st.State != "fresh" {
					r.Errorf("got %+v", st)
				}
				if v := r.level(); v.Level != health.OK {
					r.Errorf("level %+v", v)
				}
			})
		})
	}
}

func TestRestartOfTheProcessGoesOn(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			before := r.snapshot().Generation
			for range 3 {
				r.s.Close()
				time.Sleep(2 * time.Hour)
				r.start()
				r.mustToken()
			}
			if st := r.snapshot(); st.Generation != before+3 {
				r.Errorf("generation %d, want %d", st.Generation, before+3)
			}
			if got := r.fake.Ledger().PasswordLogins("demo"); got != 1 {
				r.Errorf("%d password logins", got)
			}
		})
	})
}

// The server ends the session: the stored password brings it back while a
// player waits, and the player notices nothing.
func TestEndedSessionComesBackByPassword(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			if err := r.fake.EndSessions("demo"); err != nil {
				r.Fatal(err)
			}
			time.Sleep(70 * time.Minute)
			r.mustToken()
			if st := r.snapshot(); st.PasswordLogins != 1 || st.State != "fresh" {
				r.Errorf("got %+v", st)
			}
		})
	})
}

func TestRefusedPasswordIsSentOnce(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		if err := r.fake.SetPassword("demo", "changed"); err != nil {
			r.Fatal(err)
		}
		if err := r.fake.EndSessions("demo"); err != nil {
			r.Fatal(err)
		}
		time.Sleep(12 * time.Hour)
		if v := r.level(); v.Condition != health.PasswordRefused.ID {
			r.Errorf("level %+v\n%s", v, r.log)
		}
		for range 3 { // nor after a restart
			r.s.Close()
			r.start()
			time.Sleep(time.Hour)
		}
		bad := 0
		for _, l := range r.fake.Ledger().Logins("demo") {
			if !l.OK {
				bad++
			}
		}
		if bad != 1 {
			r.Errorf("the refused password was sent %d times\n%s", bad, r.log)
		}
		var u *Unavailable
		if _, err := r.s.Token(r.Context()); !errors.As(err, &u) || !u.NeedsUser() || u.Remedy() == "" {
			r.Errorf("got %v", err)
		}
		r.signIn("changed")
		r.s.Reload()
		synctest.Wait()
		r.mustToken()
		if v := r.level(); v.Level != health.OK {
			r.Errorf("after the sign-in: %+v", v)
		}
	})
}

// A long outage lies behind, and the first rotation after it loses its answer:
// the pauses that the outage has made long must not outlast the grace window.
func TestAnAnswerLostRightAfterAnOutage(t *testing.T) {
	for _, release := range []absfake.Release{absfake.R2350, absfake.R2360} {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			stop := r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: 404})
			time.Sleep(3 * time.Hour)
			stop()
			r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Times: 2})
			time.Sleep(3 * time.Minute)
			r.mustToken()
			if st := r.snapshot(); st.PasswordLogins != 0 || st.Refreshes != 1 {
				r.Errorf("%s: %+v\n%s", release, st, r.log)
			}
		})
	}
}

// The machine sleeps with an answer on its way and wakes shortly before the
// grace window closes: nobody waits for a connection that slept.
func TestWakeAsksAgainForAnAnswerOnItsWay(t *testing.T) {
	withRig(t, absfake.Config{Release: absfake.R2360, AccessTTL: time.Hour}, func(r *rig) {
		r.fake.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", Bytes: 1, Times: 1})
		time.Sleep(dueAfter + time.Second)
		r.s.Wake("resumed")
		time.Sleep(5 * time.Second)
		if st := r.snapshot(); st.State != "fresh" || st.Refreshes != 1 || st.PasswordLogins != 0 {
			r.Errorf("got %+v\n%s", st, r.log)
		}
	})
}
