package tray

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// A tray that dies at once, again and again, costs a start of the program
	// each time; five seconds between make that little.
	firstRestart = 100 * time.Millisecond
	lastRestart  = 5 * time.Second

	// steadyAfter is how long a child must have lived for its death to count as
	// the first one.
	steadyAfter = 3 * time.Second

	// closeGrace is what a child gets to take its icon away before it is killed.
	closeGrace = time.Second
)

// SupervisedVariable is set in the environment of a tray that shall end when its
// standard input does: Windows has no signal that asks a process to end, and one
// that is killed leaves its icon behind.
const SupervisedVariable = "SHELFKEEPER_TRAY_SUPERVISED"

// AgainVariable is set in the environment of a tray that takes the place of
// one that died.
const AgainVariable = "SHELFKEEPER_TRAY_AGAIN"

// SupervisorConfig says which process the Supervisor keeps.
type SupervisorConfig struct {
	// Argv is the program, by its path, and its arguments. Of /proc/self/exe
	// the process list shows this process's own name.
	Argv   []string
	Stderr io.Writer // the child's, also its stdout; nil for none
	Log    *slog.Logger
}

// Supervisor keeps a tray process alive while there is a desktop. Nothing that
// happens to the child reaches the process that supervises it.
type Supervisor struct {
	cfg    SupervisorConfig
	cancel context.CancelFunc
	done   chan struct{}
	skip   chan struct{} // ends a pause early, for tests
	pid    atomic.Int64  // the child's, 0 while there is none
}

// Supervise starts keeping a child and returns at once. Without a desktop it
// waits for one: for a display in the environment, which does not change, or a
// session bus, which may come.
func Supervise(c SupervisorConfig) *Supervisor {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Supervisor{cfg: c, cancel: cancel, done: make(chan struct{}), skip: make(chan struct{}, 1)}
	go func() {
		defer close(s.done)
		s.keep(ctx)
	}()
	return s
}

// Close ends the child with its process group and waits for it: at most a
// little more than a second.
func (s *Supervisor) Close() error {
	s.cancel()
	<-s.done
	return nil
}

func (s *Supervisor) keep(ctx context.Context) {
	wait := &backoff.ExponentialBackOff{
		InitialInterval: firstRestart, MaxInterval: lastRestart,
		Multiplier: backoff.DefaultMultiplier, RandomizationFactor: backoff.DefaultRandomizationFactor,
	}
	wait.Reset()
	row := 0 // deaths since the child last lived for a while
	again := false
	for {
		if awaitDesktop(ctx, s.cfg.Log) != nil {
			return
		}
		began := time.Now()
		err := s.run(ctx, again)
		if ctx.Err() != nil {
			return
		}
		again = !lostBus(err) // with the bus a desktop ended, and all it showed
		if time.Since(began) >= steadyAfter {
			row = 0
			wait.Reset()
		}
		pause := wait.NextBackOff()
		s.tell(row, err, pause)
		row++
		if s.rest(ctx, pause) != nil {
			return
		}
	}
}

// tell logs the first death of a row as a warning, the others for debugging.
func (s *Supervisor) tell(row int, err error, again time.Duration) {
	level := slog.LevelDebug
	if row == 0 && !lostBus(err) {
		level = slog.LevelWarn
	}
	s.cfg.Log.Log(context.Background(), level, "the tray ended and is started again", "reason", err, "attempt", row+1, "in", again)
}

// lostBus reports whether a child ended because the session bus did. That is no
// fault, and the child that waits for the next bus says so.
func lostBus(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == int(CodeBusLost)
}

// run starts a child and waits for its end, or ends it when ctx does.
func (s *Supervisor) run(ctx context.Context, again bool) error {
	cmd := exec.CommandContext(ctx, s.cfg.Argv[0], s.cfg.Argv[1:]...)
	cmd.Env = append(os.Environ(), SupervisedVariable+"=1")
	if again {
		cmd.Env = append(cmd.Env, AgainVariable+"=1")
	}
	hold, err := cmd.StdinPipe() // open for as long as the child shall live
	if err != nil {
		return fmt.Errorf("start the tray: %w", err)
	}
	if cmd.Path == "/proc/self/exe" {
		cmd.Args[0] = os.Args[0]
	}
	cmd.Stdout, cmd.Stderr = s.cfg.Stderr, s.cfg.Stderr
	cmd.WaitDelay = closeGrace // then exec kills the child, and closes its pipes
	cmd.Cancel = func() error { return errors.Join(hold.Close(), askToEnd(cmd)) }
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the tray: %w", err)
	}
	s.pid.Store(int64(cmd.Process.Pid))
	s.cfg.Log.Debug("tray started", "pid", cmd.Process.Pid)
	err = cmd.Wait()
	s.pid.Store(0)
	if ctx.Err() != nil {
		killGroup(cmd) // what the child has left behind
	}
	if err == nil {
		err = errors.New("it ended by itself")
	}
	return err
}

// rest pauses before the next start.
func (s *Supervisor) rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.skip:
	case <-ctx.Done():
	}
	return ctx.Err()
}
