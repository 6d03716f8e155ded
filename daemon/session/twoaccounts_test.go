package session

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
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

// served reports whether a request could be served two hours from now.
func (r *rig) served() bool {
	time.Sleep(2 * time.Hour)
	token, err := r.s.Token(r.Context())
	return err == nil && r.accepted(token)
}
