package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"shelfkeeper/daemon/control"
	"shelfkeeper/daemon/desktop"
	"shelfkeeper/tray"
)

// newTray is the process that shows the icon. The daemon starts it; a user can
// too.
func newTray(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "tray",
		Short: "Show the icon in the panel (the daemon starts this by itself)",
		Args:  noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := e.client()
			if err != nil {
				return err
			}
			err = tray.Run(c.Context(), tray.Config{Client: clicks{client, e}, Open: desktop.Open, Copy: desktop.Copy,
				Log: e.logger(slog.LevelWarn)})
			if isNoDaemon(err) {
				return notRunning()
			}
			return err
		},
	}
}

// clicks is the daemon as the tray's menu uses it: a click also renews an account
// that signs in through OpenID, which may need the browser.
type clicks struct {
	*control.Client
	env *env
}

// Reauthenticate shows the provider's page if nothing less will do.
func (c clicks) Reauthenticate(ctx context.Context, account string) error {
	if !c.env.signsInByOpenID(ctx, account) {
		return c.Client.Reauthenticate(ctx, account)
	}
	nobody := *c.env // no person types here or reads
	nobody.stdin, nobody.stdout, nobody.stderr = strings.NewReader(""), io.Discard, io.Discard
	return nobody.renewOpenID(ctx, account)
}

// superviseTray keeps an icon in the panel for the daemon that listens at
// control, until the returned function is called.
func (e *env) superviseTray(control string, log *slog.Logger) (end func() error, err error) {
	program := "/proc/self/exe" // this very program, even after an upgrade replaced its file
	if runtime.GOOS != "linux" {
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	s := tray.Supervise(tray.SupervisorConfig{Argv: []string{program, "tray", "--control", control}, Stderr: e.stderr, Log: log})
	return s.Close, nil
}
