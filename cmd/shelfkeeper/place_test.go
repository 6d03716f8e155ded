package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"

	"shelfkeeper/daemon/problem"
)

const (
	// patience bounds every wait for another process on a busy machine.
	patience = 60 * time.Second
	// passphrase opens the vaults of the file backend.
	passphrase = "the vault's own words"
)

// place is a user's throwaway home: nothing that the program does there meets
// the real one.
type place struct {
	t       testing.TB
	home    string
	env     []string
	port    int // where players reach the first account
	page    int // of the status page
	secrets []string
	cheap   bool // each vault is, see cheapVault
}

// newPlace makes a home whose vault is a file under passphrase.
func newPlace(t testing.TB) *place {
	t.Helper()
	p := barePlace(t, nil)
	p.cheap = true
	p.cheapVault()
	p.env = append(p.env, "SHELFKEEPER_PASSPHRASE="+passphrase)
	return p
}

// barePlace makes a home without a vault. env adds to what every program needs.
func barePlace(t testing.TB, env []string) *place {
	t.Helper()
	// t.TempDir may be longer than a unix socket's name can be.
	dir, err := os.MkdirTemp("", "sk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &place{t: t, home: dir, port: freePort(t), page: freePort(t), secrets: []string{passphrase}}
	p.env = []string{
		"HOME=" + dir, "USERPROFILE=" + dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.Getenv("TMPDIR"),
		"XDG_CONFIG_HOME=" + filepath.Join(dir, "config"), "XDG_STATE_HOME=" + filepath.Join(dir, "state"),
		"XDG_RUNTIME_DIR=" + filepath.Join(dir, "run"), "XDG_DATA_HOME=" + filepath.Join(dir, "data"),
		// Otherwise each child that the race detector watches sleeps a second
		// before it ends.
		"GORACE=atexit_sleep_ms=0",
	}
	p.env = append(p.env, env...)
	if err := os.MkdirAll(filepath.Join(dir, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.config(fmt.Sprintf("listen = %d\npage_port = %d\n", p.port, p.page))
	return p
}

func (p *place) state(name ...string) string {
	return filepath.Join(append([]string{p.home, "state", "shelfkeeper"}, name...)...)
}

func (p *place) configPath() string {
	return filepath.Join(p.home, "config", "shelfkeeper", "config.toml")
}

func (p *place) socket() string {
	return filepath.Join(p.home, "run", "shelfkeeper", "control.sock")
}

func (p *place) config(text string) { p.t.Helper(); p.write(p.configPath(), text) }

func (p *place) write(path, text string) {
	p.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// cheapVault puts down the identity of a file vault whose passphrase is
// guessed in a moment: the program makes one that takes seconds and a quarter
// of a gigabyte, each time it starts, and more under the race detector.
func (p *place) cheapVault() {
	p.t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		p.t.Fatal(err)
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		p.t.Fatal(err)
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
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(p.state("vault", "identity.age"), sealed.String())
}

// before prepares a sign-in: a vault that held nothing was forgotten with its
// passphrase, and the next one is to be cheap as well.
func (p *place) before(args []string) {
	p.t.Helper()
	words := ""
	for _, v := range p.env {
		if after, ok := strings.CutPrefix(v, "SHELFKEEPER_PASSPHRASE="); ok {
			words = after
		}
	}
	if !p.cheap || words != passphrase || len(args) == 0 || args[0] != "login" {
		return
	}
	if _, err := os.Stat(p.state("vault", "identity.age")); errors.Is(err, fs.ErrNotExist) {
		p.cheapVault()
	}
}

// result is what a command said and how it ended.
type result struct {
	code           problem.Code
	stdout, stderr string
}

// run runs one command to its end.
func (p *place) run(stdin string, args ...string) result {
	p.t.Helper()
	p.before(args)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = p.env
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil || err != nil && cmd.ProcessState == nil {
		p.t.Fatalf("shelfkeeper %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	r := result{code: problem.Code(cmd.ProcessState.ExitCode()), stdout: stdout.String(), stderr: stderr.String()}
	p.clean(strings.Join(args, " "), r.stdout+r.stderr)
	return r
}

// ok is run for a command that must succeed.
func (p *place) ok(stdin string, args ...string) result {
	p.t.Helper()
	r := p.run(stdin, args...)
	if r.code != problem.OK {
		p.t.Fatalf("shelfkeeper %s: exit code %d\n%s%s", strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r
}

// token looks like a JWT, as every token of the server is.
var token = regexp.MustCompile(`eyJ[\w-]{8,}\.eyJ`)

// clean refuses what no program of ours may ever say.
func (p *place) clean(who, said string) {
	p.t.Helper()
	for _, never := range append(slices.Clone(p.secrets), "DATA RACE", "panic:", "fatal error:") {
		if strings.Contains(said, never) {
			p.t.Errorf("%s said %q:\n%s", who, never, said)
		}
	}
	if token.MatchString(said) {
		p.t.Errorf("%s said a token:\n%s", who, said)
	}
}

// lastPort counts from below the range that the system hands out by itself, so
// that no connection of a parallel test takes the port in between.
var lastPort atomic.Int32

func freePort(t testing.TB) int {
	t.Helper()
	lastPort.CompareAndSwap(0, 20_000+rand.Int32N(12_000))
	for range 1_000 {
		port := int(lastPort.Add(1))
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		_ = l.Close()
		return port
	}
	t.Fatal("no port is free")
	return 0
}

func (p *place) read(path string) string {
	p.t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

// files returns what lies in a directory of the state, but for locks.
func (p *place) files(dir string) map[string]string {
	p.t.Helper()
	list, err := os.ReadDir(p.state(dir))
	if err != nil {
		p.t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range list {
		if !strings.Contains(f.Name(), "lock") {
			all[f.Name()] = p.read(p.state(dir, f.Name()))
		}
	}
	return all
}
