package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"filippo.io/age"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
)

const (
	benchUser     = "alice"
	benchPassword = "seven purple herons"
	benchWords    = "the vault's own words" // passphrase of the file vault
	// benchPatience bounds each wait for the program on a busy machine.
	benchPatience = 60 * time.Second
	// commandDeadline is longer than any command takes that asks nobody.
	commandDeadline = 60 * time.Second
)

// buildShelfkeeper builds the program as it is released.
func buildShelfkeeper(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "shelfkeeper.exe") // Windows asks for the ending; nobody else minds
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "shelfkeeper/cmd/shelfkeeper")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
}

// crashHome is a throwaway home of the program, or a second one that shares its
// vault.
type crashHome struct {
	binary, dir, runtime string
	vault                string // file or os
	port                 int
	env                  []string
}

// newCrashHome makes one whose vault is a file, or lies in the keychain that
// env leads to.
func newCrashHome(binary, vault string, env []string) (*crashHome, error) {
	dir, err := os.MkdirTemp("", "sb") // short: a unix socket's name has 108 bytes
	if err != nil {
		return nil, err
	}
	h := &crashHome{binary: binary, dir: dir, vault: vault, port: unusedPort()}
	h.env = []string{
		"HOME=" + dir, "USERPROFILE=" + dir, "PATH=" + os.Getenv("PATH"),
		"XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "XDG_STATE_HOME=" + filepath.Join(dir, "state"),
		"XDG_DATA_HOME=" + filepath.Join(dir, "data"), "SHELFKEEPER_PASSPHRASE=" + benchWords,
	}
	h.env = append(h.env, env...)
	h.runtime = filepath.Join(dir, "run")
	config := filepath.Join(dir, "config", "shelfkeeper")
	err = errors.Join(os.MkdirAll(h.runtime, 0o700), os.MkdirAll(config, 0o700),
		os.WriteFile(filepath.Join(config, "config.toml"), fmt.Appendf(nil, "listen = %d\n", h.port), 0o600))
	if err == nil && vault == "file" {
		err = h.cheapIdentity()
	}
	if err != nil {
		return nil, errors.Join(err, h.remove())
	}
	return h, nil
}

// beside is another home with the same vault and the same account. One state
// directory has one daemon, so a process that knows nothing of the first has a
// state of its own, as two machines have that share the vault's folder.
func (h *crashHome) beside(name string) (*crashHome, error) {
	other := *h
	other.runtime = filepath.Join(h.dir, name)
	base := filepath.Join(h.dir, "state-"+name)
	other.env = append(slices.Clone(h.env), "XDG_STATE_HOME="+base) // the last one counts
	state := filepath.Join(base, "shelfkeeper")
	if err := errors.Join(os.MkdirAll(other.runtime, 0o700), os.MkdirAll(state, 0o700)); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(h.state("accounts.json"))
	if err == nil {
		err = os.WriteFile(filepath.Join(state, "accounts.json"), raw, 0o600)
	}
	return &other, errors.Join(err, os.Symlink(h.state("vault"), filepath.Join(state, "vault")))
}

func (h *crashHome) remove() error { return os.RemoveAll(h.dir) }

func (h *crashHome) state(name ...string) string {
	return filepath.Join(append([]string{h.dir, "state", "shelfkeeper"}, name...)...)
}

// cheapIdentity puts down the identity of a file vault whose passphrase is
// guessed in a moment. The program's own takes a second at each start, and
// what is killed here is what comes after it.
func (h *crashHome) cheapIdentity() error {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	recipient, err := age.NewScryptRecipient(benchWords)
	if err != nil {
		return err
	}
	recipient.SetWorkFactor(4)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, recipient)
	if err == nil {
		_, err = fmt.Fprintln(w, identity)
	}
	if err == nil {
		err = w.Close()
	}
	return errors.Join(err, os.MkdirAll(h.state("vault"), 0o700), os.WriteFile(h.state("vault", "identity.age"), sealed.Bytes(), 0o600))
}

func (h *crashHome) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, h.binary, args...)
	cmd.Env = append(h.env[:len(h.env):len(h.env)], "XDG_RUNTIME_DIR="+h.runtime)
	return cmd
}

// do runs one command to its end; its error holds what the command said.
func (h *crashHome) do(ctx context.Context, stdin string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, commandDeadline)
	defer cancel()
	cmd := h.command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil && !isOffline(err) {
		return fmt.Errorf("shelfkeeper %s: %w\n%s", args[0], err, out)
	}
	return nil
}

func (h *crashHome) login(ctx context.Context, server string) error {
	return h.do(ctx, benchPassword+"\n", "login", server, "--username", benchUser, "--password-stdin", "--store", h.vault)
}

// benchDaemon is a running daemon and what has been seen of it.
type benchDaemon struct {
	cmd    *exec.Cmd
	said   bytes.Buffer
	began  time.Time
	ended  chan struct{} // closed when the process is gone
	client *control.Client
	unplug context.CancelFunc
	deaf   chan struct{} // closed when nobody listens any more

	generation atomic.Uint64 // of the published session, as last seen
	needsUser  atomic.Bool   // it ever asked for the user
	cameAfter  atomic.Int64  // nanoseconds from its start until it was fresh
}

// daemon starts a daemon.
func (h *crashHome) daemon(ctx context.Context, args ...string) (*benchDaemon, error) {
	d := &benchDaemon{began: time.Now(), ended: make(chan struct{}), deaf: make(chan struct{})}
	d.cmd = h.command(context.WithoutCancel(ctx), append([]string{"run", "--no-tray", "--no-page"}, args...)...)
	d.cmd.Stdout, d.cmd.Stderr = &d.said, &d.said
	d.client = control.Dial(filepath.Join(h.runtime, "shelfkeeper", "control.sock"))
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a daemon: %w", err)
	}
	go func() {
		defer close(d.ended)
		_ = d.cmd.Wait() // killed as often as not
	}()
	ctx, d.unplug = context.WithCancel(ctx)
	go func() {
		defer close(d.deaf)
		d.listen(ctx)
	}()
	return d, nil
}

// listen notes what the daemon says of its account, from the moment on at which
// it can be asked.
func (d *benchDaemon) listen(ctx context.Context) {
	for {
		_ = d.client.Events(ctx, func(s health.Snapshot) error {
			for _, a := range s.Accounts {
				if a.Level == health.NeedsUser {
					d.needsUser.Store(true)
				}
				if a.Session.State == "fresh" {
					d.cameAfter.CompareAndSwap(0, int64(time.Since(d.began)))
					d.generation.Store(a.Session.Generation)
				}
			}
			return nil
		})
		select {
		case <-d.ended:
			return
		default:
		}
		if wait(ctx, 10*time.Millisecond) != nil {
			return
		}
	}
}

// kill is kill -9.
func (d *benchDaemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.ended
	d.unplug()
	<-d.deaf
}

// until waits until the daemon is fresh and is says so of its generation.
func (d *benchDaemon) until(ctx context.Context, what string, is func(generation uint64) bool) error {
	ctx, cancel := context.WithTimeout(ctx, benchPatience)
	defer cancel()
	for !is(d.generation.Load()) {
		select {
		case <-d.ended:
			return fmt.Errorf("the daemon ended by itself, not %s:\n%s", what, &d.said)
		default:
		}
		if err := wait(ctx, 5*time.Millisecond); err != nil {
			d.kill()
			return fmt.Errorf("the daemon is not %s: %w\n%s", what, err, &d.said)
		}
	}
	return nil
}

// lastPort counts from below the range that the system hands out by itself, so
// that no connection takes the port in between.
var lastPort atomic.Int32

func unusedPort() int {
	lastPort.CompareAndSwap(0, 20_000+rand.Int32N(12_000))
	for {
		port := int(lastPort.Add(1))
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil && l.Close() == nil {
			return port
		}
	}
}
