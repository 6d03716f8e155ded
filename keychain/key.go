package keychain

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Unlock makes sure that the key of the sealed files is in memory, if the
// keychain has one. Under WithPrompt it may raise the keychain's prompt. It
// returns nil or why the key cannot be had; every other method does the same
// when it needs the key, so nobody must call it.
func (v *Vault) Unlock(ctx context.Context) error {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	_, err = v.obtainKey(ctx, false)
	return err
}

// Prepare is Unlock that also makes the key if the keychain has none. Call it
// before a sign-in, so that no login is spent on a vault that cannot keep it.
func (v *Vault) Prepare(ctx context.Context) error {
	ctx, done, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer done()
	if _, err = v.obtainKey(ctx, true); err != nil {
		return err
	}
	return v.remember(ctx)
}

// obtainKey returns the key, from memory after the first time, so that a
// keychain which locks itself later costs nothing. Without create it returns
// nil and no error when the keychain has none.
func (v *Vault) obtainKey(ctx context.Context, create bool) (*sealKey, error) {
	if k := v.heldKey(); k != nil {
		return k, nil
	}
	if err := v.keyGate.enterKeychain(ctx); err != nil {
		return nil, err
	}
	defer v.keyGate.leave()
	if k := v.heldKey(); k != nil {
		return k, nil
	}
	k, err := v.readKey(ctx)
	if err == nil && k == nil && create {
		k, err = v.makeKey(ctx)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.key, v.keyErr = k, err
	if err != nil {
		v.keyErr = fmt.Errorf("read the vault's key: %w", err)
		if ctx.Err() != nil {
			v.keyErr = nil // the caller went away; that says nothing about the keychain
		}
		return nil, fmt.Errorf("read the vault's key: %w", err)
	}
	return k, nil
}

func (v *Vault) heldKey() *sealKey {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.key
}

// readKey returns nil and no error when the keychain has no key. A damaged key
// counts as none: whether that matters depends on what was sealed.
func (v *Vault) readKey(ctx context.Context) (*sealKey, error) {
	text, err := v.store.get(ctx, keyItem)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k, err := decodeKey(text)
	if errors.Is(err, ErrCorrupt) {
		return nil, nil
	}
	return k, err
}

// makeKey stores a new key, unless something sealed with a lost one exists: the
// keychain may come back with the old key, after which a new one would be the
// wrong one.
func (v *Vault) makeKey(ctx context.Context) (*sealKey, error) {
	unlock, err := v.lockFile(ctx, vaultLock)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if k, err := v.readKey(ctx); k != nil || err != nil {
		return k, err // another process was faster
	}
	names, err := v.sealedFiles()
	if err != nil {
		return nil, err
	}
	if len(names) > 0 {
		return nil, fmt.Errorf("%w: the keychain has no key for %s; no new key is made while they exist",
			ErrUnreadable, strings.Join(names, ", "))
	}
	k := newSealKey()
	if err := v.storeKey(ctx, k); err != nil {
		return nil, err
	}
	return k, nil
}

// storeKey writes the key and proves it by reading it back.
func (v *Vault) storeKey(ctx context.Context, k *sealKey) error {
	if err := v.store.set(ctx, keyItem, k.encode()); err != nil {
		return fmt.Errorf("store the key: %w", err)
	}
	reached("key-written")
	back, err := v.readKey(ctx)
	if err != nil {
		return fmt.Errorf("read the key back: %w", err)
	}
	if back == nil || back.raw != k.raw {
		return fmt.Errorf("read the key back: %w: it is not what was written", ErrCorrupt)
	}
	reached("key-read-back")
	return nil
}

// keepKey makes sure that the keychain still has the key in memory, and stores it
// again if not. A keychain may lose what it had confirmed: KeePassXC saves its
// database some time after it answers (src/core/Database.cpp), and its end in
// between takes the key along. Without the key nothing opens the files after the
// next start. Another key is left alone: its files may come back.
func (v *Vault) keepKey(ctx context.Context, k *sealKey) error {
	if err := v.keyGate.enterKeychain(ctx); err != nil {
		return err
	}
	defer v.keyGate.leave()
	held, err := v.readKey(ctx)
	if err == nil && held == nil {
		unlock, lockErr := v.lockFile(ctx, vaultLock)
		if lockErr != nil {
			return lockErr
		}
		defer unlock()
		held, err = v.readKey(ctx) // another process may have been faster
	}
	switch {
	case err != nil:
		return fmt.Errorf("read the vault's key: %w", err)
	case held == nil:
		v.log.Warn("the keychain has lost the vault's key; it is stored again", "backend", string(v.backend))
		return v.storeKey(ctx, k)
	case held.raw != k.raw:
		return fmt.Errorf("%w: the keychain has another key than the one in use", ErrUnreadable)
	}
	return nil
}

// sealedFiles lists all files sealed with any key.
func (v *Vault) sealedFiles() ([]string, error) {
	journals, err := v.files.list(journalPrefix)
	if err != nil {
		return nil, err
	}
	larger, err := v.files.list(sealedPrefix)
	return append(journals, larger...), err
}
