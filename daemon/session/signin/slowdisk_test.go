package signin

import (
	"context"
	"testing"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/absfake"
	"shelfkeeper/keychain"
)

// slow is a vault on a disk that takes long for each write.
type slow struct {
	*keychain.Vault
	write time.Duration
}

func (v slow) Commit(ctx context.Context, rec keychain.Record) error {
	time.Sleep(v.write)
	return v.Vault.Commit(ctx, rec)
}

func (v slow) Settle(ctx context.Context, account string) error {
	time.Sleep(v.write)
	return v.Vault.Settle(ctx, account)
}

// However slow the disk is, the session that a sign-in replaces is ended on the
// server, and so is one that cannot be kept.
func TestSupersededSessionEndsOnASlowDisk(t *testing.T) {
	for _, write := range []time.Duration{0, 3 * time.Second, 5 * time.Second, 10 * time.Second} {
		withBench(t, absfake.Config{}, func(r *bench) {
			in, done := r.by(demo, slow{r.vault, write}, "home")
			defer done()
			in.Again = func() (*absapi.Client, func()) {
				conn := r.up.Private()
				return absapi.New(conn, r.up.Base()), conn.Close
			}
			before, err := r.vault.Load(r.Context(), "home")
			if err != nil {
				t.Fatal(err)
			}
			result, err := in.Do(r.Context())
			if err != nil {
				t.Fatal(err)
			}
			conn := r.up.Private()
			defer conn.Close()
			if _, err := absapi.New(conn, r.up.Base()).Refresh(r.Context(), before.Refresh); absapi.VerdictOf(err) != absapi.RefreshInvalid {
				t.Errorf("a write of %v: the replaced session answers %v", write, err)
			}
			if !r.accepted(result.Pair.Access.Secret) {
				t.Error("the new one is no use")
			}
		})
	}
}
