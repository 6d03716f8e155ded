package home

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain"
)

// Forget forgets an account without its vault, for a user whose keychain or
// passphrase is gone: the way out that needs neither. It returns what was
// forgotten and what stays where, a sentence each. No session of the account may
// run in this process.
func (h *Home) Forget(ctx context.Context, name string) (said []string, err error) {
	if err := h.Book.Reload(); err != nil {
		return nil, StateProblem(err)
	}
	a, ok := h.Book.Get(name)
	if name == "" {
		a, ok = h.Book.Default()
	}
	switch remembered, err := keychain.Remembered(h.vaultDir()); {
	case ok:
	case name != "" && slices.Contains(h.unlistedNames(), name):
		return h.forgetUnlistedNamed(ctx, name)
	case name != "" || len(h.Book.All()) > 0 || err == nil && remembered == "":
		return nil, NoSuchAccount(h.Book, name)
	default:
		return h.forgetUnlisted(ctx)
	}
	if h.Backend != keychain.Memory {
		gone, err := h.abandon(ctx, a.Name)
		if err != nil {
			return nil, vaultProblem(err)
		}
		said = tellAbandoned(a, gone)
	}
	if err := h.Grants.Forget(a.Name); err != nil {
		return nil, StateProblem(err)
	}
	if err := h.unmarkGateway(a.Name); err != nil {
		return nil, err
	}
	h.mu.Lock()
	delete(h.known, a.Name)
	h.mu.Unlock()
	h.forgetSettings(a.Name)
	h.forgetVisitors(a.Name)
	if err := h.forgetHistory(ctx, a.Name); err != nil {
		return nil, StateProblem(err)
	}
	if err := h.Book.Remove(ctx, a.Name); err != nil && !errors.Is(err, accounts.ErrNotFound) {
		return nil, StateProblem(err)
	}
	waiting := h.leftInJournal(a)
	if p := problem.Of(waiting); p != nil && p.Remedy != "" {
		return append(said, fmt.Sprintf("%s: %s.", p.Text, p.Remedy)), nil
	}
	return said, waiting
}

// forgetUnlistedNamed forgets what the vault holds of an account that is not
// listed.
func (h *Home) forgetUnlistedNamed(ctx context.Context, name string) ([]string, error) {
	gone, err := keychain.Abandon(ctx, h.vaultDir(), name)
	if err != nil {
		return nil, vaultProblem(err)
	}
	h.setUnlisted(nil)
	return append([]string{fmt.Sprintf("What the vault held of %s is forgotten. The server was not told.", name)}, tellErased(gone)...), nil
}

// forgetUnlisted forgets a vault that no listed account needs, and of which
// nobody can tell what it still holds.
func (h *Home) forgetUnlisted(ctx context.Context) ([]string, error) {
	h.closeVault()
	gone, err := keychain.AbandonAll(ctx, h.vaultDir())
	if err != nil {
		return nil, vaultProblem(err)
	}
	h.setUnlisted(nil)
	return append([]string{"No account is listed; what the vault still held is forgotten."}, tellErased(gone)...), nil
}

func (h *Home) abandon(ctx context.Context, account string) (keychain.Abandoned, error) {
	if len(h.Book.All()) > 1 {
		return keychain.Abandon(ctx, h.vaultDir(), account)
	}
	h.closeVault() // nobody needs it
	return keychain.AbandonAll(ctx, h.vaultDir(), account)
}

// closeVault lets go of the one vault; the next use opens it anew.
func (h *Home) closeVault() {
	h.mu.Lock()
	vault := h.vault
	h.vault = nil
	h.mu.Unlock()
	if vault == nil {
		return
	}
	if err := vault.Close(); err != nil {
		h.Log.Warn("close the vault", "reason", err)
	}
}

func tellAbandoned(a accounts.Account, gone keychain.Abandoned) []string {
	said := []string{
		fmt.Sprintf("The account %s is forgotten here, with the players' access to it.", a.Name),
		"The server was not told: " + stillOnServer(a.ServerVersion) + ".",
	}
	if a.Method == accounts.OIDC {
		said = append(said, "An emergency key, if one was kept, works there until its end: delete it under Settings, API Keys.")
	}
	return append(said, tellErased(gone)...)
}

func tellErased(gone keychain.Abandoned) (said []string) {
	if len(gone.Files) > 0 {
		said = append(said, "Erased in the vault: "+strings.Join(gone.Files, ", ")+".")
	}
	if len(gone.Keychain) > 0 {
		said = append(said, fmt.Sprintf("The desktop's keychain may still hold %s of the service \"shelfkeeper\". Remove them there, "+
			"or leave it to Shelfkeeper once it keeps sessions in that keychain again.", strings.Join(gone.Keychain, " and ")))
	}
	if gone.Vault {
		said = append(said, "Nothing else was in the vault: the next sign-in can choose another store.")
	}
	return said
}
