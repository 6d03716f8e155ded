package keychain

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/zalando/go-keyring"

	"shelfkeeper/daemon/redact"
)

// maxRequest bounds a request or answer line; a record has 2,300 bytes.
const maxRequest = 64 << 10

// callOp says what a child shall do: one JSON line on its standard input.
type callOp struct {
	Version int    `json:"v"`
	ID      uint64 `json:"id"`
	Op      string `json:"op"` // get, set, delete, or cancel for the call of that ID
	Service string `json:"service"`
	Item    string `json:"item,omitempty"`
	Value   string `json:"value,omitempty"`
	Prompt  bool   `json:"prompt,omitempty"`      // the keychain may ask the user
	New     bool   `json:"new_keyring,omitempty"` // and for a new keyring, too
	Within  int64  `json:"within_ms"`             // the time that the call has
}

const (
	opGet    = "get"
	opSet    = "set"
	opDelete = "delete"
	opCancel = "cancel"
)

// opVersion is the form of requests and answers. Parent and child are the same
// program, but not always of the same build.
const opVersion = 2

// opAnswer is the child's answer: one JSON line on its standard output.
type opAnswer struct {
	ID       uint64 `json:"id"`
	Code     opCode `json:"code"`
	Value    string `json:"value,omitempty"`
	Evidence string `json:"evidence,omitempty"`
	Program  string `json:"program,omitempty"` // the keychain without a keyring
	Keep     bool   `json:"keep,omitempty"`    // access was granted to this very process
}

// opCode classifies a call's outcome.
type opCode string

const (
	opDone         opCode = "done"
	opNotFound     opCode = "not-found"
	opLocked       opCode = "locked"        // it is locked, and the user was not to be asked
	opAbsent       opCode = "absent"        // no bus, no service
	opNoCollection opCode = "no-collection" // a service without a keyring
	opDenied       opCode = "denied"        // refused, dismissed, or an error of the keychain's own
	opHanging      opCode = "hanging"       // the service did not answer in time
	opTooLarge     opCode = "too-large"     // the platform refuses the size
	opBroken       opCode = "broken"        // the call panicked: the connection died
)

// Exit codes of RunOp.
const (
	opExitEnded  = 0 // standard input ended
	opExitUnsent = 1 // an answer could not be written
	opExitUsage  = 2 // a request was not understood
)

// RunOp is the body of the child process. It reads requests from in, performs them
// on the desktop's keychain, all over one connection, and writes an answer for each
// to out. It returns an exit code when in ends: then the parent has closed the
// vault, or died, and what still runs is given up. It also returns at a request of
// another version. It writes to nothing else, and never a secret into an error.
func RunOp(in io.Reader, out io.Writer) int {
	w := &opWriter{out: out, failed: make(chan struct{}), calls: map[uint64]context.CancelFunc{}}
	ended := make(chan int, 1)
	go func() { ended <- w.read(in) }()
	select {
	case code := <-ended:
		return code
	case <-w.failed:
		return opExitUnsent
	}
}

// opWriter writes answers, one at a time.
type opWriter struct {
	mu     sync.Mutex
	out    io.Writer
	failed chan struct{} // closed when an answer could not be written
	broken bool
	calls  map[uint64]context.CancelFunc
}

// read starts each call that it reads. It returns the exit code.
func (w *opWriter) read(in io.Reader) int {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxRequest)
	for lines.Scan() {
		var op callOp
		if json.Unmarshal(lines.Bytes(), &op) != nil || op.Version != opVersion || op.Item == "" && op.Op != opCancel {
			return opExitUsage
		}
		if op.Op == opCancel {
			w.cancel(op.ID)
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(op.Within)*time.Millisecond)
		w.mu.Lock()
		w.calls[op.ID] = cancel
		w.mu.Unlock()
		go func() {
			a := perform(ctx, op)
			cancel()
			w.write(op.ID, a)
		}()
	}
	if lines.Err() != nil {
		return opExitUsage
	}
	return opExitEnded
}

func (w *opWriter) cancel(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cancel := w.calls[id]; cancel != nil {
		cancel()
	}
}

func (w *opWriter) write(id uint64, a opAnswer) {
	a.ID = id
	line, err := marshal(a)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.calls, id)
	if err == nil {
		_, err = w.out.Write(append(line, '\n'))
	}
	if err != nil && !w.broken {
		w.broken = true
		close(w.failed)
	}
}

func perform(ctx context.Context, op callOp) (answer opAnswer) {
	// A panic of a library must not end the other calls.
	defer func() {
		if p := recover(); p != nil {
			answer = opAnswer{Code: opBroken, Evidence: fmt.Sprintf("the keychain library panicked (%T)", p)}
		}
	}()
	var err error
	switch op.Op {
	case opGet, opSet, opDelete:
		answer.Value, answer.Keep, err = operate(ctx, op)
	default:
		err = fmt.Errorf("unknown operation %q", op.Op)
	}
	answer.Code = opDone
	if err != nil {
		answer.Value = ""
		answer.Code, answer.Evidence = classify(ctx, err)
		var none noCollection
		if errors.As(err, &none) {
			answer.Code, answer.Program = opNoCollection, none.program
		}
	}
	return answer
}

// classify says what an error means, and what of its text says more than that.
func classify(ctx context.Context, err error) (opCode, string) {
	text := func(kind error) string {
		return strings.TrimPrefix(redact.Text(err.Error()), kind.Error()+": ")
	}
	switch {
	case errors.Is(err, keyring.ErrNotFound), errors.Is(err, ErrNotFound):
		return opNotFound, ""
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return opTooLarge, text(err)
	case errors.Is(err, ErrLocked):
		return opLocked, text(ErrLocked)
	case errors.Is(err, ErrAbsent):
		return opAbsent, text(ErrAbsent)
	case errors.Is(err, ErrDenied):
		return opDenied, text(ErrDenied)
	case errors.Is(err, ErrHanging):
		return opHanging, text(ErrHanging)
	case ctx.Err() != nil:
		return opHanging, "no answer in time"
	}
	return classifyPlatform(err), redact.Text(err.Error())
}
