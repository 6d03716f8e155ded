package session

import (
	"context"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
)

// asProxy is how long a player's request waits, with or without a token; see package proxy.
const asProxy = 10 * time.Second

// Whoever comes without a usable token during a temporary failure waits as long as a
// request under way, and is served if the failure ends meanwhile, however long it lasts
// already.
func TestRequestsWithoutATokenAreHeld(t *testing.T) {
	for desc, fault := range map[string]absfake.Fault{
		"nothing answers":        {Kind: absfake.Refuse},
		"a gateway's page":       {Kind: absfake.Answer, Status: 502},
		"a gateway's own 401":    {Kind: absfake.Answer, Status: 401},
		"answers get lost":       {Kind: absfake.LoseAnswer},
		"the server is starting": {Kind: absfake.Answer, Status: 404},
	} {
		for _, away := range []time.Duration{2 * time.Hour, 4 * time.Hour} {
			for _, back := range []time.Duration{0, 3 * time.Second, 6 * time.Second} {
				withRig(t, absfake.Config{AccessTTL: time.Hour}, func(r *rig) {
					stop := r.fake.Inject(fault)
					time.Sleep(away) // the token has ended
					if back > 0 {
						defer time.AfterFunc(back, stop).Stop()
					}
					ctx, cancel := context.WithTimeout(r.Context(), asProxy)
					defer cancel()
					began := time.Now()
					token, err := r.s.Token(ctx)
					switch took := time.Since(began); {
					case back > 0 && (err != nil || !r.accepted(token)):
						r.Errorf("%s for %v, back after %v: %v after %v", desc, away, back, err, took)
					case back == 0 && (err == nil || took < asProxy-2*time.Second): // no further try falls into the time that is left
						r.Errorf("%s for %v: %v after %v", desc, away, err, took)
					}
					stop()
				})
			}
		}
	}
}
