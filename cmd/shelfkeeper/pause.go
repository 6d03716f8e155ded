package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
)

func newPause(e *env) *cobra.Command {
	var until string
	c := &cobra.Command{
		Use:   "pause [ACCOUNT]",
		Short: "Serve no player for a while; the session goes on",
		Long: `Serve no player for a while: of ACCOUNT, or of every account.

Players get 503 with the reason, and their live sockets are closed. The session
itself is kept and renewed. A pause outlives a restart of Shelfkeeper, and ends
with "shelfkeeper resume" or at its time.`,
		Example: "  shelfkeeper pause --until tomorrow\n  shelfkeeper pause home --until 2h30m",
		Args:    atMostOne("account"),
		RunE: func(c *cobra.Command, args []string) error {
			end, err := pauseEnd(until, time.Now())
			if err != nil {
				return usage(c, err)
			}
			names, err := e.pausing(c.Context(),
				func(client *control.Client) ([]string, error) { return client.Pause(c.Context(), first(args), end) },
				func(h *home.Home) ([]string, error) { return h.Pause(first(args), end) })
			if err != nil {
				return err
			}
			how := "until `shelfkeeper resume`"
			if !end.IsZero() {
				how = "until " + end.Format("Monday 2 January 2006 15:04")
			}
			return e.done("Paused %s: %s", how, strings.Join(names, ", "))
		},
	}
	c.Flags().StringVar(&until, "until", "", "`tomorrow` (six in the morning), or a duration such as 30m, 2h or 3d; without it until "+
		"resume")
	return c
}

func newResume(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "resume [ACCOUNT]",
		Short: "Serve players again after a pause",
		Args:  atMostOne("account"),
		RunE: func(c *cobra.Command, args []string) error {
			names, err := e.pausing(c.Context(),
				func(client *control.Client) ([]string, error) { return client.Resume(c.Context(), first(args)) },
				func(h *home.Home) ([]string, error) { return h.Resume(first(args)) })
			if err != nil {
				return err
			}
			return e.done("Players are served again: %s", strings.Join(names, ", "))
		},
	}
}

// pausing acts through the running daemon, or here if there is none.
func (e *env) pausing(ctx context.Context, there func(*control.Client) ([]string, error), here func(*home.Home) ([]string, error),
) ([]string, error) {
	client, err := e.client()
	if err != nil {
		return nil, err
	}
	names, err := there(client)
	if !isNoDaemon(err) {
		return names, err
	}
	h, err := e.home(ctx)
	if err != nil {
		return nil, err
	}
	return here(h)
}

const (
	// longestPause is a year: more is a slip of the finger.
	longestPause = 366 * 24 * time.Hour
)

// pauseEnd reads when a pause ends: zero for an empty text.
func pauseEnd(text string, now time.Time) (time.Time, error) {
	switch strings.ToLower(text) {
	case "":
		return time.Time{}, nil
	case "tomorrow":
		return home.Tomorrow(now), nil
	}
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if n, err = strconv.Atoi(days); err == nil && n <= int(longestPause/(24*time.Hour)) {
			d = time.Duration(n) * 24 * time.Hour
		}
	}
	if err != nil || d < time.Second || d > longestPause {
		return time.Time{}, fmt.Errorf("--until takes tomorrow, or a duration such as 30m, 2h or 3d up to a year, not %q", text)
	}
	return now.Add(d), nil
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func atMostOne(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage(c, fmt.Errorf("%s takes one %s, got %d", c.Name(), what, len(args)))
		}
		return nil
	}
}
