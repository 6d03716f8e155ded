package keychain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// abandonedPrefix opens the names of marks: abandoned.<account>, with the
// account's name as content. A mark says that the desktop's keychain, which
// could not be asked, may still hold secrets of an account that was forgotten.
const abandonedPrefix = "abandoned."

// Abandoned says what Abandon forgot.
type Abandoned struct {
	Backend  Backend
	Files    []string // what was removed from the vault's directory
	Keychain []string // items that may still be in the desktop's keychain
	Vault    bool     // nothing else was in the vault, which is forgotten too
}

// Abandon forgets an account without its keychain or passphrase: it opens
// nothing, so it cannot tell the server. What the desktop's keychain holds stays
// there until Finish meets a keychain that answers. It is for the user's explicit
// act only, when the keychain or the passphrase is gone for good.
func Abandon(ctx context.Context, dir, account string) (a Abandoned, err error) {
	v := newVault(nil)
	v.disk = &diskFiles{dir: dir}
	v.files = v.disk
	if a.Backend, err = v.remembered(); err != nil {
		return a, fmt.Errorf("forget %s: %w", account, err)
	}
	release, err := v.Acquire(ctx, account)
	if err != nil {
		return a, fmt.Errorf("forget %s: %w", account, err)
	}
	defer release()
	unlock, err := v.lockFile(ctx, vaultLock)
	if err != nil {
		return a, fmt.Errorf("forget %s: %w", account, err)
	}
	defer unlock()
	if err := v.abandon(account, &a); err != nil {
		return a, fmt.Errorf("forget %s: %w", account, err)
	}
	return a, nil
}

func (v *Vault) abandon(account string, a *Abandoned) error {
	if a.Backend == OS {
		if err := v.files.write(abandonedPrefix+fileName(account), []byte(account)); err != nil {
			return err
		}
		a.Keychain = []string{slotItem(account, 0), slotItem(account, 1)}
	}
	all, err := v.files.list("")
	if err != nil {
		return err
	}
	mine := func(name string) bool {
		return strings.HasPrefix(name, journalPrefix+fileName(account)+".") || strings.HasPrefix(name, setAsidePrefix+fileName(account)+".") ||
			name == itemName(slotItem(account, 0)) || name == itemName(slotItem(account, 1)) || name == markPrefix+fileName(account)
	}
	key := itemName(keyItem)
	others := func(name string) bool {
		return !mine(name) && name != key && slices.ContainsFunc([]string{journalPrefix, setAsidePrefix, itemPrefix, markPrefix},
			func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
	a.Vault = !slices.ContainsFunc(all, others)
	for _, name := range all {
		if mine(name) || a.Vault && strings.HasPrefix(name, sealedPrefix) {
			a.Files = append(a.Files, name)
		}
	}
	for _, name := range []string{key, identityName, markerName} { // in this order, see Dissolve
		if a.Vault && slices.Contains(all, name) {
			a.Files = append(a.Files, name)
		}
	}
	for _, name := range a.Files {
		if err := v.files.remove(name); err != nil {
			return err
		}
		reached("abandoning")
	}
	return nil
}

// abandoned lists the accounts that were forgotten without their keychain.
func abandoned(f files) ([]string, error) { return marked(f, abandonedPrefix) }

// marked returns the accounts that have a mark.
func marked(f files, prefix string) (accounts []string, err error) {
	names, err := f.list(prefix)
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

// finishAbandoned deletes what the desktop's keychain still holds of an account
// that was forgotten without it. After another sign-in under the same name the
// items are that one's.
func (v *Vault) finishAbandoned(ctx context.Context, name string) error {
	release, err := v.Acquire(ctx, name)
	if err != nil {
		return err
	}
	defer release()
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	a, err := v.account(name)
	if err != nil {
		return err
	}
	journals, err := v.files.list(journalPrefix + fileName(name) + ".")
	if err != nil {
		return err
	}
	if len(journals) == 0 {
		if err := a.item.enterKeychain(ctx); err != nil {
			return err
		}
		defer a.item.leave()
		for i := range slotNames {
			if err := v.clearSlot(ctx, a, i); err != nil {
				return fmt.Errorf("forget %s: %w", name, err)
			}
		}
	}
	return v.files.remove(abandonedPrefix + fileName(name))
}
