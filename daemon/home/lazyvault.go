package home

import (
	"context"

	"shelfkeeper/keychain"
)

// lazyVault lets a session start before the vault is open: the first call opens
// it, in the session's own goroutine and time.
type lazyVault struct{ home *Home }

func (v lazyVault) Acquire(ctx context.Context, account string) (func(), error) {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return nil, err
	}
	return vault.Acquire(ctx, account)
}

func (v lazyVault) Load(ctx context.Context, account string) (keychain.Record, error) {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return keychain.Record{}, err
	}
	return vault.Load(ctx, account)
}

func (v lazyVault) Commit(ctx context.Context, rec keychain.Record) error {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return err
	}
	return vault.Commit(ctx, rec)
}

func (v lazyVault) Settle(ctx context.Context, account string) error {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return err
	}
	return vault.Settle(ctx, account)
}

func (v lazyVault) Forget(ctx context.Context, account string) error {
	vault, err := v.home.openVault(ctx, "")
	if err != nil {
		return err
	}
	return vault.Forget(ctx, account)
}
