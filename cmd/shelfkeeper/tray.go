package main

import (
	"log/slog"
	"os"
	"runtime"

	"github.com/spf13/cobra"

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
			err = tray.Run(c.Context(), tray.Config{Client: client, Open: desktop.Open, Copy: desktop.Copy, Log: e.logger(slog.LevelWarn)})
			if isNoDaemon(err) {
				return notRunning()
			}
			return err
		},
	}
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
