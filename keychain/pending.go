package keychain

import (
	"context"
	"errors"
	"fmt"
)

// markPrefix opens the names of marks: owed.<account>, with the account's name
// as content. A mark says that the keychain may still hold secrets of an account
// that the user signed out of. It is written before the tombstone, so that a
// crash in between leaves no secret that nobody remembers.
const markPrefix = "owed."

func (v *Vault) markSignOut(account string) error {
	return v.files.write(markPrefix+fileName(account), []byte(account))
}

func (v *Vault) removeMark(account string) error {
	return v.files.remove(markPrefix + fileName(account))
}

func pendingSignOuts(f files) ([]string, error) { return marked(f, markPrefix) }

// PendingSignOuts returns the accounts of the vault in dir of which the keychain
// may hold something though the user signed out. It opens nothing and asks for
// nothing.
func PendingSignOuts(dir string) ([]string, error) {
	v := newVault(nil)
	v.files = diskFiles{dir: dir}
	accounts, err := pendingSignOuts(v.files)
	if err != nil {
		return nil, err
	}
	if backend, err := v.remembered(); err != nil || backend != OS {
		return accounts, nil // what was abandoned lies in the desktop's keychain
	}
	more, err := abandoned(v.files)
	return append(accounts, more...), err
}

// Finish cleans the keychain after sign-outs that could not. nil means that
// nothing is left. It raises no prompt unless the context says so, and may be
// called at any time.
func (v *Vault) Finish(ctx context.Context) error {
	var errs []error
	accounts, err := pendingSignOuts(v.files)
	if err != nil {
		return fmt.Errorf("look for sign-outs to finish: %w", err)
	}
	for _, account := range accounts {
		errs = append(errs, v.finish(ctx, account))
	}
	if v.backend == OS {
		if accounts, err = abandoned(v.files); err != nil {
			return fmt.Errorf("look for sign-outs to finish: %w", err)
		}
		for _, account := range accounts {
			errs = append(errs, v.finishAbandoned(ctx, account))
		}
	}
	return errors.Join(errs...)
}

// finish holds the account's lock, so that a sign-out that begins now does not
// lose its mark.
func (v *Vault) finish(ctx context.Context, account string) error {
	release, err := v.Acquire(ctx, account)
	if err != nil {
		return err
	}
	defer release()
	if err := v.Settle(ctx, account); err != nil {
		return fmt.Errorf("finish signing out: %w", err)
	}
	if rec, err := v.LoadAny(ctx, account); err == nil && rec.Tombstone {
		if err := v.removeSetAside(account); err != nil {
			return fmt.Errorf("finish signing out: %w", err)
		}
	}
	if err := v.removeMark(account); err != nil {
		return fmt.Errorf("finish signing out: %w", err)
	}
	v.log.Info("the keychain holds nothing of a signed-out account any more", "account", account)
	return nil
}
