package session

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
)

// served starts the rig's session anew, for players that served speaks of.
func (r *rig) serve(served *atomic.Bool, change func(*Config)) {
	r.s.Close()
	r.startWith(func(c *Config) {
		c.Served = served.Load
		change(c)
	})
}

func asItIs(*Config) {}

// A day on which nobody listens costs no renewal, nothing is wrong meanwhile, and
// status says so. Whoever comes then is served at once.
func TestADayWithoutPlayers(t *testing.T) {
	for _, life := range []time.Duration{time.Minute, time.Hour, 12 * time.Hour} {
		withRig(t, absfake.Config{Release: absfake.R2332, AccessTTL: life}, func(r *rig) {
			var served atomic.Bool
			r.serve(&served, asItIs)
			rotations := func() int { return len(r.fake.Ledger().Rotations("demo")) }
			for hour := range 24 {
				time.Sleep(time.Hour)
				if hour%5 == 0 {
					r.s.Wake("route changed")
				}
				if hour%7 == 3 {
					r.serve(&served, asItIs)
				}
				if got := r.snapshot(); !got.Idle || !got.NextRotationAt.IsZero() || got.RefreshExpiresAt.IsZero() || got.State != "fresh" {
					t.Fatalf("tokens of %v, after %d h: %+v", life, hour+1, got)
				}
				if v := r.level(); v.Level != health.OK && life > time.Minute { // a minute is said to be odd
					t.Fatalf("tokens of %v, after %d h: %+v", life, hour+1, v)
				}
			}
			if n := rotations(); n > 0 {
				t.Errorf("tokens of %v: %d renewals", life, n)
			}
			began := time.Now()
			r.mustToken()
			if d := time.Since(began); d > time.Second || rotations() != 1 {
				t.Errorf("tokens of %v: the first request waited %v, %d renewals", life, d, rotations())
			}
			served.Store(true)
			time.Sleep(life * 98 / 100)
			if n := rotations(); life > time.Minute && n != 2 {
				t.Errorf("tokens of %v: %d renewals while somebody is served", life, n)
			}
			if got := r.snapshot(); life > time.Minute && (got.Idle || got.NextRotationAt.IsZero()) {
				t.Errorf("tokens of %v: %+v", life, got)
			}
		})
	}
}

// Whenever players come and however the network changes: where the server
// answers, nobody waits longer than one renewal takes.
func TestNobodyWaitsLongerThanOneRenewal(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		life := rapid.SampledFrom([]time.Duration{time.Minute, 5 * time.Minute, time.Hour}).Draw(rt, "life")
		release := rapid.SampledFrom([]absfake.Release{absfake.R2332, absfake.R2350, absfake.R2360}).Draw(rt, "release")
		sync := rapid.SampledFrom([]time.Duration{0, 20 * time.Millisecond, time.Second}).Draw(rt, "sync")
		steps := rapid.SliceOfN(rapid.IntRange(0, 9), 1, 40).Draw(rt, "steps")
		pauses := rapid.SliceOfN(rapid.IntRange(1, 1000), len(steps), len(steps)).Draw(rt, "pauses")
		var failure string
		withRig(t, absfake.Config{Release: release, AccessTTL: life, LimiterMax: -1}, func(r *rig) {
			var served atomic.Bool
			slow := func(c *Config) { c.Vault = slowDisk{r.vault, sync} }
			r.serve(&served, slow)
			for i, step := range steps {
				time.Sleep(time.Duration(pauses[i]) * life / 300)
				switch step {
				case 0:
					r.s.Wake("link up")
				case 1:
					r.serve(&served, slow)
				case 2, 3:
					served.Store(!served.Load())
				default:
					ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
					began := time.Now()
					token, err := r.s.Token(ctx)
					cancel()
					// Repair of a slot, intent and pair are two syncs each.
					if d := time.Since(began); err != nil || d > 3*time.Second+6*sync || !r.accepted(token) {
						failure = "waited " + d.String()
						if err != nil {
							failure += ": " + err.Error()
						}
						return
					}
				}
			}
		})
		if failure != "" {
			rt.Fatal(failure)
		}
	})
}

// A player of a release that repeats no answers meets each way in which the
// answer of its renewal can be lost, on a server with a limit of ten: it is
// served before it gives up.
func TestALostAnswerThatAPlayerWaitsFor(t *testing.T) {
	for _, c := range []struct {
		desc   string
		faults []absfake.Fault
		logins int
	}{
		{"cut after the server's write", []absfake.Fault{{Kind: absfake.LoseAnswer, Path: "/auth/refresh", Times: 1}}, 1},
		{"cut before it", []absfake.Fault{{Kind: absfake.Refuse, Path: "/auth/refresh", Times: 1}}, 0},
		{"silence before it", []absfake.Fault{{Kind: absfake.Stall, Path: "/auth/refresh", Times: 1}}, 0},
		{"a gateway's 504 after it", []absfake.Fault{{Kind: absfake.Answer, Status: 504, Handled: true, Path: "/auth/refresh", Times: 1}}, 1},
	} {
		for _, release := range []absfake.Release{absfake.R2263, absfake.R2332} {
			withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour, LimiterMax: 10}, func(r *rig) {
				var served atomic.Bool
				r.serve(&served, asItIs)
				time.Sleep(3 * time.Hour)
				for _, f := range c.faults {
					r.fake.Inject(f)
				}
				began := time.Now()
				r.mustToken()
				if d := time.Since(began); d > 9*time.Second {
					t.Errorf("%s, %s: waited %v", c.desc, release, d)
				}
				if n := r.snapshot().PasswordLogins; n != c.logins {
					t.Errorf("%s, %s: %d password sign-ins", c.desc, release, n)
				}
			})
		}
	}
}

// Tokens of a minute on a disk that needs five seconds for a sync, and a player
// that asks every ten seconds: it is always served, since the renewal begins as
// early as it takes long.
func TestShortTokensOnASlowDisk(t *testing.T) {
	for _, c := range []struct {
		limit int
		sync  time.Duration
	}{{0, 2500 * time.Millisecond}, {0, 5 * time.Second}, {-1, 5 * time.Second}, {0, 7500 * time.Millisecond}, {-1, 7500 * time.Millisecond}} {
		withRig(t, absfake.Config{AccessTTL: time.Minute, LimiterMax: c.limit}, func(r *rig) {
			var served atomic.Bool
			served.Store(true)
			r.serve(&served, func(cfg *Config) { cfg.Vault = slowDisk{r.vault, c.sync} })
			// The first renewal tells how long one takes, and the share of a limit
			// of 40 is eight in eleven minutes.
			for i := range 24 {
				time.Sleep(10 * time.Second)
				ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
				_, err := r.s.Token(ctx)
				cancel()
				if err != nil && i > 6 {
					t.Errorf("limit %d, %v a sync, request %d: %v", c.limit, c.sync, i, err)
				}
			}
		})
	}
}
