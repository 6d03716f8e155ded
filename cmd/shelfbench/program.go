package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"shelfkeeper/daemon/problem"
)

// program is the built binary with a home of its own.
type program struct {
	binary, dir string
	listen      int    // where its first account listens; 0 is port
	config      string // what else config.toml says
}

func (p program) at() int {
	if p.listen == 0 {
		return port
	}
	return p.listen
}

// buildProgram builds it as it is released.
func buildProgram(ctx context.Context, binary string) error {
	flags, err := releaseFlags(ctx)
	if err != nil {
		return err
	}
	return goBuild(ctx, binary, flags)
}

func goBuild(ctx context.Context, binary string, flags []string) error {
	args := append([]string{"build", "-trimpath", "-buildvcs=false"}, flags...)
	build := exec.CommandContext(ctx, "go", append(args, "-o", binary, "shelfkeeper/cmd/shelfkeeper")...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

// releaseFlags are the flags that a release is built with.
func releaseFlags(ctx context.Context) (flags []string, err error) {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "shelfkeeper").Output()
	if err != nil {
		return nil, fmt.Errorf("find the sources, which the working directory has to be in: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), ".ci", "release", "flags"))
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "-") {
			flags = append(flags, line)
		}
	}
	return flags, nil
}

// process is one running process of it.
type process struct {
	cmd   *exec.Cmd
	ready struct {
		Server, Username, Password string
	}
}

// listenDeadline is far beyond any start-up.
const listenDeadline = 10 * time.Second

// port is the local address of the measured daemon. It is not the real
// one, so that a real daemon may go on beside it.
const port = 23379

// programWords are the passphrase of its file vault.
const programWords = "measured"

func (p program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.binary, args...)
	cmd.Env = append(os.Environ(),
		"HOME="+p.dir, "XDG_CONFIG_HOME="+filepath.Join(p.dir, "config"), "XDG_STATE_HOME="+filepath.Join(p.dir, "state"),
		"XDG_RUNTIME_DIR="+filepath.Join(p.dir, "run"), "SHELFKEEPER_PASSPHRASE="+programWords, "GOFLAGS=")
	cmd.Stderr = os.Stderr
	return cmd
}

func (p program) demoServer(ctx context.Context) (*process, error) {
	s := &process{cmd: p.command(ctx, "demo", "--server-only", "--json")}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stderr = io.Discard
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s.ready)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the demo server: %w", err), s.end())
	}
	return s, nil
}

// signIn makes the one account, in the file backend: a desktop's keychain need
// not be there.
func (p program) signIn(ctx context.Context, server *process) error {
	for _, d := range []string{"config/shelfkeeper", "run", "state"} {
		if err := os.MkdirAll(filepath.Join(p.dir, d), 0o700); err != nil {
			return err
		}
	}
	config := fmt.Sprintf("listen = %d\n%s", p.at(), p.config)
	if err := os.WriteFile(filepath.Join(p.dir, "config/shelfkeeper/config.toml"), []byte(config), 0o600); err != nil {
		return err
	}
	cmd := p.command(ctx, "login", server.ready.Server, "--username", server.ready.Username, "--password-stdin", "--store", "file")
	cmd.Stdin = strings.NewReader(server.ready.Password)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return nil
}

// run starts the daemon and returns how long it took until players could
// connect.
func (p program) run(ctx context.Context) (*process, time.Duration, error) {
	return p.runUntil(ctx, p.at())
}

// runUntil is run for players of each of these ports.
func (p program) runUntil(ctx context.Context, ports ...int) (*process, time.Duration, error) {
	d := &process{cmd: p.command(ctx, "run", "--no-page")}
	d.cmd.Stderr = io.Discard
	began := time.Now()
	if err := d.cmd.Start(); err != nil {
		return nil, 0, err
	}
	for {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", ports[0]))
		took := time.Since(began)
		if err == nil {
			err = conn.Close()
			if ports = ports[1:]; err == nil && len(ports) > 0 {
				continue
			}
			return d, took, err
		}
		if took > listenDeadline || ctx.Err() != nil {
			return nil, 0, errors.Join(fmt.Errorf("the daemon does not listen: %w", err), d.end())
		}
		if err := wait(ctx, 200*time.Microsecond); err != nil {
			return nil, 0, errors.Join(err, d.end())
		}
	}
}

// end asks the process to end and waits for it.
func (p *process) end() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return p.cmd.Wait()
}

// isOffline reports whether a command did its work, and says by its exit code that
// an account waits for its server or its vault.
func isOffline(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == int(problem.Offline)
}
