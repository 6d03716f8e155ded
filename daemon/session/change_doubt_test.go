package session

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/machine"
)

// refusedLogins is how often the server refused a password.
func (r *rig) refusedLogins() (n int) {
	for _, l := range r.fake.Ledger().Logins("demo") {
		if !l.OK {
			n++
		}
	}
	return n
}

// The password was changed elsewhere, and the user wants the stored one back:
// the change does not arrive, and the server refuses that password. It is the
// stored one that was refused, and it is not sent once more when the session
// ends.
func TestRefusedNewPasswordThatIsTheStoredOne(t *testing.T) {
	withRig(t, absfake.Config{Release: absfake.R2332, AccessTTL: time.Hour}, func(r *rig) {
		time.Sleep(2 * time.Second)
		r.must(r.fake.SetPassword("demo", "elsewhere"))
		r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Status: 502, Path: "/api/me/password", Times: 1})
		if err := r.s.ChangePassword(r.Context(), redact.New("elsewhere"), redact.New("demo")); !errors.Is(err, machine.ErrNotChanged) {
			t.Errorf("change: %v\n%s", err, r.log)
		}
		if n := r.refusedLogins(); n != 1 {
			t.Fatalf("%d refused logins", n)
		}
		r.must(r.fake.EndSessions("demo"))
		time.Sleep(2 * time.Hour)
		if n := r.refusedLogins(); n != 1 {
			t.Errorf("the refused password was sent %d times\n%s", n, r.log)
		}
		if v := r.level(); v.Condition != health.PasswordRefused.ID {
			t.Errorf("level %+v", v)
		}
	})
}

// Another process signs out while the change waits for the account's lock.
func TestChangeOfAnAccountThatSignsOut(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		release, err := r.vault.Acquire(r.Context(), "home")
		r.must(err)
		done := make(chan error, 1)
		go func() { done <- r.change() }()
		synctest.Wait()
		r.must(r.vault.Forget(r.Context(), "home"))
		release()
		if err := <-done; !errors.Is(err, machine.ErrNotChanged) {
			t.Errorf("change: %v", err)
		}
	})
}

// A disabled user's legacy token is refused, and so is the password. Once the
// account is enabled the token works again, and nobody has to do anything.
func TestLegacyTokenOfADisabledUser(t *testing.T) {
	withRig(t, absfake.Config{Release: "2.25.1"}, func(r *rig) {
		token := r.mustToken()
		r.must(r.fake.SetDisabled("demo", true))
		_, _ = r.s.Suspect(r.Context(), token)
		time.Sleep(time.Hour)
		if v, n := r.level(), r.refusedLogins(); v.Condition != health.ServerUnrecognised.ID || n != 0 {
			t.Errorf("before the user's word: %+v, %d refused logins", v, n)
		}
		_ = r.s.Reauthenticate(r.Context(), true)
		if v := r.level(); v.Level != health.NeedsUser || v.Condition != health.PasswordRefused.ID {
			t.Errorf("while disabled: %+v", v)
		}
		if n := r.refusedLogins(); n != 1 {
			t.Errorf("%d refused logins", n)
		}
		r.must(r.fake.SetDisabled("demo", false))
		time.Sleep(15*time.Minute + time.Minute)
		if got := r.mustToken(); got != token {
			t.Error("another token")
		}
		if v := r.level(); v.Level != health.OK {
			t.Errorf("once enabled: %+v\n%s", v, r.log)
		}
	})
}

// A click while the password is under way is answered by its refusal: it is no
// leave to send it again later.
func TestClickDuringTheSignInIsNoSecondTry(t *testing.T) {
	withRig(t, absfake.Config{Release: "2.25.1"}, func(r *rig) {
		token := r.mustToken()
		r.must(r.fake.SetPassword("demo", "elsewhere"))
		r.fake.ChangeSecret()
		r.fake.Inject(absfake.Fault{Kind: absfake.Stall, After: 10 * time.Second, Path: "/login", Times: 1})
		_, _ = r.s.Suspect(r.Context(), token)
		time.Sleep(2*time.Second + time.Second)
		r.s.handle(machine.Asked{SameServer: true})
		time.Sleep(3 * time.Second)
		r.s.handle(machine.Asked{})
		time.Sleep(2 * time.Hour)
		if n := r.refusedLogins(); n != 1 {
			t.Errorf("the refused password was sent %d times\n%s", n, r.log)
		}
	})
}
