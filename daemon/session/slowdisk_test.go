package session

import (
	"context"
	"testing"
	"time"

	"shelfkeeper/daemon/absfake"
	"shelfkeeper/daemon/health"
	"shelfkeeper/keychain"
)

// slowDisk takes a while for each sync, of which a write needs two.
type slowDisk struct {
	*keychain.Vault
	sync time.Duration
}

func (v slowDisk) Commit(ctx context.Context, rec keychain.Record) error {
	time.Sleep(2 * v.sync)
	return v.Vault.Commit(ctx, rec)
}

func (v slowDisk) Settle(ctx context.Context, account string) error {
	time.Sleep(2 * v.sync)
	return v.Vault.Settle(ctx, account)
}

// Any disk up to five seconds a sync renews: the connection that the preflight
// opened is idle for longer than it lives, so it is opened and tried once more.
func TestRenewalOnASlowDisk(t *testing.T) {
	for _, sync := range []time.Duration{300 * time.Millisecond, 1200 * time.Millisecond, 3 * time.Second, 5 * time.Second} {
		for _, release := range []absfake.Release{absfake.R2263, absfake.R2360} {
			withRig(t, absfake.Config{Release: release, AccessTTL: time.Hour}, func(r *rig) {
				r.s.Close()
				r.startWith(func(c *Config) { c.Vault = slowDisk{r.vault, sync} })
				for range 6 {
					time.Sleep(55 * time.Minute)
					r.mustToken()
				}
				if n := len(r.fake.Ledger().Rotations("demo")); n < 5 || n > 8 {
					t.Errorf("%v on %s: %d rotations\n%s", sync, release, n, r.log)
				}
				if got := r.snapshot(); got.PasswordLogins != 0 {
					t.Errorf("%v on %s: %+v", sync, release, got)
				}
				if v := r.level(); v.Level != health.OK {
					t.Errorf("%v on %s: level %+v", sync, release, v)
				}
				// Lost, it comes back with the password, and the old session is gone.
				r.must(r.fake.EndSessions("demo"))
				time.Sleep(2 * time.Hour)
				r.mustToken()
			})
		}
	}
}
