package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// cutOffRotation ends the process after the server has rotated and before the
// answer came. The user had asked for it, so the pair is not due for long.
func (r *rig) cutOffRotation() {
	r.Helper()
	letGo := r.fake.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", Bytes: 10})
	ctx, leave := context.WithCancel(r.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = r.s.Reauthenticate(ctx, false)
	}()
	synctest.Wait()
	r.s.Close() // gives up after some seconds
	leave()
	<-done
	letGo()
	if r.record().Intent == nil || len(r.fake.Ledger().Rotations("demo")) != 1 {
		r.start()
		r.Fatalf("not cut off: %+v\n%s", r.record().Intent, r.log)
	}
}

// A rotation that was cut off is resumed at the next start before anything
// else, however fresh the old pair is: within the grace window nothing is lost,
// beyond it the password brings one session.
func TestCutOffRotationIsResumedAtTheStart(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		grace := absapi.Grace(string(release))
		for _, c := range []struct {
			desc   string
			pause  time.Duration
			logins int
		}{
			{"within the grace window", grace - 20*time.Second, 0},
			{"after the grace window", grace + 20*time.Second, 1},
		} {
			if c.pause < 0 {
				continue // there is no such window
			}
			t.Run(c.desc, func(t *testing.T) {
				withRig(t, absfake.Config{Release: release, AccessTTL: 12 * time.Hour}, func(r *rig) {
					time.Sleep(10 * time.Minute)
					r.cutOffRotation()
					time.Sleep(c.pause)
					r.start()
					time.Sleep(10 * time.Second)
					r.mustToken()
					if st := r.snapshot(); st.State != "fresh" || r.record().Intent != nil {
						r.Errorf("got %+v\n%s", st, r.log)
					}
					time.Sleep(13 * time.Hour)
					r.mustToken()
					if n := r.fake.Ledger().PasswordLogins("demo") - 1; n != c.logins {
						r.Errorf("%d password logins, want %d\n%s", n, c.logins, r.log)
					}
				})
			})
		}
	})
}

// `Invalid refresh token` twice is a loss: with a password one sign-in follows,
// without one everything is kept for the user's click, which tries it again.
func TestInvalidTwice(t *testing.T) {
	for _, keep := range []bool{true, false} {
		withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
			if !keep {
				rec := r.record()
				rec.Generation++
				rec.Password = keychain.Password{}
				if err := r.vault.Commit(r.Context(), rec); err != nil {
					r.Fatal(err)
				}
				r.s.Reload()
				synctest.Wait()
			}
			before := r.record()
			stop := r.fake.Inject(absfake.Fault{Kind: absfake.InternalAs401, Times: 2})
			time.Sleep(dueAfter + 2*time.Minute)
			stop()
			if keep {
				r.mustToken()
				if n := r.fake.Ledger().PasswordLogins("demo"); n != 2 {
					r.Errorf("%d password logins", n)
				}
				return
			}
			if v := r.level(); v.Condition != health.SessionLost.ID {
				r.Fatalf("level %+v\n%s", v, r.log)
			}
			if after := r.record(); after.Refresh != before.Refresh {
				r.Error("the refresh token is gone")
			}
			if err := r.s.Reauthenticate(r.Context(), false); err != nil {
				r.Errorf("the server takes the token still: %v\n%s", err, r.log)
			}
			r.mustToken()
		})
	}
}

// The server loses its sessions or its secret, as after a restored backup: one
// sign-in brings the session back.
func TestServerRestoredFromABackup(t *testing.T) {
	for desc, restore := range map[string]func(*absfake.Server){
		"sessions gone": func(s *absfake.Server) { _ = s.EndSessions("demo") },
		"secret gone":   func(s *absfake.Server) { s.ChangeSecret() },
	} {
		eachRelease(t, func(t *testing.T, release absfake.Release) {
			withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
				time.Sleep(20 * time.Minute)
				old := r.mustToken()
				restore(r.fake)
				if !r.accepted(old) {
					// It may be another server at this address: as long as the access
					// token should be taken, no password is sent.
					if _, err := r.s.Suspect(r.Context(), old); err == nil {
						r.Errorf("%s: a token\n%s", desc, r.log)
					}
					if n := r.fake.Ledger().PasswordLogins("demo"); n != 1 {
						r.Errorf("%s: %d password logins\n%s", desc, n, r.log)
					}
				}
				time.Sleep(2 * time.Hour)
				if desc == "secret gone" {
					// Nothing vouches for a server without TLS but the user.
					if n := r.fake.Ledger().PasswordLogins("demo"); n != 1 {
						r.Errorf("%s: %d password logins before the user's word\n%s", desc, n, r.log)
					}
					// A click alone does not say whose server this is.
					var u *Unavailable
					if err := r.s.Reauthenticate(r.Context(), false); !errors.As(err, &u) || u.Condition.ID != health.ServerUnrecognised.ID ||
						!strings.Contains(u.Remedy(), "--same-server") {
						r.Errorf("%s: a click: %v\n%s", desc, err, r.log)
					}
					if n := r.fake.Ledger().PasswordLogins("demo"); n != 1 {
						r.Errorf("%s: %d password logins after a click\n%s", desc, n, r.log)
					}
					r.must(r.s.Reauthenticate(r.Context(), true))
				}
				r.mustToken()
				if n := r.fake.Ledger().PasswordLogins("demo"); n != 2 {
					r.Errorf("%s: %d password logins\n%s", desc, n, r.log)
				}
			})
		})
	}
}

// The server is another release than the account remembers: upgraded under us,
// a lost answer costs nothing from the first rotation on; put back, one password.
func TestServerOfAnotherRelease(t *testing.T) {
	for _, c := range []struct {
		remembered, is absfake.Release
		logins         int
	}{{absfake.R2263, absfake.R2360, 0}, {absfake.R2360, absfake.R2263, 1}} {
		withRig(t, absfake.Config{Release: c.is, AccessTTL: time.Hour}, func(r *rig) {
			r.s.Close()
			r.startWith(func(cfg *Config) { cfg.ServerVersion = string(c.remembered) })
			for range 2 {
				r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Skip: 1, Times: 1})
				time.Sleep(110 * time.Minute)
				r.mustToken()
			}
			if n := r.fake.Ledger().PasswordLogins("demo") - 1; n != 2*c.logins {
				r.Errorf("%s remembered, %s in truth: %d password logins\n%s", c.remembered, c.is, n, r.log)
			}
			var a health.Account
			if r.s.Fill(&a); a.ServerVersion != string(c.is) {
				r.Errorf("still taken for %s", a.ServerVersion)
			}
		})
	}
}

// 429 in the middle: what Retry-After says is obeyed by everybody who asks, and
// it says nothing about the token.
func TestTooManyRequestsInTheMiddle(t *testing.T) {
	for _, limit := range []int{10, 40} {
		withRig(t, absfake.Config{AccessTTL: time.Hour, LimiterMax: limit}, func(r *rig) {
			time.Sleep(dueAfter - 10*time.Second)
			for range limit { // somebody else of the house empties the bucket
				_ = r.signsIn(redact.New("wrong"))
			}
			before := r.fake.Ledger().Totals().Auth
			for range 9 * 6 {
				time.Sleep(10 * time.Second)
				var u *Unavailable
				if _, err := r.s.Token(r.Context()); err != nil && !errors.As(err, &u) {
					r.Fatal(err)
				}
			}
			if n := r.fake.Ledger().Totals().Auth - before; n > 1 {
				r.Errorf("limit %d: %d requests while the server says 429", limit, n)
			}
			time.Sleep(2 * time.Minute)
			r.mustToken()
			if st := r.snapshot(); st.PasswordLogins != 0 || st.Refreshes != 1 {
				r.Errorf("limit %d: %+v\n%s", limit, st, r.log)
			}
		})
	}
}
