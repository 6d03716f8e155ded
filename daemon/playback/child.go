package playback

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// child is the program that was started.
type child struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	err   error         // how; read after ended
	began time.Time
}

// pid is 0 for no child.
func (c *child) pid() int {
	if c == nil {
		return 0
	}
	return c.cmd.Process.Pid
}

// over is closed when the child has ended; nil for none.
func (c *child) over() <-chan struct{} {
	if c == nil {
		return nil
	}
	return c.ended
}

// startChild starts a program that is asked to end when ctx ends, and where the system can
// see to that, when this process ends however.
func startChild(ctx context.Context, argv []string) (*child, error) {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return interrupt(cmd.Process) }
	cmd.WaitDelay = killAfter
	c := &child{cmd: cmd, ended: make(chan struct{}), began: time.Now()}
	began := make(chan error, 1)
	go func() {
		defer close(c.ended)
		release := endWithUs(cmd)
		defer release()
		err := cmd.Start()
		began <- err
		if err == nil {
			c.err = cmd.Wait()
		}
	}()
	return c, <-began
}

// result is how the child has ended. One that was asked to end, or was killed, has ended
// as somebody wanted it.
func (c *child) result(ctx context.Context) error {
	if c == nil {
		return nil
	}
	<-c.ended
	var exit *exec.ExitError
	killed := errors.As(c.err, &exit) && exit.ExitCode() < 0
	if c.err != nil && !killed && ctx.Err() == nil {
		return fmt.Errorf("%s: %w", c.cmd.Args[0], c.err)
	}
	return nil
}

// Run runs a player as a child and waits for it. When ctx ends it is asked to end.
func Run(ctx context.Context, argv []string) error {
	c, err := startChild(ctx, argv)
	if err != nil {
		return err
	}
	return c.result(ctx)
}
