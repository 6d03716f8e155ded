package machine

import (
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// Effect is something for the interpreter to do. Each of them but Release and
// Disconnect answers with exactly one fact.
type Effect interface{ effect() }

type (
	// Open reads the account's record. Prompt: the user asked, so the keychain
	// may ask too.
	Open struct{ Prompt bool }
	// Acquire takes the account's lock and reads the newest record under it.
	Acquire struct{ Prompt bool }
	// Release gives the lock back and closes the attempt's connection.
	Release struct{}
	// Disconnect closes the attempt's connection, whatever is on its way there.
	Disconnect struct{}
	// Preflight opens the attempt's connection and pings over it.
	// ByUser: the part of the budget that is the user's own may be used.
	// An answer is waited for until Patience is over.
	Preflight struct {
		ByUser   bool
		Patience time.Duration
	}
	// Commit makes the record durable in the journal.
	Commit struct{ Record keychain.Record }
	// Refresh presents the refresh token on the attempt's connection, and waits
	// that long for the answer. AlsoCookie: in a cookie as well as in the header.
	// Unpinged: there is no connection yet, and none is pinged over.
	Refresh struct {
		Token      redact.Secret
		Patience   time.Duration
		ByUser     bool
		AlsoCookie bool
		Unpinged   bool
	}
	// Recognise asks whether the server knows the signature of the account's
	// access token.
	Recognise struct{ ByUser bool }
	// Login asks /status and then signs in with the stored password.
	// UserID is whose session it must be: another one is ended again. Legacy:
	// the server may be too old for more than a legacy token.
	Login struct {
		UserID, Username string
		Password         redact.Secret
		Legacy           bool
		ByUser           bool
	}
	// ChangePassword asks for another password, with the refresh token of the
	// session that is to go on.
	ChangePassword struct{ Bearer, Refresh, Old, New redact.Secret }
	// Tidy logs the session of Ended out, where it is not empty. With Identify
	// it asks which of the user's sessions is the one of Refresh, and removes
	// Orphan. It answers even when the server does not.
	CleanUp struct {
		Access, Refresh redact.Secret
		Ended           redact.Secret
		Identify        bool
		Orphan          string
	}
	// Settle writes the journal's record, of this generation or a newer one,
	// into a keychain slot.
	Settle struct {
		Generation uint64
		Prompt     bool
	}
	// Check asks the server whether it accepts a token that nobody rotates.
	Check struct{ Token redact.Secret }
	// Erase makes the vault forget, then signs out at the server with each of
	// these refresh tokens, the session's newest and the spares', and removes the
	// emergency key.
	Erase struct {
		Tokens       []redact.Secret
		EmergencyKey redact.Secret
	}
)

func (Open) effect()           {}
func (Acquire) effect()        {}
func (Release) effect()        {}
func (Disconnect) effect()     {}
func (Preflight) effect()      {}
func (Commit) effect()         {}
func (Refresh) effect()        {}
func (Login) effect()          {}
func (Recognise) effect()      {}
func (ChangePassword) effect() {}
func (CleanUp) effect()        {}
func (Settle) effect()         {}
func (Check) effect()          {}
func (Erase) effect()          {}
