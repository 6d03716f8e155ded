package keychain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"shelfkeeper/daemon/redact"
)

// childWait is how long a killed child's pipes may stay open before they are
// given up: a grandchild outside the process group could hold them.
const childWait = time.Second

// maxEvidence bounds what is kept of a child's standard error.
const maxEvidence = 4 << 10

// runChild runs argv with the input and returns its standard output. When ctx
// ends, the child dies with its whole process group. The error shows the exit
// status and the first line of standard error, scrubbed.
func runChild(ctx context.Context, argv, env []string, input []byte) ([]byte, error) {
	// Linux kills a child with a parent-death signal when the thread that
	// started it ends, not only when the process does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	out, errs := &capped{max: maxRequest}, &capped{max: maxEvidence}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, bytes.NewReader(input), out, errs
	cmd.WaitDelay = childWait
	group := newGroup(cmd)
	defer group.close()
	cmd.Cancel = func() error { return group.kill(cmd.Process) }
	err := cmd.Start()
	if err == nil {
		group.add(cmd.Process)
		err = cmd.Wait()
	}
	if err != nil || out.Len() == 0 {
		line, _, _ := strings.Cut(strings.TrimSpace(errs.String()), "\n")
		err = errors.Join(err, evidence(line))
	}
	return out.Bytes(), err
}

func evidence(line string) error {
	if line == "" {
		return nil
	}
	return fmt.Errorf("child said %q", redact.Text(line))
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
