package keychain

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/zalando/go-keyring"

	"shelfkeeper/daemon/redact"
)

// maxRequest bounds a request or answer line; a record has 2,300 bytes.
const maxRequest = 64 << 10

// Exit codes of RunOp. Only opExitAnswered means that an answer was written.
const (
	opExitAnswered = 0 // an answer line was written, whatever it says
	opExitUnsent   = 1 // the answer could not be written
	opExitUsage    = 2 // the request was not understood
)

// RunOp is the body of the child process: it reads one request line from in,
// performs it on the desktop's keychain, however long that takes, writes one
// answer line to out and returns the exit code: 0 with an answer, 1 when it
// could not be written, 2 for a request of another version or none at all. It
// writes to nothing else, and never a secret into an error.
func RunOp(in io.Reader, out io.Writer) int {
	line, err := bufio.NewReader(io.LimitReader(in, maxRequest)).ReadBytes('\n')
	var op callOp
	if err != nil || json.Unmarshal(line, &op) != nil || op.Version != opVersion || op.Item == "" {
		return opExitUsage
	}
	answer, err := marshal(perform(op))
	if err != nil {
		return opExitUnsent
	}
	if _, err := io.Copy(out, bytes.NewReader(append(answer, '\n'))); err != nil {
		return opExitUnsent
	}
	return opExitAnswered
}

func perform(op callOp) (answer opAnswer) {
	// A bus that dies during a prompt makes go-keyring dereference nil
	// (handlePrompt, v0.2.8). Panics of library goroutines still kill the child,
	// which the parent takes as no answer.
	defer func() {
		if p := recover(); p != nil {
			answer = opAnswer{Code: opBroken, Evidence: fmt.Sprintf("the keychain library panicked (%T)", p)}
		}
	}()
	if err := pinBus(); err != nil {
		return opAnswer{Code: opAbsent, Evidence: err.Error()}
	}
	var err error
	switch op.Op {
	case "get":
		answer.Value, err = keyring.Get(op.Service, op.Item)
	case "set":
		err = keyring.Set(op.Service, op.Item, op.Value)
	case "delete":
		err = keyring.Delete(op.Service, op.Item)
	default:
		err = fmt.Errorf("unknown operation %q", op.Op)
	}
	if err != nil {
		return opAnswer{Code: classify(err), Evidence: redact.Text(err.Error())}
	}
	answer.Code = opDone
	return answer
}

// classify says what an error of go-keyring means.
func classify(err error) opCode {
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return opNotFound
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return opTooLarge
	}
	return classifyPlatform(err)
}
