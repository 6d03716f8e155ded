package session

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/redact"
)

// Two accounts of one user: the password is changed through one of them. The other
// sends the old one once at most, asks, and goes on with the new one.
func TestTwoAccountsOfOneUserAfterAChange(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			other := *r
			other.account, other.board = "attic", health.NewBoard()
			other.signIn("demo")
			other.start()
			defer func() { other.s.Close() }()
			time.Sleep(30 * time.Second)
			if err := r.change(); err != nil {
				r.Fatal(err)
			}
			if absapi.PasswordChangeEndsSessions(string(release)) == other.served() {
				r.Errorf("after the change, served: %v\n%s", other.served(), r.log)
			}
			r.mustToken()
			r.must(r.fake.EndSessions("demo"))
			for range 4 {
				time.Sleep(time.Hour)
				_ = other.served()
			}
			if v := other.level(); v.Condition != health.PasswordRefused.ID {
				r.Errorf("it does not ask: %+v\n%s", v, r.log)
			}
			refused := 0
			for _, l := range r.fake.Ledger().Logins("demo") {
				if !l.OK {
					refused++
				}
			}
			if refused != 1 {
				r.Errorf("the old password was sent %d times", refused)
			}
			r.mustToken()
			other.signIn(wanted.Reveal())
			other.s.Reload()
			time.Sleep(time.Minute)
			other.mustToken()
			if v := other.level(); v.Level != health.OK {
				r.Errorf("level %+v", v)
			}
		})
	})
}

// The password is changed through both, one after the other: the second change is made
// with the password that the first one brought, and what each account then stores is what
// it knows. None sends a refused password twice, and a sign-in with the newest ends it.
func TestTwoAccountsThatBothChangeThePassword(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			other := *r
			other.account, other.board = "attic", health.NewBoard()
			other.signIn("demo")
			other.start()
			defer func() { other.s.Close() }()
			time.Sleep(30 * time.Second)
			if err := r.change(); err != nil {
				r.Fatal(err)
			}
			time.Sleep(30 * time.Second)
			// With its own stored password, which is not the server's any more, nothing changes.
			newest := redact.New("the newest one")
			if err := other.s.ChangePassword(r.Context(), redact.Secret{}, newest); err == nil {
				r.Error("the old password changes the password")
			}
			if absapi.PasswordChangeEndsSessions(string(release)) {
				other.signIn(wanted.Reveal()) // the first change has ended its session
				other.s.Reload()
				time.Sleep(time.Minute)
			}
			if err := other.s.ChangePassword(r.Context(), wanted, newest); err != nil {
				r.Fatalf("the second change: %v\n%s", err, r.log)
			}
			other.mustToken()
			r.must(r.fake.EndSessions("demo"))
			for range 4 {
				time.Sleep(time.Hour)
				_ = r.served()
			}
			if v := r.level(); v.Condition != health.PasswordRefused.ID {
				r.Errorf("the first does not ask: %+v\n%s", v, r.log)
			}
			other.mustToken() // it has the newest password
			refused := 0
			for _, l := range r.fake.Ledger().Logins("demo") {
				if !l.OK {
					refused++
				}
			}
			if refused > 2 {
				r.Errorf("refused passwords were sent %d times", refused)
			}
			r.signIn(newest.Reveal())
			r.s.Reload()
			time.Sleep(time.Minute)
			r.mustToken()
			for _, at := range []*rig{r, &other} {
				if v := at.level(); v.Level != health.OK {
					r.Errorf("%s: level %+v", at.account, v)
				}
			}
		})
	})
}

// served reports whether a request could be served two hours from now.
func (r *rig) served() bool {
	time.Sleep(2 * time.Hour)
	token, err := r.s.Token(r.Context())
	return err == nil && r.accepted(token)
}
