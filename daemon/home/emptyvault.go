package home

import (
	"context"
	"errors"
	"time"

	"shelfkeeper/keychain"
)

// releaseDeadline bounds what a command or the daemon does for an empty vault.
const releaseDeadline = 10 * time.Second

// beginUse counts a sign-in. ended is called at its end; after a sign-in that
// failed a vault that holds nothing is forgotten, so that the next one can choose
// another passphrase or store.
func (h *Home) beginUse() (ended func(failed bool)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.signIns++
	return func(failed bool) {
		h.mu.Lock()
		h.signIns--
		h.mu.Unlock()
		if failed {
			h.ReleaseEmptyVault(context.Background())
		}
	}
}

// ReleaseEmptyVault forgets a vault that holds nothing, with its backend and
// passphrase. It does nothing while an account or a sign-in may need it. A
// failure costs nothing but the choice of another store.
func (h *Home) ReleaseEmptyVault(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, releaseDeadline)
	defer cancel()
	select {
	case h.opening <- struct{}{}:
		defer func() { <-h.opening }()
	case <-ctx.Done():
		return
	}
	if err := h.Book.Reload(); err != nil || len(h.Book.All()) > 0 {
		return
	}
	remembered, err := keychain.Remembered(h.vaultDir())
	if err != nil || h.Backend == keychain.Memory {
		return
	}
	// Out of sight while it may go: a sign-in that begins now waits for the turn.
	h.mu.Lock()
	vault := h.vault
	if h.signIns > 0 {
		vault = nil
	}
	if vault != nil {
		h.vault = nil
	}
	h.mu.Unlock()
	if vault == nil {
		return
	}
	did := remembered == "" // where nothing was written, an open vault alone insists on its store
	if !did {
		if did, err = vault.Dissolve(ctx); err != nil {
			h.Log.Debug("the empty vault stays", "reason", err)
		}
	}
	h.mu.Lock()
	if !did && !h.closed {
		h.vault, vault = vault, nil
	}
	h.mu.Unlock()
	if vault == nil {
		return
	}
	if err := vault.Close(); err != nil {
		h.Log.Warn("close the vault", "reason", err)
	}
}

// changeBackend forgets a vault that surely keeps nothing, where the user asks for
// another backend. Traces of signed-out accounts are nothing. The caller has the turn of opening.
func (h *Home) changeBackend(ctx context.Context, backend keychain.Backend) error {
	if backend == "" || h.Backend == keychain.Memory || len(h.Book.All()) > 0 {
		return nil // Open says what is wrong with it
	}
	remembered, err := keychain.Remembered(h.vaultDir())
	if err != nil || remembered == "" || remembered == backend {
		return nil
	}
	o := keychain.Options{Backend: remembered, Dir: h.vaultDir(), Helper: h.Helper, Wrong: &h.wrong, Log: h.Log}
	if remembered == keychain.File {
		if !h.Unattended {
			return backendProblem(remembered, backend)
		}
		if o.Passphrase, err = h.Passphrase(ctx, false); err != nil {
			return backendProblem(remembered, backend)
		}
	}
	v, err := keychain.Open(ctx, o)
	if err != nil {
		return backendProblem(remembered, backend)
	}
	did, err := v.Dissolve(ctx)
	if err := errors.Join(err, v.Close()); err != nil {
		h.Log.Debug("the vault stays as it is", "reason", err)
	}
	if !did {
		return backendProblem(remembered, backend)
	}
	return nil
}
