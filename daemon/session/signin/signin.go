package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/keychain"
)

// keepDeadline bounds what follows once the server has begun a session: several
// keychain calls, a prompt among them, and the wait for another process's
// refresh. A caller who gave up waiting still gets a session that is kept.
const keepDeadline = 5 * time.Minute

// recordDeadline bounds the wait for another process that writes the same
// small record of attempts.
const recordDeadline = 10 * time.Second

// Vault is what a sign-in needs beyond a running session: a vault made
// ready before a login is spent, the newest record even if it is a tombstone,
// above which generations go on, and a way past a journal nobody can read.
type Vault interface {
	keeper
	Prepare(ctx context.Context) error
	LoadAny(ctx context.Context, account string) (keychain.Record, error)
	SetAside(ctx context.Context, account string) (moved []string, err error)
}

// keeper is what every sign-in does with a vault.
type keeper interface {
	loader
	Acquire(ctx context.Context, account string) (release func(), err error)
	Commit(ctx context.Context, rec keychain.Record) error
	Settle(ctx context.Context, account string) error
}

type loader interface {
	Load(ctx context.Context, account string) (keychain.Record, error)
}

// SignIn is one sign-in, asked for by the user.
type SignIn struct {
	// Account is where the session belongs as far as can be told before the
	// server has said whose it is; "" if it cannot be told.
	Account string
	// Place names the account of that user then: a renamed user's is found by
	// the user's id. Its error ends the new session. Nil: it is Account.
	Place  func(Obtained) (string, error)
	Server string // the address of Client, which the record is bound to
	Means  Means

	Vault  Vault
	Budget *budget.Budget
	Client *absapi.Client
	// Again returns a client with a new connection, for sessions that are ended
	// after slow writes: an idle connection is closed within seconds. Nil: it is
	// Client.
	Again func() (client *absapi.Client, done func())
	// History returns the record of attempts of an account; nil for none.
	History func(account string) *history.Log
}

// Result of a sign-in.
type Result struct {
	Obtained
	Account string // in whose name it is kept
	// SlotPending is why the keychain does not hold the session yet, nil if it
	// does. The journal does in any case.
	SlotPending error
	// Unsynced is why the journal, which does hold the session, may lose it at
	// a power cut; nil if it is durable.
	Unsynced error
	// KeyLeft is why an emergency key that is not kept any more may still work at the
	// server; nil if it does not.
	KeyLeft error
	// SetAside names the files of an earlier session that could not be read
	// and were kept under another name.
	SetAside []string
}

// VaultError is a sign-in that ended because the vault could not be used.
// Nothing was sent to the server unless Sent is true.
type VaultError struct {
	Err  error
	Sent bool
}

func (e *VaultError) Error() string { return "open the vault: " + e.Err.Error() }
func (e *VaultError) Unwrap() error { return e.Err }

// Do signs in and makes the session durable before it returns. The vault is
// opened first: a session that could not be kept is not begun. Its errors are
// *absapi.Error, *VaultError and Place's. ctx should carry keychain.WithPrompt.
func (in SignIn) Do(ctx context.Context) (Result, error) {
	var at target
	defer func() { at.leave() }()
	err := in.Vault.Prepare(ctx)
	if err == nil && in.Account != "" {
		at, err = in.open(ctx, in.Account)
	}
	if err != nil {
		return Result{}, &VaultError{Err: err}
	}
	if p, ok := in.Means.(ByPassword); ok {
		rec, _ := in.record(p.atLeast(), at.old, cmp.Or(in.Account, "unknown"))
		if err := keychain.CheckRoom(rec); err != nil {
			return Result{}, &VaultError{Err: err} // before the login is spent
		}
	}
	got, err := in.Means.Obtain(ctx, in.Budget, in.Client)
	if err != nil {
		return Result{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepDeadline)
	defer cancel()
	result := Result{Obtained: got, Account: in.Account}
	if in.Place != nil {
		if result.Account, err = in.Place(got); err != nil {
			return Result{}, errors.Join(err, in.endSession(ctx, got))
		}
	}
	if result.Account != at.account {
		at.leave() // never two locks at once
		if at, err = in.open(ctx, result.Account); err != nil {
			return Result{}, &VaultError{Err: errors.Join(err, in.endSession(ctx, got)), Sent: true}
		}
	}
	rec, superseded := in.record(got, at.old, result.Account)
	if result.Unsynced, err = in.commit(ctx, rec, got); err != nil {
		return Result{}, &VaultError{Err: err, Sent: true}
	}
	in.recordSignIn(ctx, rec, got.ServerVersion)
	result.SlotPending, result.SetAside = in.Vault.Settle(ctx, rec.Account), at.setAside
	for _, token := range superseded {
		// One server session a machine. If it cannot be told, the server
		// removes the old one when it expires.
		_ = in.logout(ctx, token)
	}
	result.KeyLeft = in.endKey(ctx, at.old, rec)
	return result, nil
}

// record returns what follows old, and the sessions of old that it replaces on
// the same server. Spares go on: they are as good as they were.
func (in SignIn) record(got Obtained, old keychain.Record, account string) (rec keychain.Record, superseded []redact.Secret) {
	rec = keychain.Record{
		Lineage: rand.Text(), Generation: old.Generation + 1, Account: account,
		Server: in.Server, UserID: got.UserID, Username: got.Username,
		Access: got.Pair.Access.Secret, Refresh: got.Pair.Refresh.Secret, Static: got.Static, Password: got.Password,
	}
	if old.Tombstone || old.Server != in.Server {
		return rec, nil
	}
	if old.UserID == got.UserID {
		rec.Orphan = old.SessionID // in case its newest token is not the one we have
	}
	if old.UserID == got.UserID && got.Static.IsEmpty() && !got.Password.IsStored() {
		rec.SetSpares(old.Spares()...)
		rec.EmergencyKey = old.EmergencyKey
	}
	for len(rec.Spares()) > 0 && keychain.CheckRoom(rec) != nil {
		rec.DropSpare() // the session comes first
	}
	if keychain.CheckRoom(rec) != nil {
		rec.EmergencyKey = redact.Secret{}
	}
	for _, token := range append(old.Spares(), old.Refresh) {
		if !token.IsEmpty() && token != rec.Refresh && !slices.Contains(rec.Spares(), token) {
			superseded = append(superseded, token)
		}
	}
	return rec, superseded
}

// commit makes rec durable if it leaves room for renewals. An error of the file
// system may come after the journal was replaced: then the session is kept, and
// unsynced says so. The server is told to end it only if it is surely not here.
func (in SignIn) commit(ctx context.Context, rec keychain.Record, got Obtained) (unsynced, err error) {
	if err = keychain.CheckRoom(rec); err != nil {
		return nil, errors.Join(err, in.endSession(ctx, got))
	}
	if err = in.Vault.Commit(ctx, rec); err == nil {
		return nil, nil
	}
	stored, unknown := in.Vault.LoadAny(ctx, rec.Account)
	switch {
	case unknown == nil && stored.Lineage == rec.Lineage && stored.Generation == rec.Generation:
		return in.Vault.Commit(ctx, rec), nil // the same once more, for the sync
	case unknown != nil && !errors.Is(unknown, keychain.ErrNotFound):
		return nil, err
	}
	return nil, errors.Join(err, in.endSession(ctx, got))
}

// target is an account that a sign-in works on: its lock, and what is stored.
type target struct {
	account  string
	release  func()
	old      keychain.Record // may be a tombstone; empty if there is none
	setAside []string
}

func (p *target) leave() {
	if p.release != nil {
		p.release()
	}
	*p = target{}
}

// open takes the account's lock and reads what the sign-in follows. A journal
// that cannot be read is kept under another name: signing in again is the
// user's way out of it.
func (in SignIn) open(ctx context.Context, account string) (target, error) {
	release, err := in.Vault.Acquire(ctx, account)
	if err != nil {
		return target{}, err
	}
	p := target{account: account, release: release}
	p.old, err = in.Vault.LoadAny(ctx, account)
	if errors.Is(err, keychain.ErrUnreadable) {
		if p.setAside, err = in.Vault.SetAside(ctx, account); err == nil {
			p.old, err = in.Vault.LoadAny(ctx, account)
		}
	}
	if err != nil && !errors.Is(err, keychain.ErrNotFound) {
		p.leave()
		return target{}, err
	}
	return p, nil
}

// endSession ends a session at the server that exists there and nowhere else.
func (in SignIn) endSession(ctx context.Context, got Obtained) error {
	if got.Pair.Refresh.Secret.IsEmpty() {
		return nil
	}
	return in.logout(ctx, got.Pair.Refresh.Secret)
}

// endKey removes the emergency key of old at the server where rec does without it. The
// key of another server is the caller's to see to.
func (in SignIn) endKey(ctx context.Context, old, rec keychain.Record) error {
	if old.Tombstone || old.EmergencyKey.IsEmpty() || old.EmergencyKey == rec.EmergencyKey || old.Server != in.Server {
		return nil
	}
	client, done := in.connect()
	defer done()
	return EndKey(ctx, client, old.EmergencyKey, rec.Access)
}

func (in SignIn) logout(ctx context.Context, token redact.Secret) error {
	client, done := in.connect()
	defer done()
	return Logout(ctx, client, token)
}

// connect returns a client for what follows a sign-in.
func (in SignIn) connect() (client *absapi.Client, done func()) {
	if in.Again != nil {
		return in.Again()
	}
	return in.Client, func() {}
}

// recordSignIn records a sign-in by the user. No sign-in fails for the want of a
// record: what could not be saved here, a running session saves.
func (in SignIn) recordSignIn(ctx context.Context, rec keychain.Record, version string) {
	if in.History == nil {
		return
	}
	log := in.History(rec.Account)
	e := history.Entry{At: time.Now(), Kind: history.SignIn, Outcome: history.SignedIn, Generation: rec.Generation, Release: version}
	if token, err := absapi.ParseToken(rec.Refresh); err == nil {
		e.Received = token.IssuedAt
	}
	log.Add(e)
	ctx, cancel := context.WithTimeout(ctx, recordDeadline)
	defer cancel()
	_ = log.Save(ctx)
}
