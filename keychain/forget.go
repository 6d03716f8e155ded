package keychain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Forget signs the account out: a tombstone of the next generation becomes
// durable before anything is deleted, so nothing stale can come back. It is for
// the user's explicit act only. Call it with the account's lock held.
//
// nil means that no secret of the account is left. ErrSlotPending means that the
// sign-out is durable, but the keychain could not be cleaned yet; Finish does
// that later, in this process or another. Any other error means that nothing
// happened. Journals that cannot be read are erased too.
func (v *Vault) Forget(ctx context.Context, account string) error {
	if _, err := v.SetAside(ctx, account); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	if err := v.commitTombstone(ctx, account); err != nil {
		return fmt.Errorf("forget %s: %w", account, err)
	}
	if err := v.removeSetAside(account); err != nil {
		return fmt.Errorf("forget: %w", pendingError(account, err))
	}
	if err := v.Settle(ctx, account); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	if err := v.removeMark(account); err != nil {
		v.log.Warn("the mark of a sign-out stays", "account", account, "reason", err.Error()) // it only costs a look at the next start
	}
	return nil
}

// commitTombstone commits the tombstone, unless there is one or nothing to forget.
func (v *Vault) commitTombstone(ctx context.Context, name string) error {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	a, err := v.account(name)
	if err != nil {
		return err
	}
	e, err := v.newest(ctx, a)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := v.markSignOut(name); err != nil {
		return err
	}
	reached("sign-out-marked")
	v.mu.Lock()
	inJournal := a.journal.Generation == e.Generation
	v.mu.Unlock()
	if e.Tombstone && inJournal {
		return nil
	}
	return v.commit(ctx, a, Record{Lineage: e.Lineage, Generation: e.Generation + 1, Account: name, Tombstone: true})
}

// SetAside renames the account's journals that cannot be read, so that the user
// can sign in again, and returns the new names. They are kept, since the key may
// come back. It is for the user's explicit act only; call it with the account's
// lock held. When the keychain is locked or the like, the error says so and
// nothing is moved: such a journal is not known to be unreadable.
func (v *Vault) SetAside(ctx context.Context, account string) ([]string, error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	a, err := v.account(account)
	if err != nil {
		return nil, err
	}
	k, err := v.obtainKey(ctx, false)
	if err != nil {
		return nil, err
	}
	if err := a.disk.enter(ctx); err != nil {
		return nil, err
	}
	defer a.disk.leave()
	var moved []string
	for {
		_, err := v.readJournal(a, k)
		if err == nil || errors.Is(err, ErrNotFound) {
			return moved, nil
		}
		if !errors.Is(err, ErrUnreadable) {
			return moved, err
		}
		name, err := v.moveAside(account, k)
		if err != nil {
			return moved, fmt.Errorf("set the journal of %s aside: %w", account, err)
		}
		moved = append(moved, name)
		v.log.Warn("unreadable journal set aside", "account", account, "file", name)
	}
}

// moveAside renames the journal that openJournal found unreadable.
func (v *Vault) moveAside(account string, k *sealKey) (string, error) {
	names, err := v.files.list(journalPrefix + fileName(account) + ".")
	if err != nil {
		return "", err
	}
	if len(names) == 0 {
		return "", ErrNotFound
	}
	from := names[0]
	for _, name := range names {
		if k != nil && name == journalName(account, k) {
			from = name
		}
	}
	kept, err := v.files.list(setAsidePrefix)
	if err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		to := fmt.Sprintf("%s%s.%d", setAsidePrefix, strings.TrimPrefix(from, journalPrefix), n)
		if !slices.Contains(kept, to) {
			return to, v.files.rename(from, to)
		}
	}
}

// removeSetAside erases the account's journals that were set aside: they may
// become readable again with an old key.
func (v *Vault) removeSetAside(account string) error {
	names, err := v.files.list(setAsidePrefix + fileName(account) + ".")
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := v.files.remove(name); err != nil {
			return fmt.Errorf("erase %s: %w", name, err)
		}
	}
	return nil
}

// setAsidePrefix opens the names of journals that were set aside.
const setAsidePrefix = "unreadable."
