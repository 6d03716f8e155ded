package session

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/keychain"
)

var wanted = redact.New("another")

func (r *rig) change() error {
	ctx, cancel := context.WithTimeout(r.Context(), 10*time.Minute)
	defer cancel()
	return r.s.ChangePassword(ctx, redact.Secret{}, wanted)
}

// signsIn reports whether the server knows this password.
func (r *rig) signsIn(password redact.Secret) bool {
	conn := r.up.Private()
	defer conn.Close()
	_, err := absapi.New(conn, r.up.Base()).Login(r.Context(), "demo", password)
	return err == nil
}

// holds checks that the vault's password is the server's, and that a lost
// session comes back with it.
func (r *rig) holds(password redact.Secret) {
	r.Helper()
	time.Sleep(2 * time.Second)
	if rec := r.record(); rec.Password.Secret() != password || rec.NewPassword.IsStored() || rec.Intent != nil || rec.PasswordRefused {
		r.Fatalf("the vault holds something else: changed %v, open %v, intent %v\n%s", rec.Password.Secret() == wanted,
			rec.NewPassword.IsStored(), rec.Intent, r.log)
	}
	if !r.signsIn(password) {
		r.Fatalf("the server has another password\n%s", r.log)
	}
	if err := r.fake.EndSessions("demo"); err != nil {
		r.Fatal(err)
	}
	time.Sleep(80 * time.Minute)
	r.mustToken()
	if v := r.level(); v.Level != health.OK {
		r.Errorf("level %+v", v)
	}
}

func TestChangePassword(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			time.Sleep(2 * time.Second)
			if err := r.change(); err != nil {
				r.Fatal(err)
			}
			if got := r.snapshot().PasswordLogins; got != 0 {
				r.Errorf("%d logins for a change", got)
			}
			time.Sleep(3 * time.Hour) // the session goes on
			r.mustToken()
			if got := r.snapshot().PasswordLogins; got != 0 {
				r.Errorf("%d logins after a change", got)
			}
			r.holds(wanted)
		})
	})
}

// The root user of a server may have the empty password: it is stored, changed
// from and to, and a lost session comes back with it.
func TestChangePasswordFromAndToEmpty(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			time.Sleep(2 * time.Second)
			if err := r.s.ChangePassword(r.Context(), redact.Secret{}, redact.Secret{}); err != nil {
				r.Fatal("to empty:", err)
			}
			if rec := r.record(); !rec.Password.IsStored() {
				r.Fatal("the empty password is not stored")
			}
			r.holds(redact.Secret{})
			if err := r.s.ChangePassword(r.Context(), redact.Secret{}, redact.Secret{}); !errors.Is(err, ErrNotChanged) {
				r.Errorf("from empty to empty: %v", err)
			}
			if err := r.change(); err != nil {
				r.Fatal("from empty:", err)
			}
			r.holds(wanted)
		})
	})
}

// Without a stored password an empty present one is what it says.
func TestChangeFromAnEmptyPasswordThatIsNotStored(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		time.Sleep(2 * time.Second)
		if err := r.s.ChangePassword(r.Context(), redact.Secret{}, redact.Secret{}); err != nil {
			r.Fatal(err)
		}
		r.s.Close()
		r.edit(func(rec *keychain.Record) { rec.Password = keychain.Password{} })
		r.start()
		time.Sleep(2 * time.Second)
		if err := r.change(); err != nil {
			r.Fatal(err)
		}
		if rec := r.record(); rec.Password.IsStored() || rec.NewPassword.IsStored() {
			r.Error("a password is stored that the user did not store")
		}
		if !r.signsIn(wanted) {
			r.Error("the server has another password")
		}
	})
}

// The server took the new password, and nobody heard it.
func TestChangeWhoseAnswerIsLost(t *testing.T) {
	for desc, crash := range map[string]bool{"alive": false, "killed": true} {
		eachRelease(t, func(t *testing.T, release absfake.Release) {
			t.Run(desc, func(t *testing.T) {
				withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
					time.Sleep(2 * time.Second)
					r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/api/me/password", Times: 1})
					done := make(chan error, 1)
					go func() { done <- r.change() }()
					if crash {
						synctest.Wait()
						time.Sleep(time.Second)
						r.s.Close()
						r.start()
					}
					if err := <-done; err != nil && !crash {
						r.Errorf("change: %v\n%s", err, r.log)
					}
					time.Sleep(5 * time.Minute)
					for _, l := range r.fake.Ledger().Logins("demo") {
						if !l.OK {
							r.Error("a password was sent that the server does not know")
						}
					}
					r.holds(wanted)
				})
			})
		})
	}
}

// The request never got there: the old password holds, and each is sent once.
func TestChangeThatDidNotArrive(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			time.Sleep(2 * time.Second)
			r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: 502, Path: "/api/me/password", Times: 1})
			if err := r.change(); !errors.Is(err, machine.ErrNotChanged) {
				r.Errorf("change: %v\n%s", err, r.log)
			}
			bad := 0
			for _, l := range r.fake.Ledger().Logins("demo") {
				if !l.OK {
					bad++
				}
			}
			if want := map[bool]int{true: 0, false: 1}[absapi.PasswordChangeEndsSessions(string(release))]; bad != want {
				r.Errorf("%d refused logins, want %d", bad, want)
			}
			r.holds(redact.New("demo"))
		})
	})
}

func TestChangeThatIsRefused(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		err := r.s.ChangePassword(r.Context(), redact.New("not it"), wanted)
		var refusal *absapi.Error
		if !errors.As(err, &refusal) || refusal.Verdict != absapi.BadRequest {
			r.Errorf("got %v", err)
		}
		if v := r.level(); v.Level != health.OK {
			r.Errorf("level %+v", v)
		}
		r.holds(redact.New("demo"))
	})
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
		time.Sleep(3 * time.Hour)
		if err := r.change(); !errors.Is(err, machine.ErrNotChanged) {
			r.Errorf("without a server: %v", err)
		}
	})
}

// A gateway takes x-refresh-token away: from 2.36.0 on the server then ends our
// session too, and the new password brings it back.
func TestChangeBehindAHeaderEater(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Handled: true, Status: 200, Body: "OK",
			ContentType: "text/plain; charset=utf-8", Path: "/api/me/password", Times: 1})
		if err := r.fake.EndSessions("demo"); err != nil {
			r.Fatal(err)
		}
		if err := r.change(); err != nil {
			r.Fatalf("%v\n%s", err, r.log)
		}
		if got := r.snapshot().PasswordLogins; got != 1 {
			r.Errorf("%d logins", got)
		}
		r.holds(wanted)
	})
}
