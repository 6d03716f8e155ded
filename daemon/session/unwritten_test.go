package session

import (
	"context"
	"errors"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// roomLater is a disk that is full for new pairs until there is space again.
type roomLater struct {
	*keychain.Vault
	full  *bool
	delay time.Duration // of each write
}

func (v roomLater) Commit(ctx context.Context, rec keychain.Record) error {
	time.Sleep(v.delay)
	if *v.full && rec.Intent == nil {
		return errors.New("no space left")
	}
	return v.Vault.Commit(ctx, rec)
}

// A pair waits for space on the disk, and there is space again when the program
// ends: it is written then, on a slow disk too.
func TestWaitingPairIsWrittenAtClose(t *testing.T) {
	for _, delay := range []time.Duration{0, 10 * time.Second} {
		withRig(t, absfake.Config{Release: absfake.R2332, AccessTTL: time.Hour}, func(r *rig) {
			r.s.Close()
			full := true
			r.startWith(func(c *Config) { c.Vault = roomLater{r.vault, &full, delay} })
			time.Sleep(dueAfter + 2*time.Minute + delay)
			if n := len(r.fake.Ledger().Rotations("demo")); n != 1 {
				t.Fatalf("%d rotations", n)
			}
			for r.snapshot().State != "offline" {
				time.Sleep(time.Second)
			}
			full = false
			r.s.Close()
			r.start()
			r.mustToken()
			if n := r.fake.Ledger().PasswordLogins("demo"); n != 1 {
				t.Errorf("delay %v: %d password logins\n%s", delay, n, r.log)
			}
		})
	}
}

// Another process signs the account in as another user: this one takes nothing
// of it, gives out nothing more, and goes on when its own user is back.
func TestLoginOfAnotherUserIsNotAdopted(t *testing.T) {
	for _, how := range []string{"told", "before a renewal", "before a sign-in"} {
		users := []absfake.User{{Name: "root", Password: "root", Type: "root"}, {Name: "demo", Password: "demo"}, {Name: "eve", Password: "eve"}}
		withRig(t, absfake.Config{AccessTTL: time.Hour, Users: users}, func(r *rig) {
			own := r.record()
			other := r.bySomebody("eve")
			if how == "before a sign-in" {
				r.must(r.fake.EndSessions("demo"))
			}
			r.must(r.vault.Commit(r.Context(), other))
			if how == "told" {
				r.s.Reload()
			}
			time.Sleep(2 * time.Hour)
			if token, err := r.s.Token(r.Context()); err == nil {
				t.Errorf("%s: a token, the other user's: %v", how, token == other.Access)
			}
			if v := r.level(); v.Condition != health.AnotherUser.ID {
				t.Errorf("%s: level %+v\n%s", how, v, r.log)
			}
			if id, secrets := r.s.Secrets(); id != own.UserID {
				t.Errorf("%s: it holds %d secrets of %s", how, len(secrets), id)
			}
			if rec := r.record(); rec.UserID != other.UserID || rec.Refresh != other.Refresh {
				t.Errorf("%s: the other user's session was touched", how)
			}
			r.edit(func(rec *keychain.Record) {
				generation := rec.Generation
				*rec = own
				rec.Generation = generation
			})
			time.Sleep(2 * time.Minute)
			r.mustToken()
		})
	}
}

// bySomebody signs in as another user of that name and password, and returns
// the record as it follows the account's own.
func (r *rig) bySomebody(name string) keychain.Record {
	r.Helper()
	rec := r.record()
	other := *r
	other.account = "attic"
	other.signInAs(name, name)
	took := other.record()
	took.Account, took.Generation, took.Password = rec.Account, rec.Generation+1, keychain.StoredPassword(redact.New(name))
	return took
}

// denied is a keychain whose user says no to a sign-out.
type denied struct{ *keychain.Vault }

func (denied) Forget(context.Context, string) error { return keychain.ErrDenied }

// A sign-out that the keychain denies fails, and that is all: the session goes
// on, and no condition stays behind.
func TestDeniedSignOutLeavesNothing(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		r.s.Close()
		r.startWith(func(c *Config) { c.Vault = denied{r.vault} })
		if err := r.s.SignOut(r.Context()); !errors.Is(err, keychain.ErrDenied) {
			t.Errorf("sign out: %v", err)
		}
		time.Sleep(time.Minute)
		r.mustToken()
		if v := r.level(); v.Level != health.OK {
			t.Errorf("level %+v", v)
		}
		time.Sleep(3 * time.Hour)
		r.mustToken()
	})
}

// A sign-out of a session that is closed says why nothing happens.
func TestSignOutWhileEnding(t *testing.T) {
	withRig(t, absfake.Config{}, func(r *rig) {
		r.s.Close()
		if err := r.s.SignOut(r.Context()); err == nil || err.Error() != "sign out: the program is being stopped; nothing was signed out" {
			t.Errorf("%v", err)
		}
	})
}
