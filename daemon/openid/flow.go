// Package openid leads a person through a sign-in at the server's OpenID
// provider. It begins the authorization, waits for the address at which the
// browser ends, checks that address, and has its code exchanged for a session.
//
// It exists because the way back differs from one machine to the next. It may be
// a listener on this machine where the server's admin allows it, a scheme that
// the desktop passes on, or a person who pastes the address. All three work at
// the same time, and the first one counts.
//
// It never sees a token: the caller exchanges the code and keeps the session. It
// never waits for ever, and never gives a code to a server other than the one
// that began the authorization.
package openid

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"shelfkeeper/daemon/absapi"
	"shelfkeeper/daemon/redact"
)

const (
	// firstWait is how long a person may take at the provider: to find a
	// password, a second factor, a mail. Newer servers forget a sign-in after
	// ten minutes themselves.
	firstWait = 10 * time.Minute
	// sentWait is the same where the browser was sent on by itself and the
	// provider knows the person already.
	sentWait = 2 * time.Minute
	// keptByPerson is for how many spares a person is asked in one flow. A browser that
	// is sent on by itself brings as many as are wanted.
	keptByPerson = 3
)

// The ends of a flow, beside the errors of Keeper.
var (
	// ErrNobody: no address came back in time.
	ErrNobody = errors.New("nobody came back from the provider in time")
	// ErrDenied is wrapped where the provider, or the person there, said no.
	ErrDenied = errors.New("the provider did not sign anybody in")
	// ErrSkipped: the person did without a spare session.
	ErrSkipped = errors.New("you did without it")
	// ErrNoNeed is a Keeper's answer where a second session is of no use. The
	// flow has succeeded then.
	ErrNoNeed = errors.New("no second session is needed")
)

// Stage is what an authorization is for.
type Stage int

const (
	First Stage = iota // the account's session
	Spare              // another one, used when the first is lost
)

// Keeper knows the server and the vault: it begins authorizations and trades
// their codes.
type Keeper interface {
	// Authorize begins an authorization that comes back to redirect.
	Authorize(ctx context.Context, redirect string) (*absapi.Authorization, error)
	// Redeem trades the code for a session and keeps it. Once it has returned
	// nil for First, the person is signed in, whatever follows.
	Redeem(ctx context.Context, stage Stage, flow *absapi.Authorization, code redact.Secret) error
	// More reports whether one more spare is wanted beside those that are kept.
	More(ctx context.Context) bool
}

// Progress is how far a flow is. It changes until Done.
type Progress struct {
	Step  int // counts changes
	Stage Stage
	// Flow is the authorization that waits for a person; nil while the server
	// is asked, and at the end.
	Flow *absapi.Authorization
	// Sent: the browser is on its way there by itself.
	Sent bool
	// Again is why an authorization is a repetition; nil if it is none.
	Again error
	// Paste: nothing new was begun, and the address that the browser shows is good.
	Paste bool
	// Later is when the next spare may be asked for, and Ticket stands for that wait
	// in Skip; zero while nothing waits for the server's limit.
	Later  time.Time
	Ticket string
	Kept   int // spare sessions that this flow has brought
	Done   bool
	// Err is why the stage failed; nil if all went well.
	Err error
}

// Flow is one sign-in under way. Its methods may be called concurrently.
type Flow struct {
	keeper   Keeper
	loopback *loopback // nil where the server does not allow it
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	now     Progress
	changed chan struct{}   // closed and replaced at each change
	used    map[string]bool // states of this flow that came back
	came    chan arrival    // holds one

	ticket string        // names the page that waits, in its address
	goesOn chan struct{} // holds one: that page has gone on

	turned     bool                  // the browser came back by https
	hello      chan struct{}         // closed then
	toldTurned bool                  // only run reads and writes it
	former     *absapi.Authorization // begun before, and good as long as its code is not used
}

// arrival is a comeback with the state that the flow waits for.
type arrival struct {
	comeback
	local bool                  // by the loopback listener, whose browser can be sent on
	flow  *absapi.Authorization // whose state it has; nil for the newest
}

// Start begins a flow with stage and returns once it waits for a person. The
// error is that of Keeper.Authorize. Close it in any case.
func Start(ctx context.Context, stage Stage, keeper Keeper) (*Flow, error) {
	f := &Flow{keeper: keeper, changed: make(chan struct{}), used: map[string]bool{}, came: make(chan arrival, 1),
		hello: make(chan struct{}), ticket: rand.Text(), goesOn: make(chan struct{}, 1)}
	first, err := f.open(ctx)
	if err != nil {
		f.loopback.close()
		return nil, err
	}
	f.now = Progress{Step: 1, Stage: stage, Flow: first}
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f.cancel = cancel
	f.loopback.serve(f)
	f.running.Go(func() { f.run(own) })
	return f, nil
}

// open begins the first authorization and finds out which way back there is:
// the listener, which needs nothing of the desktop, or the scheme of
// Audiobookshelf's own apps. The list of what the server allows cannot be read
// without being its admin, so it is asked.
func (f *Flow) open(ctx context.Context) (*absapi.Authorization, error) {
	var err error
	if f.loopback, err = listen(); err == nil {
		flow, err := f.keeper.Authorize(ctx, f.loopback.address())
		if absapi.VerdictOf(err) != absapi.RedirectRefused {
			return flow, err
		}
		f.loopback.close()
		f.loopback = nil
	}
	return f.keeper.Authorize(ctx, absapi.Scheme)
}

// run goes from one authorization to the next until all is done.
func (f *Flow) run(ctx context.Context) {
	p, _ := f.Progress()
	stage, flow, again, sent, kept := p.Stage, p.Flow, error(nil), false, 0
	for {
		err := f.lead(ctx, stage, flow, &sent, kept)
		if errors.Is(err, ErrTurned) {
			flow = f.goRound(ctx, stage, flow, kept)
			continue
		}
		if err == nil && stage == Spare {
			if kept++; !sent && kept >= keptByPerson || !f.keeper.More(ctx) {
				f.set(Progress{Stage: stage, Done: true, Kept: kept})
				return
			}
		}
		switch {
		case err == nil:
			stage, again = Spare, nil
			f.set(Progress{Stage: stage, Kept: kept})
		case again == nil && canRepeat(err):
			again = err
		default:
			f.set(Progress{Stage: stage, Done: true, Err: err, Kept: kept})
			return
		}
		redirect := flow.Redirect
		if flow, err = f.further(ctx, redirect, Progress{Stage: stage, Kept: kept}, sent); err != nil {
			f.set(Progress{Stage: stage, Done: true, Err: err, Kept: kept})
			return
		}
		f.set(Progress{Stage: stage, Flow: flow, Sent: sent, Again: again, Kept: kept})
	}
}

// lead waits for the person whom flow sent to the provider, and has the code
// traded.
func (f *Flow) lead(ctx context.Context, stage Stage, flow *absapi.Authorization, sent *bool, kept int) error {
	wait := firstWait
	if *sent {
		wait = sentWait
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	var back arrival
	hello := f.hello
	if f.toldTurned {
		hello = nil
	}
	select {
	case back = <-f.came:
	case <-hello:
		f.toldTurned = true
		return ErrTurned
	case <-timer.C:
		return ErrNobody
	case <-ctx.Done():
		return ctx.Err()
	}
	if *sent = back.local; back.state == "" {
		return ErrSkipped
	}
	f.set(Progress{Stage: stage, Kept: kept})
	if back.denied != "" {
		return errors.Join(ErrDenied, errors.New(back.denied))
	}
	if back.flow != nil {
		flow = back.flow
	}
	code := redact.New(back.code)
	err := f.keeper.Redeem(ctx, stage, flow, code)
	var failure *absapi.Error
	if errors.As(err, &failure) && failure.Unwritten && failure.Verdict == absapi.Temporary {
		err = f.keeper.Redeem(ctx, stage, flow, code) // the code is as good as it was
	}
	return err
}

// canRepeat reports whether another round may help: the server has forgotten
// this one, or its answer was lost and the code with it.
func canRepeat(err error) bool {
	var failure *absapi.Error
	return errors.As(err, &failure) && (failure.Verdict == absapi.FlowLost || failure.Verdict == absapi.Temporary && !failure.Unwritten)
}

func (f *Flow) set(p Progress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.Step = f.now.Step + 1
	f.now = p
	close(f.changed)
	f.changed = make(chan struct{})
}

// Progress returns how far the flow is, and a channel that is closed when it
// gets further.
func (f *Flow) Progress() (Progress, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now, f.changed
}

// Return takes the address at which a browser ended up, from wherever it comes.
// nil means that this flow waited for it and works on it now.
func (f *Flow) Return(address string) error { return f.take(address, false) }

func (f *Flow) take(address string, local bool) error {
	back, err := parse(address)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.used[back.state]:
		return ErrReplayed
	case f.now.Flow != nil && f.former != nil && subtle.ConstantTimeCompare([]byte(back.state), []byte(f.former.State)) == 1:
		f.used[back.state], f.used[f.now.Flow.State] = true, true // one of the two is enough
		f.came <- arrival{back, local, f.former}
		return nil
	case f.now.Flow == nil || subtle.ConstantTimeCompare([]byte(back.state), []byte(f.now.Flow.State)) != 1:
		return ErrForeign // login CSRF: somebody else's code would sign us in as them
	}
	f.used[back.state] = true
	if f.former != nil {
		f.used[f.former.State] = true
	}
	f.came <- arrival{back, local, nil} // there is room: each state comes once, and the flow waits for one
	return nil
}

// Skip does without a spare session while it is waited for with that state or ticket.
func (f *Flow) Skip(state string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	waits := f.now.Flow != nil && f.now.Flow.State == state || f.now.Ticket != "" && f.now.Ticket == state
	if f.now.Stage == Spare && waits && !f.used[state] {
		f.used[state] = true
		f.came <- arrival{}
	}
}

// Close ends the flow and waits for everything it started.
func (f *Flow) Close() {
	f.cancel()
	f.running.Wait()
	f.loopback.close()
}
