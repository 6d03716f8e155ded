package session

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/session/budget"
)

// neighbour is another account of the same user on the rig's server, with a
// budget of its process.
func (r *rig) neighbour(account string, budget *budget.Budget) *rig {
	o := *r
	o.account, o.budget, o.board = account, budget, health.NewBoard()
	return &o
}

// Two accounts of one user do everything at the same moment: up to 2.35.0 they
// would share their tokens, and the end of the one would be that of the other.
func TestAccountsOfOneUserTakeTurns(t *testing.T) {
	for _, processes := range []int{1, 2} {
		for _, release := range []absfake.Release{absfake.R2263, absfake.R2350} {
			t.Run(fmt.Sprintf("%s, %d processes", release, processes), func(t *testing.T) {
				withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour, LimiterMax: -1}, func(r *rig) {
					r.s.Close()
					path := filepath.Join(t.TempDir(), "budgets.json")
					shared := budget.New(path)
					home, attic := r.neighbour("home", shared), r.neighbour("attic", shared)
					if processes == 2 {
						attic.budget = budget.New(path)
					}
					both := func(do func(*rig)) {
						done := make(chan struct{}, 2)
						for _, account := range []*rig{home, attic} {
							go func() { do(account); done <- struct{}{} }()
						}
						<-done
						<-done
					}
					apart := func(when string) {
						t.Helper()
						if home.record().Refresh == attic.record().Refresh {
							t.Fatalf("%s both hold one token", when)
						}
					}
					time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
					both(func(a *rig) { a.signIn("demo") })
					apart("after the sign-ins")
					home.start()
					attic.start()
					defer func() { home.s.Close(); attic.s.Close() }()
					for range 3 {
						stop := r.fake.Inject(absfake.Fault{Kind: absfake.Refuse})
						time.Sleep(2 * time.Hour)
						stop()
						time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
						both(func(a *rig) { a.s.Wake("link"); a.mustToken() })
						time.Sleep(time.Minute)
						apart("after a renewal")
					}
					r.end(home.record().Refresh)
					time.Sleep(2 * time.Hour)
					attic.mustToken()
					if got := attic.snapshot(); got.PasswordLogins != 0 || got.Refreshes < 4 {
						t.Errorf("the other account: %+v", got)
					}
				})
			})
		}
	}
}

// After a change whose answer was lost, the renewal and the sign-in with the
// new password follow each other at once: on a colliding release within one
// second they would bring one token, and ending the old session would end both.
func TestSignInAfterARenewalIsAnotherSession(t *testing.T) {
	eachRelease(t, func(t *testing.T, release absfake.Release) {
		withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
			time.Sleep(2 * time.Second)
			r.fake.Inject(absfake.Fault{Kind: absfake.LoseAnswer, Path: "/api/me/password", Times: 1})
			if err := r.change(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Hour)
			r.mustToken()
			if got := r.snapshot(); got.PasswordLogins != 1 {
				t.Errorf("%d password logins, want the one that told\n%s", got.PasswordLogins, r.log)
			}
		})
	})
}
