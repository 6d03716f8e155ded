package keychain

import (
	"context"
	"errors"
	"fmt"
)

// Load returns the account's newest record: the highest valid generation of
// both slots and the journal. ErrNotFound means that all could be read and there
// is none, or that the user signed out. A condition error says nothing about
// what is stored. When the journal can be read, slots that cannot are no error.
func (v *Vault) Load(ctx context.Context, account string) (Record, error) {
	r, err := v.LoadAny(ctx, account)
	if err == nil && r.Tombstone {
		return Record{}, fmt.Errorf("load %s: %w: signed out", account, ErrNotFound)
	}
	return r, err
}

// LoadAny is Load that returns a tombstone too.
func (v *Vault) LoadAny(ctx context.Context, account string) (Record, error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return Record{}, err
	}
	defer done()
	a, err := v.account(account)
	if err != nil {
		return Record{}, err
	}
	e, err := v.newest(ctx, a)
	if err != nil {
		return Record{}, fmt.Errorf("load %s: %w", account, err)
	}
	return e.Record, nil
}

// newest returns the newest record there is, tombstones included.
func (v *Vault) newest(ctx context.Context, a *account) (entry, error) {
	k, err := v.obtainKey(ctx, false)
	if err != nil {
		return entry{}, err
	}
	if err := a.disk.enter(ctx); err != nil {
		return entry{}, err
	}
	best, err := v.readJournal(a, k)
	a.disk.leave()
	found := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return entry{}, err
	}
	slots, err := v.knownSlots(ctx, a, found)
	if err != nil {
		return entry{}, err
	}
	for i, s := range slots {
		if errors.Is(s.err, ErrNewer) {
			return entry{}, fmt.Errorf("keychain item %s: %w", slotItem(a.name, i), s.err)
		}
		if s.valid && (!found || s.rec.order(best) > 0) {
			best, found = s.rec, true
		}
	}
	if !found {
		return entry{}, ErrNotFound
	}
	return best, nil
}

// Commit makes r the account's newest record: when it returns nil, r is durable
// in the journal and was read back. r replaces a record of a lower generation,
// or of the same generation and lineage (an intent, a refused password); for
// anything else Commit returns ErrStale. Call it with the account's lock held
// (Acquire). On any error the record before r is still the newest, but for a
// failed sync of the directory, after which it may be either.
//
// The keychain is needed only for the very first record, which makes the key.
func (v *Vault) Commit(ctx context.Context, r Record) error {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	if _, err := encodeRecord(r, 0); err != nil {
		return fmt.Errorf("commit %s: %w", r.Account, err)
	}
	a, err := v.account(r.Account)
	if err != nil {
		return err
	}
	if err := v.commit(ctx, a, r); err != nil {
		return fmt.Errorf("commit %s: %w", r.Account, err)
	}
	return nil
}

func (v *Vault) commit(ctx context.Context, a *account, r Record) error {
	before, err := v.newest(ctx, a)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	k, err := v.obtainKey(ctx, true)
	if err != nil {
		return err
	}
	if err := v.remember(ctx); err != nil {
		return err
	}
	if err := a.disk.enter(ctx); err != nil {
		return err
	}
	defer a.disk.leave()
	// Another goroutine may have committed since.
	j, err := v.readJournal(a, k)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil && j.order(before) > 0 {
		before = j
	}
	seq, err := follows(r, before)
	if err != nil {
		return err
	}
	e, err := encodeRecord(r, seq)
	if err != nil {
		return err
	}
	return v.writeJournal(a, k, e)
}

// follows returns the sequence number of r after the record before it, or
// ErrStale.
func follows(r Record, before entry) (uint64, error) {
	switch {
	case r.Generation > before.Generation:
		return 0, nil
	case r.Generation < before.Generation:
		return 0, fmt.Errorf("%w: generation %d, not %d", ErrStale, before.Generation, r.Generation)
	case before.Tombstone:
		return 0, fmt.Errorf("%w: generation %d is signed out", ErrStale, before.Generation)
	case r.Lineage != before.Lineage:
		return 0, fmt.Errorf("%w: generation %d comes from another sign-in", ErrStale, before.Generation)
	}
	return before.seq + 1, nil
}
