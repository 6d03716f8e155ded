package keychain

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/durable"
)

// useLock is the file whose lock all open File vaults of a directory share. Who
// has it alone may take the vault's identity away.
const useLock = "use.lock"

// shareUse tells other processes that this vault is open.
func (v *Vault) shareUse(ctx context.Context) error {
	if err := durable.Regular(filepath.Join(v.disk.dir, useLock)); err != nil {
		return fmt.Errorf("share the vault: %w", err)
	}
	v.use = flock.New(filepath.Join(v.disk.dir, useLock))
	if _, err := v.use.TryRLockContext(ctx, lockPoll); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("share the vault: %w", err)
	}
	return nil
}

// useAlone reports whether no other vault is open on the directory, and keeps
// others from being opened if so. Otherwise the vault goes on being shared.
func (v *Vault) useAlone(ctx context.Context) (bool, error) {
	if v.use == nil {
		return true, nil
	}
	// One lock cannot become the other in one step on every system.
	if err := v.use.Unlock(); err != nil {
		return false, err
	}
	if alone, err := v.use.TryLock(); alone || err != nil {
		return alone, err
	}
	return false, v.shareUse(ctx)
}

func (v *Vault) endUse() {
	if v.use == nil {
		return
	}
	if err := v.use.Close(); err != nil {
		v.log.Warn("release lock", "file", useLock, "reason", err.Error())
	}
	v.use = nil
}
