package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	// On Windows cobra refuses by default what the explorer starts, which is all that
	// starts from the menu and at login.
	cobra.MousetrapHelpText = ""
	root := newRoot(e)
	root.SetArgs(args)
	root.SetIn(e.stdin)
	root.SetOut(e.stdout)
	root.SetErr(e.stderr)
	err := root.ExecuteContext(ctx)
	for _, f := range e.clean {
		f()
	}
	var said saidAlready
	switch {
	case err == nil:
		return problem.OK
	case errors.As(err, &said):
		return said.code
	}
	p := problem.Of(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		p = errInterrupted
	}
	e.explain(p)
	return p.Code
}

// saidAlready is the end of a command that has said everything on stdout.
type saidAlready struct{ code problem.Code }

func (s saidAlready) Error() string { return fmt.Sprintf("exit code %d", s.code) }

// explain says what went wrong and what to do about it.
func (e *env) explain(p *problem.Problem) {
	fmt.Fprintln(e.stderr, "shelfkeeper: "+p.Text)
	if p.Remedy != "" {
		fmt.Fprintln(e.stderr, "  → "+p.Remedy)
	}
	if e.json {
		_ = e.writeJSON(jsonError{p}) // stderr has said it
	}
}

func newRoot(e *env) *cobra.Command {
	run := newRun(e)
	root := &cobra.Command{
		Use:   "shelfkeeper",
		Short: "Keeps you signed in to Audiobookshelf, for every program on this desktop",
		Long: `Shelfkeeper holds your Audiobookshelf session, renews it in the background and
serves your players at a local address that never asks them to sign in again.

Without a command it runs the daemon, like "shelfkeeper run". At a terminal it
shows the status instead if the daemon runs already.

With --json each command prints one JSON object a line; "format" is the number of
its shape, and a failure is the object "error". Within one format keys only come
along.

Exit codes: 0 ok, 1 other, 2 usage, 3 configuration or files here, 4 server
unreachable, no Audiobookshelf or no daemon running, 5 rejected by the server,
6 vault, 7 port taken or not allowed, 8 already running, 9 only you can go on,
10 an account is offline (status), 130 interrupted.`,
		Version:                    version,
		Args:                       noArgs,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		RunE:                       func(c *cobra.Command, args []string) error { return e.bare(c, args, run.RunE) },
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentFlags().StringVar(&e.control, "control", "", "`path` of the daemon's control socket")
	root.PersistentFlags().StringVar(&e.config, "config", "", "`path` of config.toml")
	root.PersistentFlags().BoolVarP(&e.verbose, "verbose", "v", false, "say more on stderr")
	root.PersistentFlags().BoolVarP(&e.quiet, "quiet", "q", false, "say nothing on stdout but what was asked for")
	root.PersistentFlags().BoolVar(&e.json, "json", false, "print JSON, one object a line")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage(c, err) })
	root.AddCommand(
		run, newLogin(e), newLogout(e), newStatus(e), newHistory(e), newLogs(e), newReport(e), newDoctor(e), newReauth(e), newPassword(e), newPlayers(e), newAccount(e),
		newOpen(e), newPage(e), newAutostart(e), newPause(e), newResume(e), newProgress(e), newDemo(e), newTray(e), newQuit(e), newRestart(e), newUninstall(e),
		newConfig(e), newVersion(e),
		newKeychainOp(e), newOpenIDReturn(e),
	)
	for _, make := range buildCommands {
		root.AddCommand(make())
	}
	strictCompletion(root)
	refuseEmpty(root)
	strictHelp(root)
	e.completions(root)
	return root
}

// strictHelp makes an unknown command a mistake: by itself cobra finds help about
// nothing in order.
func strictHelp(root *cobra.Command) {
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		RunE: func(c *cobra.Command, args []string) error {
			of, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(of, strings.Join(args, " "), lastOf(rest, args))
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	})
}

func lastOf(lists ...[]string) string {
	for _, list := range lists {
		if len(list) > 0 {
			return list[len(list)-1]
		}
	}
	return ""
}

// bare is the program without a command.
func (e *env) bare(c *cobra.Command, args []string, run func(*cobra.Command, []string) error) error {
	if e.verbose || e.quiet || e.json { // a word about what to do, not a daemon in the background of a script
		return usage(c, errors.New("no command was given"))
	}
	if _, typing := e.terminal(); typing {
		client, err := e.client()
		if err != nil {
			return err
		}
		if client.Ping(c.Context()) == nil {
			return e.status(c, statusHow{})
		}
	}
	return run(c, args)
}

// refuseEmpty makes an empty argument, or an empty name of an account, a mistake.
// It is a variable of a script that was not set, and elsewhere no name stands for
// the only account: it must not be that one which is removed.
func refuseEmpty(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if slices.Contains(args, "") {
				return usage(c, fmt.Errorf("%s got an empty argument", c.Name()))
			}
			if f := c.Flags().Lookup("account"); f != nil && f.Changed && f.Value.String() == "" {
				return usage(c, errors.New("--account got an empty name"))
			}
			return check(c, args)
		}
	}
	for _, sub := range c.Commands() {
		refuseEmpty(sub)
	}
}

// strictCompletion makes an unknown shell a mistake: by itself cobra shows help
// and finds that in order, and a script would write the help to a file.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = oneArg("a shell: bash, zsh, fish or powershell")
			c.RunE = func(c *cobra.Command, args []string) error { return usage(c, fmt.Errorf("no shell %q", args[0])) }
			for _, shell := range c.Commands() {
				shell.Args = noArgs
			}
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
		return unknownCommand(c, args[0], args[0])
	}
	return usage(c, fmt.Errorf("%s takes no argument, got %q", c.Name(), args[0]))
}

// unknownCommand is a mistake with what was meant, most likely.
func unknownCommand(c *cobra.Command, name, typed string) error {
	p := usage(c, fmt.Errorf("unknown command %q", name))
	if c.SuggestionsMinimumDistance <= 0 {
		c.SuggestionsMinimumDistance = 2
	}
	if near := c.SuggestionsFor(typed); len(near) > 0 {
		p.Remedy = fmt.Sprintf("did you mean `%s %s`? Otherwise %s", c.CommandPath(), near[0], p.Remedy)
	}
	return p
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
