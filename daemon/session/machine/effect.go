package machine

import (
	"time"

	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// Effect is something that package session does for the machine. Release and
// Disconnect have no answer; every other effect is answered by exactly one Fact.
type Effect interface{ effect() }

type (
	// Open reads the account's record. Prompt says that the user asked for it, so
	// the keychain may ask the user.
	Open struct{ Prompt bool }
	// Acquire takes the account's lock and reads the newest record under it.
	Acquire struct{ Prompt bool }
	// Release gives the lock back and closes the attempt's connection.
	Release struct{}
	// Disconnect closes the attempt's connection, whatever is on its way there.
	Disconnect struct{}
	// Dial begins to open the attempt's connection, for a Refresh that no ping goes
	// before. The mark is written meanwhile.
	Dial struct{}
	// Preflight opens the attempt's connection and pings over it.
	// ByUser allows the part of the budget that is kept for the user's own acts.
	// Patience is how long the answer is waited for.
	Preflight struct {
		ByUser   bool
		Patience time.Duration
	}
	// Commit makes the record durable in the journal.
	Commit struct{ Record keychain.Record }
	// Refresh presents the refresh token on the attempt's connection. Patience is
	// how long the answer is waited for. With AlsoCookie the token goes in a cookie
	// as well as in the header. Unpinged says that no ping went before it, so the
	// connection is still to be made.
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
	// The session must belong to UserID; a session of another user is ended again.
	// Legacy says that the server may be too old for more than a legacy token.
	Login struct {
		UserID, Username string
		Password         redact.Secret
		Legacy           bool
		ByUser           bool
	}
	// ChangePassword asks for another password, with the refresh token of the
	// session that is to go on.
	ChangePassword struct{ Bearer, Refresh, Old, New redact.Secret }
	// CleanUp signs out the session of the refresh token Ended, unless that is
	// empty. With Identify it also asks which of the user's sessions belongs to
	// Refresh, and removes the session Orphan. It has an answer even when the
	// server gives none.
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
	// Erase makes the vault forget the account. Then it signs out at the server with
	// each of Tokens, which are the refresh tokens of the session and of its spares,
	// and removes the emergency key there.
	Erase struct {
		Tokens       []redact.Secret
		EmergencyKey redact.Secret
	}
)

func (Open) effect()           {}
func (Acquire) effect()        {}
func (Release) effect()        {}
func (Disconnect) effect()     {}
func (Dial) effect()           {}
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
