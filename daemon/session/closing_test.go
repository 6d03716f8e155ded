package session

import (
	"testing"
	"testing/synctest"
	"time"

	"shelfkeeper/daemon/absfake"
)

// The program is asked to end while a renewal is under way: it waits for an answer
// that takes its time, and for a slow disk, so that the next start finds the pair.
func TestCloseWaitsForARenewal(t *testing.T) {
	for _, c := range []struct {
		desc   string
		answer time.Duration // how long the server takes
		sync   time.Duration // how long the disk takes for one of two syncs
		least  time.Duration // that Close takes
		most   time.Duration
	}{
		{"a slow answer", 8 * time.Second, 0, 6 * time.Second, 9 * time.Second},
		{"a slow disk", time.Second, 5 * time.Second, 9 * time.Second, 12 * time.Second},
		{"both", 8 * time.Second, 4 * time.Second, 13 * time.Second, 18 * time.Second},
		{"an answer that never comes", 24 * time.Hour, 0, 9 * time.Second, 11 * time.Second},
	} {
		withRig(t, absfake.Config{Release: absfake.R2332, AccessTTL: time.Hour}, func(r *rig) {
			r.s.Close()
			r.startWith(func(cfg *Config) { cfg.Vault = slowDisk{r.vault, c.sync} })
			r.fake.Inject(absfake.Fault{Kind: absfake.Stall, Path: "/auth/refresh", After: c.answer, Times: 1})
			time.Sleep(dueAfter + 2*c.sync + 500*time.Millisecond) // the intent is written
			synctest.Wait()
			began := time.Now()
			r.s.Close()
			if d := time.Since(began); d < c.least || d > c.most {
				t.Errorf("%s: it ended after %v", c.desc, d)
			}
			r.start()
			before := r.fake.Ledger().Totals().Auth
			r.mustToken()
			rotations := len(r.fake.Ledger().Rotations("demo"))
			if c.answer < time.Hour && (rotations != 1 || r.fake.Ledger().Totals().Auth != before) {
				t.Errorf("%s: %d rotations, %d more requests\n%s", c.desc, rotations, r.fake.Ledger().Totals().Auth-before, r.log)
			}
			if n := r.snapshot().PasswordLogins; n > 0 {
				t.Errorf("%s: the session was lost", c.desc)
			}
		})
	}
}
