package home

import (
	"context"
	"errors"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

type passphraseKey struct{}

// WithPassphrase returns a context in which a vault of the file backend opens
// with pass: somebody has typed it elsewhere than at a terminal.
func WithPassphrase(ctx context.Context, pass redact.Secret) context.Context {
	if pass.IsEmpty() {
		return ctx
	}
	return context.WithValue(ctx, passphraseKey{}, pass)
}

// passphrase is what was typed for this act, or what the environment and the
// terminal give. choose says that the vault is new.
func (h *Home) passphrase(ctx context.Context, choose bool) (redact.Secret, error) {
	if pass, ok := ctx.Value(passphraseKey{}).(redact.Secret); ok {
		return pass, nil
	}
	if h.Passphrase == nil {
		return redact.Secret{}, errors.Join(keychain.ErrPassphrase, errors.New("nobody can be asked"))
	}
	return h.Passphrase(ctx, choose)
}

// OpenedWith returns the passphrase with which the vault was opened; empty where
// it needs none. It is for the program that takes this one's place.
func (h *Home) OpenedWith() redact.Secret {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.typed
}

// Store returns where secrets are kept, empty where there is no vault yet, and
// whether it is open or opens without a passphrase.
func (h *Home) Store() (backend keychain.Backend, open bool) {
	h.mu.Lock()
	vault := h.vault
	h.mu.Unlock()
	if vault != nil {
		return vault.Backend(), true
	}
	if h.Backend != "" {
		return h.Backend, h.Backend != keychain.File
	}
	known, err := keychain.Remembered(h.vaultDir())
	if err != nil {
		h.Log.Warn("vault", "reason", err)
	}
	return known, known != keychain.File
}
