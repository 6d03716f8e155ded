package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/logbook"
	"shelfkeeper/daemon/problem"
)

// followLines is with how many lines `logs -f` begins.
const followLines = 10

func newLogs(e *env) *cobra.Command {
	var follow bool
	var since string
	c := &cobra.Command{
		Use:   "logs",
		Short: "Show what the daemon has logged",
		Long: `Show what the daemon has logged, oldest first: when it began and ended, every
change of an account's state with its reason, sign-ins that failed, programs that
were refused. About 10 MB are kept. There is no token and no password in it; look
for names and addresses before you show it.

The daemon need not run.`,
		Example: "  shelfkeeper logs --since 2h\n  shelfkeeper logs -f",
		Args:    noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := sinceOf(since, time.Now())
			if err != nil {
				return usage(c, err)
			}
			paths, err := e.paths()
			if err != nil {
				return err
			}
			var out io.Writer = e.stdout
			if e.json {
				out = jsonLog{e}
			}
			follower := logbook.Follow(paths.State)
			if follow && since == "" {
				err = logbook.Tail(out, paths.State, followLines)
			} else {
				err = logbook.Print(out, paths.State, from)
			}
			switch {
			case errors.Is(err, logbook.ErrNoLog) && !follow:
				return problem.New(problem.Other, err, "start the daemon with `shelfkeeper run`")
			case err != nil && !errors.Is(err, logbook.ErrNoLog):
				return problem.New(problem.Config, fmt.Errorf("read the log: %w", err), "look at the folder that holds it: "+logbook.Path(paths.State))
			case !follow:
				return nil
			}
			if err := follower.Run(c.Context(), out); err != nil {
				return problem.New(problem.Config, fmt.Errorf("read the log: %w", err), "look at the folder that holds it: "+logbook.Path(paths.State))
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C, with lines as they come")
	c.Flags().StringVar(&since, "since", "", "only lines since then: a `time` such as 2h, 3d, 15:04 or 2006-01-02T15:04")
	return c
}

// jsonLog writes each line of the log as an object.
type jsonLog struct{ env *env }

// Write takes one whole line.
func (l jsonLog) Write(p []byte) (int, error) {
	line := logbook.Parse(string(p))
	return len(p), l.env.writeJSON(line)
}

// sinceOf reads how long ago, or when, lines are to begin.
func sinceOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var days int
	if n, err := fmt.Sscanf(text, "%dd", &days); err == nil && n == 1 && text == fmt.Sprintf("%dd", days) && days >= 0 {
		return now.AddDate(0, 0, -min(days, 100_000)), nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
		"2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location()), nil
		}
	}
	return time.Time{}, fmt.Errorf("--since takes a time such as 2h, 3d, 15:04 or 2006-01-02T15:04, not %q", shortened(text))
}
