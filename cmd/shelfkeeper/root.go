package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// version is the program's; a release build sets it with -ldflags -X.
var version = "0.1.0"

// commit is the hash that a release build was made of, or empty.
var commit string

// buildCommands are commands that only a build of the project itself has.
var buildCommands []func() *cobra.Command

func newRoot(e *env) *cobra.Command {
	run := newRun(e)
	var asksVersion bool
	root := &cobra.Command{
		Use:   "shelfkeeper",
		Short: "Keeps you signed in to Audiobookshelf, for every program on this desktop",
		Long: `Shelfkeeper holds your Audiobookshelf session, renews it in the background and
serves your players at a local address that never asks them to sign in again.

Without a command it runs the daemon, like "shelfkeeper run". At a terminal it
shows the status instead if the daemon runs already.

With --json each command prints one JSON object a line. "format" is the version of
its keys; within one version keys are only added. A failure is the object "error".
Help and completions stay text.

Colours need a terminal, and NO_COLOR switches them off. Lines are broken at a
terminal's width, or at COLUMNS.

Exit codes:
  0  ok                                 6   vault
  1  other                              7   port taken or not allowed
  2  usage                              8   already running
  3  configuration or files here        9   only you can go on
  4  server unreachable, not            10  an account is offline (status)
     Audiobookshelf, or no daemon       130 interrupted
  5  rejected by the server

A full disk is 6 where a session is written, and 3 elsewhere. Commands that run
until Ctrl-C (run, demo, logs -f, status --watch) end with 0 then.`,
		Args:                       noArgs,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		RunE: func(c *cobra.Command, args []string) error {
			if asksVersion {
				return e.version()
			}
			return e.bare(c, args, run.RunE)
		},
	}
	root.Flags().BoolVar(&asksVersion, "version", false, "print the version")
	root.PersistentFlags().StringVar(&e.control, "control", "", "`path` of the daemon's control socket")
	root.PersistentFlags().StringVar(&e.config, "config", "", "`path` of config.toml")
	root.PersistentFlags().BoolVarP(&e.verbose, "verbose", "v", false, "say more on stderr")
	root.PersistentFlags().BoolVarP(&e.quiet, "quiet", "q", false, "say nothing on stdout but what was asked for")
	root.PersistentFlags().BoolVar(&e.json, "json", false, "print JSON, one object a line")
	root.SetFlagErrorFunc(flagMistake)
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Every day:", []*cobra.Command{run, newStatus(e), newOpen(e), newPage(e), newPause(e), newResume(e), newQuit(e), newRestart(e)}},
		{"Accounts:", []*cobra.Command{newLogin(e), newReauth(e), newPassword(e), newAccount(e), newLogout(e)}},
		{"Programs that play:", []*cobra.Command{newSearch(e), newPlay(e), newURL(e), newPlayers(e), newProgress(e)}},
		{"When something is wrong:", []*cobra.Command{newDoctor(e), newHistory(e), newLogs(e), newReport(e)}},
		{"This program:", []*cobra.Command{newConfig(e), newAutostart(e), newTray(e), newDemo(e), newVersion(e), newUninstall(e)}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title})
		for _, c := range group.commands {
			c.GroupID = group.title
			root.AddCommand(c)
		}
		root.SetHelpCommandGroupID(group.title) // the last one
		root.SetCompletionCommandGroupID(group.title)
	}
	root.AddCommand(newKeychainOp(e), newOpenIDReturn(e))
	for _, make := range buildCommands {
		root.AddCommand(make())
	}
	root.SetOut(unfiltered(e.stdout)) // scripts for shells
	strictCompletion(root)
	root.SetOut(e.stdout)
	checkArguments(root)
	strictHelp(root)
	e.foldHelp(root)
	e.completions(root)
	return root
}

// strictHelp makes an unknown command a mistake: by itself cobra finds help about
// nothing in order.
func strictHelp(root *cobra.Command) {
	help := &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about any command",
		Args:  cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			of, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(of, strings.Join(args, " "), lastOf(rest, args))
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
	checkArguments(help)
	root.SetHelpCommand(help)
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

// strictCompletion makes an unknown shell a mistake: by itself cobra shows help
// and finds that in order, and a script would write the help to a file.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = oneArg("a shell: bash, zsh, fish or powershell")
			c.RunE = func(c *cobra.Command, args []string) error {
				return usage(c, fmt.Errorf("no shell %q", shortened(args[0])))
			}
			for _, shell := range c.Commands() {
				shell.Args = noArgs
			}
		}
	}
}
