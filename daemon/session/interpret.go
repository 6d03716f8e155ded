package session

import (
	"context"
	"errors"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/failpoint"
	"shelfkeeper/daemon/redact"
	"shelfkeeper/daemon/session/budget"
	"shelfkeeper/daemon/session/machine"
	"shelfkeeper/daemon/session/signin"
	"shelfkeeper/keychain"
)

// Deadlines of the effects. The vault has its own, shorter ones for each call
// to the keychain; these are the bounds of the whole effect.
const (
	// acquireDeadline is longer than another process can take for a refresh.
	acquireDeadline = 90 * time.Second
	// vaultDeadline covers several keychain calls in a row.
	vaultDeadline = 30 * time.Second
	// promptDeadline is longer than a person is given to type a password.
	promptDeadline = 5 * time.Minute
)

// attempt is what one attempt holds: the account's lock and its connection.
type attempt struct {
	release    func()
	awake      func() // ends the delay of a suspend
	conn       Conn
	dialedAt   time.Time // when conn was dialled ahead; zero once something has travelled on it
	answeredAt time.Time // when an answer last came over conn
	learn      []func()  // what the budget learns once the attempt is over
}

// end gives both back. It may be called twice.
func (a *attempt) end() {
	a.disconnect()
	if a.release != nil {
		a.release()
	}
	if a.awake != nil {
		a.awake()
	}
	*a = attempt{}
}

func (a *attempt) disconnect() {
	if a.conn != nil {
		a.conn.Close()
		a.conn, a.dialedAt = nil, time.Time{}
	}
}

// interpret does e and returns the fact that came of it.
func (s *Session) interpret(ctx context.Context, e machine.Effect) machine.Fact {
	switch e := e.(type) {
	case machine.Open:
		return s.open(ctx, e)
	case machine.Acquire:
		return s.acquire(ctx, e)
	case machine.Preflight:
		return s.preflight(ctx, e)
	case machine.Commit:
		ctx, cancel := context.WithTimeout(ctx, vaultDeadline)
		defer cancel()
		if err := s.Vault.Commit(ctx, e.Record); err != nil {
			return machine.CommitFailed{Err: err}
		}
		failpoint.Reached("committed")
		s.noteDurable(e.Record)
		return machine.Committed(e)
	case machine.Refresh:
		b, ready := s.budget(e.ByUser), s.ready
		if e.Unpinged {
			b, ready = b.Returning(), s.unpinged
		}
		answer, err := s.authOver(ctx, b, ready, func(ctx context.Context, c *absapi.Client) (absapi.Answer, error) {
			ctx, cancel := context.WithTimeout(ctx, e.Patience)
			defer cancel()
			s.handle(machine.Sent{})
			if e.AlsoCookie {
				return c.RefreshAlsoByCookie(ctx, e.Token)
			}
			return c.Refresh(ctx, e.Token)
		})
		if err != nil {
			f := machine.RefreshFailed{Err: err}
			if err.Verdict == absapi.RefreshInvalid {
				f.Evidence = s.gatherEvidence(ctx, e.ByUser)
			}
			return f
		}
		return machine.Refreshed{Answer: answer}
	case machine.Recognise:
		return machine.Recognised{Evidence: s.gatherEvidence(ctx, e.ByUser)}
	case machine.Login:
		return s.signIn(ctx, e)
	case machine.ChangePassword:
		answer, err := s.auth(ctx, true, func(ctx context.Context, c *absapi.Client) (absapi.Answer, error) {
			return c.ChangePassword(ctx, e.Bearer, e.Refresh, e.Old, e.New)
		})
		if err != nil {
			return machine.ChangeFailed{Err: err}
		}
		return machine.PasswordChanged{Answer: answer}
	case machine.CleanUp:
		return s.cleanUp(ctx, e)
	case machine.Settle:
		ctx, cancel := prompting(ctx, e.Prompt, vaultDeadline)
		defer cancel()
		if err := s.Vault.Settle(ctx, s.Account); err != nil {
			return machine.SettleFailed{Err: err}
		}
		return machine.Settled{Generation: e.Generation}
	case machine.Check:
		return machine.Checked{Err: s.check(ctx, e.Token)}
	case machine.Erase:
		return machine.Erased{Err: s.erase(ctx, e)}
	}
	panic("session: an effect without an interpretation")
}

// noteDurable logs how long tokens that the server had given were in danger: until
// then a crash would have lost them.
func (s *Session) noteDurable(rec keychain.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Step == machine.Committing && rec.Generation > s.state.Record.Generation {
		s.Log.Debug("new tokens are durable", "account", s.Account, "ms_after_answer", time.Since(s.attempt.answeredAt).Milliseconds())
	}
}

// prompting bounds ctx, and lets the keychain ask if the user did.
func prompting(ctx context.Context, prompt bool, bound time.Duration) (context.Context, context.CancelFunc) {
	if prompt {
		return context.WithTimeout(keychain.WithPrompt(ctx), promptDeadline)
	}
	return context.WithTimeout(ctx, bound)
}

func (s *Session) open(ctx context.Context, e machine.Open) machine.Fact {
	ctx, cancel := prompting(ctx, e.Prompt, vaultDeadline)
	defer cancel()
	rec, err := s.Vault.Load(ctx, s.Account)
	if err == nil && !s.ours(rec) {
		err = ErrOtherServer
	}
	if err != nil {
		return machine.OpenFailed{Err: err}
	}
	return machine.Opened{Record: rec, Unlimited: s.Budget.Unlimited()}
}

func (s *Session) acquire(ctx context.Context, e machine.Acquire) machine.Fact {
	ctx, cancel := prompting(ctx, e.Prompt, acquireDeadline)
	defer cancel()
	release, err := s.Vault.Acquire(ctx, s.Account)
	if err != nil {
		return machine.AcquireFailed{Err: err}
	}
	var awake func()
	goingDown := false
	if s.StayAwake != nil {
		awake = s.StayAwake(ctx)
		goingDown = awake == nil
	}
	s.mu.Lock()
	s.attempt.release, s.attempt.awake = release, awake
	s.mu.Unlock()
	failpoint.Reached("lock-taken")
	rec, err := s.Vault.Load(ctx, s.Account)
	if err == nil && !s.ours(rec) {
		err = ErrOtherServer
	}
	if err != nil {
		return machine.AcquireFailed{Err: err}
	}
	return machine.Acquired{Record: rec, GoingDown: goingDown}
}

// ErrOtherServer: the vault holds a session of another server under this
// account's name. Its secrets are none of this server's business.
var ErrOtherServer = errors.New("the stored session belongs to another server")

// ours reports whether rec is of the server that this session speaks to.
func (s *Session) ours(rec keychain.Record) bool {
	return rec.Server == "" || rec.Server == s.Base.String()
}

// preflight opens the connection that the auth request then uses as well, and
// looks whether an answer finds its way back over it.
func (s *Session) preflight(ctx context.Context, e machine.Preflight) machine.Fact {
	if wait := s.budget(e.ByUser).Wait(time.Now()); wait > 0 {
		return machine.Unreachable{Err: budget.OverBudget(wait)}
	}
	_, meta, err := s.connectAndPing(ctx, e.Patience)
	if err != nil {
		return machine.Unreachable{Err: absapi.AsError(err)}
	}
	failpoint.Reached("pinged")
	return machine.Reachable{Meta: meta}
}

// check asks whether a static token is refused by a server that is otherwise
// in order.
func (s *Session) check(ctx context.Context, token redact.Secret) *absapi.Error {
	ctx, cancel := context.WithTimeout(ctx, budget.RequestDeadline)
	defer cancel()
	conn := s.Connect()
	defer conn.Close()
	client := absapi.New(conn, s.Base)
	if _, err := client.Status(ctx); err != nil {
		return absapi.AsError(err)
	}
	if _, err := client.Me(ctx, token); err != nil {
		return absapi.AsError(err)
	}
	return nil
}

// erase ends the session and its spares here, under the account's lock, and then
// at the server, as far as it can be reached.
func (s *Session) erase(ctx context.Context, e machine.Erase) error {
	ctx, cancel := prompting(ctx, true, promptDeadline)
	defer cancel()
	release, err := s.Vault.Acquire(ctx, s.Account)
	if err != nil {
		return err
	}
	defer release()
	tokens, key, access := e.Tokens, e.EmergencyKey, redact.Secret{}
	if rec, err := s.Vault.Load(ctx, s.Account); err == nil && !rec.Refresh.IsEmpty() && s.ours(rec) {
		tokens = append(rec.Spares(), rec.Refresh) // another process may have rotated
		key, access = rec.EmergencyKey, rec.Access
	}
	// First here, then there: cut off in between, a session that nobody knows
	// ends by itself, while one that is only dead on the server would sign in
	// again.
	forgotten := s.Vault.Forget(ctx, s.Account)
	if forgotten != nil && !errors.Is(forgotten, keychain.ErrSlotPending) {
		return forgotten
	}
	var told error
	conn := s.Connect()
	if !key.IsEmpty() {
		told = signin.EndKey(ctx, absapi.New(conn, s.Base), key, access)
	}
	for i, token := range tokens {
		if token.IsEmpty() {
			continue
		}
		err := error(nil)
		if client := absapi.New(conn, s.Base); i == len(tokens)-1 { // what keeps one token from the server keeps all
			err = signin.LogoutOfUser(ctx, client, s.Budget.Background(), token)
		} else {
			err = signin.Logout(ctx, client, token)
		}
		told = errors.Join(told, err)
	}
	conn.Close()
	s.mu.Lock()
	s.signOutErr = told
	s.mu.Unlock()
	return forgotten
}
