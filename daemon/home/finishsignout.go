package home

import (
	"context"
	"path/filepath"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/keychain"
)

const (
	// finishPace is how often a keychain that could not be cleaned is tried
	// again: it may have been unlocked meanwhile.
	finishPace = 5 * time.Minute
	// finishDeadline covers several keychain calls in a row.
	finishDeadline = time.Minute
)

// FinishSignOuts cleans the keychain after sign-outs that could not, at the
// start, whenever another sign-out happened, and as long as something is left.
// It returns when ctx ends.
func (h *Home) FinishSignOuts(ctx context.Context, signedOut <-chan struct{}) {
	pace := time.NewTicker(finishPace)
	defer pace.Stop()
	for shown := false; ; {
		err := h.finishSignOuts(ctx)
		if err != nil && !shown && ctx.Err() == nil {
			h.Log.Warn("something of a signed-out account is left in the keychain", "reason", err)
		}
		shown = err != nil
		var again <-chan time.Time
		if err != nil {
			again = pace.C
		}
		select {
		case <-again:
		case <-signedOut:
		case <-ctx.Done():
			return
		}
	}
}

// finishSignOuts opens the vault only if there is something to do, and asks
// nobody: without a passphrase that is known already a file vault waits until
// somebody else opens it.
func (h *Home) finishSignOuts(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, finishDeadline)
	defer cancel()
	h.mu.Lock()
	vault := h.vault
	h.mu.Unlock()
	if vault != nil {
		return vault.Finish(ctx)
	}
	dir := filepath.Join(h.Paths.State, "vault")
	accounts, err := keychain.PendingSignOuts(dir)
	if err != nil || len(accounts) == 0 {
		return err
	}
	switch backend, err := keychain.Remembered(dir); {
	case err != nil:
		return err
	case backend != keychain.OS:
		return keychain.ErrPassphrase
	}
	if vault, err = h.openVault(ctx, ""); err != nil {
		return err
	}
	return vault.Finish(ctx)
}

// leftOnServer says what becomes of a session that the server could not be
// told to end. A new password ends sessions from 2.36.0 on; before, nothing
// but time or an admin does, and nobody has the token any more.
func leftOnServer(version string) string {
	const nothing = "nothing is left here; "
	if version != "" && absapi.PasswordChangeEndsSessions(version) {
		return nothing + "to end the session there at once, change the password on the server"
	}
	return nothing + "the server forgets the session by itself, by default after 30 days (7 before Audiobookshelf 2.31); a new " +
		"password does not end it there"
}
