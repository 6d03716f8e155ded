package keychain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"shelfkeeper/daemon/redact"
)

// childIdle is how long a child without calls lives, unless the keychain has
// granted access to this very child: the calls of a renewal follow each other, and
// the next renewal is far away.
const childIdle = 10 * time.Second

// osStore is the desktop's keychain, reached through one child process. The
// libraries know no deadline: with a prompt on the screen they block for ever, and
// a session bus that dies under them may panic (measured with go-keyring v0.2.8).
// A child can be killed. It is one child, over one connection, since KeePassXC
// grants access by connection: what the user told it to remember lasts as long.
type osStore struct {
	argv  []string
	limit time.Duration // set by tests in the place of timeoutFor
	idle  time.Duration // and of childIdle

	mu       sync.Mutex
	closed   bool
	current  *child // takes the next call; nil for none
	bus      string // the bus that it is on
	retire   *time.Timer
	children map[*child]int // all that may still run, and how many calls each performs
}

func (s *osStore) get(ctx context.Context, item string) (string, error) {
	value, err := s.call(ctx, callOp{Op: "get", Item: item})
	if err == nil && value == "" {
		return "", ErrNotFound
	}
	return value, err
}

func (s *osStore) set(ctx context.Context, item, value string) error {
	_, err := s.call(ctx, callOp{Op: "set", Item: item, Value: value})
	return err
}

func (s *osStore) delete(ctx context.Context, item string) error {
	_, err := s.call(ctx, callOp{Op: "delete", Item: item})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// call runs one operation. Outcomes, in this order:
//
//   - no secrets service is on the session bus: ErrAbsent, without a child;
//   - the child cannot be started: ErrAbsent;
//   - the child answers: as its answer says; at the deadline it says ErrHanging;
//   - it does not answer even then: it is killed with its process group;
//     ErrHanging. The next call starts another;
//   - the child ends without an answer: what the bus says of the service now, else
//     ErrAbsent with the child's exit status and first line of stderr.
func (s *osStore) call(ctx context.Context, op callOp) (string, error) {
	limit := cmp.Or(s.limit, timeoutFor(ctx))
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	op.Prompt, op.New = promptAllowed(ctx), newKeyringAllowed(ctx)
	answer, err := s.try(bounded, op)
	if errors.Is(err, errOtherCall) && bounded.Err() == nil {
		answer, err = s.try(bounded, op)
	}
	switch {
	case err == nil && answer.Code == opHanging && bounded.Err() != nil, err != nil && bounded.Err() != nil:
		return "", callerGone(ctx, fmt.Errorf("%w: no answer within %s", ErrHanging, limit))
	case err == nil:
		return answer.Value, answer.err(op.Prompt)
	case isCondition(err) || errors.Is(err, ErrClosed):
		return "", err
	}
	if bus, again := busAddress(); again == nil {
		if again = present(bounded, bus); again != nil {
			return "", fmt.Errorf("%w (%w)", again, err)
		}
	}
	return "", fmt.Errorf("%w: the call broke: %w", ErrAbsent, err)
}

// errOtherCall: the child ended for another call's sake, or before this one.
var errOtherCall = errors.New("it ended with another call")

// try has the child perform the call.
func (s *osStore) try(ctx context.Context, op callOp) (opAnswer, error) {
	c, fresh, err := s.enter(ctx)
	if err != nil {
		return opAnswer{}, err
	}
	if until, ok := ctx.Deadline(); ok {
		op.Within = time.Until(until).Milliseconds()
	}
	answer, err := c.ask(ctx, op)
	s.leave(c, answer)
	if err != nil && !fresh {
		err = fmt.Errorf("%w: %w", errOtherCall, err)
	}
	return answer, err
}

// enter returns the child for a call, and starts it if there is none.
func (s *osStore) enter(ctx context.Context) (c *child, fresh bool, err error) {
	bus, err := busAddress()
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", ErrAbsent, err)
	}
	s.mu.Lock()
	c = s.takeLocked(bus)
	s.mu.Unlock()
	if c != nil {
		return c, false, nil
	}
	if err := present(ctx, bus); err != nil {
		return nil, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, ErrClosed
	}
	if c := s.takeLocked(bus); c != nil {
		return c, false, nil // another call has started it meanwhile
	}
	if c, err = startChild(s.argv, childEnv(bus)); err != nil {
		return nil, false, fmt.Errorf("%w: start the keychain's helper: %w", ErrAbsent, err)
	}
	if s.current != nil {
		s.dismissLocked(s.current) // it is on another bus
	}
	maps.DeleteFunc(s.children, func(c *child, _ int) bool { return !c.runs() })
	if s.children == nil {
		s.children = map[*child]int{}
	}
	s.children[c] = 1
	s.current, s.bus = c, bus
	return c, true, nil
}

// takeLocked counts a call in with the child that takes calls, if there is one.
func (s *osStore) takeLocked(bus string) *child {
	c := s.current
	if s.closed || c == nil || s.bus != bus || !c.takesCalls() {
		return nil
	}
	if s.retire != nil {
		s.retire.Stop()
	}
	s.children[c]++
	return c
}

// leave counts a call out. A child that has lost its connection takes no more
// calls, and one that has nothing to do ends after a while.
func (s *osStore) leave(c *child, a opAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.children[c]--
	switch {
	case c != s.current:
		s.dismissLocked(c)
	case a.Code == opAbsent || a.Code == opBroken:
		s.dismissLocked(c)
	case s.children[c] == 0 && !a.Keep && !s.closed:
		s.retire = time.AfterFunc(cmp.Or(s.idle, childIdle), func() { s.dismissIdle(c) })
	}
}

func (s *osStore) dismissIdle(c *child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.children[c] == 0 {
		s.dismissLocked(c)
	}
}

// dismissLocked gives a child no more calls, and ends it when it has none.
func (s *osStore) dismissLocked(c *child) {
	if s.current == c {
		s.current = nil
	}
	if s.children[c] == 0 {
		c.letGo()
	}
}

// close ends the children and waits for them.
func (s *osStore) close() {
	s.mu.Lock()
	s.closed = true
	if s.retire != nil {
		s.retire.Stop()
	}
	all := slices.Collect(maps.Keys(s.children))
	s.mu.Unlock()
	for _, c := range all {
		c.close()
	}
}

// callerGone returns why the caller's context ended, if it did, else err. When
// its deadline passed, the keychain did not answer in the time it was given.
func callerGone(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return err
	case errors.Is(cause, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", ErrHanging, cause)
	default:
		return cause
	}
}

// childEnv is this process's environment with the session bus that was probed,
// so that the child's D-Bus library never looks for one, let alone starts one.
func childEnv(bus string) []string {
	env := os.Environ()
	if bus != "" {
		env = append(env, busVariable+"="+bus)
	}
	return env
}

// busVariable names the session bus. A later value in an environment wins.
const busVariable = "DBUS_SESSION_BUS_ADDRESS"

// err turns the answer into an error of this package. asked tells a dismissed
// prompt from one that was never allowed.
func (a opAnswer) err(asked bool) error {
	var kind error
	switch a.Code {
	case opDone:
		return nil
	case opNotFound:
		return ErrNotFound
	case opLocked:
		kind = ErrLocked
		if asked {
			return fmt.Errorf("%w: the prompt was dismissed or could not be shown", ErrDenied)
		}
	case opNoCollection:
		return fmt.Errorf("%w: %w", ErrAbsent, noCollection{a.Program})
	case opAbsent, opBroken:
		kind = ErrAbsent
	case opHanging:
		kind = ErrHanging
	case opTooLarge:
		kind = ErrTooLarge
	default:
		kind = ErrDenied
	}
	return fmt.Errorf("%w: %s", kind, redact.Text(a.Evidence))
}
