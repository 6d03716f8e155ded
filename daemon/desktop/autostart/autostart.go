// Package autostart makes the system start Shelfkeeper at login, or on a
// machine without a desktop at boot.
//
// It exists so that no caller has to know where each system keeps its list of
// programs. On Linux that is a systemd user unit or an XDG autostart entry, on
// Windows a value of the registry, on macOS a launch agent. It writes files
// and settings of the user alone, overwrites none that it did not write, and
// never starts or ends a program: the daemon that runs now goes on.
package autostart

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"shelfkeeper/daemon/problem"
)

// The methods of a State.
const (
	Systemd     = "systemd"
	Entry       = "desktop-entry"
	RunKey      = "run-key"
	LaunchAgent = "launch-agent"
)

// Plan is what is to be started.
type Plan struct {
	Program string   // an absolute path
	Args    []string // global flags such as --config; the command is added
	// Headless asks for a start without a desktop.
	Headless bool
	// PassphraseFile holds the passphrase of the vault, for a headless start;
	// "" for none. An absolute path.
	PassphraseFile string
}

// State is what the system will do.
type State struct {
	On       bool   `json:"on"`
	Headless bool   `json:"headless"`
	Method   string `json:"method"`  // "" when off
	Path     string `json:"path"`    // the file or the registry's value, "" when off
	Command  string `json:"command"` // as it is written there
	Current  bool   `json:"current"` // it starts the program that was asked
	Reason   string `json:"reason"`  // why this method, or what keeps it from starting
	Remedy   string `json:"remedy"`
}

// On makes the system start p.Program. It may be repeated, and replaces what an
// earlier version or another place of the program has left. Errors are
// *problem.Problem.
func On(ctx context.Context, p Plan) (State, error) {
	if err := p.check(); err != nil {
		return State{}, err
	}
	why, err := turnOn(ctx, p)
	if err != nil {
		return State{}, trouble("turn on the start at login", err)
	}
	s, err := Look(ctx, p)
	if s.Reason == "" {
		s.Reason = why
	}
	return s, err
}

// Off undoes On, by whichever method it was done, and leaves nothing. It may
// be repeated.
func Off(ctx context.Context) error { return trouble("turn off the start at login", turnOff(ctx)) }

// Look says what the system will do. It changes nothing.
func Look(ctx context.Context, p Plan) (State, error) {
	s, err := look(ctx, p)
	if err != nil {
		return s, trouble("look at the start at login", err)
	}
	if s.On && !s.Current && s.Reason == "" {
		s.Reason, s.Remedy = "another place of the program is started", "run `shelfkeeper autostart on`"
	}
	return s, nil
}

func trouble(what string, err error) error {
	if err == nil {
		return nil
	}
	var p *problem.Problem
	if errors.As(err, &p) {
		return p
	}
	return problem.New(problem.Other, fmt.Errorf("%s: %w", what, err), "")
}

// mark is in everything that On writes into a file, so that a file of the
// user's own is told apart.
const mark = "Written by `shelfkeeper autostart on`; `shelfkeeper autostart off` removes it."

// foreign is the error for a file of the user's own.
func foreign(path string) error {
	return problem.Newf(problem.Config, "move it away, or keep it and do without `shelfkeeper autostart`",
		"%s was not written by Shelfkeeper and is left alone", path)
}

// check refuses what cannot be written down, or would not be there later.
func (p Plan) check() error {
	for _, s := range append([]string{p.Program, p.PassphraseFile}, p.Args...) {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return problem.Newf(problem.Usage, "give the program a plain path",
				"a path that is no plain text cannot be started at login: %q", s)
		}
	}
	if !filepath.IsAbs(p.Program) {
		return problem.Newf(problem.Usage, "", "the program's path %q is not absolute", p.Program)
	}
	if strings.ContainsAny(p.Program, quotes) && strings.Contains(p.Program, "=") && os.PathSeparator == '/' {
		return problem.Newf(problem.Usage, "give the program a plain path",
			"systemd cannot start %s, for its quote and its equals sign", p.Program)
	}
	if temporary(p.Program) {
		return problem.Newf(problem.Usage,
			"build it where it stays: `go build -o ~/.local/bin/shelfkeeper ./cmd/shelfkeeper`, then `~/.local/bin/shelfkeeper autostart "+
				"on`",
			"this program was started by `go run`: Go deletes %s", p.Program)
	}
	if _, err := os.Stat(p.Program); err != nil {
		return problem.New(problem.Usage, fmt.Errorf("find the program to start: %w", err), "")
	}
	if p.PassphraseFile == "" {
		return nil
	}
	if !p.Headless {
		return problem.Newf(problem.Usage, "add --headless", "a file with the passphrase is for a start without a desktop")
	}
	if !filepath.IsAbs(p.PassphraseFile) {
		return problem.Newf(problem.Usage, "", "the path %q of the passphrase is not absolute", p.PassphraseFile)
	}
	info, err := os.Stat(p.PassphraseFile)
	switch {
	case err != nil:
		return problem.New(problem.Usage, fmt.Errorf("find the passphrase: %w", err), "")
	case !info.Mode().IsRegular():
		return problem.Newf(problem.Usage, "", "%s is not a file", p.PassphraseFile)
	case info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/':
		return problem.Newf(problem.Usage, "run `chmod 600 "+p.PassphraseFile+"`",
			"others can read %s", p.PassphraseFile)
	}
	return nil
}

// command is the whole command line.
func (p Plan) command() []string {
	line := append([]string{p.Program, "run"}, p.Args...)
	if p.Headless {
		line = append(line, "--no-tray")
	}
	return line
}
