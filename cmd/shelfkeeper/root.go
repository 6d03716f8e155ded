package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
)

// version is the program's; a release build sets it with -ldflags -X.
var version = "0.1.0"

// commit is the hash that a release build was made of, or empty.
var commit string

// buildCommands are commands that only a build of the project itself has.
var buildCommands []func() *cobra.Command

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, e *env, args []string) problem.Code {
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	err := root.ExecuteContext(ctx)
	for _, f := range e.clean {
		f()
	}
	if err == nil {
		return problem.OK
	}
	if errors.Is(err, errNeedsUser) {
		return problem.NeedsUser // said on stdout
	}
	p := problem.Of(err)
	e.explain(p)
	return p.Code
}

// explain says what went wrong and what to do about it.
func (e *env) explain(p *problem.Problem) {
	fmt.Fprintln(e.stderr, "shelfkeeper: "+p.Text)
	if p.Remedy != "" {
		fmt.Fprintln(e.stderr, "  → "+p.Remedy)
	}
}

func newRoot(e *env) *cobra.Command {
	run := newRun(e)
	root := &cobra.Command{
		Use:   "shelfkeeper",
		Short: "Keeps you signed in to Audiobookshelf, for every program on this desktop",
		Long: `Shelfkeeper holds your Audiobookshelf session, renews it in the background and
serves your players at a local address that never asks them to sign in again.

Without a command it runs the daemon, like "shelfkeeper run".

Exit codes: 0 ok, 1 other, 2 usage, 3 configuration, 4 server unreachable or no
Audiobookshelf, 5 rejected by the server, 6 vault, 7 port taken, 8 already
running, 9 only you can go on.`,
		Version:       version,
		Args:          noArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          run.RunE,
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentFlags().StringVar(&e.control, "control", "", "`path` of the daemon's control socket")
	root.PersistentFlags().StringVar(&e.config, "config", "", "`path` of config.toml")
	root.PersistentFlags().BoolVarP(&e.verbose, "verbose", "v", false, "say more on stderr")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	root.AddCommand(
		run, newLogin(e), newLogout(e), newStatus(e), newHistory(e), newLogs(e), newReauth(e), newPassword(e), newPlayers(e), newAccount(e),
		newOpen(e), newPage(e), newAutostart(e), newPause(e), newResume(e), newProgress(e), newDemo(e), newTray(e), newQuit(e),
		newVersion(e),
		newKeychainOp(e), newOpenIDReturn(e),
	)
	for _, make := range buildCommands {
		root.AddCommand(make())
	}
	strictCompletion(root)
	return root
}

// strictCompletion makes an unknown shell a mistake: by itself cobra shows help
// and finds that in order, and a script would write the help to a file.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = oneArg("a shell: bash, zsh, fish or powershell")
			c.RunE = func(c *cobra.Command, args []string) error { return usage(c, fmt.Errorf("no shell %q", args[0])) }
		}
	}
}

// usage is a mistake in the command line.
func usage(c *cobra.Command, err error) *problem.Problem {
	return problem.New(problem.Usage, err, fmt.Sprintf("see `%s --help`", c.CommandPath()))
}

func noArgs(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if c.HasSubCommands() {
		return usage(c, fmt.Errorf("unknown command %q", args[0]))
	}
	return usage(c, fmt.Errorf("%s takes no argument, got %q", c.Name(), args[0]))
}

func oneArg(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return usage(c, fmt.Errorf("%s needs %s", c.Name(), what))
		case len(args) > 1:
			return usage(c, fmt.Errorf("%s takes one argument, got %d", c.Name(), len(args)))
		}
		return nil
	}
}

func twoArgs(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 2 {
			return usage(c, fmt.Errorf("%s needs %s, got %d arguments", c.Name(), what, len(args)))
		}
		return nil
	}
}

// isNoDaemon reports whether nobody listens on the control socket.
func isNoDaemon(err error) bool { return errors.Is(err, control.ErrNoDaemon) }

func notRunning() *problem.Problem {
	return problem.Newf(problem.Unreachable, "start it: `shelfkeeper run`", "Shelfkeeper is not running")
}

func newVersion(e *env) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: noArgs, RunE: func(*cobra.Command, []string) error {
		line := "shelfkeeper " + version
		if commit != "" {
			line += " (" + commit + ")"
		}
		_, err := fmt.Fprintln(e.stdout, line)
		return err
	}}
}
