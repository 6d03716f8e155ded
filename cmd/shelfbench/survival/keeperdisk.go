package survival

import (
	"context"

	"shelfkeeper/keychain"
)

// disk is the vault of one process: nothing reaches it while the machine
// sleeps or after the process has died, and writing takes its time.
type disk struct {
	life *life
	*keychain.Vault
}

// Acquire takes the account's lock, which a dying process gives back.
func (d disk) Acquire(ctx context.Context, account string) (func(), error) {
	if err := d.life.awake(); err != nil {
		return nil, err
	}
	release, err := d.Vault.Acquire(context.WithoutCancel(ctx), account)
	if err == nil {
		d.life.owns(release)
	}
	return release, err
}

func (d disk) Load(ctx context.Context, account string) (keychain.Record, error) {
	if err := d.life.awake(); err != nil {
		return keychain.Record{}, err
	}
	return d.Vault.Load(context.WithoutCancel(ctx), account)
}

func (d disk) Commit(ctx context.Context, rec keychain.Record) error {
	if err := d.life.disk(); err != nil {
		return err
	}
	return d.Vault.Commit(context.WithoutCancel(ctx), rec)
}

func (d disk) Settle(ctx context.Context, account string) error {
	if err := d.life.disk(); err != nil {
		return err
	}
	return d.Vault.Settle(context.WithoutCancel(ctx), account)
}

func (d disk) Forget(ctx context.Context, account string) error {
	if err := d.life.disk(); err != nil {
		return err
	}
	return d.Vault.Forget(context.WithoutCancel(ctx), account)
}
