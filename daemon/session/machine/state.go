package machine

import (
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
	Offline                // a temporary failure; tried again later
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
	Unrecognised        // the server knows neither the session nor its valid token: it may be another one
	AnotherUser         // another process signed the account in as another user
	TokensUnusable      // the server's access tokens have ended when they are made
)

var whyNames = [...]string{
	"", "password refused", "account disabled", "session lost", "refresh header removed", "token refused", "other user",
	"server not recognised", "signed in as another user", "tokens unusable",
}

func (w Why) String() string { return whyNames[w] }

// Probed reports whether the server is asked again from time to time: what
// somebody else can put right may end without the user.
func (w Why) Probed() bool {
	return w == AccountDisabled || w == HeaderEaten || w == TokenRefused || w == TokensUnusable || w == Unrecognised
}

// NeedsUser reports whether only the user can go on, as far as is known: while the server
// is asked whether that still holds it does.
func (s *State) NeedsUser() bool {
	return s.Phase == NeedsUser || s.Why.Probed() && (s.Phase == Rotating || s.Phase == Recovering)
}

// Step is where an attempt stands: which answer it waits for.
type Step int

const (
	Idle            Step = iota
	Opening              // the vault is read for the first time
	Acquiring            // the account's lock, and the newest record under it
	Repairing            // the slot write that is still pending
	Pinging              // GET /ping on the connection of the attempt
	Intending            // the intent becomes durable
	Recognising          // whose server refused the refresh token
	Refreshing           // POST /auth/refresh
	Changing             // PATCH /api/me/password
	SigningIn            // POST /login with the stored password
	Committing           // the new pair becomes durable
	Refusing             // the mark "this password was refused" becomes durable
	DiscardingSpare      // a dead spare leaves the record
	Withdrawing          // a password that was not taken leaves the record
	CleaningUp           // the id of the session is asked for, an orphan removed
	RecordingID          // that id becomes durable
	Checking             // whether a static token is really refused
	Erasing              // the user signs out
)

var stepNames = [...]string{
	"idle", "opening", "acquiring", "repairing", "pinging", "intending", "recognising", "refreshing", "changing", "signing-in", "committing",
	"refusing", "discarding-spare", "withdrawing", "cleaning-up", "recording-id", "checking", "erasing",
}

func (s Step) String() string { return stepNames[s] }

// State is everything the machine knows. It is a value: Next returns a new
// one. The record's intent is never changed in place.
type State struct {
	Phase   Phase
	Why     Why
	Step    Step
	Rules   Rules
	Version string // the server's, as last seen
	// Unlimited: the server is known to have no limiter, so that renewing ahead of
	// need costs nobody anything.
	Unlimited bool
	Plain     bool // no TLS vouches for the server
	Signals   bool // the keychain tells of its changes
	Closing   bool // the program ends: no new attempt starts

	Record keychain.Record // the newest durable record
	Lost   bool            // the server has authentically refused Record's refresh token

	Received  Received
	Published Published
	Clocks    Clocks
	// Idle: the pair was due while nobody was served. It is renewed on use.
	Idle bool
	// AnswerPatience is how long an answer may take that somebody waits for, as the
	// server's own pace has it.
	AnswerPatience time.Duration
	// RenewalTook is how long the newest renewal took from its begin until it was
	// durable.
	RenewalTook time.Duration
	// DisturbedAt is when the program started, the machine woke up or the network
	// changed, whichever was last.
	DisturbedAt time.Time
	// ProvenAt is when the server itself last answered since then; zero: it has not, or
	// something has gone wrong since.
	ProvenAt  time.Time
	Attempt   Attempt
	Pauses    Pauses
	Suspicion Suspicion
	Spare     Spare
	Emergency Emergency
	Change    Change
	SignIns   SignIns
	Slot      Slot
	Wishes    Wishes
	Counts    Counts

	Failure  *absapi.Error // why the newest attempt brought no token
	Answered *absapi.Error // the same without our own budget: what the server, or something before it, did
	Trouble  error         // why the vault cannot be read or written
	LastRead time.Time     // when the vault was last read, while only another process can bring the session back

	// Loss is why the session was last lost, as the record of attempts has it:
	// for people. The machine passes it on and never looks at it.
	Loss *history.Diagnosis
}

// Received is what the server gave and what is not durable yet. It survives
// failed attempts.
type Received struct {
	Record *keychain.Record // nil for nothing
	At     time.Time
}

// Published is the pair that callers may use.
type Published struct {
	Pair       absapi.TokenPair // zero for a token that nobody rotates
	Generation uint64           // 0: nothing is published
	AnsweredAt time.Time        // when the server gave it; zero: before this process began
	SeenAt     time.Time        // when this process first had it
}

// Clocks say when the published pair is renewed and how long it is used.
type Clocks struct {
	RotateAt        time.Time
	UsableUntil     time.Time
	UsableForAtMost time.Time     // the same without the server's clock: the token's whole life since it came
	Skew            time.Duration // the server's clock minus ours
	Life            time.Duration // how long such a token lives; 0: it has no end
	Odd             Oddness       // what is unusual about it
	OnDemand        bool          // it lives so shortly that it is renewed only when somebody needs it
	KeepAlive       keepAlive     // when it is renewed although nobody uses it
	// AskAheadFrom: from then on a caller makes the machine renew it although it is
	// still good.
	AskAheadFrom time.Time
}

// Attempt is what the attempt under way is for. Parts of it outlive the
// attempt until the next one sets them.
type Attempt struct {
	Aim          keychain.Purpose  // what is presented
	Outcome      string            // in words, once the server has given something
	Replaced     redact.Secret     // refresh token of a live session that was just replaced
	SentPassword keychain.Password // the password that is under way
	Retries      int               // requests already repeated
	BegunAt      time.Time         // when it began
	SentAt       time.Time         // when the refresh under way was sent; zero before
	Abandoned    bool              // its answer is not waited for any more
	Unpinged     bool              // the token is presented without a ping before it
	ByUser       bool              // the user asked for it: prompts are allowed
	Prompting    bool              // the vault is being opened, and may prompt
}

// Suspicion is what refusals of tokens have told so far.
type Suspicion struct {
	Token          redact.Secret // access token that got a 401
	RenewedAt      time.Time     // when a pair was obtained because of a suspicion
	BrokenUntil    time.Time     // fresh tokens are refused too: none is given out until then
	InvalidAnswers int           // `Invalid refresh token` answers to this refresh token
	Undecided      *absapi.Error // a refusal of the pair or the spare, while it is not known whose server gave it
	StaticRefused  bool          // a static token got a 401
	AlsoCookie     bool          // a gateway takes x-refresh-token out: the token goes in a cookie as well
	CookiePasses   bool          // the newest answer with tokens had a refresh token in a cookie
	JudgedAt       time.Time     // when the refusal that ended the session was taken for the server's own; zero: not yet
	Fruitless      redact.Secret // legacy token that the password brought again after it was refused
}

// Spare says when the spare session is renewed.
type Spare struct {
	DueAt          time.Time // zero: there is none, or it never ends
	HurriesAt      time.Time // from then on no better moment is waited for
	InvalidAnswers int       // `Invalid refresh token` answers to it
}

// Change is a change of the password.
type Change struct {
	Wanted       *WantedChange     // somebody waits for it; nil for none
	Err          error             // how the newest one ended
	EndsSessions bool              // the release that it was sent to ends sessions with a password
	RefusedNew   keychain.Password // the newest password of a change that the server did not know
}

// Slot is the state of the keychain slots, of which the journal is ahead.
type Slot struct {
	Settled  uint64 // generation known to be in a slot
	Settling bool   // a slot write is under way
	RetryAt  time.Time
	Held     bool  // no write until the keychain has changed or the user has acted
	Trouble  error // why the newest slot write failed
}

// Wishes are what is wanted as soon as it can be done.
type Wishes struct {
	Renew     bool // an attempt is wanted although the pair is not due
	SendAgain bool // the user acted: a refused password may be sent once more
	// SameServerUntil is how long the user's word holds that the server at the
	// address is the account's own.
	SameServerUntil time.Time
	Reread          bool // somebody else wrote the record during an attempt
	SignOut         bool // the user signs out as soon as the attempt is over
	// NeededAt is when somebody last wanted a token while the pair was due; zero:
	// he has it, or does not wait for it any more.
	NeededAt time.Time
	// SignOutErr is why the newest sign-out was not done.
	SignOutErr error
}

// Counts are for people.
type Counts struct {
	Refreshes, Logins int
	Last              Rotation
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
