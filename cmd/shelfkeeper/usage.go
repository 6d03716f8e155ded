package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/problem"
)

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
	return usage(c, fmt.Errorf("%s takes no argument, got %q", c.Name(), shortened(args[0])))
}

// unknownCommand is a mistake with what was meant, most likely.
func unknownCommand(c *cobra.Command, name, typed string) error {
	p := usage(c, fmt.Errorf("unknown command %q", shortened(name)))
	c.SuggestionsMinimumDistance = slips(typed)
	if near := c.SuggestionsFor(typed); len(near) > 0 {
		slices.SortStableFunc(near, func(a, b string) int { return len(a) - len(b) })
		p.Remedy = fmt.Sprintf("did you mean `%s %s`? Otherwise %s", c.CommandPath(), near[0], p.Remedy)
	}
	return p
}

// slips is how many letters of a word may be wrong: most of a short one is another word.
func slips(word string) int {
	if len(word) < 5 {
		return 1
	}
	return 2
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

// group is what a command does that only holds others: it shows them.
func (e *env) group(c *cobra.Command, _ []string) error {
	if e.json {
		return usage(c, errors.New("no command was given"))
	}
	return c.Help()
}

// isNoDaemon reports whether nobody listens on the control socket.
func isNoDaemon(err error) bool { return errors.Is(err, control.ErrNoDaemon) }

func notRunning() *problem.Problem {
	return problem.Newf(problem.Unreachable, "start it: `shelfkeeper run`", "Shelfkeeper is not running")
}
