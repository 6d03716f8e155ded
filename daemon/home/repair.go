package home

import (
	"context"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/upstream"
	"shelfkeeper/keychain"
)

const (
	// finishPace is how often a keychain that could not be cleaned is tried
	// again: it may have been unlocked meanwhile.
	finishPace = 5 * time.Minute
	// finishDeadline covers several keychain calls in a row.
	finishDeadline = time.Minute
)

// Repair completes what a crash or a locked keychain has left half done, at the
// start, whenever another sign-out happened, and as long as something is left:
// it cleans the keychain after sign-outs, and lists accounts again whose sign-in
// was cut off, which adopted is told of. changed is called when Unlisted has
// changed. It returns when ctx ends.
func (h *Home) Repair(ctx context.Context, signedOut <-chan struct{}, adopted func(accounts.Account), changed func()) {
	pace := time.NewTicker(finishPace)
	defer pace.Stop()
	for shown := false; ; {
		err := errors.Join(h.finishSignOuts(ctx), h.finishGateways(ctx))
		if err != nil && !shown && ctx.Err() == nil {
			h.Log.Warn("the vault cannot be searched for what sign-outs have left; it is tried again", "reason", err)
		}
		list, missing := h.AdoptOrphans(ctx)
		for _, a := range list {
			adopted(a)
		}
		if ctx.Err() == nil && h.setUnlisted(missing) {
			changed()
		}
		if missing != nil && !shown && ctx.Err() == nil {
			h.Log.Warn("the vault may hold an account that is not listed", "reason", missing)
		}
		err = errors.Join(err, missing)
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
	pending, err := keychain.PendingSignOuts(h.vaultDir())
	if err != nil || len(pending) == 0 && h.Backend != keychain.Memory {
		return err
	}
	vault, err := h.vaultUnasked(ctx)
	switch {
	case errors.Is(err, errNoVault):
		return nil
	case err != nil:
		return err
	}
	return vault.Finish(ctx)
}

func (h *Home) vaultDir() string { return filepath.Join(h.Paths.State, "vault") }

// errNoVault: there is none, and a repair makes none. Its backend would be the
// computer's choice, which the user's next sign-in could not change.
var errNoVault = errors.New("there is no vault")

// existing is errNoVault where there is no vault, nor anything of one.
func (h *Home) existing() error {
	if h.Backend == keychain.Memory {
		return nil
	}
	backend, err := keychain.Remembered(h.vaultDir())
	if err != nil || backend != "" {
		return err
	}
	kept, err := keychain.Journaled(h.vaultDir())
	if err != nil || len(kept) > 0 {
		return err
	}
	if pending, err := keychain.PendingSignOuts(h.vaultDir()); err != nil || len(pending) > 0 {
		return err
	}
	return errNoVault
}

// vaultUnasked returns the vault if there is one that can be opened without asking
// anybody.
func (h *Home) vaultUnasked(ctx context.Context) (*keychain.Vault, error) {
	h.mu.Lock()
	vault := h.vault
	h.mu.Unlock()
	if vault != nil {
		return vault, nil
	}
	if h.Backend != keychain.Memory {
		switch backend, err := keychain.Remembered(h.vaultDir()); {
		case err != nil:
			return nil, err
		case backend != keychain.OS && !h.Unattended:
			return nil, keychain.ErrPassphrase
		}
	}
	return h.openVaultIf(ctx, "", h.existing)
}

// AdoptOrphans lists accounts again that the vault holds and accounts.json does
// not: the program ended between the two writes of a sign-in. Without it nothing
// could show or erase their secrets. It returns the accounts as listed now.
func (h *Home) AdoptOrphans(ctx context.Context) (adopted []accounts.Account, err error) {
	ctx, cancel := context.WithTimeout(ctx, finishDeadline)
	defer cancel()
	names, err := keychain.Journaled(h.vaultDir())
	if err != nil {
		return nil, err
	}
	unlisted := func(name string) bool {
		_, ok := h.Book.Get(name)
		return !ok && accounts.CheckName(name) == nil
	}
	if h.Backend != keychain.Memory && !slices.ContainsFunc(names, unlisted) {
		return nil, nil
	}
	vault, err := h.vaultUnasked(ctx)
	switch {
	case errors.Is(err, errNoVault):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if names, err = vault.Journaled(); err != nil {
		return nil, err
	}
	var errs []error
	for _, name := range names {
		if !unlisted(name) {
			continue
		}
		a, err := h.adopt(ctx, vault, name)
		switch {
		case errors.Is(err, keychain.ErrNotFound), errors.Is(err, accounts.ErrExists): // signed out, or listed meanwhile
		case err != nil:
			errs = append(errs, err)
		default:
			h.Log.Warn("an account whose sign-in was cut off is listed again", "account", a.Name, "user", a.Username, "server", a.Server)
			adopted = append(adopted, a)
		}
	}
	return adopted, errors.Join(errs...)
}

// adopt lists one account. A sign-in that runs now has the account's lock.
func (h *Home) adopt(ctx context.Context, vault *keychain.Vault, name string) (accounts.Account, error) {
	release, err := vault.Acquire(ctx, name)
	if err != nil {
		return accounts.Account{}, err
	}
	defer release()
	rec, err := vault.Load(ctx, name)
	if err != nil {
		return accounts.Account{}, err
	}
	if err := h.Book.Reload(); err != nil {
		return accounts.Account{}, err
	}
	a := accounts.Account{
		Name: name, Server: rec.Server, Username: rec.Username, UserID: rec.UserID, Method: methodOfRecord(rec),
		Store: string(vault.Backend()), Port: h.Config.ListenOf(name),
	}
	if base, err := url.Parse(rec.Server); err == nil && base.Scheme == "http" {
		// Only a user who allowed it can have signed in to a public host.
		plain, _ := upstream.PlainHTTPAllowed(ctx, net.DefaultResolver, base)
		a.AllowHTTP = !plain
	}
	return h.addAccount(ctx, a)
}

// methodOfRecord is how the session of a record was most likely begun.
func methodOfRecord(rec keychain.Record) accounts.Method {
	switch {
	case !rec.Static.IsEmpty():
		if token, err := absapi.ParseToken(rec.Static); err == nil && token.Type == "api" {
			return accounts.APIKey
		}
		return accounts.Legacy
	case !rec.Spare.IsEmpty():
		return accounts.OIDC
	}
	return accounts.Password
}

// leftOnServer says what becomes of a session that the server could not be
// told to end. A new password ends sessions from 2.36.0 on; before, nothing
// but time or an admin does, and nobody has the token any more.
func leftOnServer(version string) string { return "nothing is left here; " + stillOnServer(version) }

func stillOnServer(version string) string {
	if version != "" && absapi.PasswordChangeEndsSessions(version) {
		return "to end the session there at once, change the password on the server"
	}
	return "the server forgets the session by itself, by default after 30 days (7 before Audiobookshelf 2.31); a new " +
		"password does not end it there"
}
