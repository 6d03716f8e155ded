package keychain

import (
	"context"
	"errors"
	"fmt"
)

// Settle brings the keychain up to the journal: it writes the journal's record
// into the older or invalid slot and reads it back; after a sign-out it also
// deletes the other slot. A key that the keychain has lost is stored again. nil
// means that the keychain holds the record and the key. An error
// wraps ErrSlotPending and its cause; the record is safe in the journal, and
// Settle may be called again at any time. It does not need the account's lock: a
// late write of an older generation is harmless.
func (v *Vault) Settle(ctx context.Context, account string) error {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	a, err := v.account(account)
	if err != nil {
		return err
	}
	k, err := v.obtainKey(ctx, false)
	if err != nil {
		return fmt.Errorf("settle: %w", pendingError(account, err))
	}
	if err := a.disk.enter(ctx); err != nil {
		return fmt.Errorf("settle: %w", pendingError(account, err))
	}
	j, err := v.readJournal(a, k)
	a.disk.leave()
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("settle %s: %w", account, err)
	}
	if err := a.item.enterKeychain(ctx); err != nil {
		return fmt.Errorf("settle: %w", pendingError(account, err))
	}
	defer a.item.leave()
	if err = v.settle(ctx, a, j); err == nil {
		err = v.keepKey(ctx, k)
	}
	v.mu.Lock()
	if err == nil || ctx.Err() == nil {
		a.slotErr = err
	}
	v.mu.Unlock()
	if err != nil {
		return fmt.Errorf("settle: %w", pendingError(account, err))
	}
	return nil
}

func (v *Vault) settle(ctx context.Context, a *account, j entry) error {
	// What was read before is not believed: another process may have written
	// since, overwriting the newer slot would leave a moment in which the
	// keychain has neither, and a call that was given up may still have written.
	v.mu.Lock()
	a.slots = [2]slot{}
	v.mu.Unlock()
	slots, err := v.readSlots(ctx, a)
	if err != nil {
		return err
	}
	holder := -1
	for i, s := range slots {
		switch {
		case s.valid && s.rec.order(j) > 0:
			return fmt.Errorf("%w: keychain item %s has generation %d, the journal %d",
				ErrStale, slotItem(a.name, i), s.rec.Generation, j.Generation)
		case s.valid && sameButIntent(s.rec, j):
			holder = i
		}
	}
	if holder < 0 {
		if holder, err = oldest(slots); err != nil {
			return err
		}
		if err := v.writeSlot(ctx, a, holder, j); err != nil {
			return err
		}
	}
	other := slots[1-holder]
	switch {
	case !j.Tombstone || !other.valid && other.err == nil:
		return nil
	case errors.Is(other.err, ErrNewer):
		return other.err
	}
	return v.clearSlot(ctx, a, 1-holder)
}
