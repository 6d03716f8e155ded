package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/failpoint"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/history"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/keychain"
)

// Vault is what a session needs of the secret store; see keychain.Vault for
// what each call promises.
type Vault interface {
	Acquire(ctx context.Context, account string) (release func(), err error)
	Load(ctx context.Context, account string) (keychain.Record, error)
	Commit(ctx context.Context, rec keychain.Record) error
	Settle(ctx context.Context, account string) error
	Forget(ctx context.Context, account string) error
}

// Conn is one private connection to the server, used for one attempt.
type Conn interface {
	absapi.Doer
	// Dial begins to open the connection before the first request, and returns at once.
	Dial()
	Close()
}

// Config is all a session is made of. Every field is required but those that
// say otherwise.
type Config struct {
	Account       string // name in the vault
	Base          *url.URL
	ServerVersion string // as last seen; "" if never
	Vault         Vault
	VaultSignals  bool // VaultChanged is called when the vault's keychain has changed
	Connect       func() Conn
	Budget        *budget.Budget
	Board         *health.Board
	Log           *slog.Logger
	Jitter        func() float64 // the chance in back-off, in [0,1); nil: the system's
	// Now reads the clocks; nil: the system's.
	Now func() time.Time
	// StayAwake delays a suspend of the machine until the returned function is
	// called, where that is possible. It may be nil, and returns within a
	// second. It returns nil where a suspend has been announced already.
	StayAwake func(ctx context.Context) (done func())
	// Served reports whether somebody would notice now if a renewal came too late.
	// It must not call the session. nil: always.
	Served func() bool
	// History is the record of attempts; nil for one that ends with the session.
	History *history.Log
	// Peers are the other accounts on the server, which a lost session is
	// compared with; nil for none.
	Peers func() []history.Peer
}

// shortPause is how soon the next attempt must start for a caller without a
// deadline to wait for it rather than to be sent away.
const shortPause = 3 * time.Second

// clickPatience is for how long a click waits for another attempt after one that failed.
const clickPatience = 15 * time.Second

// Session keeps one account signed in. All its methods are safe for
// concurrent use. Facts are handled one at a time, in the goroutine that
// brings them; effects run in goroutines that Close waits for.
type Session struct {
	Config

	mu         sync.Mutex
	state      machine.State
	changed    chan struct{} // closed and replaced after each fact
	attempt    attempt
	recordKept time.Time // when the record of attempts was last written
	signOutErr error     // how the newest sign-out went at the server
	stopped    bool

	proving     bool      // whether the server answers in this network is being found out
	provedAfter time.Time // the disturbance after which that was last given up, or done

	secrets struct { // what Secrets last found
		all  allSecrets
		list []redact.Secret
	}

	changing sync.Mutex // held by the one caller of ChangePassword

	spawn      func(func(context.Context)) // nil before Start
	early      []machine.Fact              // that came before Start
	cancel     context.CancelFunc
	running    sync.WaitGroup
	timer      *time.Timer
	boardTimer boardTimer
}

// New returns a session that does nothing yet.
func New(cfg Config) *Session {
	if cfg.Jitter == nil {
		cfg.Jitter = rand.Float64
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	state := machine.State{Version: cfg.ServerVersion, Plain: cfg.Base.Scheme == "http", Rules: machine.RulesOf(cfg.ServerVersion),
		Signals: cfg.VaultSignals}
	cfg.Board.Replace(reported, findings(state, cfg.Now()))
	return &Session{Config: cfg, state: state, changed: make(chan struct{})}
}

// Start reads the vault and keeps the session from then on. It returns at
// once. Start and Close are called once each.
func (s *Session) Start() {
	s.openRecord()
	ctx, cancel := context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel = cancel
	s.spawn = func(work func(context.Context)) {
		s.running.Go(func() { work(ctx) })
	}
	s.handleLocked(machine.Started{})
	for _, f := range s.early {
		s.handleLocked(f)
	}
	s.early = nil
}

// Close starts no further attempt, lets one that is under way finish for a bounded
// time, and waits for everything the session started.
func (s *Session) Close() {
	s.handle(machine.Closed{})
	s.awaitAttempt()
	s.cancel()
	s.keepHistory(context.Background())
	s.mu.Lock()
	s.stopped = true
	s.disarm()
	s.boardTimer.end(s)
	s.mu.Unlock()
	s.running.Wait()
	s.attempt.end()
}

// handle feeds one fact to the machine and does what it asks for. What comes before Start
// waits for it.
func (s *Session) handle(f machine.Fact) {
	s.mu.Lock()
	defer s.mu.Unlock()
	needed := machine.Fact(machine.Needed{})
	switch {
	case s.stopped:
	case s.spawn != nil:
		s.handleLocked(f)
	case f != needed || !slices.Contains(s.early, needed): // players ask again and again
		s.early = append(s.early, f)
	}
}

func (s *Session) handleLocked(f machine.Fact) {
	before := s.state
	after, effects := machine.Next(before, machine.Event{
		At: s.Now(), Jitter: s.Jitter(), Unserved: s.Served != nil && !s.Served(), Fact: f,
	})
	s.state = after
	s.recordStep(before, f)
	if after.Published.Generation > before.Published.Generation {
		failpoint.Reached("published")
	}
	for _, e := range effects {
		switch e.(type) {
		case machine.Release:
			for _, learn := range s.attempt.learn {
				s.spawn(func(context.Context) { learn() })
			}
			s.attempt.end()
			failpoint.Reached("released")
			continue
		case machine.Disconnect:
			s.attempt.disconnect()
			continue
		case machine.Dial:
			s.dialLocked()
			continue
		}
		s.spawn(func(ctx context.Context) { s.handle(s.interpret(ctx, e)) })
	}
	s.arm()
	s.proveIfWanted()
	s.report(before)
	close(s.changed)
	s.changed = make(chan struct{})
}

// arm sets the one timer to the moment for which the machine has planned
// something. It does so after every fact: a timer stands still while the machine
// sleeps, so that after a wake-up only the time that is left counts.
func (s *Session) arm() {
	s.disarm()
	at := s.state.WakeAt()
	if at.IsZero() {
		return
	}
	s.running.Add(1)
	var own *time.Timer
	own = time.AfterFunc(s.until(at), func() {
		defer s.running.Done()
		s.mu.Lock()
		if s.timer == own {
			s.timer = nil
		}
		s.mu.Unlock()
		s.handle(machine.Due{})
	})
	s.timer = own
}

// until is how long it is until at by the clock that gets there first.
func (s *Session) until(at time.Time) time.Duration {
	now := s.Now()
	return min(at.Sub(now), at.Round(0).Sub(now.Round(0)))
}

func (s *Session) disarm() {
	if s.timer != nil && s.timer.Stop() {
		s.running.Done()
	}
	s.timer = nil
}

// await waits until the state satisfies done, or ctx ends; it reports which.
func (s *Session) await(ctx context.Context, done func(machine.State) bool) bool {
	for {
		s.mu.Lock()
		ok, changed := done(s.state), s.changed
		s.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// Wake ends pauses between attempts, and tries at once what is due. Call it when
// the network has changed or the machine has woken up. reason goes into the log.
func (s *Session) Wake(reason string) { s.handle(machine.Woken{Reason: reason}) }

// VaultChanged tries again at once what waits for the keychain. Call it when the
// keychain has appeared or disappeared, or was locked or unlocked.
func (s *Session) VaultChanged() { s.handle(machine.VaultChanged{}) }

// Reload reads the vault again. Call it when something other than this session, such
// as a sign-in, has written the account's record.
func (s *Session) Reload() { s.handle(machine.Stored{}) }

// Reauthenticate renews the session because the user asks for it. It refreshes now,
// and if that fails signs in with the stored password; the keychain may ask for its
// own password meanwhile. It returns nil once a fresh token is published, and
// otherwise an *Unavailable that says what the user must do. If nothing proves that
// the account's own server answers, it sends the password only with sameServer, the
// user's word that this is the server.
func (s *Session) Reauthenticate(ctx context.Context, sameServer bool) error {
	s.mu.Lock()
	before := s.state.Published.Generation
	s.mu.Unlock()
	asked := s.Now()
	s.handle(machine.Asked{SameServer: sameServer})
	finished := s.await(ctx, func(st machine.State) bool {
		// While a player waits too, a server that is away is asked again every other second.
		goesOn := s.Now().Sub(asked) < clickPatience && st.ResumesBy(s.Now().Add(shortPause))
		return !st.Busy() && !goesOn || st.Phase == machine.Fresh && st.Published.Generation > before
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	renewed := s.state.Phase == machine.Fresh && s.state.Published.Generation > before
	if finished && (renewed || s.state.Phase == machine.Static && s.state.Failure == nil) {
		return nil
	}
	return unavailable(s.state, s.Now())
}

// SignOut ends the session at the server and erases every secret of the account.
// The error says how far it came. nil: all is done. keychain.ErrSlotPending: the
// account is signed out, and keychain.Vault.Finish removes the secrets that are
// left. ErrNotToldServer: the secrets are erased, and the session may live on at the
// server. Any other error: the account is still signed in.
func (s *Session) SignOut(ctx context.Context) error {
	s.mu.Lock()
	s.signOutErr = nil
	s.mu.Unlock()
	s.handle(machine.SignOutAsked{})
	done := s.await(ctx, func(st machine.State) bool { return !st.Busy() && !st.Wishes.SignOut })
	if !done {
		s.handle(machine.SignOutDropped{})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !done:
		return ctx.Err()
	case s.state.Wishes.SignOutErr != nil:
		return errors.Join(fmt.Errorf("sign out: %w", s.state.Wishes.SignOutErr), s.signOutErr)
	case s.state.Phase != machine.SignedOut:
		return fmt.Errorf("sign out: %w", errEnding)
	}
	return s.signOutErr
}

// errEnding: nothing new is begun while the program ends.
var errEnding = errors.New("the program is being stopped; nothing was signed out")

// Changed returns a channel that is closed after the next fact that the session
// handles, even if the fact changes nothing. Get the channel first, then read the
// state: so no change between the two is missed. Each channel is closed once, so
// get a new one to wait again.
func (s *Session) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
