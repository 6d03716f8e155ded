package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/desktop/autostart"
	"shelfkeeper/daemon/problem"
	"shelfkeeper/keychain"
)

func newAutostart(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "autostart",
		Short: "Start Shelfkeeper at login, or stop doing so",
		Long: `Start Shelfkeeper at login, or stop doing so.

On Linux this is a systemd user unit where the desktop starts such units, and an
XDG autostart entry elsewhere. On Windows it is a value of the registry, on macOS
a launch agent. Nothing is started or ended now. "autostart off" leaves nothing.

With --headless a Linux machine without a desktop starts Shelfkeeper: at your
first login, or from boot on after "loginctl enable-linger". Accounts that were
made with --store file need their passphrase there. Write it into a file that
you alone can read, and name it with --passphrase-file; systemd passes it to
Shelfkeeper by LoadCredential.`,
		Args: noArgs,
		RunE: e.group,
	}
	var plan autostart.Plan
	on := &cobra.Command{
		Use: "on", Short: "Start Shelfkeeper at login", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			state, err := e.turnStartOn(c.Context(), plan)
			if err != nil || e.quiet && !e.json {
				return err
			}
			if err := e.sayAutostart(state); err != nil {
				return err
			}
			return e.notePassphrase(plan)
		},
	}
	on.Flags().BoolVar(&plan.Headless, "headless", false, "start without a desktop (Linux with systemd)")
	on.Flags().StringVar(&plan.PassphraseFile, "passphrase-file", "", "`path` of the vault's passphrase, with --headless")
	off := &cobra.Command{
		Use: "off", Short: "Do not start Shelfkeeper at login", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := autostart.Off(c.Context()); err != nil || e.quiet && !e.json {
				return err
			}
			return e.sayAutostart(autostart.State{})
		},
	}
	status := &cobra.Command{
		Use: "status", Short: "Say whether Shelfkeeper starts at login", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			state, err := e.autostartState(c.Context())
			if err != nil {
				return err
			}
			return e.sayAutostart(state)
		},
	}
	for _, sub := range []*cobra.Command{on, off, status} {
		c.AddCommand(sub)
	}
	return c
}

// notePassphrase says that a start without a desktop cannot ask for the passphrase
// of a vault in files, where the plan names no file with it.
func (e *env) notePassphrase(plan autostart.Plan) error {
	if !plan.Headless || plan.PassphraseFile != "" {
		return nil
	}
	paths, err := e.paths()
	if err != nil {
		return err
	}
	backend, err := keychain.Remembered(filepath.Join(paths.State, "vault"))
	if err == nil && backend == keychain.File {
		e.notes([]string{"the vault needs its passphrase, and nobody can type it at such a start: write it into a file, and run " +
			"`shelfkeeper autostart on --headless --passphrase-file FILE`"})
	}
	return nil // whoever opens the vault says what is wrong with it
}

// autostartState is what the system will do at the next login.
func (e *env) autostartState(ctx context.Context) (autostart.State, error) {
	var plan autostart.Plan
	if err := e.complete(&plan); err != nil {
		return autostart.State{}, err
	}
	return autostart.Look(ctx, plan)
}

// starts reports whether the daemon starts at login, for the tray.
func (e *env) starts(ctx context.Context) (bool, error) {
	s, err := e.autostartState(ctx)
	return s.On, err
}

// setStart makes the daemon start at login or not, for the tray.
func (e *env) setStart(ctx context.Context, on bool) error {
	if !on {
		return autostart.Off(ctx)
	}
	_, err := e.turnStartOn(ctx, autostart.Plan{})
	return err
}

// turnStartOn completes a plan and carries it out.
func (e *env) turnStartOn(ctx context.Context, plan autostart.Plan) (autostart.State, error) {
	if err := e.complete(&plan); err != nil {
		return autostart.State{}, err
	}
	return autostart.On(ctx, plan)
}

// complete adds our own program, with the global flags it was given.
func (e *env) complete(plan *autostart.Plan) (err error) {
	if plan.Program, err = autostart.Program(); err != nil {
		return problem.New(problem.Other, err, "")
	}
	if plan.PassphraseFile != "" {
		if plan.PassphraseFile, err = filepath.Abs(plan.PassphraseFile); err != nil {
			return problem.New(problem.Usage, err, "")
		}
	}
	for _, flag := range []struct{ name, path string }{{"--config", e.config}, {"--control", e.control}} {
		if flag.path == "" {
			continue
		}
		path, err := filepath.Abs(flag.path)
		if err != nil {
			return problem.New(problem.Usage, err, "")
		}
		plan.Args = append(plan.Args, flag.name, path)
	}
	return nil
}

func (e *env) sayAutostart(s autostart.State) error {
	if e.json {
		return e.writeJSON(s)
	}
	text := "Shelfkeeper does not start at login.\n"
	switch {
	case s.On && s.Headless:
		text = fmt.Sprintf("Shelfkeeper starts without a desktop, by %s: %s\n", methodWords[s.Method], s.Path)
	case s.On:
		text = fmt.Sprintf("Shelfkeeper starts at login, by %s: %s\n", methodWords[s.Method], s.Path)
	}
	if s.Command != "" {
		text += "  command: " + s.Command + "\n"
	}
	if s.On && s.Headless {
		text += "  it can be started now: `systemctl --user start shelfkeeper`\n"
	}
	if s.Reason != "" {
		text += "  " + s.Reason + "\n"
	}
	if s.Remedy != "" {
		text += "  → " + s.Remedy + "\n"
	}
	_, err := io.WriteString(e.stdout, folded(text, e.width()))
	return err
}

var methodWords = map[string]string{
	autostart.Systemd: "a systemd user unit", autostart.Entry: "an XDG autostart entry",
	autostart.RunKey: "the registry", autostart.LaunchAgent: "a launch agent",
}
