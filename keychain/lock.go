package keychain

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/durable"
)

// lockPoll is how often a lock that another process holds is tried again. No
// system call waits for a file lock with a deadline.
const lockPoll = 50 * time.Millisecond

// vaultLock is the file whose lock covers what no account owns: making the key,
// the marker, the file of larger secrets.
const vaultLock = "vault.lock"

// Acquire takes the account's lock, within this process and across processes
// that use the same directory, and waits for it as long as ctx allows. A dying
// process loses its locks. release may be called more than once. Hold it for one
// attempt, never across a pause. With the Memory backend the lock is this
// vault's only.
func (v *Vault) Acquire(ctx context.Context, account string) (release func(), err error) {
	a, err := v.account(account)
	if err != nil {
		return nil, err
	}
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := a.lock.enter(ctx); err != nil {
		return nil, fmt.Errorf("lock account %s: %w", account, err)
	}
	unlock, err := v.lockFile(ctx, "lock."+fileName(account))
	if err != nil {
		a.lock.leave()
		return nil, fmt.Errorf("lock account %s: %w", account, err)
	}
	return sync.OnceFunc(func() {
		unlock()
		a.lock.leave()
	}), nil
}

// lockFile takes the lock on a file of the vault's directory. The file stays:
// deleting it would let two processes hold two files of one name.
func (v *Vault) lockFile(ctx context.Context, name string) (unlock func(), err error) {
	if v.disk == nil {
		return func() {}, nil
	}
	if err := v.disk.ensure(); err != nil {
		return nil, err
	}
	if err := durable.Regular(filepath.Join(v.disk.dir, name)); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(v.disk.dir, name))
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	return func() {
		if err := l.Close(); err != nil {
			v.log.Warn("release lock", "file", name, "reason", err.Error())
		}
	}, nil
}
