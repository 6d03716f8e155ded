package keychain

import (
	"context"
	"errors"
)

// condition returns what the vault would log now.
func (v *Vault) condition() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.conditionLocked()
}

// nextGeneration returns the generation that a new sign-in of the account takes:
// one above everything stored, tombstones included.
func (v *Vault) nextGeneration(ctx context.Context, account string) (uint64, error) {
	r, err := v.LoadAny(ctx, account)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, err
	}
	return r.Generation + 1, nil
}
