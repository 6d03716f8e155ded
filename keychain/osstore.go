package keychain

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"shelfkeeper/daemon/redact"
)

// osStore is the desktop's keychain, reached through one child process a call.
// go-keyring knows no deadline: with a prompt on the screen it blocks for ever,
// and a session bus that dies under it panics (measured with v0.2.8). A child
// can be killed.
type osStore struct {
	argv  []string
	limit time.Duration // set by tests in the place of timeoutFor
}

// callOp says what a child shall do: one JSON line on its standard input.
type callOp struct {
	Version int    `json:"v"`
	Op      string `json:"op"` // get, set or delete
	Service string `json:"service"`
	Item    string `json:"item"`
	Value   string `json:"value,omitempty"`
}

// opVersion is the form of requests and answers. Parent and child are the same
// program, but not always of the same build.
const opVersion = 1

// opAnswer is the child's answer: one JSON line on its standard output.
type opAnswer struct {
	Code     opCode `json:"code"`
	Value    string `json:"value,omitempty"`
	Evidence string `json:"evidence,omitempty"`
}

// errServiceEnded: whoever waits for a prompt of the service waits in vain.
var errServiceEnded = errors.New("the secrets service ended while its prompt was awaited")

// opCode classifies a call's outcome.
type opCode string

const (
	opDone     opCode = "done"
	opNotFound opCode = "not-found"
	opLocked   opCode = "locked"    // could not be unlocked: no prompt possible, or dismissed
	opAbsent   opCode = "absent"    // no bus, no service
	opDenied   opCode = "denied"    // refused, or an error of the keychain's own
	opHanging  opCode = "hanging"   // the service did not answer the bus in time
	opTooLarge opCode = "too-large" // the platform refuses the size
	opBroken   opCode = "broken"    // the call panicked: the connection died
)

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
//   - the probe finds the keychain locked (and the user was not asked), absent
//     or hanging: that condition, without a child;
//   - there is no collection yet, and the user signs in: the
//     service asks for a new one with its own prompt;
//   - the deadline passes: the child's process group is killed; ErrHanging;
//   - the secrets service ends while its prompt is awaited: the same; ErrAbsent;
//   - the child answers: as its answer says;
//   - the child cannot be started: ErrAbsent;
//   - the child ends without an answer: the condition a second probe finds,
//     else ErrAbsent with the child's exit status and first line of stderr.
func (s *osStore) call(ctx context.Context, op callOp) (string, error) {
	limit := cmp.Or(s.limit, timeoutFor(ctx))
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	bus, err := probe(bounded, op.Item)
	if errors.Is(err, ErrNoCollection) && newKeyringAllowed(ctx) {
		if err := createWhileThere(bounded); err != nil {
			return "", callerGone(ctx, err)
		}
		bus, err = probe(bounded, op.Item)
	}
	if err != nil && !(errors.Is(err, ErrLocked) && promptAllowed(ctx)) {
		return "", callerGone(ctx, err)
	}
	op.Version, op.Service = opVersion, service
	request, err := marshal(op)
	if err != nil {
		return "", err
	}
	waiting, stop := bounded, func() {}
	if promptAllowed(ctx) {
		waiting, stop = untilOwnerChanges(bounded)
	}
	defer stop()
	out, err := runChild(waiting, s.argv, childEnv(bus), append(request, '\n'))
	var answer opAnswer
	if json.Unmarshal(out, &answer) == nil && answer.Code != "" {
		return answer.Value, answer.err(promptAllowed(ctx))
	}
	if errors.Is(context.Cause(waiting), errServiceEnded) {
		return "", fmt.Errorf("%w: %w", ErrAbsent, errServiceEnded)
	}
	if bounded.Err() != nil {
		return "", callerGone(ctx, fmt.Errorf("%w: no answer within %s", ErrHanging, limit))
	}
	if err == nil {
		err = errors.New("it ended without an answer")
	}
	if _, again := probe(bounded, ""); again != nil {
		return "", fmt.Errorf("%w (%w)", again, err)
	}
	return "", fmt.Errorf("%w: the call broke: %w", ErrAbsent, err)
}

// createWhileThere makes a collection, and gives up when the service ends.
func createWhileThere(ctx context.Context) error {
	ctx, stop := untilOwnerChanges(ctx)
	defer stop()
	err := createCollection(ctx)
	if errors.Is(context.Cause(ctx), errServiceEnded) {
		return fmt.Errorf("%w: %w", ErrAbsent, errServiceEnded)
	}
	return err
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
