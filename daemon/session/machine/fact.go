package machine

import (
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// Event is a fact with the moment and the chance that the pure machine cannot
// have by itself.
type Event struct {
	At     time.Time
	Jitter float64 // in [0,1), for back-off
	// Unserved: no player has asked for anything lately, and no stream is under
	// way.
	Unserved bool
	Fact     Fact
}

// Fact is what happened.
type Fact interface{ fact() }

// Facts from outside.
type (
	// Started is the first fact of all.
	Started struct{}
	// Due says that the timer has fired which State.WakeAt asked for.
	Due struct{}
	// VaultChanged says that the keychain came, went, was locked or was unlocked.
	VaultChanged struct{}
	// Woken says that the network changed, or that the computer has slept. Back-off
	// is forgotten.
	Woken struct{ Reason string }
	// Proven says that Audiobookshelf has answered a ping that was sent at Sent.
	Proven struct{ Sent time.Time }
	// Stored says that another process wrote this account's record.
	Stored struct{}
	// Needed says that a caller wants a token now, and that none is usable.
	Needed struct{}
	// Suspected says that the server itself answered Token with 401.
	Suspected struct{ Token redact.Secret }
	// Asked says that the user wants the session renewed now; the keychain may prompt.
	// SameServer is the user's word that the account's own server answers at its
	// address.
	Asked struct{ SameServer bool }
	// SignOutAsked says that the user wants every secret of the account erased.
	SignOutAsked struct{}
	// SignOutDropped says that the user does not wait for the sign-out any more.
	SignOutDropped struct{}
	// ChangeAsked says that the user wants the password changed from Old to New.
	ChangeAsked struct{ Old, New redact.Secret }
	// ChangeDropped says that the user does not wait for that change any more.
	ChangeDropped struct{}
	// Closed says that the program ends: no new attempt may start.
	Closed struct{}
)

// Facts that answer an effect, but for Sent.
type (
	// Opened brings the vault's newest record, read for the first time or once more.
	// Unlimited says that the server is known to have no limiter.
	Opened struct {
		Record    keychain.Record
		Unlimited bool
	}
	// OpenFailed says why the record was not read. Err wraps keychain.ErrNotFound
	// where there is none.
	OpenFailed struct{ Err error }
	// Acquired says that the account's lock is held, and brings the newest record.
	// GoingDown says that the computer is about to sleep or to shut down.
	Acquired struct {
		Record    keychain.Record
		GoingDown bool
	}
	// AcquireFailed says why the lock was not taken, or why no record could be read
	// under it.
	AcquireFailed struct{ Err error }
	// Reachable says that Audiobookshelf answered the ping, and that the budget allows
	// a request.
	Reachable struct{ Meta absapi.Meta }
	// Unreachable says that no answer came to the ping, or that the budget allows no
	// request.
	Unreachable struct{ Err *absapi.Error }
	// Sent says that the request of a Refresh is on its way.
	Sent struct{}
	// Committed says that Record is durable in the journal.
	Committed struct{ Record keychain.Record }
	// CommitFailed says why the record of a Commit is not durable.
	CommitFailed struct{ Err error }
	// Refreshed brings the new pair. The machine looks at whose it is before it trusts
	// it.
	Refreshed struct{ Answer absapi.Answer }
	// RefreshFailed says why no new pair came. Evidence is what the access token tells
	// about a refusal.
	RefreshFailed struct {
		Err      *absapi.Error
		Evidence Evidence
	}
	// Recognised brings what the access token tells about the server, perhaps nothing.
	Recognised struct{ Evidence Evidence }
	// LoggedIn brings the pair that the stored password gave.
	LoggedIn struct{ Answer absapi.Answer }
	// LoginFailed says why the stored password gave no pair.
	LoginFailed struct{ Err *absapi.Error }
	// PasswordChanged says that the server took the new password. The answer has no
	// pair where the session goes on with its own.
	PasswordChanged struct{ Answer absapi.Answer }
	// ChangeFailed says that the server refused the new password, or that its answer
	// is not known.
	ChangeFailed struct{ Err *absapi.Error }
	// CleanedUp brings the id of our session, "" if the server did not tell it.
	// OrphanGone says that the orphan is surely gone.
	CleanedUp struct {
		SessionID  string
		OrphanGone bool
	}
	// Settled says that a keychain slot holds this generation.
	Settled struct{ Generation uint64 }
	// SettleFailed says why the slot was not written.
	SettleFailed struct{ Err error }
	// Checked brings the answer to a static token; Err is nil if it was accepted.
	Checked struct{ Err *absapi.Error }
	// Erased says that the account is signed out, or why not.
	Erased struct{ Err error }
)

func (Started) fact()         {}
func (Due) fact()             {}
func (VaultChanged) fact()    {}
func (Woken) fact()           {}
func (Proven) fact()          {}
func (Stored) fact()          {}
func (Needed) fact()          {}
func (Suspected) fact()       {}
func (Asked) fact()           {}
func (SignOutAsked) fact()    {}
func (SignOutDropped) fact()  {}
func (Closed) fact()          {}
func (ChangeAsked) fact()     {}
func (ChangeDropped) fact()   {}
func (PasswordChanged) fact() {}
func (ChangeFailed) fact()    {}
func (CleanedUp) fact()       {}
func (Opened) fact()          {}
func (OpenFailed) fact()      {}
func (Acquired) fact()        {}
func (AcquireFailed) fact()   {}
func (Reachable) fact()       {}
func (Unreachable) fact()     {}
func (Sent) fact()            {}
func (Committed) fact()       {}
func (CommitFailed) fact()    {}
func (Refreshed) fact()       {}
func (RefreshFailed) fact()   {}
func (LoggedIn) fact()        {}
func (Recognised) fact()      {}
func (LoginFailed) fact()     {}
func (Settled) fact()         {}
func (SettleFailed) fact()    {}
func (Checked) fact()         {}
func (Erased) fact()          {}
