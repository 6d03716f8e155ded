package session

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// Nobody asks for a token, and the next attempt is far away: that the token has
// ended meanwhile shows nevertheless, for one wake-up.
func TestLevelFollowsTheTokenOfAnIdleAccount(t *testing.T) {
	withRig(t, absfake.Config{AccessTTL: 30 * time.Minute, LimiterMax: 2, LimiterWindow: 3 * time.Hour}, func(r *rig) {
		time.Sleep(28 * time.Minute)
		if v := r.level(); v.Condition != health.RenewalDelayed.ID {
			t.Fatalf("before its end: %+v\n%s", v, r.log)
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if v := r.level(); v.Condition != health.RateLimited.ID || v.Level != health.Offline {
			t.Errorf("after its end: %+v\n%s", v, r.log)
		}
	})
}
