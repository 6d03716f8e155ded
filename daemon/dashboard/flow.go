package dashboard

import (
	"context"
	"net/url"
	"sync"

	"shelfkeeper/daemon/problem"
)

// signInFlow is the one sign-in through a browser that is under way, or has
// just ended. It outlives the request that began it.
type signInFlow struct {
	mu      sync.Mutex
	now     flowState
	moved   Bell
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// flowState is how far it is.
type flowState struct {
	Begun   bool
	Account string // whose it is, where it is known before
	Step    Step
	Answer  *SignedIn
	Notes   []string
	Ended   bool
	Err     error
}

// start begins a sign-in, in place of one that is under way.
func (f *signInFlow) start(ctx context.Context, account string, run func(context.Context, func(Step) error) error,
	take func(scheme string) (func() error, error)) {
	f.end()
	ctx, cancel := context.WithCancel(ctx)
	f.mu.Lock()
	f.cancel = cancel
	f.setLocked(flowState{Begun: true, Account: account})
	f.mu.Unlock()
	f.running.Go(func() {
		scheme := schemeTaker{take: take}
		err := run(ctx, func(step Step) error {
			note := scheme.prepare(step.Redirect)
			f.change(func(now *flowState) {
				if step.Answer != nil {
					now.Answer = step.Answer
				}
				now.Notes = append(now.Notes, step.Notes...)
				if note != "" {
					now.Notes = append(now.Notes, note)
				}
				now.Step = step
			})
			return nil
		})
		if gave := scheme.giveBack(); err == nil {
			err = gave
		}
		f.change(func(now *flowState) { now.Ended, now.Err = true, err })
	})
}

// end ends the sign-in that is under way and waits for it.
func (f *signInFlow) end() {
	f.mu.Lock()
	cancel := f.cancel
	f.cancel = nil
	f.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	f.running.Wait()
}

// state returns how far the sign-in is.
func (f *signInFlow) state() flowState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// forget drops what has ended, and the grant in it.
func (f *signInFlow) forget() flowState {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.now
	if was.Ended {
		f.setLocked(flowState{})
	}
	return was
}

func (f *signInFlow) change(edit func(*flowState)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	next := f.now
	edit(&next)
	f.setLocked(next)
}

func (f *signInFlow) setLocked(next flowState) {
	f.now = next
	f.moved.Ring()
}

// schemeTaker lets the desktop bring the browser's address back, where it comes
// by a scheme.
type schemeTaker struct {
	take    func(scheme string) (func() error, error)
	restore func() error
}

func (t *schemeTaker) prepare(redirect string) (note string) {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme == "" || u.Scheme == "http" || t.restore != nil || t.take == nil {
		return ""
	}
	if t.restore, err = t.take(u.Scheme); err != nil {
		return problem.Of(err).Text
	}
	return ""
}

func (t *schemeTaker) giveBack() error {
	if t.restore == nil {
		return nil
	}
	return t.restore()
}
