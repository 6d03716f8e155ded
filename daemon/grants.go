package daemon

import (
	"context"
	"crypto/rand"
	"errors"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/proxy"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session"
	"shelfkeeper/keychain"
)

// localKeySize is that of an HMAC key for SHA-256 (RFC 7518, 3.2).
const localKeySize = 32

// localKeyName is where the key of an account's local tokens lies in the
// vault: beside the records, since a rotation has nothing to do with it.
func localKeyName(account string) string { return "local-tokens/" + account }

// identities returns who the players of an account are, the same for as long
// as the Home lives. The vault is asked for the key when the first token needs
// it.
func (h *Home) identities(account string) *players.Identities {
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

// accountOf is what the local server of a needs to know to answer by itself.
func (h *Home) accountOf(a accounts.Account, s *session.Session) proxy.Account {
	return proxy.Account{
		Name: a.Name, SignIns: h.identities(a.Name), Knows: s.Knows, Refresh: s.RefreshTokens,
		ChangePassword: func(ctx context.Context, old, changed redact.Secret) error {
			err := s.ChangePassword(ctx, old, changed)
			var refused *absapi.Error
			if errors.As(err, &refused) && refused.Verdict == absapi.BadRequest {
				return rejected{why: refused}
			}
			return err
		},
	}
}

// rejected is what the server has against a change.
type rejected struct{ why *absapi.Error }

func (r rejected) Error() string { return r.why.Error() }

// Rejection says it to a player.
func (r rejected) Rejection() string { return r.why.Evidence }

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
