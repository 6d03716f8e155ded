package keychain

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"
)

// tryItem is an item that holds nothing, beside those of accounts.
const tryItem = "round-trip"

// Try writes an item without meaning, reads it back and deletes it, and returns how
// long that took. It raises no prompt. The errors are those of every other call.
func (v *Vault) Try(ctx context.Context) (time.Duration, error) {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	begun, wrote := time.Now(), rand.Text()
	if err := v.store.set(ctx, tryItem, wrote); err != nil {
		return 0, fmt.Errorf("write to the keychain: %w", err)
	}
	read, err := v.store.get(ctx, tryItem)
	if err == nil && read != wrote {
		err = fmt.Errorf("%w: what was written came back changed", ErrCorrupt)
	}
	if gone := v.store.delete(ctx, tryItem); err == nil {
		err = gone
	}
	if err != nil {
		return 0, fmt.Errorf("read from the keychain: %w", err)
	}
	return time.Since(begun), nil
}
