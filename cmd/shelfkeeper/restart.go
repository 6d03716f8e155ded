package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/health"
	"shelfkeeper/daemon/problem"
)

// restartDeadline is how long a daemon may take to finish what is under way, and
// the next one to begin.
const restartDeadline = time.Minute

func newRestart(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "restart",
		Short: "Move the running daemon over to the program that is installed now",
		Long: `Moves the running daemon over to the program that is installed now, after an
upgrade for instance. Local addresses stay open: a player that asks meanwhile waits
for its answer. A stream under way is cut, and its player asks for the rest.

If the new program does not run, the old daemon goes on. On Windows
addresses are closed for a moment, and a vault with a passphrase asks for it again.`,
		Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := e.client()
			if err != nil {
				return err
			}
			before, err := client.Snapshot(c.Context())
			if isNoDaemon(err) {
				return notRunning()
			} else if err != nil {
				return err
			}
			if err := client.Restart(c.Context()); err != nil {
				return err
			}
			var now health.Snapshot
			err = e.while("waiting for the daemon to begin anew", func() error {
				now, err = untilOther(c.Context(), client, before.Run)
				return err
			})
			if err != nil {
				return err
			}
			if e.json {
				return e.writeJSON(now)
			}
			if e.quiet {
				return nil
			}
			if now.Version == before.Version {
				_, err = fmt.Fprintf(e.stdout, "Shelfkeeper %s began anew.\n", now.Version)
			} else {
				_, err = fmt.Fprintf(e.stdout, "Shelfkeeper %s runs now; %s ran before.\n", now.Version, before.Version)
			}
			return err
		},
	}
}

// untilOther returns the state of a daemon that is not the one of that start.
func untilOther(ctx context.Context, client *control.Client, run string) (health.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, restartDeadline)
	defer cancel()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		if s, err := client.Snapshot(ctx); err == nil && s.Run != run {
			return s, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return health.Snapshot{}, problem.Newf(problem.Other, "look at `shelfkeeper logs`; `shelfkeeper run` starts it where it does not run",
				"the daemon was asked to begin anew, and none answers")
		}
	}
}
