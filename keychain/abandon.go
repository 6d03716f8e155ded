package keychain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"shelfkeeper/daemon/durable"
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
func Abandon(ctx context.Context, dir, account string) (Abandoned, error) {
	return abandon(ctx, dir, []string{account}, func(name string) bool { return belongsTo(name, account) })
}

// AbandonAll is Abandon for every account that the vault in dir tells of and for
// those named, and forgets the vault itself. No account may be in use.
func AbandonAll(ctx context.Context, dir string, accounts ...string) (Abandoned, error) {
	stored, err := Journaled(dir)
	if err != nil {
		return Abandoned{}, err
	}
	signedOut, err := pendingSignOuts(diskFiles{dir: dir})
	if err != nil {
		return Abandoned{}, err
	}
	accounts = slices.Compact(slices.Sorted(slices.Values(slices.Concat(accounts, stored, signedOut))))
	return abandon(ctx, dir, accounts, holdsAccount)
}

// belongsTo reports whether a file of the vault is one account's.
func belongsTo(name, account string) bool {
	for _, prefix := range []string{journalPrefix, setAsidePrefix} {
		if strings.HasPrefix(name, prefix+fileName(account)+".") {
			return true
		}
	}
	return name == markPrefix+fileName(account) || name == itemName(slotItem(account, 0)) || name == itemName(slotItem(account, 1))
}

// holdsAccount reports whether a file of the vault is some account's.
func holdsAccount(name string) bool {
	return name != itemName(keyItem) && slices.ContainsFunc([]string{journalPrefix, setAsidePrefix, itemPrefix, markPrefix},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// abandon removes the files of accounts, which are those that mine reports. If no
// other account has any, the vault is forgotten too.
func abandon(ctx context.Context, dir string, accounts []string, mine func(name string) bool) (a Abandoned, err error) {
	v := newVault(nil)
	v.disk = &diskFiles{dir: dir}
	v.files = v.disk
	for _, account := range accounts {
		release, err := v.Acquire(ctx, account)
		if err != nil {
			return a, fmt.Errorf("forget the account: %w", err)
		}
		defer release()
	}
	unlock, err := v.lockFile(ctx, vaultLock)
	if err != nil {
		return a, fmt.Errorf("forget the account: %w", err)
	}
	defer unlock()
	if err := durable.Regular(filepath.Join(dir, useLock)); err != nil {
		return a, fmt.Errorf("forget the account: %w", err)
	}
	v.use = flock.New(filepath.Join(dir, useLock))
	defer v.endUse()
	alone, err := v.use.TryLock()
	if err == nil {
		if a.Backend, err = v.remembered(); errors.Is(err, ErrUnreadable) {
			a.Backend, err = OS, nil // it may be, and the marks do no harm
		}
	}
	if err == nil {
		err = v.erase(accounts, mine, alone, &a)
	}
	if err != nil {
		return a, fmt.Errorf("forget the account: %w", err)
	}
	return a, nil
}

func (v *Vault) erase(accounts []string, mine func(string) bool, alone bool, a *Abandoned) error {
	if a.Backend == OS {
		for _, account := range accounts {
			if err := v.files.write(abandonedPrefix+fileName(account), []byte(account)); err != nil {
				return err
			}
			a.Keychain = append(a.Keychain, slotItem(account, 0), slotItem(account, 1))
		}
	}
	all, err := v.files.list("")
	if err != nil {
		return err
	}
	a.Vault = alone && !slices.ContainsFunc(all, func(name string) bool { return holdsAccount(name) && !mine(name) })
	for _, name := range all {
		if mine(name) || a.Vault && strings.HasPrefix(name, sealedPrefix) {
			a.Files = append(a.Files, name)
		}
	}
	for _, name := range []string{itemName(keyItem), identityName, markerName} { // in this order, see Dissolve
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
