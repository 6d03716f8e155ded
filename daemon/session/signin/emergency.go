package signin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// The ends of making or dropping an emergency key, beside those of a sign-in.
var (
	// ErrNoSession: the account has no session of its own to make a key with.
	ErrNoSession = errors.New("the account has no session now")
	// ErrKeyLeft: an emergency key is not kept here, and may work at the server.
	ErrKeyLeft = errors.New("the emergency key could not be removed at the server")
	// ErrNoKey: there is none to drop.
	ErrNoKey = errors.New("no emergency key is kept")
)

// keyRoom is more than an API key of Audiobookshelf's takes with a name of up to 60
// letters.
const keyRoom = 340

// EmergencyKey gives an account an API key with an end, which stands in for a session
// that is lost.
type EmergencyKey struct {
	Account string
	Server  string // as in SignIn
	UserID  string // whose key it is
	Access  redact.Secret
	Name    string // of the key, in the server's list
	Life    time.Duration

	Vault  keeper
	Client *absapi.Client
}

// Keep makes a key and adds it to the account's record, under the account's lock. A
// key that was kept before is removed at the server. With ErrKeyLeft the new one is
// kept, and the one before may work still.
func (in EmergencyKey) Keep(ctx context.Context) (key absapi.Token, err error) {
	rec, release, err := in.open(ctx)
	if err != nil {
		return key, err
	}
	defer release()
	if rec.Refresh.IsEmpty() || in.Access.IsEmpty() || in.Access == rec.EmergencyKey {
		return key, ErrNoSession
	}
	trial := rec
	trial.EmergencyKey = redact.New(strings.Repeat("x", keyRoom))
	if err := keychain.CheckRoom(trial); err != nil {
		return key, &VaultError{Err: err} // before it is made
	}
	key, err = in.Client.NewAPIKey(ctx, in.Access, in.UserID, in.Name, in.Life)
	if err != nil {
		return key, in.explain(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepDeadline)
	defer cancel()
	before := rec.EmergencyKey
	rec.EmergencyKey = key.Secret
	if err := in.commit(ctx, rec); err != nil {
		return key, &VaultError{Err: errors.Join(err, EndKey(ctx, in.Client, key.Secret, in.Access)), Sent: true}
	}
	if before.IsEmpty() {
		return key, nil
	}
	return key, EndKey(ctx, in.Client, before, in.Access)
}

// Drop forgets the account's emergency key and removes it at the server. With
// ErrKeyLeft it is forgotten here alone.
func (in EmergencyKey) Drop(ctx context.Context) error {
	rec, release, err := in.open(ctx)
	if err != nil {
		return err
	}
	defer release()
	before := rec.EmergencyKey
	if before.IsEmpty() {
		return ErrNoKey
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepDeadline)
	defer cancel()
	rec.EmergencyKey = redact.Secret{}
	if err := in.commit(ctx, rec); err != nil {
		return &VaultError{Err: err}
	}
	return EndKey(ctx, in.Client, before, in.Access)
}

// open takes the account's lock and reads the record that the key belongs to.
func (in EmergencyKey) open(ctx context.Context) (rec keychain.Record, release func(), err error) {
	if release, err = in.Vault.Acquire(ctx, in.Account); err != nil {
		return rec, nil, &VaultError{Err: err}
	}
	rec, err = in.Vault.Load(ctx, in.Account)
	switch {
	case errors.Is(err, keychain.ErrNotFound), err == nil && (rec.Server != in.Server || rec.UserID != in.UserID):
		err = ErrSpareLate
	case err != nil:
		err = &VaultError{Err: err}
	default:
		return rec, release, nil
	}
	release()
	return rec, nil, err
}

// commit makes rec durable as the next generation, and has the keychain follow.
func (in EmergencyKey) commit(ctx context.Context, rec keychain.Record) error {
	rec.Generation++
	if err := in.Vault.Commit(ctx, rec); err != nil {
		stored, unknown := in.Vault.Load(ctx, rec.Account)
		if unknown != nil || stored.Generation != rec.Generation || stored.EmergencyKey != rec.EmergencyKey {
			return err
		}
		if err := in.Vault.Commit(ctx, rec); err != nil { // the same once more, for the sync
			return err
		}
	}
	_ = in.Vault.Settle(ctx, in.Account) // the journal holds it, and the session settles again
	return nil
}

// explain adds to an error after which the server may have made a key that nobody has.
func (in EmergencyKey) explain(err error) error {
	failure := *absapi.AsError(err)
	if failure.Verdict == absapi.Temporary && !failure.Unwritten {
		failure.Evidence += fmt.Sprintf("; if the server lists a key %q under Settings, API Keys, delete it there", in.Name)
	}
	return &failure
}

// EndKey removes an API key at the server: with the key itself, which may remove
// itself, or else with access. Its error wraps ErrKeyLeft.
func EndKey(ctx context.Context, client *absapi.Client, key, access redact.Secret) error {
	ctx, cancel := context.WithTimeout(ctx, logoutDeadline)
	defer cancel()
	token, err := absapi.ParseToken(key)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyLeft, err)
	}
	for _, bearer := range []redact.Secret{key, access} {
		if bearer.IsEmpty() {
			continue
		}
		if err = client.EndAPIKey(ctx, bearer, token.ID); err == nil {
			return nil
		}
		if absapi.VerdictOf(err) != absapi.TokenRejected {
			break
		}
	}
	if end := token.ExpiresAt; !end.IsZero() && time.Now().After(end) {
		return nil // it has ended by itself
	}
	return fmt.Errorf("%w: %q works there until %s; delete it under Settings, API Keys: %w", ErrKeyLeft, token.Username,
		token.ExpiresAt.Local().Format("2 January 2006"), err)
}
