package keychain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

func pendingSignOuts(f files) (accounts []string, err error) {
	names, err := f.list(markPrefix)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := f.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // finished meanwhile
		}
		if err != nil {
			return accounts, err
		}
		if checkAccount(string(data)) == nil {
			accounts = append(accounts, string(data))
		}
	}
	return accounts, nil
}

// PendingSignOuts returns the accounts of the vault in dir that were signed out of while
// the keychain could not be cleaned. It opens nothing and asks for nothing.
func PendingSignOuts(dir string) ([]string, error) { return pendingSignOuts(diskFiles{dir: dir}) }

// Finish cleans the keychain after sign-outs that could not. nil means that
// nothing is left. It raises no prompt unless the context says so, and may be
// called at any time.
func (v *Vault) Finish(ctx context.Context) error {
	accounts, err := pendingSignOuts(v.files)
	if err != nil {
		return fmt.Errorf("look for sign-outs to finish: %w", err)
	}
	errs := make([]error, len(accounts))
	for i, account := range accounts {
		errs[i] = v.finish(ctx, account)
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
