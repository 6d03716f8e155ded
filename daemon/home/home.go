// Package home holds the program's files, and every act that a command can do
// on them without a daemon. It signs in and out, changes a password, makes
// grants and reads the record of attempts.
//
// It exists so that a command without a daemon and the daemon itself act in
// the same way. It never serves players, and it runs nothing after the act is
// done.
//
// Begin with Open; the acts are the methods of Home. Their errors are a
// *problem.Problem where a person can do something: it holds cause, remedy and exit
// code.
package home

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"

	"shelfkeeper/daemon/accounts"
	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/desktop/autostart"
	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/openid"
	"shelfkeeper/daemon/players"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/keychain"
)

// Options say where a Home lies and what it may use.
type Options struct {
	Version string
	Paths   config.Paths
	Config  config.Config
	// Backend of the vault; empty for the one it remembers, or the
	// configuration's where it remembers none.
	Backend keychain.Backend
	// Passphrase is asked for when a vault of the file backend is opened; fresh
	// says that there is none yet, and that it will be the new one's.
	Passphrase func(ctx context.Context, fresh bool) (redact.Secret, error)
	// Unattended says that Passphrase asks nobody.
	Unattended bool
	// Helper is the command line of a child that runs keychain.RunOp.
	Helper []string
	// Control is the path of the control socket; empty for the usual one.
	Control string
	// Kept are addresses that the daemon before has left open, and Program is what
	// this process runs; both may be zero.
	Kept    *handover.Sockets
	Program handover.Program
	// Dial stands in for the network towards servers in tests; nil for the
	// real one.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	Log  *slog.Logger
	// Starts says what the system will start at login; nil where nobody can tell.
	Starts func(context.Context) (autostart.State, error)
}

// ControlPath is where the control socket lies unless told otherwise.
func ControlPath(p config.Paths) string { return filepath.Join(p.Runtime, "control.sock") }

// Home is everything that lies on disk: accounts, grants, the vault, budgets.
// The daemon lives in one; a command that finds no daemon opens one for
// itself. It is safe for concurrent use, and several processes may have the
// same one open.
type Home struct {
	Options
	Book   *accounts.Book
	Grants *players.Grants
	Pauses *accounts.Pauses

	opening chan struct{} // held by the one who opens or dissolves the vault; it may wait for a person

	mu      sync.Mutex // held for nothing that may wait
	vault   *keychain.Vault
	closed  bool
	typed   redact.Secret // the passphrase that has opened the vault
	wrong   keychain.WrongPassphrase
	signIns int // under way
	budgets *budget.Budgets
	known   map[string]*players.Identities // by account
	flows   []*openid.Flow                 // sign-ins that wait for a person; replaced at each change
	// unlisted is what the newest search of the vault could not list.
	unlisted *health.Unlisted

	histories histories
	settings  sync.Mutex // held while one is changed
	pageKey   [32]byte
}

// Open reads what is not secret. The vault is opened when it is first
// needed, since a keychain may take its time or a prompt.
func Open(o Options) (*Home, error) {
	if err := o.Paths.Create(); err != nil {
		return nil, StateProblem(err)
	}
	book, err := accounts.Open(o.Paths.State)
	if err != nil {
		return nil, StateProblem(err)
	}
	grants, err := players.OpenGrants(filepath.Join(o.Paths.State, "grants.json"))
	if err != nil {
		return nil, StateProblem(err)
	}
	pauses, err := accounts.OpenPauses(o.Paths.State)
	if err != nil {
		o.Log.Warn("no account is paused", "reason", err)
	}
	o.Config = o.Config.Called(aliases(book))
	h := &Home{Options: o, Book: book, Grants: grants, Pauses: pauses, known: map[string]*players.Identities{},
		opening: make(chan struct{}, 1)}
	rand.Read(h.pageKey[:]) // never fails (crypto/rand)
	return h, nil
}

// errClosed is the answer of a Home that is closed.
var errClosed = errors.New("the program ends")

// Close closes the vault and the grants.
func (h *Home) Close() error {
	h.mu.Lock()
	vault := h.vault
	h.vault, h.closed = nil, true
	h.mu.Unlock()
	err := h.Grants.Close()
	if vault == nil {
		return err
	}
	return errors.Join(err, vault.Close())
}

// openVault returns the one vault. backend is the user's wish; empty for what
// the directory remembers. It may wait for a person; mutexes of the Home are
// free meanwhile, and whoever needs the vault too waits as long as ctx lasts.
func (h *Home) openVault(ctx context.Context, backend keychain.Backend) (*keychain.Vault, error) {
	return h.openVaultIf(ctx, backend, func() error { return nil })
}

// openVaultIf is openVault where allowed agrees to open one. It is asked when it is
// this caller's turn: a vault may have been forgotten while the caller waited.
func (h *Home) openVaultIf(ctx context.Context, backend keychain.Backend, allowed func() error) (*keychain.Vault, error) {
	if v, err := h.vaultOpen(backend); v != nil || err != nil {
		return v, err
	}
	select {
	case h.opening <- struct{}{}:
		defer func() { <-h.opening }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the vault: %w", context.Cause(ctx))
	}
	if v, err := h.vaultOpen(backend); v != nil || err != nil {
		return v, err
	}
	if err := allowed(); err != nil {
		return nil, err
	}
	if err := h.changeBackend(ctx, backend); err != nil {
		return nil, err
	}
	o, err := h.vaultOptions(ctx, backend)
	if err != nil {
		return nil, err
	}
	v, err := keychain.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	closed := h.closed
	if !closed {
		h.vault, h.typed = v, o.Passphrase
	}
	h.mu.Unlock()
	if closed {
		return nil, errors.Join(errClosed, v.Close())
	}
	return v, nil
}

// vaultOpen returns the vault if it is open, nil if it is not yet.
func (h *Home) vaultOpen(backend keychain.Backend) (*keychain.Vault, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return nil, errClosed
	case h.vault != nil && backend != "" && backend != h.vault.Backend():
		return nil, backendProblem(h.vault.Backend(), backend)
	}
	return h.vault, nil
}

// vaultOptions is how the vault is opened; for a file vault the passphrase is
// asked for.
func (h *Home) vaultOptions(ctx context.Context, backend keychain.Backend) (keychain.Options, error) {
	o := keychain.Options{Backend: backend, Dir: h.vaultDir(), Helper: h.Helper, Wrong: &h.wrong, Log: h.Log}
	if o.Backend == "" {
		o.Backend = h.Backend
	}
	if o.Backend == "" {
		known, err := keychain.Remembered(o.Dir)
		if err != nil {
			return o, err
		}
		if o.Backend = known; known == "" {
			o.Backend = keychain.Backend(h.Config.Store)
		}
	}
	if o.Backend == keychain.File {
		has, err := keychain.HasPassphrase(o.Dir)
		if err != nil {
			return o, err
		}
		if o.Passphrase, err = h.passphrase(ctx, !has); err != nil {
			return o, err
		}
	}
	return o, nil
}
