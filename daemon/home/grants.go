package home

import (
	"context"
	"crypto/rand"
	"errors"

	"shelfkeeper/daemon/players"
	"shelfkeeper/keychain"
)

// localKeySize is that of an HMAC key for SHA-256 (RFC 7518, 3.2).
const localKeySize = 32

// localKeyName is where the key of an account's local tokens lies in the
// vault: beside the records, since a rotation has nothing to do with it.
func localKeyName(account string) string { return "local-tokens/" + account }

// Identities returns who the players of an account are, the same for as long
// as the Home lives. The vault is asked for the key when the first token needs
// it.
func (h *Home) Identities(account string) *players.Identities {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i, ok := h.known[account]; ok {
		return i
	}
	i := h.Grants.Of(account,
		func(ctx context.Context) ([]byte, error) { return h.localKey(ctx, account) },
		func() (string, string) {
			a, _ := h.Book.Get(account)
			return a.UserID, a.Username
		})
	h.known[account] = i
	return i
}

// localKey returns the key of the account's local tokens, and makes it the
// first time. Only the daemon hands tokens out, so there is no other process
// to make one at the same time.
func (h *Home) localKey(ctx context.Context, account string) ([]byte, error) {
	vault, err := h.openVault(ctx, "")
	if err != nil {
		return nil, err
	}
	key, err := vault.Sealed(ctx, localKeyName(account))
	if err == nil && len(key) == localKeySize || err != nil && !errors.Is(err, keychain.ErrNotFound) {
		return key, err
	}
	key = make([]byte, localKeySize)
	rand.Read(key) // never fails (crypto/rand)
	return key, vault.PutSealed(ctx, localKeyName(account), key)
}

// forgetPlayers takes every grant of the account away, and the key of its
// tokens with them.
func (h *Home) forgetPlayers(ctx context.Context, account string) error {
	if err := h.Grants.Forget(account); err != nil {
		return err
	}
	h.mu.Lock()
	delete(h.known, account) // with the key in it
	h.mu.Unlock()
	vault, err := h.openVault(ctx, "")
	if err != nil {
		return err
	}
	// The grants are gone, and every token with them: a key that cannot be
	// taken away now opens nothing.
	if err := vault.PutSealed(ctx, localKeyName(account), nil); err != nil {
		h.Log.WarnContext(ctx, "the key of local tokens stays in the vault", "account", account, "reason", err)
	}
	return nil
}
