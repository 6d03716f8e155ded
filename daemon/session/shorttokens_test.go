package session

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// ACCESS_TOKEN_EXPIRY=12h gives tokens of 12 seconds. For an hour somebody looks
// every ten seconds: each token that the budget allows serves more than one
// look, the rest hear the cause with its remedy, and an idle hour costs nothing. Without
// a limiter each look is served.
func TestTwelveSecondTokens(t *testing.T) {
	for _, limit := range []int{0, -1} {
		withRig(t, absfake.Config{AccessTTL: 12 * time.Second, LimiterMax: limit}, func(r *rig) {
			served := 0
			for range 360 {
				time.Sleep(10 * time.Second)
				ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
				token, err := r.s.Token(ctx)
				cancel()
				var u *Unavailable
				switch {
				case err == nil && r.accepted(token):
					served++
				case err == nil:
					t.Fatal("a token that has ended")
				case !errors.As(err, &u) || !strings.Contains(u.Error(), "ACCESS_TOKEN_EXPIRY is 12 seconds") || !strings.Contains(u.Remedy(), "3600"):
					t.Fatalf("%v", err)
				}
			}
			if limit < 0 && served != 360 || served < 80 {
				t.Errorf("limit %d: served %d of 360", limit, served)
			}
			if got := r.fake.Ledger().MaxAuthIn(10 * time.Minute); limit >= 0 && got > 10 {
				t.Errorf("%d requests in a window", got)
			}
			if got := r.snapshot(); limit >= 0 && !got.NextRotationAt.IsZero() {
				t.Errorf("status tells of the next renewal: %+v", got)
			}
			time.Sleep(30 * time.Minute)
			before := r.fake.Ledger().Totals().Auth
			time.Sleep(time.Hour)
			if n := r.fake.Ledger().Totals().Auth - before; limit >= 0 && n > 0 {
				t.Errorf("limit %d: an idle hour costs %d requests", limit, n)
			}
			r.mustToken()
			if v := r.level(); v.Condition != health.OddTokens.ID || !strings.Contains(v.Reason, "12 seconds") || v.Remedy == "" {
				t.Errorf("level %+v", v)
			}
		})
	}
}
