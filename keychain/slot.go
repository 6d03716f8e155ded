package keychain

import (
	"context"
	"errors"
	"fmt"
)

// slot is what is known of one keychain item of an account.
type slot struct {
	known bool  // it was read, or written and read back
	valid bool  // it holds rec
	rec   entry // the record
	err   error // ErrCorrupt or ErrNewer, when it holds something else
}

func slotOf(value, account string) slot {
	e, err := decodeRecord(value, account)
	return slot{known: true, valid: err == nil, rec: e, err: err}
}

// pendingLocked reports whether the slots lag behind the journal. The vault's
// mutex must be held.
func (a *account) pendingLocked() bool {
	return a.journal.Generation > 0 && !settled(a.slots, a.journal)
}

// settled reports whether the slots are as they should be for the journal's
// record: one of them holds it; after a sign-out the other is gone.
func settled(slots [2]slot, j entry) bool {
	for i, s := range slots {
		if s.valid && sameButIntent(s.rec, j) {
			other := slots[1-i]
			return !j.Tombstone || other.known && !other.valid && other.err == nil
		}
	}
	return false
}

// knownSlots returns the slots. It reads them the first time; when that fails
// and enough is false, the error says why.
func (v *Vault) knownSlots(ctx context.Context, a *account, enough bool) ([2]slot, error) {
	v.mu.Lock()
	slots, tried := a.slots, a.tried
	v.mu.Unlock()
	if slots[0].known && slots[1].known || enough && tried {
		return slots, nil
	}
	err := a.item.enterKeychain(ctx)
	if err == nil {
		slots, err = v.readSlots(ctx, a)
		a.item.leave()
	}
	if err != nil && enough && ctx.Err() == nil {
		return slots, nil // the journal has the newest record anyway
	}
	return slots, err
}

// readSlots reads the slots not yet known. The account's item gate must be held.
func (v *Vault) readSlots(ctx context.Context, a *account) ([2]slot, error) {
	v.mu.Lock()
	slots := a.slots
	v.mu.Unlock()
	var failed error
	for i := range slots {
		if slots[i].known {
			continue
		}
		value, err := v.store.get(ctx, slotItem(a.name, i))
		switch {
		case err == nil:
			slots[i] = slotOf(value, a.name)
		case errors.Is(err, ErrNotFound):
			slots[i] = slot{known: true}
		default:
			failed = fmt.Errorf("read keychain item %s: %w", slotItem(a.name, i), err)
		}
		if failed != nil {
			break
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	a.slots = slots
	if failed == nil || ctx.Err() == nil { // a caller that went away says nothing about the keychain
		a.tried, a.slotErr = true, failed
	}
	return slots, failed
}

// writeSlot puts e into a slot and proves it by reading it back. The account's
// item gate must be held.
func (v *Vault) writeSlot(ctx context.Context, a *account, i int, e entry) error {
	item := slotItem(a.name, i)
	// From here on the slot may hold anything, whatever the call answers.
	v.setSlot(a, i, slot{})
	reached("slot-write")
	if err := v.store.set(ctx, item, e.raw); err != nil {
		return fmt.Errorf("write keychain item %s: %w", item, err)
	}
	reached("slot-written")
	back, err := v.store.get(ctx, item)
	if err != nil {
		return fmt.Errorf("read keychain item %s back: %w", item, err)
	}
	if back != e.raw {
		return fmt.Errorf("read keychain item %s back: %w: it is not what was written", item, ErrCorrupt)
	}
	v.setSlot(a, i, slot{known: true, valid: true, rec: e})
	reached("slot-read-back")
	return nil
}

// clearSlot deletes a slot and proves it. The account's item gate must be held.
func (v *Vault) clearSlot(ctx context.Context, a *account, i int) error {
	item := slotItem(a.name, i)
	v.setSlot(a, i, slot{})
	if err := v.store.delete(ctx, item); err != nil {
		return fmt.Errorf("delete keychain item %s: %w", item, err)
	}
	reached("slot-deleted")
	if _, err := v.store.get(ctx, item); !errors.Is(err, ErrNotFound) {
		if err == nil {
			err = fmt.Errorf("%w: it is still there", ErrCorrupt)
		}
		return fmt.Errorf("delete keychain item %s: %w", item, err)
	}
	v.setSlot(a, i, slot{known: true})
	return nil
}

func (v *Vault) setSlot(a *account, i int, s slot) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a.slots[i] = s
}

// oldest returns the slot to write next: one without a valid record, else the
// older one. A slot of a newer version is never chosen.
func oldest(slots [2]slot) (int, error) {
	for _, s := range slots {
		if errors.Is(s.err, ErrNewer) {
			return 0, s.err
		}
	}
	switch {
	case !slots[0].valid:
		return 0, nil
	case !slots[1].valid:
		return 1, nil
	case slots[1].rec.order(slots[0].rec) < 0:
		return 1, nil
	}
	return 0, nil
}
