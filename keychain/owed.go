package keychain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// owedPrefix opens the names of marks: owed.<account>, with the account's name
// in it. A mark says that the keychain may still hold what the user signed out
// of. It is written before the tombstone, so that no crash in between leaves a
// secret that nobody remembers.
const owedPrefix = "owed."

func (v *Vault) owe(account string) error {
	return v.files.write(owedPrefix+fileName(account), []byte(account))
}

func (v *Vault) paid(account string) error {
	return v.files.remove(owedPrefix + fileName(account))
}

func owed(f files) (accounts []string, err error) {
	names, err := f.list(owedPrefix)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := f.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // paid meanwhile
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

// Owed returns the accounts of the vault in dir that were signed out of while
// the keychain could not be cleaned. It opens nothing and asks for nothing.
func Owed(dir string) ([]string, error) { return owed(diskFiles{dir: dir}) }

// Finish cleans the keychain after sign-outs that could not. nil means that
// nothing is left. It raises no prompt unless the context says so, and may be
// called at any time.
func (v *Vault) Finish(ctx context.Context) error {
	accounts, err := owed(v.files)
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
	if err := v.paid(account); err != nil {
		return fmt.Errorf("finish signing out: %w", err)
	}
	v.log.Info("the keychain holds nothing of a signed-out account any more", "account", account)
	return nil
}
