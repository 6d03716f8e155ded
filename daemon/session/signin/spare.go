package signin

import (
	"context"
	"errors"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/keychain"
)

// The reasons for which a spare is not kept, beside those of a sign-in. The
// account's own session stays as it was.
var (
	// ErrSpareOfOther: somebody else signed in at the provider this time.
	ErrSpareOfOther = errors.New("the second sign-in was another user's")
	// ErrSpareLate: the account was signed out or changed hands meanwhile.
	ErrSpareLate = errors.New("the account was signed out meanwhile")
)

const (
	// longGrace is a grace window in which a machine comes back from a restart, a
	// short sleep or another network, and asks for a lost answer again.
	longGrace = 10 * time.Minute
	// manyRenewals is a life of an access token with which a session is renewed many
	// times a day. Audiobookshelf's is an hour from 2.27 on, and twelve before.
	manyRenewals = 2 * time.Hour

	// How many spare sessions are kept: with longGrace; where a lost answer may end a
	// session; and where each of many does. Each renewal is a chance to lose one, and
	// each spare a session at the server.
	sparesWithLongGrace = 1
	sparesElsewhere     = 3
	sparesWithoutGrace  = keychain.MostSpares
)

// WantedSpares is how many spare sessions an account without a password should
// have on a server of that version whose access tokens live that long; zero if that is
// not known. Before 2.35.0 a lost answer ends a session, before 2.36.0 it does so after
// a minute, and each of them costs one.
func WantedSpares(version string, life time.Duration) int {
	grace := absapi.Grace(version)
	switch {
	case !absapi.SupportsRefresh(version):
		return 0 // its token never ends
	case grace >= longGrace:
		return sparesWithLongGrace
	case grace == 0 && life > 0 && life <= manyRenewals:
		return sparesWithoutGrace
	}
	return sparesElsewhere
}

// wantedFor is WantedSpares for the account of rec.
func wantedFor(version string, rec keychain.Record) int {
	access, err := absapi.ParseToken(rec.Access)
	if err != nil || access.IssuedAt.IsZero() || access.ExpiresAt.IsZero() {
		return WantedSpares(version, 0)
	}
	return WantedSpares(version, access.ExpiresAt.Sub(access.IssuedAt))
}

// MissingSpares is how many more spare sessions the account should have. One that
// the record has no room for beside another is not missed.
func MissingSpares(ctx context.Context, v loader, account, version string) (int, error) {
	rec, err := v.Load(ctx, account)
	if err != nil {
		return 0, err
	}
	missing := max(0, wantedFor(version, rec)-len(rec.Spares()))
	if rec.Spare.IsEmpty() {
		return missing, nil
	}
	return keychain.RoomForSpares(rec, missing), nil
}

// Spare gives an account that has no password to fall back on another session
// of the same user, which lies in wait until the first is lost.
type Spare struct {
	Account string
	Server  string // as in SignIn
	UserID  string // whose session it must be
	Version string // of the server
	Means   Means

	Vault  Vault
	Budget *budget.Budget
	Client *absapi.Client
	Again  func() (client *absapi.Client, done func()) // as in SignIn
}

// Do signs in and adds the session to the account's record, under the
// account's lock. Where all that are wanted were there before, the oldest is
// ended on the server.
func (in Spare) Do(ctx context.Context) error {
	release, err := in.Vault.Acquire(ctx, in.Account)
	if err != nil {
		return &VaultError{Err: err}
	}
	defer release()
	rec, err := in.Vault.Load(ctx, in.Account)
	switch {
	case errors.Is(err, keychain.ErrNotFound), err == nil && (rec.Server != in.Server || rec.UserID != in.UserID || rec.Refresh.IsEmpty()):
		return ErrSpareLate
	case err != nil:
		return &VaultError{Err: err}
	}
	if err := waitApart(ctx, in.Version); err != nil {
		return &VaultError{Err: err}
	}
	got, err := in.Means.Obtain(ctx, in.Budget, in.Client)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepDeadline)
	defer cancel()
	token, keeping := got.Pair.Refresh.Secret, SignIn{Vault: in.Vault, Client: in.Client, Again: in.Again}
	switch {
	case got.UserID != in.UserID:
		return errors.Join(ErrSpareOfOther, keeping.endSession(ctx, got))
	case token.IsEmpty() || token == rec.Refresh:
		return ErrSpareLate // nothing of its own to keep, and nothing to end
	}
	var before redact.Secret
	rec.Generation++
	if len(rec.Spares()) >= wantedFor(in.Version, rec) {
		before = rec.Spare
		rec.DropSpare()
		if i := rec.Intent; i != nil && (i.Purpose == keychain.RenewSpare || i.Purpose == keychain.PromoteSpare) {
			rec.Intent = nil // it was about that one
		}
	}
	rec.AddSpare(token)
	if _, err := keeping.commit(ctx, rec, got); err != nil {
		return &VaultError{Err: err, Sent: true}
	}
	if !before.IsEmpty() && before != token {
		_ = keeping.logout(ctx, before) // it expires by itself otherwise
	}
	_ = in.Vault.Settle(ctx, in.Account) // the journal holds it, and the session settles again
	return nil
}

// waitApart waits, with the account's lock held, until a new session cannot fall
// into the second of the account's newest one, on releases where two such
// sessions would share their tokens, and with one the other would end.
func waitApart(ctx context.Context, version string) error {
	if !absapi.CollidesInSecond(version) {
		return nil
	}
	timer := time.NewTimer(absapi.CollisionGap)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
