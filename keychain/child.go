package keychain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/redact"
)

const (
	// childWait is how long a killed child's pipes may stay open before they are
	// given up: a grandchild outside the process group could hold them.
	childWait = time.Second

	// childGrace is how long a child may take to say that a call's time is over,
	// before it is killed for it.
	childGrace = 500 * time.Millisecond

	// maxEvidence bounds what is kept of a child's standard error.
	maxEvidence = 4 << 10
)

// child is a running keychain-op process. It answers any number of calls, several
// at a time, and ends when its standard input does.
type child struct {
	in   io.WriteCloser
	errs *capped
	kill context.CancelFunc
	gone chan struct{} // closed when the process has ended
	end  error         // why; read it after gone

	mu     sync.Mutex // in, too
	last   uint64
	waits  map[uint64]chan opAnswer
	forced bool // one call was not answered in time
}

// startChild starts argv. The child dies with its whole process group.
func startChild(argv, env []string) (*child, error) {
	ctx, kill := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	in, err := cmd.StdinPipe()
	if err != nil {
		kill()
		return nil, err
	}
	c := &child{in: in, errs: &capped{max: maxEvidence}, kill: kill, gone: make(chan struct{}), waits: map[uint64]chan opAnswer{}}
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &lines{max: maxRequest, each: c.answered}, c.errs
	cmd.WaitDelay = childWait
	started := make(chan error)
	go c.run(cmd, started)
	if err := <-started; err != nil {
		<-c.gone
		return nil, err
	}
	return c, nil
}

// run starts the process and waits for its end.
func (c *child) run(cmd *exec.Cmd, started chan<- error) {
	defer close(c.gone)
	defer c.kill()
	// Linux kills a child with a parent-death signal when the thread that
	// started it ends, not only when the process does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	group := newGroup(cmd)
	defer group.close()
	cmd.Cancel = func() error { return group.kill(cmd.Process) }
	err := cmd.Start()
	if err != nil {
		_ = c.in.Close()
		c.end = err
		started <- err
		return
	}
	group.add(cmd.Process)
	started <- nil
	c.end = cmd.Wait()
}

// answered hands an answer to its call. A child that says anything else is not
// understood, and its calls end with their time.
func (c *child) answered(line []byte) {
	var a opAnswer
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &a) != nil || a.Code == "" {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if wait := c.waits[a.ID]; wait != nil {
		delete(c.waits, a.ID)
		wait <- a // there is room for one
	}
}

// errNoAnswer: the child ended, or had to be ended, before it answered.
var errNoAnswer = errors.New("the keychain's helper gave no answer")

// ask has a call performed. When ctx ends, the child is told so. If it does not
// answer even then, it is killed. The error wraps errNoAnswer and shows the exit
// status and the first line of standard error, scrubbed.
func (c *child) ask(ctx context.Context, op callOp) (opAnswer, error) {
	answer := make(chan opAnswer, 1)
	c.mu.Lock()
	c.last++
	op.ID = c.last
	c.waits[op.ID] = answer
	err := c.send(op)
	c.mu.Unlock()
	defer c.forget(op.ID)
	if err == nil {
		select {
		case a := <-answer:
			return a, nil
		case <-c.gone:
		case <-ctx.Done():
			return c.overdue(op.ID, answer)
		}
	}
	return c.lastWord(answer)
}

// overdue ends a call whose time is over.
func (c *child) overdue(id uint64, answer <-chan opAnswer) (opAnswer, error) {
	c.mu.Lock()
	_ = c.send(callOp{Op: opCancel, ID: id})
	c.mu.Unlock()
	late := time.NewTimer(childGrace)
	defer late.Stop()
	select {
	case a := <-answer:
		return a, nil
	case <-c.gone:
	case <-late.C:
		c.mu.Lock()
		c.forced = true
		c.mu.Unlock()
		c.kill()
	}
	return c.lastWord(answer)
}

// lastWord waits for the end of the child, which may have answered before.
func (c *child) lastWord(answer <-chan opAnswer) (opAnswer, error) {
	select {
	case <-c.gone:
	case <-time.After(childGrace): // its input is closed, and it goes on
		c.kill()
		<-c.gone
	}
	select {
	case a := <-answer:
		return a, nil
	default:
		return opAnswer{}, c.ended()
	}
}

// ended says how the child ended.
func (c *child) ended() error {
	how := c.end
	if how == nil {
		how = errors.New("it ended without an answer")
	}
	line, _, _ := strings.Cut(strings.TrimSpace(c.errs.String()), "\n")
	if line != "" {
		how = fmt.Errorf("%w, and it said %q", how, redact.Text(line))
	}
	return fmt.Errorf("%w: %w", errNoAnswer, how)
}

// send writes one request. The mutex must be held.
func (c *child) send(op callOp) error {
	op.Version, op.Service = opVersion, service
	line, err := marshal(op)
	if err == nil {
		_, err = c.in.Write(append(line, '\n'))
	}
	return err
}

func (c *child) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waits, id)
}

// runs reports whether the process has not ended.
func (c *child) runs() bool {
	select {
	case <-c.gone:
		return false
	default:
		return true
	}
}

// takesCalls reports whether a call can be made.
func (c *child) takesCalls() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runs() && !c.forced
}

// letGo tells the child to end, and returns at once.
func (c *child) letGo() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.in.Close()
}

// close ends the child and waits for it.
func (c *child) close() {
	c.letGo()
	late := time.NewTimer(childGrace)
	defer late.Stop()
	select {
	case <-c.gone:
	case <-late.C:
		c.kill()
		<-c.gone
	}
}

// capped keeps the first max bytes and swallows the rest.
type capped struct {
	bytes.Buffer
	max int
}

func (c *capped) Write(b []byte) (int, error) {
	if room := c.max - c.Len(); room > 0 {
		c.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

// lines calls each with every line that is written. It swallows what is longer
// than max.
type lines struct {
	max  int
	part []byte
	over bool
	each func(line []byte)
}

func (l *lines) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		if l.over = l.over || len(l.part)+len(line) > l.max; !l.over {
			l.part = append(l.part, line...)
		}
		if whole {
			if !l.over {
				l.each(l.part)
			}
			clear(l.part) // it may have held a secret
			l.part, l.over = l.part[:0], false
		}
		b = rest
	}
	return n, nil
}
