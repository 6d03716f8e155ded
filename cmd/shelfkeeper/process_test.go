package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// process is a program of ours that runs beside the test.
type process struct {
	place  *place
	cmd    *exec.Cmd
	stdout *watched
	stderr *watched
	ended  chan struct{}
}

// start starts a program that the end of the test kills.
func (p *place) start(args ...string) *process {
	p.t.Helper()
	return p.startWith(nil, args...)
}

func (p *place) startWith(stdin *os.File, args ...string) *process {
	p.t.Helper()
	return p.startProgram(binary, nil, stdin, args...)
}

// startProgram starts another build of the program, in an environment with more
// in it.
func (p *place) startProgram(program string, env []string, stdin *os.File, args ...string) *process {
	p.t.Helper()
	p.before(args)
	r := &process{place: p, cmd: exec.Command(program, args...), stdout: newWatched(), stderr: newWatched(), ended: make(chan struct{})}
	r.cmd.Env, r.cmd.Stdout, r.cmd.Stderr = append(slices.Clone(p.env), env...), r.stdout, r.stderr
	if stdin != nil {
		r.cmd.Stdin = stdin
	}
	if err := r.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(r.ended)
		_ = r.cmd.Wait() // the exit code is in ProcessState
	}()
	p.t.Cleanup(func() {
		r.kill()
		p.clean(strings.Join(args, " "), r.stdout.text()+r.stderr.text())
		if p.t.Failed() {
			p.t.Logf("%s said:\n%s%s", strings.Join(args, " "), r.stdout.text(), r.stderr.text())
		}
	})
	return r
}

// daemon starts the daemon and waits until its addresses are open and it has looked
// into its vault: before that, a command hears that the sessions are being opened.
func (p *place) daemon() *process {
	p.t.Helper()
	r := p.daemonBegins()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	go func() {
		select {
		case <-r.ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := control.Dial(p.socket()).Events(ctx, func(s health.Snapshot) error {
		if slices.ContainsFunc(s.Accounts, func(a health.Account) bool { return a.Condition == health.VaultOpening.ID }) {
			return nil
		}
		return errSeen
	})
	if !errors.Is(err, errSeen) {
		p.t.Fatalf("waiting until the vault was looked into: %v", err)
	}
	return r
}

// daemonBegins starts the daemon and waits until its addresses are open. What it has
// of its accounts by then is left open.
func (p *place) daemonBegins() *process {
	p.t.Helper()
	r := p.start("run", "--verbose") // so that all it can log is looked through
	r.until(r.stdout, "\n")
	return r
}

// wanted asks at the local address until the test ends, as a player does. Tokens
// that live for seconds are renewed only for those who need one.
func (p *place) wanted() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
		pace := time.NewTicker(50 * time.Millisecond)
		defer pace.Stop()
		for ctx.Err() == nil {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/api/me", p.port), nil)
			if err != nil {
				return
			}
			if resp, err := client.Do(req); err == nil { // else the daemon is not there yet, or dead
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
	}()
	p.t.Cleanup(func() { cancel(); <-ended })
}

// kill is kill -9.
func (r *process) kill() {
	_ = r.cmd.Process.Kill()
	<-r.ended
}

// wait returns the exit code of a program that ends by itself.
func (r *process) wait() problem.Code {
	r.place.t.Helper()
	select {
	case <-r.ended:
	case <-time.After(patience):
		r.place.t.Fatal("the program does not end")
	}
	return problem.Code(r.cmd.ProcessState.ExitCode())
}

// until waits for text in what the program says.
func (r *process) until(w *watched, text string) {
	r.place.t.Helper()
	deadline := time.After(patience)
	for {
		said, more := w.look()
		if strings.Contains(said, text) {
			return
		}
		select {
		case <-more:
			continue
		case <-r.ended:
			r.place.t.Fatalf("the program ended without saying %q:\n%s%s", text, r.stdout.text(), r.stderr.text())
		case <-deadline:
			r.place.t.Fatalf("the program does not say %q:\n%s%s", text, r.stdout.text(), r.stderr.text())
		}
	}
}

var errSeen = errors.New("seen")

// until follows the running daemon until its one account is as wanted.
func (p *place) until(what string, is func(health.Account) bool) health.Account {
	p.t.Helper()
	return p.untilAt(p.socket(), what, is)
}

func (p *place) untilAt(socket, what string, is func(health.Account) bool) health.Account {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var last health.Account
	err := control.Dial(socket).Events(ctx, func(s health.Snapshot) error {
		if len(s.Accounts) != 1 {
			return nil
		}
		if last = s.Accounts[0]; is(last) {
			return errSeen
		}
		return nil
	})
	if !errors.Is(err, errSeen) {
		p.t.Fatalf("waiting until %s: %v; last seen: %+v", what, err, last)
	}
	return last
}

// watched is a program's output while it comes.
type watched struct {
	mu   sync.Mutex
	said strings.Builder
	more chan struct{}
}

var _ io.Writer = (*watched)(nil)

func newWatched() *watched { return &watched{more: make(chan struct{})} }

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said.Write(b)
	close(w.more)
	w.more = make(chan struct{})
	return len(b), nil
}

func (w *watched) look() (said string, more <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.String(), w.more
}

func (w *watched) text() string { said, _ := w.look(); return said }
