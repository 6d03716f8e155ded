package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"shelfkeeper/daemon/config"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/handover"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/daemon/redact"
)

// env is what a command works with: the world outside and the global flags.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	passphrase     redact.Secret
	passphraseErr  error // why the environment's passphrase could not be read

	kept     *handover.Sockets // addresses that stay open between two daemons
	replaced bool              // this program took the place of another one

	control string // --control
	config  string // --config
	verbose bool
	quiet   bool         // --quiet
	json    bool         // --json
	clean   []func()     // run at the end
	opened  *home.Home   // for this command; nil until it is needed
	asking  *atomic.Bool // a person is asked for a secret
	stream  logbook.Sink // of stderr; nil until it is needed
}

// progressAfter is how long a command may be silent.
const progressAfter = time.Second

// while says text on stderr if act takes longer than a second.
func (e *env) while(text string, act func() error) error {
	done := make(chan struct{})
	said := make(chan struct{})
	go func() {
		defer close(said)
		timer := time.NewTimer(progressAfter)
		defer timer.Stop()
		select {
		case <-timer.C:
			if !e.quiet && (e.asking == nil || !e.asking.Load()) {
				fmt.Fprintln(e.stderr, text)
			}
		case <-done:
		}
	}()
	err := act()
	close(done)
	<-said
	return err
}

// terminal returns stdin if a person types there.
func (e *env) terminal() (*os.File, bool) {
	f, ok := file(e.stdin)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// secret asks for a secret without echo.
func (e *env) secret(ctx context.Context, prompt string) (redact.Secret, error) {
	f, ok := e.terminal()
	if !ok {
		return redact.Secret{}, errors.New("no terminal to ask at")
	}
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return redact.Secret{}, fmt.Errorf("read from the terminal: %w", err)
	}
	if e.asking != nil {
		e.asking.Store(true)
		defer e.asking.Store(false)
	}
	fmt.Fprint(e.stderr, prompt)
	typed, err := interruptible(ctx, func() (redact.Secret, error) {
		text, err := term.ReadPassword(fd)
		return redact.New(string(text)), err
	})
	fmt.Fprintln(e.stderr)
	if errors.Is(err, errInterrupted) {
		return typed, errors.Join(err, term.Restore(fd, before)) // the echo
	}
	if err != nil {
		return typed, fmt.Errorf("read from the terminal: %w", err)
	}
	return typed, nil
}

// newSecret asks for a new secret, twice: one that is mistyped locks its user out.
func (e *env) newSecret(ctx context.Context, what, differ string) (redact.Secret, error) {
	first, err := e.secret(ctx, what+": ")
	if err != nil {
		return first, unanswered(err)
	}
	second, err := e.secret(ctx, what+" again: ")
	if err != nil {
		return second, unanswered(err)
	}
	if first != second {
		return redact.Secret{}, problem.Newf(problem.Usage, "type the same twice", "%s", differ)
	}
	return first, nil
}

// confirm asks a question that only "y" and "yes" answer with yes.
func (e *env) confirm(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(e.stderr, "%s [y/N] ", question)
	answer, err := interruptible(ctx, func() (string, error) { return readLine(e.stdin) })
	if err != nil && !errors.Is(err, io.EOF) {
		return false, unanswered(fmt.Errorf("read the answer: %w", err))
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}

// errInterrupted is the answer of a person who pressed Ctrl-C.
var errInterrupted = problem.Newf(problem.Interrupted, "", "interrupted")

// interruptible returns what ask reads from a terminal, unless ctx ends before. A
// read from a terminal cannot be called off, so it is left behind then: the
// program ends.
func interruptible[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	typed := make(chan result, 1)
	go func() {
		value, err := ask()
		typed <- result{value, err}
	}()
	select {
	case r := <-typed:
		return r.value, r.err
	case <-ctx.Done():
		return *new(T), errInterrupted
	}
}

// paths returns where the files lie.
func (e *env) paths() (config.Paths, error) {
	paths, err := config.UserPaths()
	if err != nil {
		return paths, problem.New(problem.Config, err, "")
	}
	if e.config != "" {
		paths.Config = e.config
		const remedy = "give --config the path of a file that exists"
		info, err := os.Stat(e.config)
		switch {
		case err != nil:
			return paths, problem.Newf(problem.Config, remedy, "%s", fileTrouble("--config", e.config, err).Text)
		case info.IsDir():
			return paths, problem.Newf(problem.Config, remedy, "--config: %s is a folder", e.config)
		}
	}
	return paths, nil
}

// options returns what a Home is opened with.
func (e *env) options(ctx context.Context) (home.Options, error) {
	paths, err := e.paths()
	if err != nil {
		return home.Options{}, err
	}
	cfg, trouble, err := config.LoadWith(paths.Config, paths.State)
	if err != nil {
		return home.Options{}, problem.New(problem.Config, err, "")
	}
	if trouble != nil {
		e.logger(cfg.LogLevel).Warn("settings", "reason", trouble)
	}
	helper, err := keychainHelper()
	if err != nil {
		return home.Options{}, problem.New(problem.Other, err, "")
	}
	return home.Options{
		Version: version, Paths: paths, Config: cfg, Passphrase: e.askPassphrase, Unattended: !e.passphrase.IsEmpty(), Helper: helper,
		Control: e.control, Kept: e.kept, Log: e.logger(cfg.LogLevel), Starts: e.autostartState,
	}, nil
}

// logger returns a logger that writes to stderr, and to each of more.
func (e *env) logger(level slog.Level, more ...logbook.Sink) *slog.Logger {
	if e.verbose {
		level = slog.LevelDebug
	}
	handlers := []slog.Handler{logbook.NewHandler(level, e.stderrLog())}
	for _, sink := range more {
		handlers = append(handlers, logbook.NewHandler(level, sink))
	}
	return slog.New(slog.NewMultiHandler(handlers...))
}

// stderrLog is where the log goes that a person or the system's journal reads.
func (e *env) stderrLog() logbook.Sink {
	if e.stream == nil {
		e.stream = logbook.Stream(e.stderr)
	}
	return e.stream
}

// home opens a Home for one command, which is quiet unless something is wrong.
func (e *env) home(ctx context.Context) (*home.Home, error) {
	if e.opened != nil {
		return e.opened, nil
	}
	o, err := e.options(ctx)
	if err != nil {
		return nil, err
	}
	if !e.verbose {
		o.Log = e.logger(slog.LevelError)
	}
	h, err := home.Open(o)
	if err != nil {
		return nil, err
	}
	e.opened = h
	e.clean = append(e.clean, func() {
		if err := h.Close(); err != nil {
			fmt.Fprintln(e.stderr, "close the vault:", err)
		}
	})
	return h, nil
}

// client returns a client of the running daemon, if there is one.
func (e *env) client() (*control.Client, error) {
	if e.control != "" {
		return control.Dial(e.control), nil
	}
	paths, err := e.paths()
	if err != nil {
		return nil, err
	}
	return control.DialDaemon(paths.State, home.ControlPath(paths)), nil
}

// keychainHelper is the command line of our own binary as a keychain child.
// /proc/self/exe is this very program even after an upgrade replaced its file;
// elsewhere the versions are compared.
func keychainHelper() ([]string, error) {
	if runtime.GOOS == "linux" {
		return []string{"/proc/self/exe", "keychain-op", version}, nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own program: %w", err)
	}
	return []string{path, "keychain-op", version}, nil
}
