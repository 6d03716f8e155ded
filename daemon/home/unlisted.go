package home

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/health"
	"shelfkeeper/keychain"
)

// Unlisted returns what the vault holds of accounts that are not listed and could
// not be listed again; nil for nothing.
func (h *Home) Unlisted() *health.Unlisted {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.unlisted
}

// unlistedNames returns the accounts that have a file of a session in the vault
// and are not listed.
func (h *Home) unlistedNames() []string {
	names, err := keychain.Journaled(h.vaultDir())
	if err != nil {
		return nil // then the list is not complete; what cannot be listed is told with its cause
	}
	pending, _ := keychain.PendingSignOuts(h.vaultDir())
	return slices.DeleteFunc(names, func(name string) bool {
		_, listed := h.Book.Get(name)
		return listed || accounts.CheckName(name) != nil || slices.Contains(pending, name)
	})
}

// setUnlisted keeps what err has left unlisted, and reports whether that is news.
func (h *Home) setUnlisted(err error) bool {
	var now *health.Unlisted
	if names := h.unlistedNames(); err != nil && len(names) > 0 {
		p := vaultProblem(err)
		now = &health.Unlisted{Accounts: names, Remedy: p.Remedy, Reason: fmt.Sprintf(
			"the vault holds the session of %s, which is not in the list of accounts and cannot be listed again: %s",
			strings.Join(names, ", "), p.Text)}
		if now.Remedy == "" || errors.Is(err, keychain.ErrUnreadable) || errors.Is(err, keychain.ErrCorrupt) {
			now.Remedy = fmt.Sprintf("run `shelfkeeper logout --forget --account %s`, which erases it here, and sign in again", names[0])
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	news := !reflect.DeepEqual(h.unlisted, now)
	h.unlisted = now
	return news
}
