package session

import (
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// A gateway takes the refresh token out of every answer. While the access token
// lives that is a delay; once it has ended nobody may be told that the session
// is still valid.
func TestSessionThatIsNotRenewedIsNotCalledValid(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
		stop := r.fake.Inject(absfake.Fault{Kind: absfake.Answer, Path: "/auth/refresh", Status: 200, ContentType: "application/json",
			Body: `{"user":{"id":"x","username":"demo"}}`})
		time.Sleep(55 * time.Minute)
		if v := r.level(); v.Condition != health.RenewalDelayed.ID {
			t.Errorf("while it lives: %+v", v)
		}
		time.Sleep(10 * time.Minute)
		if _, err := r.s.Token(r.Context()); err == nil {
			t.Error("a token that has ended")
		}
		if v := r.level(); v.Level != health.Offline || v.Condition != health.RenewalFails.ID {
			t.Errorf("after its end: %+v\n%s", v, r.log)
		}
		stop()
		time.Sleep(5 * time.Minute)
		r.mustToken()
		if v := r.level(); v.Level != health.OK {
			t.Errorf("at last: %+v", v)
		}
	})
}
