package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// SignInVault is what a sign-in needs beyond a running session: a vault made
// ready before a login is spent, the newest record even if it is a tombstone,
// above which generations go on, and a way past a journal nobody can read.
type SignInVault interface {
	Vault
	Prepare(ctx context.Context) error
	LoadAny(ctx context.Context, account string) (keychain.Record, error)
	SetAside(ctx context.Context, account string) (moved []string, err error)
}

// SignIn is one sign-in with a password, asked for by the user.
type SignIn struct {
	Account  string
	Server   string // the address of Client, which the record is bound to
	Username string
	Password redact.Secret
	// Keep stores the password, so that a lost session comes back by itself.
	Keep bool
	// SameServer says that an earlier session of the account lives on the same
	// server, which is then told to end it.
	SameServer bool

	Vault  SignInVault
	Budget *Budget
	Client *absapi.Client
}

// Result of a sign-in.
type Result struct {
	Answer absapi.Answer
	// SlotPending is why the keychain does not hold the session yet, nil if it
	// does. The journal does in any case.
	SlotPending error
	// SetAside names the files of an earlier session that could not be read
	// and were kept under another name.
	SetAside []string
}

// VaultError is a sign-in that ended because the vault could not be used. No
// password was sent unless Sent is true.
type VaultError struct {
	Err  error
	Sent bool
}

func (e *VaultError) Error() string { return "open the vault: " + e.Err.Error() }
func (e *VaultError) Unwrap() error { return e.Err }

// Do signs in and makes the session durable before it returns. The vault is
// opened first: a session that could not be kept is not begun. Its errors are
// *absapi.Error and *VaultError. ctx should carry keychain.WithPrompt.
func (in SignIn) Do(ctx context.Context) (Result, error) {
	release, err := in.Vault.Acquire(ctx, in.Account)
	if err != nil {
		return Result{}, &VaultError{Err: err}
	}
	defer release()
	old, aside, err := in.earlier(ctx)
	if err != nil {
		return Result{}, &VaultError{Err: err}
	}
	answer, failure := spend(ctx, in.Budget, in.Client, func(ctx context.Context, c *absapi.Client) (absapi.Answer, error) {
		return c.Login(ctx, in.Username, in.Password)
	})
	if failure != nil {
		return Result{}, failure
	}
	rec := keychain.Record{
		Lineage: rand.Text(), Generation: old.Generation + 1, Account: in.Account,
		Server: in.Server, UserID: answer.UserID, Username: in.Username,
		Access: answer.Pair.Access.Secret, Refresh: answer.Pair.Refresh.Secret,
	}
	if in.Keep {
		rec.Password = in.Password
	}
	if err := in.Vault.Commit(ctx, rec); err != nil {
		// The session exists on the server and nowhere else: end it there.
		return Result{}, &VaultError{Err: errors.Join(err, Logout(ctx, in.Client, rec.Refresh)), Sent: true}
	}
	result := Result{Answer: answer, SlotPending: in.Vault.Settle(ctx, in.Account), SetAside: aside}
	if in.SameServer && (old.Server == "" || old.Server == in.Server) && !old.Refresh.IsEmpty() && old.Refresh != rec.Refresh && !old.Tombstone {
		// One server session a machine. If it cannot be told, the server
		// removes the old one when it expires.
		if err := Logout(ctx, in.Client, old.Refresh); err != nil && !errors.Is(err, ErrNotToldServer) {
			return result, fmt.Errorf("end the earlier session: %w", err)
		}
	}
	return result, nil
}

// earlier makes the vault ready and returns the record that this sign-in
// follows, empty if there is none. A journal that cannot be read is kept under
// another name: signing in again is the user's way out of it.
func (in SignIn) earlier(ctx context.Context) (old keychain.Record, aside []string, err error) {
	if err := in.Vault.Prepare(ctx); err != nil {
		return old, nil, err
	}
	old, err = in.Vault.LoadAny(ctx, in.Account)
	if errors.Is(err, keychain.ErrUnreadable) {
		if aside, err = in.Vault.SetAside(ctx, in.Account); err != nil {
			return old, nil, err
		}
		old, err = in.Vault.LoadAny(ctx, in.Account)
	}
	if errors.Is(err, keychain.ErrNotFound) {
		err = nil
	}
	return old, aside, err
}
