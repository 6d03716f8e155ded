package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// child is a program that prints lines of JSON.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	done chan struct{}
	mu   sync.Mutex
	all  []said
	more chan struct{} // closed and replaced at each line
	raw  []string      // lines that are no said

	complaint complaint
}

func (w *world) start(ctx context.Context, namespace string, env []string, program string, args ...string) (*child, error) {
	c := &child{cmd: w.rig.command(ctx, namespace, program, args...), done: make(chan struct{}), more: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = 5 * time.Second
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.cmd.Stderr = in, &c.complaint
	if os.Getenv("HANDOFF_DEBUG") != "" {
		c.cmd.Stderr = os.Stderr
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go c.listen(out)
	return c, nil
}

func (c *child) listen(out io.Reader) {
	defer close(c.done)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s said
		err := json.Unmarshal(lines.Bytes(), &s)
		c.mu.Lock()
		if err != nil || s.What == "" {
			c.raw = append(c.raw, lines.Text())
			s = said{At: time.Now().UnixMilli(), What: "raw"}
		}
		c.all = append(c.all, s)
		close(c.more)
		c.more = make(chan struct{})
		c.mu.Unlock()
	}
}

// await returns the first line from index from on that is so.
func (c *child) await(ctx context.Context, from int, is func(said) bool) (said, error) {
	for {
		c.mu.Lock()
		all, more := c.all, c.more
		c.mu.Unlock()
		for ; from < len(all); from++ {
			if is(all[from]) {
				return all[from], nil
			}
		}
		select {
		case <-more:
		case <-c.done:
			return said{}, errors.New("it has ended")
		case <-ctx.Done():
			return said{}, ctx.Err()
		}
	}
}

// count is how many lines are so, from one on.
func (c *child) count(from int, what string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.all[min(from, len(c.all)):] {
		if s.What == what {
			n++
		}
	}
	return n
}

func (c *child) length() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// line returns the n-th line that is no said.
func (c *child) line(ctx context.Context, n int) (string, error) {
	for {
		c.mu.Lock()
		raw, more := c.raw, c.more
		c.mu.Unlock()
		if len(raw) > n {
			return raw[n], nil
		}
		select {
		case <-more:
		case <-c.done:
			return "", errors.New("it has ended")
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

// tell gives the server a command and returns when it was done, in ms.
func (c *child) tell(ctx context.Context, command string) (int64, error) {
	c.mu.Lock()
	n := len(c.raw)
	c.mu.Unlock()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		return 0, fmt.Errorf("tell the server to %s: %w; it said: %s", command, err, &c.complaint)
	}
	text, err := c.line(ctx, n)
	if err != nil {
		return 0, fmt.Errorf("tell the server to %s: %w; it said: %s", command, err, &c.complaint)
	}
	var at int64
	_, err = fmt.Sscan(text, &at)
	return at, err
}

// end ends the child and waits.
func (c *child) end() {
	if c == nil {
		return
	}
	_ = c.in.Close()
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	<-c.done
	_ = c.cmd.Wait() // it was told to end
}
