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
	// Due: the timer that the machine set has fired.
	Due struct{}
	// VaultChanged: the keychain came, went, was locked or unlocked.
	VaultChanged struct{}
	// Woken: the network changed or the machine slept. Back-off is forgotten.
	Woken struct{ Reason string }
	// Proven: Audiobookshelf has answered a ping that was sent at that moment.
	Proven struct{ Sent time.Time }
	// Stored: somebody else wrote this account's record.
	Stored struct{}
	// Needed: somebody wants a token now and none is usable.
	Needed struct{}
	// Suspected: this access token got an authentic 401.
	Suspected struct{ Token redact.Secret }
	// Asked: the user wants the session renewed, and may be prompted. SameServer is
	// the user's word that the account's own server answers at its address.
	Asked struct{ SameServer bool }
	// SignOutAsked: the user wants every secret of the account gone.
	SignOutAsked struct{}
	// SignOutDropped: the user does not wait for it any more.
	SignOutDropped struct{}
	// ChangeAsked: the user wants another password.
	ChangeAsked struct{ Old, New redact.Secret }
	// ChangeDropped: nobody waits for it any more.
	ChangeDropped struct{}
	// Closed: no new attempt may start.
	Closed struct{}
)

// Facts that answer an effect, but for Sent.
type (
	// Opened: the vault's newest record, read for the first time or anew.
	// Unlimited: the server is known to have no limiter.
	Opened struct {
		Record    keychain.Record
		Unlimited bool
	}
	// OpenFailed: keychain.ErrNotFound is one of the errors.
	OpenFailed struct{ Err error }
	// Acquired: the lock is held and this is the newest record under it.
	// GoingDown: the machine is about to sleep or to be shut down.
	Acquired struct {
		Record    keychain.Record
		GoingDown bool
	}
	// AcquireFailed: no lock, or no record under it.
	AcquireFailed struct{ Err error }
	// Reachable: ABS answered the ping, and the budget allows a request.
	Reachable struct{ Meta absapi.Meta }
	// Unreachable: it did not, or the budget does not.
	Unreachable struct{ Err *absapi.Error }
	// Sent: the request of a Refresh is on its way.
	Sent struct{}
	// Committed: the record is durable.
	Committed struct{ Record keychain.Record }
	// CommitFailed: it is not.
	CommitFailed struct{ Err error }
	// Refreshed: a pair came back. Fresh answers are not trusted before the
	// machine has looked at whose they are.
	Refreshed struct{ Answer absapi.Answer }
	// RefreshFailed: none came. Evidence is what the access token could tell
	// about a refusal.
	RefreshFailed struct {
		Err      *absapi.Error
		Evidence Evidence
	}
	// Recognised: what there is to know about the server, perhaps nothing.
	Recognised struct{ Evidence Evidence }
	// LoggedIn: the stored password gave a pair.
	LoggedIn struct{ Answer absapi.Answer }
	// LoginFailed: it did not.
	LoginFailed struct{ Err *absapi.Error }
	// PasswordChanged: the server took it. The pair is empty where the session
	// goes on with its own.
	PasswordChanged struct{ Answer absapi.Answer }
	// ChangeFailed: it did not, or nobody knows.
	ChangeFailed struct{ Err *absapi.Error }
	// Tidied: the id of our session, "" if it could not be learned, and
	// whether the orphan is surely gone.
	CleanedUp struct {
		SessionID  string
		OrphanGone bool
	}
	// Settled: the slot holds this generation.
	Settled struct{ Generation uint64 }
	// SettleFailed: it does not.
	SettleFailed struct{ Err error }
	// Checked: the static token's own answer, nil if it was accepted.
	Checked struct{ Err *absapi.Error }
	// Erased: signed out, or why not.
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
