package machine

import (
	"fmt"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/keychain"
)

// Phase is what the session is doing, in one word.
type Phase int

const (
	// VaultUnavailable: nothing is known, since the vault could not be read.
	// It is the zero value: before the first reading that is the truth.
	VaultUnavailable Phase = iota
	SignedOut              // the vault holds no session of this account
	Static                 // an API key or a legacy token, which nobody rotates
	Fresh                  // a pair is published
	Rotating               // an attempt to renew the pair is under way
	Recovering             // the pair is lost; the stored password signs in
	Offline                // bad weather; tried again later
	NeedsUser              // only the user can go on
)

var phaseNames = [...]string{"vault-unavailable", "signed-out", "static", "fresh", "rotating", "recovering", "offline", "needs-user"}

func (p Phase) String() string { return phaseNames[p] }

// Why says what the user has to put right in NeedsUser.
type Why int

const (
	NoReason        Why = iota
	PasswordRefused     // or the account is disabled: ABS answers both alike
	AccountDisabled     // the refresh token works again once it is enabled
	SessionLost         // and no password is stored
	HeaderEaten         // a gateway removes x-refresh-token
	TokenRefused        // of a static session
	OtherUser           // the sign-in led to another user id than the account's
)

var whyNames = [...]string{"", "password refused", "account disabled", "session lost", "refresh header removed", "token refused", "other user"}

func (w Why) String() string { return whyNames[w] }

// probed reports whether the server is asked again from time to time: what
// somebody else can put right may end without the user.
func (w Why) Probed() bool { return w == AccountDisabled || w == HeaderEaten || w == TokenRefused }

// step is where an attempt stands: which answer it waits for.
type Step int

const (
	Idle        Step = iota
	Opening          // the vault is read for the first time
	Acquiring        // the account's lock, and the newest record under it
	Repairing        // the slot write that is still owed
	Pinging          // GET /ping on the connection of the attempt
	Intending        // the intent becomes durable
	Refreshing       // POST /auth/refresh
	Changing         // PATCH /api/me/password
	SigningIn        // POST /login with the stored password
	Committing       // the new pair becomes durable
	Refusing         // the mark "this password was refused" becomes durable
	Burying          // a dead spare leaves the record
	Withdrawing      // a password that was not taken leaves the record
	Tidying          // the id of the session is asked for, an orphan removed
	Noting           // that id becomes durable
	Checking         // whether a static token is really refused
	Erasing          // the user signs out
)

var stepNames = [...]string{"idle", "opening", "acquiring", "repairing", "pinging", "intending", "refreshing", "changing", "signing-in", "committing", "refusing", "burying", "withdrawing", "tidying", "noting", "checking", "erasing"}

func (s Step) String() string { return stepNames[s] }

// State is everything the machine knows. It is a value: next returns a new
// one. The record's intent is never changed in place.
type State struct {
	Phase   Phase
	Why     Why
	Step    Step
	Rules   Rules
	Version string // the server's, as last seen

	Record    keychain.Record  // the newest durable record
	Candidate *keychain.Record // received, not yet durable; survives failed attempts
	Received  time.Time        // when Candidate was
	Lost      bool             // the server has authentically refused Record's refresh token

	Pair            absapi.TokenPair // published; zero unless there is one
	Published       uint64           // its generation
	Answered        time.Time        // when the server last gave a token; zero: before this process began
	RotateAt        time.Time        // when it is due
	UsableUntil     time.Time        // until when it may be used, wall clock
	UsableForAtMost time.Time        // the same by the monotonic clock, which no correction turns back
	Skew            time.Duration    // server clock minus ours

	SpareAt      time.Time // when the spare is due; zero: there is none
	SpareInvalid int       // `Invalid refresh token` answers to the spare

	Aim        keychain.Purpose  // what the attempt under way presents
	Outcome    string            // of the attempt under way, once something has landed
	Ending     redact.Secret     // refresh token of a live session that was just replaced
	Sent       keychain.Password // the password that is under way
	RefusedNew keychain.Password // the newest password of a change that the server did not know
	Change     *Change           // a change of the password that somebody waits for
	ChangeErr  error             // how the newest one ended
	ChangeEnds bool              // the release that it was sent to ends sessions with a password

	Settled     uint64 // generation known to be in a keychain slot
	Settling    bool   // a slot write is under way
	SettleAt    time.Time
	SlotTrouble error // why the newest slot write failed

	Failures    int       // attempts in a row that met weather
	Retries     int       // requests already repeated within this attempt
	NotBefore   time.Time // back-off; a wake-up or the user ends it
	Hold        time.Time // a pause that nobody may shorten: limits, confirmations
	Weather     *absapi.Error
	Trouble     error // why the vault cannot be read or written
	SeenInvalid int   // `Invalid refresh token` answers to this token
	SeenRefused bool  // a static token got a REST 401

	ByUser       bool      // the user asked for this attempt: prompts are allowed
	Prompting    bool      // the opening under way may prompt
	Urgent       bool      // an attempt is wanted although the pair is not due
	MaySendAgain bool      // the user acted: a refused password may be sent once more
	Reread       bool      // somebody else wrote the record during an attempt
	Looked       time.Time // when the vault was last read, while only another process can bring the session back
	LeaveAfter   bool      // the user signs out as soon as the attempt is over
	Closing      bool

	Suspect     redact.Secret // access token that got a 401
	Fruitless   redact.Secret // legacy token that the password brought again after it was refused
	BornSuspect time.Time     // when a pair was obtained because of a suspicion
	BrokenUntil time.Time     // breaker: fresh tokens are refused too

	Refreshes    int
	Logins       int
	LastRotation Rotation

	// Loss is why the session was last lost, as the record of attempts has it:
	// for people. The machine passes it on and never looks at it.
	Loss *history.Diagnosis
}

// Rotation is the newest finished attempt, for people.
type Rotation struct {
	At      time.Time
	Outcome string
}

// Rules are what the server's release decides.
type Rules struct {
	Grace    time.Duration // how long a rotated refresh token is still answered
	Collides bool          // tokens of one second are the same string
	// PasswordEnds: a new password surely ends the user's other sessions.
	PasswordEnds bool
}

// RulesOf returns the rules of a server version; an unknown one gets the most
// careful.
func RulesOf(version string) Rules {
	return Rules{Grace: absapi.Grace(version), Collides: absapi.CollidesInSecond(version), PasswordEnds: absapi.SupportsSessions(version)}
}

// busy reports whether an attempt is under way.
func (s State) Busy() bool { return s.Step != Idle }

// usable reports whether the published token may be used at now.
func (s State) Usable(now time.Time) bool {
	if now.Before(s.BrokenUntil) {
		return false
	}
	if s.Phase == Static {
		return true
	}
	return s.Published > 0 && s.Pair.Access.Secret != s.Suspect && now.Round(0).Before(s.UsableUntil) &&
		(s.UsableForAtMost.IsZero() || now.Before(s.UsableForAtMost))
}

// startAt is the earliest moment of the next attempt.
func (s State) StartAt() time.Time { return later(s.NotBefore, s.Hold) }

// renewsAt returns when the pair is renewed if nothing comes between.
func (s State) RenewsAt() time.Time { return later(s.RotateAt, s.StartAt()) }

// describe is the attempt in one word for the log.
func (s State) Describe() string {
	if s.Busy() {
		return fmt.Sprintf("%v/%v", s.Phase, s.Step)
	}
	return s.Phase.String()
}

// resumesBy reports whether the machine goes on by itself before t.
func (s State) ResumesBy(t time.Time) bool {
	if s.Closing {
		return false
	}
	switch s.Phase {
	case Offline, Fresh, VaultUnavailable:
		return s.StartAt().Before(t) && s.BrokenUntil.Before(t)
	}
	return false
}

func (s State) Token() redact.Secret {
	if s.Phase == Static {
		return s.Record.Static
	}
	return s.Pair.Access.Secret
}
