package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon"
	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/home"
	"shelfkeeper/daemon/problem"
)

func newRun(e *env) *cobra.Command {
	var noTray bool
	var listen string
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon (the default)",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := e.options(c.Context())
			if err != nil {
				return err
			}
			h, err := home.Open(o)
			if err != nil {
				return err
			}
			d, err := daemon.New(h, listen)
			if err != nil {
				return errors.Join(err, h.Close())
			}
			for _, a := range d.Snapshot().Accounts {
				fmt.Fprintf(e.stdout, "%s: players reach %s at %s\n", a.Name, a.Server, a.Proxy.URL)
			}
			if len(d.Snapshot().Accounts) == 0 {
				fmt.Fprintln(e.stdout, "No account yet: run `shelfkeeper login URL` in another terminal.")
			}
			endTray := func() error { return nil }
			if !noTray {
				if endTray, err = e.superviseTray(d.ControlPath(), o.Log); err != nil {
					return errors.Join(err, d.Close(), h.Close())
				}
			}
			err = d.Run(c.Context())
			return errors.Join(err, endTray(), d.Close(), h.Close())
		},
	}
	c.Flags().BoolVar(&noTray, "no-tray", false, "no icon in the panel")
	c.Flags().StringVar(&listen, "listen", "",
		"`address` at which players reach the one account, instead of its own; for a second daemon on the same state")
	_ = c.Flags().MarkHidden("listen") // it errs only for a flag that is not there
	return c
}

func newQuit(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "quit",
		Short: "End the running daemon",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := e.client()
			if err != nil {
				return err
			}
			if err := client.Quit(c.Context()); isNoDaemon(err) {
				return notRunning()
			} else if err != nil {
				return err
			}
			return untilGone(c.Context(), client)
		},
	}
}

// goneDeadline is longer than a daemon takes to finish an attempt.
const goneDeadline = 15 * time.Second

// untilGone returns when nobody listens on the control socket any more, so that
// the next command does not meet a daemon that is just ending.
func untilGone(ctx context.Context, client *control.Client) error {
	ctx, cancel := context.WithTimeout(ctx, goneDeadline)
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		if isNoDaemon(client.Ping(ctx)) {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return problem.Newf(problem.Other, "look at `shelfkeeper status`", "the daemon was asked to end, but still answers")
		}
	}
}
